/** Value loss, KL and sampler correction: by hand, gradients, clamps, NaN. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import {
  adaptiveKlWeight,
  klDefaults,
  klLoss,
  klOf,
  klShapedRewards,
  oldKlLoss,
  proportionalKlWeight,
} from "../../src/estimators/kl.ts";
import { type ValueSettings, valueLoss } from "../../src/estimators/value.ts";
import { importanceWeights } from "../../src/extra/correction.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { Draw } from "../support/cases.ts";
import { seed } from "../support/seed.ts";

const k = loops(Float64Array);

describe("valueLoss", () => {
  test("by hand, and its slope on both sides of the clip: V 2, old 1, target 0, range ½", () => {
    const at = (v: number, clip: ValueSettings["clip"]): number[] => {
      const value = variable(k, [1], [v]);
      const [target, weight, old] = [[0], [1], [1]].map((x) => input(k, [1], x));
      const tape = new Tape(k);
      const loss = tape.run(() => valueLoss(value, target, weight, old, { clip, clipRange: 0.5 }));
      tape.backward(loss);
      return [loss.data[0], value.grad[0]];
    };
    expect(at(2, "none")).toEqual([4, 4]);
    expect(at(2, "max")).toEqual([4, 4]); // (2)² is the larger
    expect(at(2, "single")).toEqual([2.25, 0]); // (1 + ½)², flat
    expect(at(0.2, "max")).toEqual([0.25, 0]); // (1 − ½)² is the larger, flat
    expect(at(1.4, "single")).toEqual([1.4 ** 2, 2.8]);
    expect(at(0.25, "huber")).toEqual([0.03125, 0.25]);
    expect(at(2, "huber")).toEqual([0.875, 0.5]);
  });
  test("gradients, away from the kinks", () => {
    const property = fc.property(fc.nat(), (at) => {
      const d = new Draw(at);
      const shape = [d.some()];
      const [value, target, old] = [d.tensor(shape), d.tensor(shape), d.tensor(shape)].map((x) => ({
        ...x,
      }));
      const constant = (x: { shape: readonly number[]; data: ArrayLike<number> }) => ({
        ...x,
        grad: false,
      });
      const near = Array.from(old.data).some(
        (x, i) => Math.abs(Math.abs(value.data[i] - x) - 0.3) < 0.01,
      );
      const tie = Array.from(old.data).some((x, i) => {
        const held = x + Math.min(Math.max(value.data[i] - x, -0.3), 0.3);
        return (
          Math.abs(Math.abs(held - target.data[i]) - Math.abs(value.data[i] - target.data[i])) <
            0.01 && held !== value.data[i]
        );
      });
      const bend = Array.from(target.data).some(
        (x, i) => Math.abs(Math.abs(value.data[i] - x) - 0.3) < 0.01,
      );
      fc.pre(!near && !tie && !bend);
      for (const clip of ["none", "max", "single", "huber"] as const) {
        gradCheck(
          (v, t, w, q) => valueLoss(v, t, w, q, { clip, clipRange: 0.3 }),
          [value, constant(target), constant(d.positive(shape)), constant(old)],
        );
      }
    });
    fc.assert(property, { numRuns: 60, seed });
  });
  test("weight 0 selects an element away, NaN and all; clipping wants old values", () => {
    const value = variable(k, [2], [Number.NaN, 1]);
    const [target, weight] = [input(k, [2], [0, 0]), input(k, [2], [0, 1])];
    const tape = new Tape(k);
    const loss = tape.run(() => valueLoss(value, target, weight));
    tape.backward(loss);
    expect([loss.data[0], ...value.grad]).toEqual([1, 0, 2]);
    expect(() =>
      tape.run(() => valueLoss(value, target, weight, undefined, { clip: "max", clipRange: 1 })),
    ).toThrow(/oldValue/);
  });
});

describe("oldKlLoss", () => {
  const inputs = [
    { shape: [4], data: [-1, -0.5, -2, 3] },
    { shape: [4], data: [-1.2, -0.5, -1, 1], grad: false },
    { shape: [4], data: [0.5, 2, 1, 0], grad: false },
  ];
  test("is Σ w·(ρ − 1 − ln ρ), and its gradient w·(ρ − 1)", () => {
    gradCheck(oldKlLoss, inputs);
    const [logProb, old, w] = inputs.map(({ shape, data }) => input(k, shape, data));
    const loss = new Tape(k).run(() => oldKlLoss(logProb, old, w));
    const k3 = (x: number): number => Math.exp(x) - 1 - x;
    expect(loss.data[0]).toBeCloseTo(0.5 * k3(0.2) + k3(-1), 12);
  });
  test("reads nothing where the weight is 0, and wants one shape", () => {
    const [logProb, w] = [variable(k, [2], [-1, Infinity]), input(k, [2], [1, 0])];
    const old = input(k, [2], [-1, 0]);
    const tape = new Tape(k);
    const loss = tape.run(() => oldKlLoss(logProb, old, w));
    tape.backward(loss);
    expect([loss.data[0], ...(logProb.grad ?? [])]).toEqual([0, 0, 0]);
    expect(() => tape.run(() => oldKlLoss(logProb, old, input(k, [1], [1])))).toThrow(
      "oldKlLoss: expected logProb, oldLogProb and weight of one shape, got [2], [2], [1]",
    );
  });
});

describe("klLoss", () => {
  test("by hand: π ½, reference ¼, so d = −ln 2", () => {
    const [p, q] = [Math.log(0.5), Math.log(0.25)];
    expect(klOf(p, q, { ...klDefaults, estimator: "k1" })).toBeCloseTo(Math.LN2, 12);
    expect(klOf(p, q, { ...klDefaults, estimator: "k2" })).toBeCloseTo(Math.LN2 ** 2 / 2, 12);
    expect(klOf(p, q, { ...klDefaults, estimator: "k3" })).toBeCloseTo(0.5 - 1 + Math.LN2, 12);
  });
  test("gradients of all three", () => {
    const property = fc.property(fc.nat(), (at) => {
      const d = new Draw(at);
      const shape = [d.some(), d.some()];
      const constant = (x: { shape: readonly number[]; data: ArrayLike<number> }) => ({
        ...x,
        grad: false,
      });
      for (const estimator of ["k1", "k2", "k3"] as const) {
        const inputs = [d.tensor(shape), constant(d.tensor(shape)), constant(d.positive(shape))];
        gradCheck((p, q, w) => klLoss(p, q, w, { ...klDefaults, estimator }), inputs);
      }
    });
    fc.assert(property, { numRuns: 30, seed });
  });
  test("clamps pass no gradient beyond them, and all of it within; masked NaN does not leak", () => {
    const logProb = variable(k, [4], [0, 0, 0, Number.NaN]);
    const [ref, weight] = [input(k, [4], [0.5, 3, -3, 1]), input(k, [4], [1, 1, 1, 0])];
    const tape = new Tape(k);
    tape.backward(
      tape.run(() =>
        klLoss(logProb, ref, weight, { estimator: "k3", inputClamp: 2, outputClamp: null }),
      ),
    );
    expect(logProb.grad[0]).toBeCloseTo(1 - Math.exp(0.5), 12);
    expect([...logProb.grad.slice(1)]).toEqual([0, 0, 0]);
    logProb.grad.fill(0);
    tape.backward(
      tape.run(() =>
        klLoss(logProb, ref, weight, { estimator: "k3", inputClamp: null, outputClamp: 1 }),
      ),
    );
    expect(logProb.grad[0]).toBeCloseTo(1 - Math.exp(0.5), 12);
    expect(logProb.grad[1]).toBe(0);
    expect(logProb.grad[2] === 0).toBe(true);
  });
  test("KL in the reward: −β·k1 a token, the score on the last kept one", () => {
    const reward = new Float64Array(6);
    klShapedRewards(
      reward,
      {
        score: [5, 7],
        logProb: [0, 0, 0, 0, 0, 0],
        refLogProb: [-1, -2, -3, -4, -5, Number.NaN],
        mask: [1, 1, 1, 1, 1, 0],
      },
      0.1,
    );
    [-0.1, -0.2, 5 - 0.3, -0.4, 7 - 0.5, 0].forEach((want, i) => {
      expect(reward[i]).toBeCloseTo(want, 12);
    });
  });
  test("the rules for its weight", () => {
    expect([0.005, 0.01, 0.02].map((kl) => adaptiveKlWeight(1, kl, 0.01))).toEqual([0.5, 1, 2]);
    expect(proportionalKlWeight(1, 0.02, 0.01, 50, 1000)).toBeCloseTo(1 + (0.2 * 50) / 1000, 12);
    expect(proportionalKlWeight(1, 0.0095, 0.01, 50, 1000)).toBeCloseTo(1 - (0.05 * 50) / 1000, 12);
  });
});

describe("importanceWeights", () => {
  const logRatio = [Math.log(2), Math.log(0.5), Math.log(4), Number.NaN];
  const of = (
    level: "token" | "sequence" | "sequenceMean",
    mode: "truncate" | "mask",
  ): number[] => {
    const out = new Float64Array(4);
    importanceWeights(
      out,
      { logProb: logRatio, samplerLogProb: [0, 0, 0, 0], mask: [1, 1, 1, 0], steps: 4 },
      {
        level,
        mode,
        low: 0.6,
        high: 3,
      },
    );
    return [...out].map((x) => Number(x.toFixed(12)));
  };
  test("by hand: ratios 2, ½, 4 of three tokens; their product 4, its cube root 1.587", () => {
    expect(of("token", "truncate")).toEqual([2, 0.6, 3, 0]);
    expect(of("token", "mask")).toEqual([2, 0, 0, 0]);
    expect(of("sequence", "truncate")).toEqual([3, 3, 3, 0]);
    expect(of("sequence", "mask")).toEqual([0, 0, 0, 0]);
    const root = Number(Math.cbrt(4).toFixed(12));
    expect(of("sequenceMean", "mask")).toEqual([root, root, root, 0]);
  });
});
