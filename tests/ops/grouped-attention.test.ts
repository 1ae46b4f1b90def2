/** Grouped attention by repeated heads and masks; its kernels; its cache; rotations and gates by definition. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend, Floats } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Shape, type Tensor, variable } from "../../src/core/tensor.ts";
import { add, mul } from "../../src/ops/arithmetic.ts";
import { attention } from "../../src/ops/attention.ts";
import { siluGate } from "../../src/ops/gates.ts";
import { cachedGroupedAttention, groupedAttention } from "../../src/ops/grouped-attention.ts";
import { broadcastTo, permute, reshape } from "../../src/ops/layout.ts";
import { rmsNorm } from "../../src/ops/normalization.ts";
import { sum } from "../../src/ops/reduce.ts";
import { rotate } from "../../src/ops/rotary.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { bitsOf } from "../support/bits.ts";
import { seed } from "../support/seed.ts";

const sizes = fc.record({
  B: fc.integer({ min: 1, max: 3 }),
  T: fc.integer({ min: 1, max: 21 }),
  keyHeads: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 3 }),
  D: fc.integer({ min: 1, max: 18 }),
  window: fc.constantFrom(0, 1, 2, 5, 30),
  seed: fc.nat(1000),
});
type Sizes = typeof sizes extends fc.Arbitrary<infer T> ? T : never;

const normals = (n: number, from: number): Float32Array => {
  const x = new Float32Array(n);
  new Random(from).fillNormal(x);
  return x;
};
const fast = simd({ memory: 2 ** 25 });

/** A mask [B, T, T] by a rule of query and key; with `texts`, texts of three positions each. */
const maskOf = (
  k: Backend,
  { B, T }: Sizes,
  allows: (t: number, s: number) => boolean,
  texts: boolean,
): Tensor =>
  input(
    k,
    [B, T, T],
    Float32Array.from({ length: B * T * T }, (_, i) => {
      const [t, s] = [Math.floor(i / T) % T, i % T];
      return Number(allows(t, s) && (!texts || Math.floor(t / 3) === Math.floor(s / 3)));
    }),
  );

interface Result {
  readonly y: Floats;
  readonly grads: readonly Floats[];
}

/** The value, and the gradients of Σ y·cotangent. */
function gradients(
  k: Backend,
  shapes: readonly Shape[],
  from: number,
  f: (...x: Tensor[]) => Tensor,
): Result {
  const inputs = shapes.map((shape, i) =>
    variable(
      k,
      shape,
      normals(
        shape.reduce((a, b) => a * b, 1),
        from + i,
      ),
    ),
  );
  const tape = new Tape(k, { poison: true });
  let y: Tensor = inputs[0];
  let cotangent: Tensor | null = null;
  const loss = () => {
    y = f(...inputs);
    cotangent ??= input(k, y.shape, normals(y.data.length, from + 9));
    return sum(mul(y, cotangent));
  };
  tape.run(loss);
  tape.backward(tape.run(loss));
  return { y: y.data, grads: inputs.map(({ grad }) => grad) };
}

function run(k: Backend, s: Sizes, texts: boolean, composed = false): Result {
  const { B, T, keyHeads, group, D, window } = s;
  const heads = keyHeads * group;
  const inWindow = (t: number, at: number): boolean => window === 0 || t - window < at;
  const allowed = texts ? maskOf(k, s, () => true, true) : undefined;
  const mask = reshape4(maskOf(k, s, inWindow, texts));
  const byHead = (x: Tensor): Tensor => {
    const n = x.shape[2] / D;
    const split = permute(reshape(x, [B, T, n, 1, D]), [0, 2, 3, 1, 4]);
    return reshape(broadcastTo(split, [B, n, heads / n, T, D]), [B, heads, T, D]);
  };
  const wide = [B, T, heads * D];
  const narrow = [B, T, keyHeads * D];
  return gradients(k, [wide, narrow, narrow], s.seed, (q, key, v) => {
    if (!composed) return groupedAttention([q, key, v], { heads, window }, allowed);
    const y = attention(byHead(q), byHead(key), byHead(v), true, mask);
    return reshape(permute(y, [0, 2, 1, 3]), wide);
  });
}
const reshape4 = ({ shape: [B, T], ...rest }: Tensor): Tensor => ({ ...rest, shape: [B, 1, T, T] });

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++)
    expect(Math.abs(got[i] - want[i])).toBeLessThan(tolerance * (1 + Math.abs(want[i])));
}
function expectSame(got: Result, want: Result, ofValue: number, ofGrad: number): void {
  expectNear(got.y, want.y, ofValue);
  got.grads.forEach((grad, i) => {
    expectNear(grad, want.grads[i], ofGrad);
  });
}

