/** Adam's moments in BF16: rounding by hand, the same bits on both backends, and what a checkpoint says. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { FormatError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { Adam, type AdamOptions } from "../../src/optim/adam.ts";
import { AdamBf16, adamWith, keyOf } from "../../src/optim/adam-bf16.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";

const fast = simd({ memory: 2 ** 22 });

/** An optimizer of parameters of several sizes, with the gradients of its steps. */
function trained(k: Backend, options: AdamOptions = {}, form: "f32" | "bf16" = "bf16") {
  const random = new Random(501);
  const parameters = new Parameters(k);
  for (const n of [1, 2, 3, 4, 5, 67]) random.fillNormal(parameters.add(`p${n}`, [n]).data);
  const groups = parameters.list.map((p, i) => ({
    parameters: [p],
    weightDecay: i % 2 === 0 ? 0 : 0.1,
  }));
  const adam = adamWith(form, groups, options);
  const steps = (count: number): void => {
    for (let t = 0; t < count; t++) {
      for (const p of parameters.list) random.fillNormal(p.grad);
      adam.step();
    }
  };
  return { parameters, adam, random, steps };
}
const weights = ({ parameters }: { parameters: Parameters }): number[] =>
  parameters.list.flatMap(({ data }) => [...data]);

/** The moments of a region, [m, v] of each parameter. */
function momentsOf({ regions }: Optimizer): number[][] {
  const { buffer, byteOffset, length } = regions[0].state[0];
  const words = new Int32Array(buffer, byteOffset, length);
  return Array.from(words, (w) => [
    ...new Float32Array(Int32Array.of(w & -0x10000, w << 16).buffer),
  ]);
}

