/** Logits of −Infinity: as if masked, and no row may have nothing else; and ties of noise with a probability. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { MaskError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import {
  bernoulliEntropy,
  bernoulliKl,
  bernoulliMode,
  bernoulliSample,
} from "../../src/distributions/bernoulli.ts";
import * as categorical from "../../src/distributions/categorical.ts";
import * as multi from "../../src/distributions/multi-categorical.ts";
import { sum } from "../../src/ops/reduce.ts";

const backends: [string, () => Backend][] = [
  ["loops", () => loops()],
  ["simd", () => simd({ memory: 2 ** 22 })],
];
const sizes = [3, 6];
type Op = (p: Tensor, q: Tensor, mask?: Tensor) => Tensor;
const ops: Record<string, Op> = {
  entropy: (p, _, mask) => categorical.categoricalEntropy(p, mask),
  divergence: (p, q, mask) => categorical.categoricalKl(p, q, mask),
  probabilities: (p, _, mask) => categorical.categoricalProbs(p, mask),
  "entropy of several choices": (p, _, mask) => multi.multiCategoricalEntropy(p, sizes, mask),
  "divergence of several choices": (p, q, mask) => multi.multiCategoricalKl(p, q, sizes, mask),
};

describe.each(backends)("on %s", (_, make) => {
  test.each(Object.keys(ops))("%s: −Infinity is as if masked", (name) => {
    const k = make();
    const mask = [1, 0, 1, 1, 1, 0, 0, 1, 1];
    const x = [0.5, -1, 2, 0.1, -0.7, 1, 1, 0.3, -0.2];
    const other = [1, 0, -1, 0.4, 0.6, 2, 0, -0.5, 0.5];
    const closed = (v: number[]): number[] => v.map((l, i) => (mask[i] ? l : -Infinity));
    const run = (p: number[], m: number[] | null): number[] => {
      const [a, b] = [variable(k, [1, 9], p), input(k, [1, 9], other)];
      const tape = new Tape(k);
      let values: number[] = [];
      const loss = tape.run(() => {
        const y = ops[name](
          a,
          m === null ? input(k, [1, 9], other) : b,
          m === null ? undefined : input(k, [1, 9], m),
        );
        values = Array.from(y.data);
        return sum(y);
      });
      tape.backward(loss);
      return [...values, ...Array.from(a.grad).filter((_g, i) => mask[i])];
    };
    const [got, want] = [run(closed(x), null), run(x, mask)];
    expect(got.every(Number.isFinite)).toBe(true);
    // without a mask, the other policy's probabilities are over all choices: the same for what is not a divergence
    if (!name.startsWith("divergence"))
      for (const [i, v] of want.entries()) expect(got[i]).toBeCloseTo(v, 5);
    else expect(got[0]).toBeGreaterThan(want[0]);
  });

  test.each([0, 1, 2])(
    "row %i with nothing allowed is refused, whichever it is; NaN stays NaN",
    (bad) => {
      const k = make();
      const table = (fill: number): Tensor =>
        input(
          k,
          [3, 9],
          Array.from({ length: 27 }, (_v, i) => (Math.floor(i / 9) === bad ? fill : i % 4)),
        );
      const entropy = (fill: number): number[] =>
        Array.from(new Tape(k).run(() => categorical.categoricalEntropy(table(fill))).data);
      expect(() => entropy(-Infinity)).toThrow(MaskError);
      const action = input(k, [3], [0, 1, 2]);
      const logProb = (): Tensor => categorical.categoricalLogProb(table(-Infinity), action);
      expect(() => new Tape(k).run(logProb)).toThrow(`from position ${9 * bad}`);
      const fine = entropy(0.5);
      for (const [row, h] of fine.entries())
        if (row !== bad) expect(entropy(Number.NaN)[row]).toBe(h);
    },
  );
});

test("a bit is 1 where noise is below its probability, and likelier above ½ alone", () => {
  const logits = input(loops(), [1, 3], [0, 0, 0]);
  const bits = new Float64Array(3);
  bernoulliSample(bits, logits, [0.5, 0.4999, 0]);
  expect([...bits]).toEqual([0, 1, 1]);
  bernoulliMode(bits, input(loops(), [1, 3], [0, 1e-6, -1e-6]));
  expect([...bits]).toEqual([0, 1, 0]);
});

test("a bit that is certain has no entropy, and a divergence that is finite where the other one allows it", () => {
  const k = loops();
  const [p, q] = [variable(k, [2, 1], [Infinity, -Infinity]), variable(k, [2, 1], [0, 0])];
  const value = (of: () => Tensor): number[] => {
    const tape = new Tape(k);
    let values: number[] = [];
    const loss = tape.run(() => {
      const y = of();
      values = Array.from(y.data);
      return sum(y);
    });
    tape.backward(loss);
    return values;
  };
  expect(value(() => bernoulliEntropy(p))).toEqual([0, 0]);
  for (const x of value(() => bernoulliKl(p, q))) expect(x).toBeCloseTo(Math.LN2, 6);
  expect([...(p.grad ?? [])]).toEqual([0, 0]);
  expect([...(q.grad ?? [])]).toEqual([-0.5, 0.5]);
});