describe("groupedAttention", () => {
  test("property: equals attention with keys repeated per group and the window as a mask", {
    tags: ["deep"],
  }, () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), (s, texts) => {
        const k = loops(Float64Array);
        expectSame(run(k, s, texts), run(k, s, texts, true), 1e-12, 1e-12);
      }),
      { seed, numRuns: 40 },
    );
  });

  test("property: the simd kernels agree with the loops", { tags: ["deep"] }, () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), (s, texts) => {
        expectSame(run(fast, s, texts), run(loops(), s, texts), 1e-5, 1e-4);
      }),
      { seed, numRuns: 30 },
    );
  });

  test("gradient against differences, with a window", () => {
    const inputs = [12, 6, 6].map((width, i) => ({
      shape: [2, 4, width],
      data: Array.from(normals(8 * width, 5 + i)),
    }));
    expect(() =>
      gradCheck((q, k, v) => groupedAttention([q, k, v], { heads: 4, window: 3 }), inputs),
    ).not.toThrow();
  });

  test("a position that is not finite reaches none that do not see it, on both backends", () => {
    for (const k of [loops(), fast]) {
      const x = normals(8 * 4, 1);
      const attend = (data: Float32Array): number[] => {
        const [q, key, v] = [0, 1, 2].map(() => input(k, [1, 8, 4], data));
        const tape = new Tape(k, { grads: false });
        return [...tape.run(() => groupedAttention([q, key, v], { heads: 2, window: 2 })).data];
      };
      const calm = attend(x);
      const wild = attend(x.map((v, i) => (i === 3 * 4 ? Number.NaN : v)));
      for (const t of [0, 1, 2, 5, 6, 7])
        expect(wild.slice(4 * t, 4 * t + 4)).toEqual(calm.slice(4 * t, 4 * t + 4));
      expect(wild[3 * 4]).toBeNaN();
      expect(wild[4 * 4]).toBeNaN();
    }
  });
});

describe("cachedGroupedAttention", () => {
  test("property: has the bits of whole sequences, whether rows come one by one or together", () => {
    const property = fc.property(sizes, fc.integer({ min: 1, max: 3 }), (given, step) => {
      const s = { ...given, B: 2, T: given.T - (given.T % step) || step };
      for (const k of [loops(), loops(Float64Array), fast]) expectCached(k, s, step);
    });
    fc.assert(property, { seed, numRuns: 40 });
  });

  /** Feeds two sequences' rows `step` at a time, and compares each with the whole sequences. */
  function expectCached(k: Backend, s: Sizes, step: number): void {
    const { T, keyHeads, group, D, window } = s;
    const form = { heads: keyHeads * group, window };
    const room = (T + 3) & ~3;
    const widths = [form.heads * D, keyHeads * D, keyHeads * D];
    const whole = widths.map((width, i) =>
      input(k, [2, T, width], normals(2 * T * width, s.seed + i)),
    );
    const rows = widths.map((width) => input(k, [2 * step, width]));
    const [sequence, position] = [input(k, [2 * step]), input(k, [2 * step])];
    const cache = [
      input(k, [2, keyHeads, D, room]),
      input(k, [2, keyHeads, room, D]),
      sequence,
      position,
    ] as const;
    const tape = new Tape(k, { grads: false });
    const attend = (x: Tensor[]) => [x[0], x[1], x[2]] as const;
    const want = new Tape(k).run(() => groupedAttention(attend(whole), form)).data;
    for (let t = 0; t < T; t += step) {
      for (let i = 0; i < 2 * step; i++) {
        sequence.data[i] = i % 2;
        position.data[i] = t + Math.floor(i / 2);
        const from = sequence.data[i] * T + position.data[i];
        widths.forEach((width, j) => {
          rows[j].data.set(whole[j].data.subarray(from * width, (from + 1) * width), i * width);
        });
      }
      const { data } = tape.run(() => cachedGroupedAttention(attend(rows), form, cache));
      for (let i = 0; i < 2 * step; i++) {
        const C = widths[0];
        const at = (sequence.data[i] * T + position.data[i]) * C;
        const cached = Float32Array.from(data.subarray(i * C, (i + 1) * C));
        expect(bitsOf(cached)).toEqual(bitsOf(Float32Array.from(want.subarray(at, at + C))));
      }
    }
    tape.drop();
  }

  test("a row outside the cache is refused on both backends", () => {
    for (const k of [loops(), fast]) {
      const [x, one] = [input(k, [1, 4]), input(k, [1])];
      const cache = [input(k, [1, 1, 4, 8]), input(k, [1, 1, 8, 4]), one, input(k, [1], [8])];
      const [keys, values, sequence, position] = cache;
      const tape = new Tape(k, { grads: false });
      const run = () =>
        cachedGroupedAttention([x, x, x], { heads: 1, window: 0 }, [
          keys,
          values,
          sequence,
          position,
        ]);
      expect(() => tape.run(run)).toThrow("expected a sequence below 1 and a position below 8");
    }
  });
});

