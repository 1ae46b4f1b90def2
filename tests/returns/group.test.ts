import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Floats } from "../../src/core/backend.ts";
import { ShapeError } from "../../src/core/errors.ts";
import type { Groups } from "../../src/returns/center.ts";
import {
  batchStandardize,
  groupAdvantages,
  groupMean,
  groupStandardize,
  groupsBetween,
  leaveOneOut,
  leaveOneOutMoments,
} from "../../src/returns/group.ts";
import { seed } from "../support/seed.ts";
import { near } from "./cases.ts";

type Advantage = (out: Floats, reward: Floats, groups: Groups, valid?: Floats) => void;
const options = { ddof: 1, eps: 0.5 };
const all: Record<string, Advantage> = {
  leaveOneOut,
  groupMean,
  groupStandardize: (out, reward, groups, valid) =>
    groupStandardize(out, reward, groups, valid ? { ...options, valid } : options),
};

const mean = (xs: number[]): number => xs.reduce((total, x) => total + x, 0) / xs.length;
/** From a sample's reward and all that count in its group. */
const meanings: Record<string, (own: number, members: number[], place: number) => number> = {
  leaveOneOut: (own, members, place) =>
    members.length < 2 ? 0 : own - mean(members.filter((_, i) => i !== place)),
  groupMean: (own, members) => own - mean(members),
  groupStandardize: (own, members) => {
    if (members.length < 2) return 0;
    const m = mean(members);
    const squares = members.reduce((total, x) => total + (x - m) ** 2, 0);
    return (own - m) / (Math.sqrt(squares / (members.length - 1)) + 0.5);
  },
};

const reward = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -16, max: 16 }).map((k) => k / 8) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
);
const sample = fc.record({
  reward,
  group: fc.integer({ min: -2, max: 2 }),
  valid: fc.integer({ min: 0, max: 3 }).map((k) => (k === 0 ? 0 : 1)),
});
const samples = fc.array(sample, { maxLength: 16 });

describe("every group advantage", () => {
  for (const [name, advantage] of Object.entries(all)) {
    test(`property: ${name} is its definition, in groups of any numbers in any order`, () => {
      fc.assert(
        fc.property(samples, (batch) => {
          const x = Float64Array.from(batch, (s) => s.reward);
          const group = batch.map((s) => s.group);
          const counts = (i: number): boolean => batch[i].valid === 1 && !Number.isNaN(x[i]);
          const want = batch.map(({ group }, i) => {
            if (!counts(i)) return 0;
            const members = [...x.keys()].filter((j) => counts(j) && batch[j].group === group);
            const rewards = members.map((j) => x[j]);
            return meanings[name](x[i], rewards, members.indexOf(i));
          });
          advantage(
            x,
            x,
            group,
            Float64Array.from(batch, (s) => s.valid),
          ); // over the rewards
          near(x, want);
        }),
        { seed, numRuns: 1000 },
      );
    });

    test(`property: ${name} of neighbors equals that of their group numbers`, () => {
      const sizes = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 4 }));
      const groups = sizes.chain(([size, n]) =>
        fc.tuple(fc.constant(size), fc.array(reward, { minLength: n * size, maxLength: n * size })),
      );
      fc.assert(
        fc.property(groups, ([size, rewards]) => {
          const x = Float64Array.from(rewards);
          const [a, b] = [x.slice(), x.slice()];
          advantage(a, a, size); // over the rewards
          advantage(
            b,
            x,
            rewards.map((_, i) => Math.floor(i / size)),
          );
          expect(a).toEqual(b);
        }),
        { seed },
      );
    });

    test(`property: ${name} sums to 0 in a group and ignores a shift of all rewards`, () => {
      const group = fc.array(fc.integer({ min: -16, max: 16 }), { minLength: 1, maxLength: 9 });
      fc.assert(
        fc.property(group, fc.integer({ min: -99, max: 99 }), (rewards, shift) => {
          const x = Float64Array.from(rewards);
          const [a, b] = [x.slice(), x.slice()];
          advantage(a, x, rewards.length);
          advantage(
            b,
            x.map((r) => r + shift),
            rewards.length,
          );
          near(a, b);
          near([a.reduce((total, v) => total + v, 0)], [0]);
        }),
        { seed },
      );
    });

    test(`${name}: a group of one gets 0, and so do samples that are left out`, () => {
      const out = new Float64Array(3).fill(9);
      advantage(out, Float64Array.of(5, -7, 1e300), 1);
      expect([...out]).toEqual([0, 0, 0]);
      advantage(out, Float64Array.of(5, Number.NaN, 3), 3, Float64Array.of(1, 1, 0));
      expect([...out]).toEqual([0, 0, 0]);
    });

    test(`${name}: lengths and groups that do not fit`, () => {
      const x = new Float64Array(6);
      const short = new Float64Array(5);
      for (const size of [4, 0, 1.5, -2]) expect(() => advantage(x, x, size)).toThrow(ShapeError);
      expect(() => advantage(x, x, [1, 2])).toThrow(
        `${name}: expected 6 numbers as the groups, got 2`,
      );
      expect(() => advantage(short, x, 2)).toThrow(ShapeError);
      expect(() => advantage(x, x, 2, short)).toThrow(ShapeError);
    });
  }
});

