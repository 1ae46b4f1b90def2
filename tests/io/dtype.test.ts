/** Weights in half precision and int8: values worked by hand, files and modules that hold exactly these values. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { gptModule } from "../../src/export/gpt-js.ts";
import { policyModule } from "../../src/export/policy-js.ts";
import { kinds } from "../../src/io/elements.ts";
import { halfBits, quantize, roundHalfEven, stored } from "../../src/io/quantize.ts";
import { encodeSafetensors, readSafetensors } from "../../src/io/safetensors.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { exportedPolicies } from "./exported.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-"));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
// biome-ignore lint/suspicious/noExplicitAny: each test knows what its module has
function load(js: string): Promise<any> {
  const file = join(folder, `module${count++}.mjs`);
  writeFileSync(file, js);
  return import(pathToFileURL(file).href);
}

const half = (bits: number): number => {
  const view = new DataView(new ArrayBuffer(2));
  view.setUint16(0, bits, true);
  return kinds.float16.read(view, 0, 1, true)[0] as number;
};

describe("half precision", () => {
  test("every number that has one keeps it", { tags: ["deep"] }, () => {
    for (let bits = 0; bits < 65536; bits++) {
      const x = half(bits);
      if (Number.isNaN(x)) expect(Number.isNaN(half(halfBits(x)))).toBe(true);
      else expect(halfBits(x)).toBe(bits);
    }
  });
  test("between two numbers the nearer one, in the middle the even one", { tags: ["deep"] }, () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [a, b] = [half(bits), half(bits + 1)];
      const middle = (a + b) / 2;
      expect(halfBits(middle)).toBe(bits + (bits & 1));
      expect(halfBits(-middle)).toBe((bits + (bits & 1)) | 0x8000);
      expect(halfBits(a + (b - a) / 4)).toBe(bits);
      expect(halfBits(b - (b - a) / 4)).toBe(bits + 1);
    }
  });
  test("the ends: 65,519 is the largest, then Infinity; tiny numbers are 0", () => {
    expect([half(halfBits(65519)), half(halfBits(65520)), half(halfBits(-1e9))]).toEqual([
      65504,
      Infinity,
      -Infinity,
    ]);
    expect([halfBits(2 ** -25), halfBits(2 ** -25 * 1.001), halfBits(-1e-40)]).toEqual([
      0, 1, 0x8000,
    ]);
  });
});

describe("int8", () => {
  test("by hand: a scale per row, halves to the even number", () => {
    const { data, scale } = quantize([127, 0.5, 1.5, -2.5, 0, 0, 0, 0, -254, 254, 3, 5], 3);
    expect([...scale]).toEqual([1, 0, 2]);
    expect([...data]).toEqual([127, 0, 2, -2, 0, 0, 0, 0, -127, 127, 2, 2]);
    expect([0.5, 1.5, -0.5, -1.5, 2.4, 2.6, -3].map(roundHalfEven)).toEqual([
      0, 2, 0, -2, 2, 3, -3,
    ]);
  });
  test("outputs along the second axis are those of the transposed matrix", () => {
    const rows = quantize([1, 2, 3, 40, 50, 60], 2);
    const columns = quantize([1, 40, 2, 50, 3, 60], 2, 1);
    expect([...columns.scale]).toEqual([...rows.scale]);
    expect([0, 2, 4, 1, 3, 5].map((i) => columns.data[i])).toEqual([...rows.data]);
  });
  test("is off by half a step of its row at most; vectors stay", () => {
    const x = new Float32Array(60);
    new Random(1).fillNormal(x);
    const got = stored(x, [6, 10], "int8");
    const { scale } = quantize(x, 6);
    for (const [i, v] of x.entries())
      expect(Math.abs(got[i] - v)).toBeLessThanOrEqual(0.5001 * scale[Math.floor(i / 10)]);
    expect(stored(x, [60], "int8")).toEqual(x);
    expect(stored(x, [6, 10], "f32")).toEqual(x);
  });
});

test("safetensors has F16 and I8, of which the values are those that are stored", () => {
  const x = Float32Array.of(0.1, -2.7, 3e-6, 1000.3);
  const { data, scale } = quantize(x, 2);
  const { tensors } = readSafetensors(
    encodeSafetensors([
      { name: "h", shape: [2, 2], data: x, half: true },
      { name: "q", shape: [2, 2], data },
      { name: "q.scale", shape: [2], data: scale },
    ]),
  );
  expect(tensors.get("h")).toMatchObject({ dtype: "F16", data: stored(x, [2, 2], "f16") });
  expect(tensors.get("q")).toMatchObject({ dtype: "I8", data });
  const q = tensors.get("q")?.data as Int8Array;
  const s = tensors.get("q.scale")?.data as Float32Array;
  expect(Float32Array.from(q, (v, i) => v * s[i >> 1])).toEqual(stored(x, [2, 2], "int8"));
});

for (const dtype of ["f16", "int8"] as const) {
  for (const { name, plan, observe } of exportedPolicies()) {
    test(`${name} as a module of ${dtype} acts as one of float32 with the stored weights`, async () => {
      const layers = plan.layers.map((layer) => {
        const outputs = layer.kind === "lstm" ? 4 * layer.size : layer.bias.length;
        const parts = Object.entries(layer).map(([part, x]) => {
          if (!(x instanceof Float32Array)) return [part, x];
          const rows = part.startsWith("w") ? [outputs, x.length / outputs] : [x.length];
          return [part, stored(x, rows, dtype)];
        });
        return Object.fromEntries(parts);
      });
      const { head } = plan;
      const rounded =
        "logStd" in head ? { ...head, logStd: stored(head.logStd, [1], dtype) } : head;
      const small = policyModule(plan, dtype);
      const same = policyModule({ ...plan, layers, head: rounded } as never);
      expect(small.types).toBe(same.types);
      expect(small.js.length).toBeLessThan(same.js.length + 2000);
      const [one, other] = [await load(small.js), await load(same.js)];
      const [state, otherState] = [one.start?.(), other.start?.()];
      const observation = new Float32Array(plan.observation.reduce((a, b) => a * b, 1));
      const [random, otherRandom] = [new Random(5), new Random(5)];
      for (let i = 0; i < 50; i++) {
        observe(observation);
        const options = { state, random: () => random.uniform() };
        const others = { state: otherState, random: () => otherRandom.uniform() };
        expect(one.act(observation, options)).toEqual(other.act(observation, others));
      }
    });
  }

  test(`a GPT as a module of ${dtype} writes as one of float32 with the stored weights`, async () => {
    const options = { vocab: 11, context: 24, layers: 2, heads: 3, width: 12 };
    const gpt = new Gpt(loops(), options, new Random(1));
    const small = await load(gptModule(gpt, { dtype }).js);
    for (const { data, shape } of gpt.parameters.list) data.set(stored(data, shape, dtype));
    const same = await load(gptModule(gpt).js);
    for (let first = 0; first < 11; first++) {
      const [a, b] = [new Random(first), new Random(first)];
      expect([...small.generate([first], { random: () => a.uniform() })]).toEqual([
        ...same.generate([first], { random: () => b.uniform() }),
      ]);
    }
  });
}