describe("rotate", () => {
  test("turns each pair (j, j + D/2) of a head by its position's angle", () => {
    const angle = [0.3, -1.1];
    const row = [...angle.map(Math.cos), ...angle.map(Math.sin)];
    for (const k of [loops(), fast]) {
      const table = input(k, [2, 4], [1, 1, 0, 0, ...row]);
      const x = input(k, [2, 8], [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
      const y = new Tape(k).run(() => rotate(x, input(k, [2], [0, 1]), table)).data;
      expect([...y.subarray(0, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      for (const head of [0, 4])
        for (const j of [0, 1]) {
          const [a, b] = [1 + head + j, 3 + head + j];
          const [c, s] = [Math.cos(angle[j]), Math.sin(angle[j])];
          expect(y[8 + head + j]).toBeCloseTo(a * c - b * s, 5);
          expect(y[8 + head + j + 2]).toBeCloseTo(b * c + a * s, 5);
        }
      for (const bad of [2, -1, 0.5, Number.NaN])
        expect(() => new Tape(k).run(() => rotate(x, input(k, [2], [0, bad]), table))).toThrow(
          "rotate: expected a position below 2",
        );
    }
  });
});

test("property: the simd kernels of rotate, siluGate and rmsNorm agree with the loops", {
  tags: ["deep"],
}, () => {
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 300 }),
    heads: fc.integer({ min: 1, max: 3 }),
    half: fc.integer({ min: 1, max: 9 }),
    from: fc.nat(1000),
  });
  const property = fc.property(shapes, ({ rows, heads, half, from }) => {
    const [x, w] = [[rows, 2 * heads * half], [2 * heads * half]];
    const both = (f: (k: Backend) => (...x: Tensor[]) => Tensor, given: Shape[]) =>
      [fast, loops()].map((k) => gradients(k, given, from, f(k)));
    const position = Array.from({ length: rows }, (_, i) => i % 5);
    const results = [
      both(
        (k) => {
          const table = input(k, [5, 2 * half], normals(10 * half, 3));
          const positions = input(k, [rows], position);
          return (x) => rotate(x, positions, table);
        },
        [x],
      ),
      both(() => siluGate, [x, x]),
      both(() => (x, w) => add(rmsNorm(x, w), x), [x, w]),
    ];
    for (const [got, want] of results) expectSame(got, want, 1e-5, 2e-5 * Math.sqrt(rows));
  });
  fc.assert(property, { seed, numRuns: 12 });
});

test("rmsNorm of squares that overflow float32 is computed in float64", () => {
  const y = new Tape(fast).run(() =>
    rmsNorm(input(fast, [2, 2], [3e25, 4e25, 3, 4]), input(fast, [2], [1, 1])),
  ).data;
  expect([...y].map((v) => Math.fround(v).toFixed(4))).toEqual(
    [3, 4, 3, 4].map((v) => (v / Math.sqrt(12.5)).toFixed(4)),
  );
});
