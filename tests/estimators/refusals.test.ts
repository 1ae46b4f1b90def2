/** Numbers that estimators refuse, just outside of what they take; and steps that are none. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { topEntropyMask } from "../../src/estimators/entropy.ts";
import { fisherForm } from "../../src/estimators/fisher.ts";
import {
  adaptiveKlWeight,
  klDefaults,
  klLoss,
  klOf,
  klShapedRewards,
  proportionalKlWeight,
} from "../../src/estimators/kl.ts";
import { minimumRiskLoss } from "../../src/estimators/minimum-risk.ts";
import { conjugateGradient, lineSearch, trustRegionScale } from "../../src/estimators/natural.ts";
import { surrogateDefaults, surrogateLoss } from "../../src/estimators/surrogate.ts";
import { valueLoss } from "../../src/estimators/value.ts";
import { tokenWeights } from "../../src/estimators/weights.ts";
import { importanceWeights, offPolicySequenceMask } from "../../src/extra/correction.ts";
import { reinforceLoss } from "../../src/extra/reinforce-loss.ts";

const k = loops(Float64Array);
const t = (data: number[]): Tensor => input(k, [data.length], data);
const [two, three] = [t([1, 2]), t([1, 2, 3])];
const run = (f: () => Tensor): number => new Tape(k).run(f).data[0];
const out = new Float64Array(2);
const double = (to: Float64Array, v: Float64Array): void => {
  for (let i = 0; i < v.length; i++) to[i] = 2 * v[i];
};

/** Each with a number that is taken and those that are not. */
const bounds: [string, (x: number) => unknown, number[], number[]][] = [
  ["reinforceLoss", (x) => run(() => reinforceLoss(two, two, x)), [1e-9], [0, -1, Number.NaN]],
  ["alpha", (x) => run(() => minimumRiskLoss(two, two, 2, x)), [0, 3], [-0.1, Infinity]],
  ["a group of two", (x) => run(() => minimumRiskLoss(two, two, x)), [1, 2], [0, -1, -2, 0.5, 4]],
  ["a group of three", (x) => run(() => minimumRiskLoss(three, three, x)), [1, 3], [1.5, 2, -3]],
  [
    "clipRange",
    (x) => run(() => valueLoss(two, two, two, two, { clip: "max", clipRange: x })),
    [1e-9],
    [0, -1, Number.NaN],
  ],
  ["quantile", (x) => topEntropyMask(out, [1, 2], [1, 1], x), [0, 1], [-0.1, 1.1]],
  ["iterations", (x) => conjugateGradient(double, [1, 2], x), [0, 3], [-1, 1.5]],
  ["tolerance", (x) => conjugateGradient(double, [1, 2], 3, x), [0, 1], [-1, Number.NaN]],
  ["maxKl", (x) => trustRegionScale(double, out, x), [0, 1], [-1, Number.NaN]],
  [
    "maxLength",
    (x) => tokenWeights(out, [1, 1], 2, { aggregation: "constant", maxLength: x }),
    [1],
    [0.5, 0],
  ],
  [
    "totalTokens",
    (x) => tokenWeights(out, [1, 1], 2, { aggregation: "token", totalTokens: x }),
    [0, 5],
    [-1],
  ],
  [
    "totalSequences",
    (x) => tokenWeights(out, [1, 1], 2, { aggregation: "sequence", totalSequences: x }),
    [0, 5],
    [-1],
  ],
  ["steps", (x) => tokenWeights(out, [1, 1], x, { aggregation: "token" }), [1, 2], [0, 3, 1.5]],
  [
    "threshold",
    (x) =>
      offPolicySequenceMask(out, [1, 1], { logProb: out, samplerLogProb: out, mask: [1, 1] }, x),
    [-1, 1],
    [Number.NaN],
  ],
  ["weight", (x) => adaptiveKlWeight(x, 1, 1), [0, 2], [-1, Infinity]],
  ["KL", (x) => adaptiveKlWeight(1, x, 1), [-1, 0], [Number.NaN, Infinity]],
  ["target", (x) => adaptiveKlWeight(1, 1, x), [0, 2], [-1, Infinity]],
  ["proportional weight", (x) => proportionalKlWeight(x, 1, 1, 1, 1), [0], [-1]],
  ["proportional target", (x) => proportionalKlWeight(1, 1, x, 1, 1), [0.1], [0, -1]],
  ["samples", (x) => proportionalKlWeight(1, 1, 1, x, 1), [0, 1], [-1, 0.5]],
  ["horizon", (x) => proportionalKlWeight(1, 1, 1, 1, x), [0.5], [0, -1]],
  [
    "inputClamp",
    (x) => run(() => klLoss(two, two, two, { ...klDefaults, inputClamp: x })),
    [0, 1],
    [-1],
  ],
  [
    "outputClamp",
    (x) => run(() => klLoss(two, two, two, { ...klDefaults, outputClamp: x })),
    [0, 1],
    [-1],
  ],
  [
    "klWeight",
    (x) => klShapedRewards(out, { score: [1], logProb: out, refLogProb: out, mask: [1, 1] }, x),
    [0, -1],
    [Number.NaN],
  ],
  ...(["clipLow", "clipHigh", "dualClip", "delta"] as const).map(
    (name): [string, (x: number) => unknown, number[], number[]] => {
      const least = name === "dualClip" || name === "delta" ? 1 : 0;
      const loss = (x: number) =>
        run(() => surrogateLoss(two, two, two, two, { ...surrogateDefaults, [name]: x }));
      return [name, loss, [least, least + 1], [least - 0.1, Number.NaN]];
    },
  ),
];
test.each(bounds)("%s", (_, f, fine, bad) => {
  for (const x of fine) expect(() => f(x), `${x}`).not.toThrow();
  for (const x of bad) expect(() => f(x), `${x}`).toThrow();
});