describe("by hand", () => {
  const x = Float64Array.of(1, 2, 6, 4, 4, 4);
  const out = x.slice();

  test("leaveOneOut: 1 − 4, 2 − 3.5, 6 − 1.5; equal rewards are 0", () => {
    leaveOneOut(out, x, 3);
    expect([...out]).toEqual([-3, -1.5, 4.5, 0, 0, 0]);
  });

  test("groupMean: the mean is 3", () => {
    groupMean(out, x, 3);
    expect([...out]).toEqual([-2, -1, 3, 0, 0, 0]);
  });

  test("groupStandardize: squares 4 + 1 + 9 = 14, over 2 or 3; eps joins the deviation", () => {
    groupStandardize(out, x, 3, { ddof: 1, eps: 0 });
    near(
      out,
      [-2, -1, 3, 0, 0, 0].map((d) => d / Math.sqrt(7)),
    );
    groupStandardize(out, x, 3, { ddof: 0, eps: 1 });
    near(
      out,
      [-2, -1, 3, 0, 0, 0].map((d) => d / (Math.sqrt(14 / 3) + 1)),
    );
    groupStandardize(out, x, 3); // ddof 1, eps 1e-4
    near(
      out,
      [-2, -1, 3, 0, 0, 0].map((d) => d / (Math.sqrt(7) + 1e-4)),
    );
  });

  test("batchStandardize: mean 3.5; squares 6.25 + 2.25 + 6.25 + 3·0.25 = 15.5; NaN left out", () => {
    batchStandardize(out, x, { ddof: 0, eps: 0 });
    near(
      out,
      [-2.5, -1.5, 2.5, 0.5, 0.5, 0.5].map((d) => d / Math.sqrt(15.5 / 6)),
    );
    const [y, gap] = [new Float64Array(3), Float64Array.of(1, Number.NaN, 3)];
    batchStandardize(y, gap, { ddof: 0, eps: 0 });
    expect([...y]).toEqual([-1, 0, 1]);
    batchStandardize(y, gap, { valid: Float64Array.of(0, 1, 1) });
    expect([...y]).toEqual([0, 0, 0]);
    expect(() => batchStandardize(out, gap)).toThrow(ShapeError);
  });

  test("equal rewards that are no sums of powers of two have deviation 0, and eps 0 divides nothing", () => {
    const tenths = new Float64Array(7).fill(0.1);
    groupStandardize(tenths, tenths.slice(), 7, { eps: 0 });
    expect([...tenths]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  test("leaveOneOutMoments: of the others; alone, its own reward and 0", () => {
    const [baseline, spread] = [new Float64Array(6), new Float64Array(6)];
    leaveOneOutMoments(baseline, spread, Float64Array.of(1, 3, 8, 5, 7, 2), [1, 1, 1, 2, 2, 3]);
    // others of 1: 3 8, of 3: 1 8, of 8: 1 3; deviations |a − b|/√2
    expect([...baseline]).toEqual([5.5, 4.5, 2, 7, 5, 2]);
    near(
      spread,
      [5, 7, 2, 0, 0, 0].map((d) => d / Math.SQRT2),
    );
    const scored = Float64Array.of(1, Number.NaN, 3, 5, 99, 4);
    leaveOneOutMoments(baseline, spread, scored, 3, Float64Array.of(1, 1, 1, 1, 0, 1));
    // a sample left out has those of the scored ones
    expect([...baseline]).toEqual([3, 2, 1, 4, 4.5, 5]);
    near(spread, [0, Math.SQRT2, 0, 0, Math.SQRT1_2, 0]);
    const four = Float64Array.of(1, Number.NaN, 3, 5);
    leaveOneOutMoments(baseline.subarray(0, 4), spread.subarray(0, 4), four, 4);
    near(spread.subarray(0, 4), [Math.SQRT2, 2, 2 * Math.SQRT2, Math.SQRT2]);
  });

  test("groupsBetween: groups whose mean is strictly inside, unscored samples apart", () => {
    const keep = new Float64Array(6);
    const tenths = new Float64Array(10).fill(0.1);
    groupsBetween(tenths, tenths.slice(), 10, 0, 0.1); // ten of 0.1 do not come to 1
    expect([...tenths]).toEqual(new Array(10).fill(0));
    groupsBetween(keep, Float64Array.of(0, 1, 1, 1, 0, Number.NaN), 2, 0, 1);
    expect([...keep]).toEqual([1, 1, 0, 0, 0, 0]);
    groupsBetween(keep, Float64Array.of(0, 1, 1, Number.NaN, 0, 1), [7, 8, 7, 8, 9, 9], 0.1, 0.9);
    expect([...keep]).toEqual([1, 0, 1, 0, 1, 1]);
    // means ¾ (one unscored) and ¼, in turns
    const mixed = Float64Array.of(1, 0, 0.5, 0.25, Number.NaN, 0.5);
    groupsBetween(keep, mixed, [1, 2, 1, 2, 1, 2], 0.5, 1);
    expect([...keep]).toEqual([1, 0, 1, 0, 1, 0]);
    groupsBetween(keep, mixed, [1, 2, 1, 2, 1, 2], 0, 0.5);
    expect([...keep]).toEqual([0, 1, 0, 1, 0, 1]);
    groupsBetween(keep, new Float64Array(6).fill(Number.NaN), 3, -1, 1);
    expect([...keep]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

test("groupAdvantages is the one that its settings name; without any, the reward, and 0 where there is none", () => {
  const reward = Float64Array.of(1, 2, 6, 0, 5, Number.NaN);
  const settings = { ddof: 1, eps: 0.1 };
  const shares = (baseline: string, scale: string): number[] => {
    const advantage = new Float64Array(6);
    groupAdvantages(advantage, reward, { baseline, scale, ...settings }, 3);
    return [...advantage];
  };
  const by = (compute: (out: Float64Array) => void): number[] => {
    const out = new Float64Array(6);
    compute(out);
    return [...out];
  };
  expect(shares("mean", "batch")).toEqual(by((out) => batchStandardize(out, reward, settings)));
  expect(shares("mean", "group")).toEqual(by((out) => groupStandardize(out, reward, 3, settings)));
  expect(shares("mean", "none")).toEqual(by((out) => groupMean(out, reward, 3)));
  expect(shares("leaveOneOut", "none")).toEqual(by((out) => leaveOneOut(out, reward, 3)));
  expect(shares("none", "none")).toEqual([1, 2, 6, 0, 5, 0]);
});
