/** Estimators by hand: gradients that are not wanted, weights, quantiles, bounds, and what does not fit. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { entropyLoss, topEntropyMask } from "../../src/estimators/entropy.ts";
import { fisherForm, gaussianFisherForm } from "../../src/estimators/fisher.ts";
import { klLoss, klShapedRewards, stepsOf } from "../../src/estimators/kl.ts";
import { minimumRiskLoss } from "../../src/estimators/minimum-risk.ts";
import { surrogateLoss } from "../../src/estimators/surrogate.ts";
import { valueLoss } from "../../src/estimators/value.ts";
import { tokenWeights } from "../../src/estimators/weights.ts";
import { reinforceLoss } from "../../src/extra/reinforce-loss.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { sum } from "../../src/ops/reduce.ts";

const k = loops(Float64Array);
describe("a loss gives no gradient to what has none, and the same to what has", () => {
  const x = [0.3, -0.8, 0.5];
  const g = (f: (a: Tensor, b: Tensor) => Tensor, both: boolean, size = 3) => {
    const [a, b] = [
      variable(k, [size], x.slice(0, size)),
      (both ? variable : input)(k, [size], [0.2, 0.5, 0.1].slice(0, size)),
    ];
    const tape = new Tape(k);
    tape.backward(tape.run(() => f(a, b)));
    return [[...a.grad], both ? [...(b.grad as Float64Array)] : null];
  };
  test("entropy: to what it weighs, and to the weights", () => {
    expect(g(entropyLoss, true)).toEqual([
      [-0.2, -0.5, -0.1],
      [-0.3, 0.8, -0.5],
    ]);
    expect(g(entropyLoss, false)[0]).toEqual([-0.2, -0.5, -0.1]);
    expect(g((a, b) => entropyLoss(b, a), false)[0]).toEqual([-0.2, -0.5, -0.1]);
  });
  test("of constants alone, a loss runs backward and changes nothing", () => {
    const c = (shape: number[], data: number[]) => input(k, shape, data);
    const [l, w] = [c([2], [-1, -2]), c([2], [0.5, 0.5])];
    const table = c([1, 2], [0.1, 0.2]);
    const one = variable(k, [1], [2]);
    const losses: Record<string, () => Tensor> = {
      surrogate: () => surrogateLoss(l, l, w, w),
      reinforce: () => reinforceLoss(l, w),
      kl: () => klLoss(l, w, w),
      value: () => valueLoss(l, w, w),
      entropy: () => entropyLoss(l, w),
      risk: () => minimumRiskLoss(l, w, 2),
      fisher: () => fisherForm(table, table),
      gaussian: () => gaussianFisherForm(table, l, table, l),
    };
    for (const [name, make] of Object.entries(losses)) {
      one.grad.fill(0);
      const tape = new Tape(k);
      let value = 0;
      const total = tape.run(() => {
        const loss = make();
        value = loss.data[0];
        return sum(mul(one, loss));
      });
      tape.backward(total);
      expect(one.grad[0], name).toBeCloseTo(value, 12);
    }
  });
});

describe("what does not fit is refused with what it got", () => {
  test("shapes of four and of none", () => {
    const [a, b] = [input(k, [2], [1, 2]), input(k, [3], [1, 2, 3])];
    const run = (f: () => Tensor) => () => new Tape(k).run(f);
    expect(run(() => surrogateLoss(a, b, a, a))).toThrow("got [2], [3], [2], [2]");
    expect(run(() => surrogateLoss(a, a, b, a))).toThrow("got [2], [2], [3], [2]");
    expect(run(() => surrogateLoss(a, a, a, b))).toThrow("got [2], [2], [2], [3]");
    const deep = input(k, [1, 1, 2], [1, 2]);
    expect(run(() => surrogateLoss(deep, deep, deep, deep))).toThrow(ShapeError);
    expect(run(() => klLoss(a, b, a))).toThrow("got [2], [3], [2]");
    expect(run(() => klLoss(a, a, b))).toThrow("got [2], [2], [3]");
    expect(run(() => valueLoss(a, b, a))).toThrow("got [2], [3], [2]");
    expect(run(() => valueLoss(a, a, a, b, { clip: "max", clipRange: 1 }))).toThrow(
      "[2], [2], [2], [3]",
    );
    expect(run(() => reinforceLoss(a, b))).toThrow("got [2] and [3]");
    expect(run(() => minimumRiskLoss(a, b, 1))).toThrow("got [2] and [3]");
    for (const size of [0, 1.5, 3])
      expect(run(() => minimumRiskLoss(a, a, size))).toThrow(ShapeError);
    expect(
      run(() => minimumRiskLoss(input(k, [1, 2], [1, 2]), input(k, [1, 2], [1, 2]), 1)),
    ).toThrow(ShapeError);
  });
  test("rows that are not whole", () => {
    expect(stepsOf("x", [1, 2, 3, 4], 2)).toBe(2);
    expect(stepsOf("x", [], 0)).toBe(0);
    expect(() => stepsOf("x", [1], 0)).toThrow(
      "x: expected whole rows of 0 sequences, got 1 numbers",
    );
    expect(() => stepsOf("x", [1, 2, 3], 2)).toThrow(ShapeError);
    const out = new Float64Array(4);
    klShapedRewards(
      out,
      {
        score: [5, 7],
        logProb: [-1, -1, -1, -1],
        refLogProb: [-1.5, -1, -2, -1],
        mask: [1, 0, 1, 1],
      },
      2,
    );
    expect([...out]).toEqual([5 - 1, 0, -2, 7]);
  });
});

test("weights by hand, for two of three sequences that count", () => {
  const weights = (aggregation: never, more = {}): number[] => {
    const out = new Float64Array(6);
    tokenWeights(out, [1, 1, 0, 0, 1, 0], 2, { aggregation, ...more });
    return [...out];
  };
  const at = (a: number, b: number): number[] => [a, a, 0, 0, b, 0];
  const third = 1 / 3;
  expect(weights("token" as never)).toEqual(at(third, third));
  expect(weights("token" as never, { totalTokens: 10 })).toEqual(at(0.1, 0.1));
  expect(weights("sequence" as never)).toEqual(at(1 / 6, third));
  expect(weights("sequence" as never, { totalSequences: 2 })).toEqual(at(0.25, 0.5));
  expect(weights("sequenceSum" as never)).toEqual(at(third, third));
  expect(weights("constant" as never)).toEqual(at(1 / 6, 1 / 6));
  expect(weights("constant" as never, { maxLength: 5, totalSequences: 2 })).toEqual(at(0.1, 0.1));
  expect(weights("sum" as never)).toEqual(at(1, 1));
});

test("the upper quantile of entropies, between order statistics, of the kept alone", () => {
  const top = (q: number): number[] => {
    const out = new Float64Array(5).fill(9);
    topEntropyMask(out, [3, 1, 100, 2, 5], [1, 1, 0, 1, 1], q);
    return [...out];
  };
  expect(top(0)).toEqual([1, 1, 0, 1, 1]);
  expect(top(0.5)).toEqual([1, 0, 0, 0, 1]); // 2.5
  expect(top(1 / 3)).toEqual([1, 0, 0, 1, 1]); // 2, which reaches it
  expect(top(1)).toEqual([0, 0, 0, 0, 1]);
});

test("a clipped value at the bound of its range still has its gradient; beyond, none", () => {
  const slope = (value: number, clip: "max" | "single"): number => {
    const v = variable(k, [1], [value]);
    const [target, weight, before] = [[9], [1], [1]].map((x) => input(k, [1], x));
    const tape = new Tape(k);
    tape.backward(tape.run(() => valueLoss(v, target, weight, before, { clip, clipRange: 0.5 })));
    return v.grad[0];
  };
  for (const clip of ["max", "single"] as const) {
    expect(slope(1.5, clip)).toBe(2 * (1.5 - 9));
    expect(slope(0.5, clip)).toBe(2 * (0.5 - 9));
  }
  expect(slope(1.75, "single")).toBe(0);
  expect(slope(1.75, "max")).toBe(0); // the clipped error is the larger
  expect(slope(0.25, "max")).toBe(2 * (0.25 - 9));
});

test("a Fisher form of masked rows is that of the allowed actions; its gradient reaches logits alone", () => {
  const [x, t, m] = [
    [0.3, 0.9, -1, 2, 2, 0.5],
    [1, 7, -1, 0.5, 9, 2],
    [1, 0, 1, 1, 0, 1],
  ];
  const logits = variable(k, [2, 3], x);
  const tape = new Tape(k);
  const form = tape.run(() => fisherForm(logits, input(k, [2, 3], t), input(k, [2, 3], m)));
  tape.backward(form);
  let total = 0;
  for (const row of [0, 3]) {
    const at = [row, row + 2];
    const e = at.map((i) => Math.exp(x[i]));
    const p = e.map((v) => v / (e[0] + e[1]));
    const average = p[0] * t[at[0]] + p[1] * t[at[1]];
    for (const [n, i] of at.entries()) {
      expect(logits.grad[i]).toBeCloseTo((p[n] * (t[i] - average)) / 2, 12);
      total += 0.25 * p[n] * (t[i] - average) * t[i];
    }
    expect(logits.grad[row + 1]).toBe(0);
  }
  expect(form.data[0]).toBeCloseTo(total, 12);
});