test("names that are none", () => {
  const bad = "other" as never;
  expect(() =>
    run(() => surrogateLoss(two, two, two, two, { ...surrogateDefaults, form: bad })),
  ).toThrow(/form/);
  expect(() =>
    run(() => surrogateLoss(two, two, two, two, { ...surrogateDefaults, ratioLevel: bad })),
  ).toThrow(/ratioLevel/);
  expect(() => run(() => klLoss(two, two, two, { ...klDefaults, estimator: bad }))).toThrow(
    /estimator/,
  );
  expect(() => run(() => klLoss(two, two, two, { ...klDefaults, clampOf: bad }))).toThrow(
    /clampOf/,
  );
  expect(() => run(() => valueLoss(two, two, two, two, { clip: bad, clipRange: 1 }))).toThrow(
    /clip/,
  );
  expect(() => tokenWeights(out, [1, 1], 2, { aggregation: bad })).toThrow(/aggregation/);
  const bounds = { low: 0, high: 1 };
  expect(() =>
    importanceWeights(
      out,
      { logProb: out, samplerLogProb: out, mask: out, steps: 2 },
      { ...bounds, level: bad, mode: "mask" },
    ),
  ).toThrow(/level/);
  expect(() =>
    importanceWeights(
      out,
      { logProb: out, samplerLogProb: out, mask: out, steps: 2 },
      { ...bounds, level: "token", mode: bad },
    ),
  ).toThrow(/mode/);
  const crossed = { low: 2, high: 1, level: "token", mode: "mask" } as const;
  expect(() =>
    importanceWeights(out, { logProb: out, samplerLogProb: out, mask: out, steps: 2 }, crossed),
  ).toThrow(RangeError);
});

describe("a line search", () => {
  const search = (losses: readonly number[], more = {}) => {
    const parameters = Float64Array.of(1, 2);
    let n = 0;
    const evaluate = () => ({ loss: losses[Math.min(n++, losses.length - 1)], kl: 0.5 });
    const fraction = lineSearch(parameters, [4, -4], 10, evaluate, { maxKl: 1, ...more });
    return [fraction, ...parameters, n];
  };
  test("takes no step that lowers nothing, nor one beyond the KL", () => {
    expect(search([3, 3])).toEqual([0, 1, 2, 11]);
    expect(search([3, 2])).toEqual([1, 5, -2, 2]);
    expect(search([3, 3, 2])).toEqual([0.5, 3, 0, 3]);
    expect(search([3, 2], { maxKl: 0.4 })).toEqual([0, 1, 2, 11]);
    expect(search([3, 2], { maxKl: 0.5 })).toEqual([1, 5, -2, 2]);
  });
  test("tries as often as told, and wants the share of the slope that it is told", () => {
    expect(search([3, 2], { tries: 0 })).toEqual([0, 1, 2, 1]);
    expect(search([3, 4, 4, 2], { tries: 2 })).toEqual([0, 1, 2, 3]);
    // a fall of 1 is enough for a tenth of 10, and for two tenths of 5
    expect(search([3, 2], { accept: 0.1 })).toEqual([1, 5, -2, 2]);
    expect(search([3, 2], { accept: 0.2 })).toEqual([0.5, 3, 0, 3]);
    for (const bad of [{ tries: -1 }, { tries: 1.5 }, { maxKl: -1 }, { accept: Number.NaN }])
      expect(() => search([3, 2], bad)).toThrow();
    expect(() =>
      lineSearch(Float64Array.of(1), [1, 2], 1, () => ({ loss: 1, kl: 0 }), { maxKl: 1 }),
    ).toThrow();
  });
});

