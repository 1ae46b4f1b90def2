import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { attention } from "../../src/ops/attention.ts";
import { permute, reshape, slice } from "../../src/ops/layout.ts";
import { sum } from "../../src/ops/reduce.ts";
import { cachedAttention, selfAttention } from "../../src/ops/self-attention.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { seed } from "../support/seed.ts";

const sizes = fc.record({
  B: fc.integer({ min: 1, max: 3 }),
  T: fc.integer({ min: 1, max: 21 }),
  heads: fc.integer({ min: 1, max: 3 }),
  D: fc.integer({ min: 1, max: 18 }),
  seed: fc.nat(1000),
});
type Sizes = typeof sizes extends fc.Arbitrary<infer T> ? T : never;

const normals = (n: number, from: number): Float32Array => {
  const x = new Float32Array(n);
  new Random(from).fillNormal(x);
  return x;
};

/** Rows [B, T, T] of texts of three positions each: who may see whom, beside causality. */
const textsOf = (k: Backend, B: number, T: number): Tensor =>
  input(
    k,
    [B, T, T],
    Float32Array.from({ length: B * T * T }, (_, i) =>
      Number(Math.floor((Math.floor(i / T) % T) / 3) === Math.floor((i % T) / 3)),
    ),
  );

/** The value, and the gradient of Σ y·cotangent. */
function run(k: Backend, { B, T, heads, D, seed: from }: Sizes, texts: boolean, composed = false) {
  const C = heads * D;
  const x = variable(k, [B, T, 3 * C], normals(3 * B * T * C, from));
  const cotangent = input(k, [B, T, C], normals(B * T * C, from + 1));
  const allowed = texts ? textsOf(k, B, T) : undefined;
  const wide = texts ? input(k, [B, 1, T, T], (allowed as Tensor).data) : null;
  const tape = new Tape(k, { poison: true });
  const heads3 = (part: number): Tensor =>
    permute(
      reshape(
        slice(x, [
          [0, B],
          [0, T],
          [part * C, (part + 1) * C],
        ]),
        [B, T, heads, D],
      ),
      [0, 2, 1, 3],
    );
  let y: Tensor = x;
  const loss = () => {
    y = composed
      ? reshape(permute(attention(heads3(0), heads3(1), heads3(2), true, wide), [0, 2, 1, 3]), [
          B,
          T,
          C,
        ])
      : selfAttention(x, heads, allowed);
    return sum(mul(y, cotangent));
  };
  tape.run(loss);
  tape.backward(tape.run(loss));
  return { y: y.data, grad: x.grad };
}

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++)
    expect(Math.abs(got[i] - want[i])).toBeLessThan(tolerance * (1 + Math.abs(want[i])));
}

describe("selfAttention", () => {
  test("property: equals attention on heads moved to their own axis, values and gradients", {
    tags: ["deep"],
  }, () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), (s, texts) => {
        const got = run(loops(Float64Array), s, texts);
        const want = run(loops(Float64Array), s, texts, true);
        expectNear(got.y, want.y, 1e-12);
        expectNear(got.grad, want.grad, 1e-12);
      }),
      { seed, numRuns: 40 },
    );
  });

  test("property: the simd kernels agree with the loops", { tags: ["deep"] }, () => {
    const fast = simd({ memory: 2 ** 25 });
    fc.assert(
      fc.property(sizes, fc.boolean(), (s, texts) => {
        const got = run(fast, s, texts);
        const want = run(loops(), s, texts);
        expectNear(got.y, want.y, 1e-5);
        expectNear(got.grad, want.grad, 5e-5);
      }),
      { seed, numRuns: 60 },
    );
  });

  test("gradient against differences", () => {
    const data = normals(2 * 3 * 12, 5);
    expect(() =>
      gradCheck((x) => selfAttention(x, 2), [{ shape: [2, 3, 12], data: Array.from(data) }]),
    ).not.toThrow();
  });

  test("says which shape it wants", () => {
    const k = loops();
    const tape = new Tape(k);
    expect(() => tape.run(() => selfAttention(input(k, [2, 3, 10]), 2))).toThrow(
      "selfAttention: expected [batch, T, 3·2·D], got [2, 3, 10]",
    );
    const allowed = input(k, [2, 3, 4]);
    expect(() => tape.run(() => selfAttention(input(k, [2, 3, 12]), 2, allowed))).toThrow(
      "expected allowed [2, 3, 3], got [2, 3, 4]",
    );
  });
});

describe("cachedAttention", () => {
  /** A sequence's rows fed `step` at a time, between rows of another sequence. */
  function cached(k: Backend, s: Sizes, step: number): Float64Array {
    const { T, heads, D } = s;
    const C = heads * D;
    const room = (T + 3) & ~3;
    const cache = { keys: input(k, [2, heads, D, room]), values: input(k, [2, heads, room, D]) };
    const data = normals(2 * 3 * T * C, s.seed);
    const x = input(k, [2 * step, 3 * C]);
    const rows = [input(k, [2 * step]), input(k, [2 * step])] as const;
    const tape = new Tape(k, { grads: false });
    const out = new Float64Array(2 * T * C);
    for (let t = 0; t + step <= T; t += step) {
      for (let i = 0; i < 2 * step; i++) {
        const sequence = i % 2;
        const position = t + Math.floor(i / 2);
        rows[0].data[i] = sequence;
        rows[1].data[i] = position;
        const from = (sequence * T + position) * 3 * C;
        x.data.set(data.subarray(from, from + 3 * C), i * 3 * C);
      }
      const y = tape.run(() => cachedAttention(x, heads, cache, rows));
      for (let i = 0; i < 2 * step; i++) {
        const to = (rows[0].data[i] * T + rows[1].data[i]) * C;
        out.set(y.data.subarray(i * C, (i + 1) * C), to);
      }
    }
    return out;
  }

  test("property: equals selfAttention, whether rows come one by one or together; both backends", () => {
    const fast = simd({ memory: 2 ** 25 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 3 }), (given, step) => {
        const s = { ...given, B: 2, T: given.T - (given.T % step) || step };
        const whole = run(loops(), s, false).y;
        for (const k of [loops(), fast]) expectNear(cached(k, s, step), whole, 1e-5);
      }),
      { seed, numRuns: 40 },
    );
  });

  test("a row outside the cache is refused on both backends", () => {
    for (const k of [loops(), simd({ memory: 2 ** 20 })]) {
      const cache = { keys: input(k, [1, 1, 4, 8]), values: input(k, [1, 1, 8, 4]) };
      const rows = [input(k, [1]), input(k, [1], [8])] as const;
      const tape = new Tape(k, { grads: false });
      expect(() => tape.run(() => cachedAttention(input(k, [1, 12]), 1, cache, rows))).toThrow(
        "expected a sequence below 1 and a position below 8, got 0 and 8",
      );
    }
  });
});
