/** What an update looks like, written a second time over plain lists; and estimators whose inputs have no gradient. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { UsageError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import {
  diagnostics,
  ratios,
  type SurrogateSettings,
  surrogateDefaults,
  surrogateLoss,
} from "../../src/estimators/surrogate.ts";
import { importanceWeights, offPolicySequenceMask } from "../../src/extra/correction.ts";
import { sum } from "../../src/ops/reduce.ts";

const k = loops(Float64Array);
const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

// three sequences of three tokens; ratios of both sides of the range, and one that does not count
const old = [-1, -2, -0.5, -1.5, -0.3, -2.2, -1, -0.7, -0.2];
const moved = [0.05, 0.4, -0.5, -0.1, 0.3, 9, -0.6, 0.1, -0.25];
const logProb = old.map((l, i) => l + moved[i]);
const A = [1, 1, -1, -2, -2, 5, -0.5, -0.5, 0.25];
const mask = [1, 1, 1, 1, 1, 0, 1, 1, 1];

function diagnosed(changes: Partial<SurrogateSettings>, shared: readonly number[] | null = null) {
  const shape = [3, 3];
  const weight = mask.map((m) => m / 8);
  const tape = new Tape(k);
  const loss = tape.run(() =>
    surrogateLoss(
      variable(k, shape, logProb),
      input(k, shape, old),
      shared === null ? input(k, shape, A) : input(k, [3], shared),
      input(k, shape, weight),
      { ...surrogateDefaults, ...changes },
    ),
  );
  return { ...diagnostics(loss), ratios: [...ratios(loss)] };
}

describe("diagnostics", () => {
  const counted = [...mask.keys()].filter((i) => mask[i] === 1);
  const sequences = [0, 1, 2].map((row) => counted.filter((i) => Math.floor(i / 3) === row));
  const cases: [string, Partial<SurrogateSettings>][] = [
    ["clip", {}],
    ["cispo", { form: "cispo", clipHigh: 0.3 }],
    ["shift of probabilities", { form: "tv", clipLow: 0.05, clipHigh: 0.02 }],
    ["sequences", { ratioLevel: "sequence", clipLow: 0.1, clipHigh: 0.01 }],
    ["whole sequences", { ratioLevel: "sequenceSum" }],
    ["tokens of sequences", { ratioLevel: "sequenceToken", clipLow: 0.1, clipHigh: 0.01 }],
  ];
  test.each(cases)("%s", (_, changes) => {
    const { ratioLevel = "token", form = "clip", clipLow = 0.2, clipHigh = 0.2 } = changes;
    const ofRow = sequences.map((own) => {
      const total = own.reduce((a, i) => a + moved[i], 0);
      return Math.exp(ratioLevel === "sequenceSum" ? total : total / own.length);
    });
    const one = ratioLevel === "sequence" || ratioLevel === "sequenceSum";
    const at = one ? sequences.map(([first]) => first) : counted;
    const rho = at.map((i) =>
      ratioLevel === "token" ? Math.exp(moved[i]) : ofRow[Math.floor(i / 3)],
    );
    const outside = rho.map((r) => r < 1 - clipLow || r > 1 + clipHigh);
    const cut = rho.map((r, n) => {
      const i = at[n];
      if (form === "cispo") return outside[n];
      const shift = Math.exp(logProb[i]) - Math.exp(old[i]);
      if (form === "tv") return A[i] > 0 ? shift > clipHigh : shift < -clipLow;
      return A[i] > 0 ? r > 1 + clipHigh : r < 1 - clipLow;
    });
    const d = diagnosed(changes);
    expect(d.tokens).toBe(8);
    expect(d.approximateKl).toBeCloseTo(
      mean(counted.map((i) => Math.exp(moved[i]) - 1 - moved[i])),
      12,
    );
    expect(d.approximateKlK1).toBeCloseTo(-mean(counted.map((i) => moved[i])), 12);
    expect(d.sampledEntropy).toBeCloseTo(-mean(counted.map((i) => logProb[i])), 12);
    expect(d.outsideFraction).toBeCloseTo(mean(outside.map(Number)), 12);
    expect(d.clipFraction).toBeCloseTo(mean(cut.map(Number)), 12);
    expect(d.minRatio).toBeCloseTo(Math.min(...rho), 12);
    expect(d.maxRatio).toBeCloseTo(Math.max(...rho), 12);
    const squares = rho.reduce((a, r) => a + r * r, 0);
    expect(d.effectiveSampleSize).toBeCloseTo(
      rho.reduce((a, b) => a + b) ** 2 / (rho.length * squares),
      12,
    );
    for (const i of counted) {
      const want = ratioLevel === "token" ? Math.exp(moved[i]) : ofRow[Math.floor(i / 3)];
      expect(d.ratios[i]).toBeCloseTo(want, 12);
    }
    if (form !== "tv") expect(d.clipFraction).toBeGreaterThan(0);
  });
  test("an advantage of each sequence cuts by its own sign", () => {
    // of the tokens outside, 1.49 is pushed up, 1.35 down, 0.61, 0.55 and 0.78 by their rows
    expect(diagnosed({}, [1, 1, 1]).clipFraction).toBeCloseTo(2 / 8, 12);
    expect(diagnosed({}, [-1, 1, -1]).clipFraction).toBeCloseTo((1 + 1 + 2) / 8, 12);
  });
  test("no token at all: nothing to tell, and no NaN", () => {
    const tape = new Tape(k);
    const none = [1, 2].map((n) => input(k, [n, 1], new Array(n).fill(-1)));
    const loss = tape.run(() =>
      surrogateLoss(none[0], none[0], none[0], input(k, [1, 1], [0]), surrogateDefaults),
    );
    const { minRatio, maxRatio, ...rest } = diagnostics(loss);
    expect(Object.values(rest).every((x) => x === 0)).toBe(true);
    expect([minRatio, maxRatio]).toEqual([Infinity, -Infinity]);
    expect(() => diagnostics(tape.run(() => sum(none[0])))).toThrow(UsageError);
  });
  test("ratios whose squares overflow: one sample of n is worth something", () => {
    const tape = new Tape(k);
    const [l, o, a, w] = [
      [800, -1],
      [0, -1],
      [1, 1],
      [1, 1],
    ].map((x) => input(k, [2], x));
    const loss = tape.run(() => surrogateLoss(l, o, a, w, surrogateDefaults));
    expect(diagnostics(loss).effectiveSampleSize).toBe(0.5);
  });
});

describe("sequences that the trainer has left behind", () => {
  const drawn = [-1, -1, -1, -1, -1, -1, -1, -1];
  const now = [-3, -1, -1, -1, -2, -2, -5, -1]; // mean k1 by rows of two: 1, 0, 1, 2
  const keep = (advantage: number[], kept: number[], threshold: number): number[] => {
    const out = new Float64Array(4).fill(9);
    offPolicySequenceMask(
      out,
      advantage,
      { logProb: now, samplerLogProb: drawn, mask: kept },
      threshold,
    );
    return [...out];
  };
  const all = new Array(8).fill(1);
  test("are dropped where they are worse than average and further away than the threshold", () => {
    expect(keep([-1, -1, -1, -1], all, 0.5)).toEqual([0, 1, 0, 0]);
    expect(keep([-1, -1, 1, 0], all, 0.5)).toEqual([0, 1, 1, 1]);
    expect(keep([-1, -1, -1, -1], all, 1)).toEqual([1, 1, 1, 0]); // above, not at
  });
  test("by the tokens that count alone; one without any stays", () => {
    expect(keep([-1, -1, -1, -1], [1, 0, 1, 1, 0, 0, 0, 1], 1.5)).toEqual([0, 1, 1, 1]);
    expect(keep([-1, -1, -1, -1], [0, 0, 0, 0, 0, 0, 0, 0], -5)).toEqual([1, 1, 1, 1]);
  });
  test("bounds are part of the range, on both sides; truncated ratios are held to them", () => {
    const weights = (mode: "truncate" | "mask" | "drop", low: number, high: number) => {
      const out = new Float64Array(4);
      const log = [2, 4, 0.5, 0.25].map(Math.log);
      const shares = importanceWeights(
        out,
        { logProb: log, samplerLogProb: [0, 0, 0, 0], mask: [1, 1, 1, 0], steps: 2 },
        {
          level: "token",
          mode,
          low,
          high,
        },
      );
      return [[...out].map((x) => Number(x.toFixed(9))), shares];
    };
    const [low, high] = [Math.exp(Math.log(0.5)), Math.exp(Math.log(4))];
    expect(weights("mask", low, high)).toEqual([
      [2, 4, 0.5, 0],
      { below: 0, above: 0, dropped: 0 },
    ]);
    const third = 1 / 3;
    expect(weights("mask", 0.6, 3)).toEqual([
      [2, 0, 0, 0],
      { below: third, above: third, dropped: 2 * third },
    ]);
    expect(weights("truncate", 0.6, 3)).toEqual([
      [2, 3, 0.6, 0],
      { below: third, above: third, dropped: 0 },
    ]);
    expect(weights("drop", 0.1, 3)).toEqual([
      [0, 0, 0.5, 0],
      { below: 0, above: third, dropped: 2 * third },
    ]);
  });
});