describe("conjugate gradient", () => {
  test("stops after its iterations, or once it is exact enough", () => {
    const diagonal = (to: Float64Array, v: Float64Array): void => {
      for (let i = 0; i < v.length; i++) to[i] = (i + 1) * v[i];
    };
    const all = conjugateGradient(diagonal, [1, 1, 1]);
    expect(all.iterations).toBe(3);
    expect([...all.x].map((x) => Number(x.toFixed(9)))).toEqual([1, 0.5, 0.333333333]);
    expect(conjugateGradient(diagonal, [1, 1, 1], 1).iterations).toBe(1);
    const one = conjugateGradient(diagonal, [1, 1, 1], 1);
    // the steepest direction by its curvature: 3/6
    expect([...one.x]).toEqual([0.5, 0.5, 0.5]);
    expect(one.residual).toBeCloseTo(0.25 + 0 + 0.25, 12);
    expect(conjugateGradient(diagonal, [1, 1, 1], 10, 1).iterations).toBe(0);
    expect(conjugateGradient(diagonal, [0, 0, 0])).toMatchObject({ iterations: 0, residual: 0 });
    const flat = conjugateGradient((to) => to.fill(0), [1, 2]);
    expect([...flat.x]).toEqual([0, 0]);
  });
  test("a step's length is where the quadratic model has the KL", () => {
    expect(trustRegionScale(double, Float64Array.of(3, 4), 0.25)).toBeCloseTo(
      Math.sqrt(0.5 / 50),
      12,
    );
    expect(trustRegionScale(double, new Float64Array(2), 1)).toBe(0);
  });
});

describe("rules of the KL's weight", () => {
  test("halved below target/1.5, doubled above 1.5·target, and at both left alone", () => {
    expect([0.6, 1 / 1.5, 1, 1.5, 1.6].map((kl) => adaptiveKlWeight(2, kl, 1))).toEqual([
      1, 2, 2, 2, 4,
    ]);
  });
  test("in proportion to the error, of ±0.2 at most", () => {
    const at = (kl: number): number => proportionalKlWeight(2, kl, 1, 5, 10);
    expect([1, 1.1, 3, 0.9, 0].map(at).map((x) => Number(x.toFixed(9)))).toEqual([
      2, 2.1, 2.2, 1.9, 1.8,
    ]);
  });
  test("one token's estimate, held on both sides", () => {
    const of = (l: number, ref: number, more = {}): number =>
      klOf(l, ref, { ...klDefaults, ...more });
    expect(of(-1, -3, { estimator: "k1" })).toBe(2);
    expect(of(-1, -3, { estimator: "k2" })).toBe(2);
    expect(of(-1, -3)).toBeCloseTo(Math.exp(-2) + 1, 12);
    expect(of(-1, -3, { estimator: "k1", inputClamp: 0.5 })).toBe(0.5);
    expect(of(-3, -1, { estimator: "k1", inputClamp: 0.5 })).toBe(-0.5);
    expect(of(-3, -1, { estimator: "k1", outputClamp: 0.25 })).toBe(-0.25);
    expect(of(-1, -3, { estimator: "k1", outputClamp: 0.25 })).toBe(0.25);
  });
});

test("a Fisher form of logits near the largest number stays what it is for small ones", () => {
  const form = (shift: number): number[] => {
    const logits = variable(k, [1, 2], [shift + 1, shift]);
    const tape = new Tape(k);
    const made = tape.run(() => fisherForm(logits, input(k, [1, 2], [1, -1])));
    tape.backward(made);
    return [made.data[0], ...logits.grad];
  };
  for (const shift of [1000, -1000])
    for (const [i, x] of form(0).entries()) expect(form(shift)[i]).toBeCloseTo(x, 12);
});
