/** Statistics that forget, and scaling where some environments took no step: against the definitions over lists. */

import { describe, expect, test } from "vitest";
import { ShapeError } from "../../src/core/errors.ts";
import { scaleByDeviation, standardizeRows } from "../../src/returns/normalize.ts";
import { ExponentialMoments, RewardScaler, RunningMoments } from "../../src/returns/running.ts";

describe("ExponentialMoments", () => {
  const batches = [[1, 3], [5], [], [-2, 0, 2, 8]];
  test("weights (1 − β)βᵗ⁻ᵏ over 1 − βᵗ, empty batches apart", () => {
    for (const decay of [0, 0.5, 0.9]) {
      const moments = new ExponentialMoments(decay);
      expect([moments.mean, moments.variance]).toEqual([0, 1]);
      const seen: number[][] = [];
      for (const batch of batches) {
        moments.update(batch);
        if (batch.length > 0) seen.push(batch);
        const weights = seen.map((_, k) => (1 - decay) * decay ** (seen.length - 1 - k));
        const total = weights.reduce((a, b) => a + b);
        const mean = (of: (x: number) => number): number =>
          seen.reduce(
            (sum, b, k) => sum + (weights[k] * b.reduce((s, x) => s + of(x), 0)) / b.length,
            0,
          ) / total;
        expect(moments.mean).toBeCloseTo(
          mean((x) => x),
          12,
        );
        expect(moments.variance).toBeCloseTo(mean((x) => x * x) - mean((x) => x) ** 2, 11);
      }
    }
  });
  test("equal numbers have variance 0, never below", () => {
    const moments = new ExponentialMoments(0.9);
    for (let i = 0; i < 50; i++) moments.update([0.1, 0.1]);
    expect(moments.variance).toBeGreaterThanOrEqual(0);
    expect(moments.variance).toBeLessThan(1e-15);
  });
  test("saved and restored it goes on the same; other states are refused", () => {
    const [a, b] = [new ExponentialMoments(0.7), new ExponentialMoments(0.7)];
    a.update([1, 2]);
    b.restore(a.save());
    for (const one of [a, b]) one.update([7]);
    expect([b.mean, b.variance]).toEqual([a.mean, a.variance]);
    expect(() => b.restore([1, 2])).toThrow(/3 numbers/);
    expect(() => b.restore([1, Number.NaN, 0.5])).toThrow(RangeError);
    for (const decay of [-0.1, 1, Number.NaN])
      expect(() => new ExponentialMoments(decay)).toThrow(RangeError);
  });
});

test("RunningMoments: rows that do not count are as if not there", () => {
  const [some, all] = [new RunningMoments(2), new RunningMoments(2)];
  some.update(Float64Array.of(1, 2, 99, 98, 3, 4), [1, 0, 2]);
  all.update(Float64Array.of(1, 2, 3, 4));
  expect(some.save()).toEqual(all.save());
  some.update(Float64Array.of(9, 9), [0]);
  expect(some.save()).toEqual(all.save());
  some.merge(new RunningMoments(2, 0));
  expect(some.save()).toEqual(all.save());
});

test("RunningMoments: two that have seen nothing are one that has seen nothing", () => {
  const [a, b] = [new RunningMoments(1, 0), new RunningMoments(1, 0)];
  a.merge(b);
  expect(a.save()).toEqual({ count: 0, mean: [0], variance: [1] });
});

test("scaleByDeviation: a NaN that counts is not hidden, one that is masked is", () => {
  const y = new Float64Array(3);
  scaleByDeviation(y, Float64Array.of(1, Number.NaN, 3));
  expect([...y].every(Number.isNaN)).toBe(true);
  scaleByDeviation(y, Float64Array.of(1, Number.NaN, 3), {
    mask: Float64Array.of(1, 0, 1),
    eps: 0,
  });
  for (const [i, want] of [Math.SQRT1_2, 0, 3 * Math.SQRT1_2].entries())
    expect(y[i]).toBeCloseTo(want, 12);
});

test("RewardScaler: an environment that took no step keeps its return, and its reward is left as it is", () => {
  const gamma = 0.5;
  const scaler = new RewardScaler(2, { gamma, eps: 0, clip: 1.5 });
  const y = Float64Array.of(-7, -7);
  const [none, first] = [Float64Array.of(0, 0), Float64Array.of(1, 0)];
  scaler.scale(y, Float64Array.of(2, 100), none, none, [1, 0]);
  const seen = [2];
  const deviation = (): number => {
    // the start counts as 10⁻⁴ samples of mean 0 and variance 1
    const n = seen.length + 1e-4;
    const mean = seen.reduce((a, b) => a + b) / n;
    const squares = 1e-4 * (1 + mean * mean) + seen.reduce((s, x) => s + (x - mean) ** 2, 0);
    return Math.sqrt(squares / n);
  };
  const within = (x: number): number => Math.min(Math.max(x, -1.5), 1.5);
  expect(y[0]).toBeCloseTo(within(2 / deviation()), 9);
  expect(y[1]).toBe(-7);
  expect([...scaler.returns]).toEqual([2, 0]);
  scaler.scale(y, Float64Array.of(-3, 1), first, none);
  seen.push(gamma * 2 - 3, 1);
  expect(y[0]).toBeCloseTo(within(-3 / deviation()), 9);
  expect(y[1]).toBeCloseTo(within(1 / deviation()), 9);
  expect([...scaler.returns]).toEqual([0, 1]); // the first has ended
  scaler.scale(y, Float64Array.of(1, 1), none, Float64Array.of(0, 1), [1, 1]);
  expect([...scaler.returns]).toEqual([1, 0]);
});

test("moments of several numbers start at 0 and 1, each in its place of shared memory", () => {
  const memory = Float64Array.of(1, 2, 3, 4, 5, 6, 7);
  for (const [moments, mean, variance, count] of [
    [new RunningMoments(3), [0, 0, 0], [1, 1, 1], 1e-4],
    [new RunningMoments(3, 9, memory), [1, 2, 3], [4, 5, 6], 7],
  ] as const) {
    expect([...moments.mean]).toEqual(mean);
    expect([...moments.variance]).toEqual(variance);
    expect(moments.count).toBe(count);
  }
  expect(() => new RunningMoments(3, 0, memory.subarray(1))).toThrow(ShapeError);
});

test("a scaler refuses counts that are not one per environment", () => {
  const scaler = new RewardScaler(2);
  const row = (): Float64Array => new Float64Array(2);
  const scale = (counts: number[]) => () => scaler.scale(row(), row(), row(), row(), counts);
  expect(scale([1, 0])).not.toThrow();
  for (const counts of [[], [1], [1, 1, 1]]) expect(scale(counts)).toThrow(ShapeError);
});

test("standardizeRows: a NaN among the rows is not hidden, one elsewhere is not read", () => {
  const x = Float64Array.of(1, Number.NaN, 3, 5);
  const y = new Float64Array(4);
  standardizeRows(y, x, [0, 2, 3]);
  expect([...y].map((v) => Number(v.toFixed(6)))).toEqual([-1, 0, 0, 1]);
  standardizeRows(y, x, [2, 3, 1]);
  expect([...y].slice(1)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});
