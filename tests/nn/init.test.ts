/** Initial weights: the generator's numbers, scaled. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import * as init from "../../src/nn/init.ts";

const k = loops(Float64Array);
const near = (got: ArrayLike<number>, want: ArrayLike<number>, digits = 9): void => {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) expect(got[i]).toBeCloseTo(want[i], digits);
};

describe("initial weights are the generator's numbers, scaled", () => {
  const shape = [4, 6, 2, 3]; // in 36, out 24
  const size = 144;
  const normal = new Float64Array(size);
  new Random(3).fillNormal(normal);
  const uniform = new Float64Array(size);
  new Random(3).fillUniform(uniform);
  const symmetric = uniform.map((u) => 2 * u - 1);
  test.each([
    ["normal", init.normal(0.3), normal, 0.3],
    ["xavierNormal", init.xavierNormal(), normal, Math.sqrt(2 / 60)],
    ["xavierNormal, gain 3", init.xavierNormal(3), normal, 3 * Math.sqrt(2 / 60)],
    ["xavierUniform", init.xavierUniform(), symmetric, Math.sqrt(6 / 60)],
    ["xavierUniform, gain 3", init.xavierUniform(3), symmetric, 3 * Math.sqrt(6 / 60)],
    ["kaimingNormal", init.kaimingNormal(), normal, Math.SQRT2 / 6],
    ["kaimingNormal, gain 3", init.kaimingNormal(3), normal, 3 / 6],
    ["kaimingUniform", init.kaimingUniform(), symmetric, Math.SQRT2 * Math.sqrt(3 / 36)],
    ["kaimingUniform, gain 3", init.kaimingUniform(3), symmetric, 3 * Math.sqrt(3 / 36)],
    ["zeros", init.zeros, normal, 0],
  ] as const)("%s", (_, of, drawn, scale) => {
    near(
      of(new Random(3), shape),
      drawn.map((x) => x * scale),
      12,
    );
  });
  test("a vector has one input a unit; truncated normals are drawn again beyond the cut", () => {
    near(init.kaimingNormal(1)(new Random(3), [size]), normal, 12);
    const random = new Random(5);
    const want = Array.from({ length: 60 }, () => {
      for (;;) {
        const x = random.normal();
        if (Math.abs(x) <= 1.1) return 0.5 * x;
      }
    });
    near(init.truncatedNormal(0.5, 1.1)(new Random(5), [60]), want, 12);
    const two = init.truncatedNormal(1)(new Random(5), [2000]);
    expect(Math.max(...two)).toBeLessThan(2);
    expect(Math.max(...two)).toBeGreaterThan(1.8);
  });
  test("orthogonal weights of one row are that row at length `gain`; kernels are flattened", () => {
    const one = new Float64Array(6);
    new Random(3).fillNormal(one);
    const length = Math.hypot(...one);
    near(
      init.orthogonal(2)(new Random(3), [1, 3, 2]),
      one.map((x) => (2 * x) / length),
      12,
    );
    near(
      init.orthogonal()(new Random(3), [6, 1]),
      one.map((x) => x / length),
      12,
    );
  });
  test("a GPT's are smaller by 1/√(2·layers) where they are added to the stream", () => {
    const options = { vocab: 50, context: 50, layers: 8, heads: 2, width: 48, tied: false };
    const { parameters } = new Gpt(k, options, new Random(1));
    const deviation = (name: string): number => {
      const data = parameters.get(name)?.data ?? [];
      return Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0) / data.length);
    };
    for (const name of ["wte", "wpe", "head", "h.3.attn.qkv", "h.7.mlp.fc"])
      expect(deviation(`${name}.weight`) / 0.08).toBeCloseTo(1, 1); // 0.02·√(768/48)
    for (const name of ["h.3.attn.proj", "h.0.mlp.proj"])
      expect(deviation(`${name}.weight`) / 0.02).toBeCloseTo(1, 1);
    for (const { name, data } of parameters.list) {
      const ones = name.includes("ln") && name.endsWith("weight");
      if (ones || name.endsWith("bias")) expect(new Set(data)).toEqual(new Set([ones ? 1 : 0]));
    }
    expect(
      new Gpt(k, { ...options, tied: true }, new Random(1)).parameters.get("head.weight"),
    ).toBeUndefined();
    const { tied, valueHead } = new Gpt(
      k,
      { vocab: 2, context: 1, layers: 1, heads: 1, width: 1 },
      new Random(1),
    ).options;
    expect([tied, valueHead]).toEqual([true, false]);
  });
});