describe("moments in BF16", () => {
  test("one step by hand: m to nearest even, v up or down by a hash", () => {
    const parameters = new Parameters(loops());
    // at β = ½, m = g/2 and v = g²/2; BF16 has 8 bits: near ½ a unit is 2⁻⁸, near 1 it is 2⁻⁷
    const g = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -9, -1];
    const w = parameters.add("w", [4], [0, 0, 0, 0]);
    w.grad.set(g);
    const adam = new AdamBf16(parameters, { beta1: 0.5, beta2: 0.5, eps: 0 });
    adam.step(0.25);
    const moments = momentsOf(adam);
    expect(moments.map(([m]) => m)).toEqual([0.5, 0.5 + 2 ** -7, 0.5, -0.5]); // ties to even, then below half
    for (const [i, [, v]] of moments.entries()) {
      const exact = Math.fround(g[i] ** 2 / 2);
      const low = Math.floor(exact * 2 ** 8) / 2 ** 8;
      expect([low, exact === low ? low : low + 2 ** -8]).toContain(v);
    }
    // by the moments before rounding: at eps 0 a first step has the size of the rate
    for (const [i, x] of w.data.entries()) expect(x).toBeCloseTo(-0.25 * Math.sign(g[i]), 6);
    expect(w.grad.every((x) => x === 0)).toBe(true);
  });

  test.each([false, true])(
    "decay by hand, decoupled %s: of the weight, or through the gradient",
    (decoupled) => {
      for (const form of ["f32", "bf16"] as const) {
        const parameters = new Parameters(loops());
        const w = parameters.add("w", [2], [2, -4]);
        adamWith(form, parameters, { weightDecay: 0.125, decoupled }).step(0.5);
        // without a gradient: w·(1 − 0.5·0.125), or a first step of the rate's size against the sign of 0.125·w
        const want = decoupled ? [1.875, -3.75] : [1.5, -3.5];
        for (const [i, x] of w.data.entries()) expect(x).toBeCloseTo(want[i], 6);
      }
    },
  );

  test("keys differ from step to step by the golden ratio of 2³²", () => {
    expect([keyOf(1), keyOf(2)]).toEqual([0x9e3779b9 | 0, 0x3c6ef372]);
  });

  test("half of the state, one array of one word per parameter", () => {
    expect(trained(loops()).adam.regions.map(({ state }) => state.map((x) => x.length))).toEqual(
      [1, 2, 3, 4, 5, 67].map((n) => [n]),
    );
  });

  test("loops and simd have the same bits, with either kind of decay", () => {
    for (const decoupled of [false, true]) {
      const [a, b] = [loops(), fast].map((k) => trained(k, { decoupled }));
      for (const x of [a, b]) x.steps(200);
      expect(weights(a)).toEqual(weights(b));
      expect(encodeState(a.adam.save())).toEqual(encodeState(b.adam.save()));
    }
  });

  test("v falls as it should: its mean is right, where rounding to nearest would stay", () => {
    const n = 4096;
    const parameters = new Parameters(fast);
    const w = parameters.add("w", [n]);
    const adam = new AdamBf16(parameters);
    for (let t = 0; t < 1000; t++) {
      w.grad.fill(t === 0 ? 1 : 0);
      adam.step(0);
    }
    const mean = momentsOf(adam).reduce((sum, [, v]) => sum + v, 0) / n;
    expect(mean / (0.001 * 0.999 ** 999)).toBeCloseTo(1, 2);
    // to nearest: 0.999·v is nearer to v than to the number of 8 bits below, so v would be 0.001 for ever
  });

  test("after 2,000 steps m is 0.4 % from that of f32, v 2.7 %, without a bias", () => {
    const random = new Random(502);
    const [a, b] = [Adam, AdamBf16].map((Form) => {
      const parameters = new Parameters(loops());
      const w = parameters.add("w", [1000]);
      return { w, adam: new Form(parameters) };
    });
    for (let t = 0; t < 2000; t++) {
      for (let i = 0; i < 1000; i++) a.w.grad[i] = 1 + random.normal() / 4;
      b.w.grad.set(a.w.grad);
      for (const { adam } of [a, b]) adam.step(0);
    }
    const [m, v] = a.adam.regions[0].state;
    const errors = momentsOf(b.adam).map(([bm, bv], i) => [bm / m[i] - 1, bv / v[i] - 1]);
    const rms = (j: number): number =>
      Math.sqrt(errors.reduce((sum, e) => sum + e[j] ** 2, 0) / 1000);
    expect(rms(0)).toBeLessThan(0.005); // 0.0039 measured
    expect(rms(1)).toBeLessThan(0.03); // 0.0272
    expect(Math.abs(errors.reduce((sum, [, e]) => sum + e, 0) / 1000)).toBeLessThan(0.003); // no bias
  });

  test("a restored optimizer goes on bit for bit, through a file", () => {
    for (const k of [loops(), fast]) {
      const whole = trained(k);
      whole.steps(30);
      const saved = decodeState(encodeState(whole.adam.save())).state;
      const again = trained(k);
      again.steps(3);
      for (const [i, p] of again.parameters.list.entries())
        p.data.set(whole.parameters.list[i].data);
      again.adam.restore(saved);
      again.random.restore(whole.random.save());
      for (const x of [whole, again]) x.steps(30);
      expect(weights(again)).toEqual(weights(whole));
    }
  });

  test("a checkpoint of the other form is refused, and nothing is restored", () => {
    const brain = trained(loops());
    const float = trained(loops(), {}, "f32");
    for (const x of [brain, float]) x.steps(2);
    const before = encodeState(brain.adam.save());
    expect(() => brain.adam.restore(float.adam.save())).toThrow(FormatError);
    expect(() => brain.adam.restore(float.adam.save())).toThrow("expected moments in BF16");
    expect(() => float.adam.restore(brain.adam.save())).toThrow(FormatError);
    expect(encodeState(brain.adam.save())).toEqual(before);
  });

  test("parameters in float64 are refused", () => {
    const parameters = new Parameters(loops(Float64Array));
    parameters.add("w", [2]);
    expect(() => new AdamBf16(parameters)).toThrow(
      new UsageError("AdamBf16: expected a backend of 32-bit floats, got loops64"),
    );
  });
});
