import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import { conjugateGradient } from "../../src/estimators/natural.ts";
import * as pg from "../../src/index.ts";

const k = loops();
const surrogate = (logProb: number[], old: number[], advantage: number[]) => {
  const x = variable(k, [logProb.length], logProb);
  const i = (values: number[]) => input(k, [values.length], values);
  const tape = new Tape(k);
  const loss = tape.run(() =>
    pg.surrogateLoss(x, i(old), i(advantage), i(logProb.map(() => 1 / logProb.length))),
  );
  tape.backward(loss);
  return { loss: loss.data[0], grad: [...x.grad], ...pg.diagnostics(loss) };
};

describe("surrogateLoss", () => {
  test("an advantage of 0 adds nothing, though its ratio overflows float32", () => {
    const { loss, grad, effectiveSampleSize } = surrogate([-1, -1], [-100, -1], [0, 1]);
    expect(loss).toBe(-0.5);
    expect(grad).toEqual([0, -0.5]);
    expect(effectiveSampleSize).toBe(0.5); // one ratio is all: 1/n
  });

  test("approximateKl is never negative, and exact for the smallest log-ratios", () => {
    for (let e = -60; e <= 4; e++) {
      for (const sign of [-1, 1]) {
        const d = Math.fround(sign * 2 ** (e / 3));
        const old = Math.fround(-0.25 - d);
        const actual = -0.25 - old; // what float32 keeps of d
        const { approximateKl } = surrogate([-0.25], [old], [1]);
        expect(approximateKl).toBeGreaterThanOrEqual(0);
        const want =
          Math.abs(actual) < 1e-3
            ? (actual ** 2 / 2) * (1 + actual / 3)
            : Math.expm1(actual) - actual;
        expect(Math.abs(approximateKl - want)).toBeLessThanOrEqual(1e-6 * want);
      }
    }
    expect(surrogate([-1], [-1 - 4.7e-5], [1]).approximateKl).toBeGreaterThan(1.0e-9);
  });
});

describe("conjugateGradient", () => {
  const diagonal =
    (...d: number[]) =>
    (out: Float64Array, v: Float64Array) => {
      for (let i = 0; i < v.length; i++) out[i] = d[i] * v[i];
    };
  test("F = 0 and directions without curvature give what was found, not NaN", () => {
    expect([...conjugateGradient(diagonal(0, 0), [1, 2]).x]).toEqual([0, 0]);
    expect([...conjugateGradient(diagonal(2, 2), [0, 0]).x]).toEqual([0, 0]);
    const { x } = conjugateGradient(diagonal(1, 0), [3, 0]);
    expect([...x]).toEqual([3, 0]);
  });
  test("a small gradient is solved as a large one is: the tolerance is relative", () => {
    const large = conjugateGradient(diagonal(1, 4, 9), [1, 2, 3]);
    const small = conjugateGradient(diagonal(1, 4, 9), [1e-9, 2e-9, 3e-9]);
    expect(small.iterations).toBe(large.iterations);
    for (const [i, x] of small.x.entries()) expect(x * 1e9).toBeCloseTo(large.x[i], 9);
  });
});

describe("arrays of another length are refused", () => {
  const f = (n: number) => new Float32Array(n);
  test.each([
    [
      "klShapedRewards, reward",
      () =>
        pg.klShapedRewards(f(5), { score: f(2), logProb: f(6), refLogProb: f(6), mask: f(6) }, 0.1),
    ],
    [
      "klShapedRewards, reference",
      () =>
        pg.klShapedRewards(f(6), { score: f(2), logProb: f(6), refLogProb: f(5), mask: f(6) }, 0.1),
    ],
    [
      "klShapedRewards, mask",
      () =>
        pg.klShapedRewards(f(6), { score: f(2), logProb: f(6), refLogProb: f(6), mask: f(7) }, 0.1),
    ],
    ["topEntropyMask", () => pg.topEntropyMask(f(6), f(5), f(6), 0.5)],
    [
      "offPolicySequenceMask",
      () =>
        pg.offPolicySequenceMask(
          f(2),
          f(3),
          { logProb: f(6), samplerLogProb: f(6), mask: f(6) },
          1,
        ),
    ],
    ["tokenWeights, half a row", () => pg.tokenWeights(f(6), f(6), 4, { aggregation: "token" })],
    ["groupsBetween", () => pg.groupsBetween(f(5), f(6), 3, 0, 1)],
  ])("%s", (_, call) => {
    expect(call).toThrow(ShapeError);
  });
});

test("groupsBetween compares float32 rewards with bounds in float32", () => {
  const keep = new Float32Array(4);
  const rewards = Float32Array.of(0.1, 0.1, 0.7, 0.7);
  pg.groupsBetween(keep, rewards, 2, 0.1, 0.7);
  expect([...keep]).toEqual([0, 0, 0, 0]);
  pg.groupsBetween(keep, Float64Array.from(rewards), 2, 0.1, 0.7);
  expect([...keep]).toEqual([1, 1, 1, 1]); // 0.1 and 0.7 in float32 are above 0.1 and below 0.7
});
