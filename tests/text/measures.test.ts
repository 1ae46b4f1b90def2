/** Rewards and measures of overlap, by hand and by their definitions. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError, UsageError } from "../../src/core/errors.ts";
import {
  bleu,
  editDistance,
  errorRate,
  leastErrorRate,
  longestCommon,
  rougeL,
} from "../../src/text/overlap.ts";
import * as rewards from "../../src/text/rewards.ts";
import { seed } from "../support/seed.ts";

const words = (text: string): string[] => (text === "" ? [] : text.split(" "));
const tokens = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const given = (
  reward: rewards.Reward,
  completion = "",
  list: ArrayLike<number> = [],
  prompt = "",
): number => reward(prompt, completion, list);

describe("overlap", () => {
  const short = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 6 });
  /** By trying all: the least over what the last step was. */
  const edits = (a: string, b: string): number =>
    a === "" || b === ""
      ? a.length + b.length
      : Math.min(
          edits(a.slice(1), b) + 1,
          edits(a, b.slice(1)) + 1,
          edits(a.slice(1), b.slice(1)) + Number(a[0] !== b[0]),
        );
  const common = (a: string, b: string): number =>
    a === "" || b === ""
      ? 0
      : a[0] === b[0]
        ? 1 + common(a.slice(1), b.slice(1))
        : Math.max(common(a.slice(1), b), common(a, b.slice(1)));
  test("property: edit distance and common subsequence are those of all ways", () => {
    fc.assert(
      fc.property(short, short, (a, b) => {
        expect(editDistance(a, b)).toBe(edits(a, b));
        expect(longestCommon(a, b)).toBe(common(a, b));
      }),
      { seed },
    );
  });
  test("error rates: by the reference's length, 1 at least; the least of several references", () => {
    expect(errorRate("abcd", "abxd")).toBe(0.25);
    expect(errorRate("", "ab")).toBe(2);
    expect(leastErrorRate(["abcd", "ab", "xyz"], "abx")).toBe(0.5);
    expect(leastErrorRate(["abcd", "abxy"], "abx")).toBe(0.25);
    expect(leastErrorRate([], "a")).toBe(Infinity);
  });
  test("BLEU: the nearest reference's length, of equally near ones the shorter", () => {
    const refs = (...list: string[]): string[][] => list.map(words);
    expect(bleu(words("a b c"), refs("a b", "a b c d"), 1)).toBe(1); // 2 and 4 are as near: 2 counts
    expect(bleu(words("a b c"), refs("a b c d", "a b"), 1)).toBe(1);
    expect(bleu(words("a b c"), refs("a b c d e", "a b c d"), 1)).toBeCloseTo(
      Math.exp(1 - 4 / 3),
      12,
    );
    expect(bleu(words("a b c"), refs("a b c"), 1)).toBe(1);
  });
  test("BLEU: geometric mean over orders, smoothed by 1 from n = 2 on", () => {
    const [made, reference] = [words("a b c d"), [words("a b x d")]];
    expect(bleu(made, reference, 1)).toBeCloseTo(3 / 4, 12);
    expect(bleu(made, reference, 2)).toBeCloseTo(Math.sqrt((3 / 4) * (1 / 3)), 12);
    expect(bleu(made, reference, 3)).toBe(0);
    expect(bleu(made, reference, 3, true)).toBeCloseTo(
      ((3 / 4) * (2 / 4) * (1 / 3)) ** (1 / 3),
      12,
    );
    expect(bleu(words("z"), reference, 2, true)).toBe(0); // no unigram: not smoothed
    expect(() => bleu(made, [])).toThrow(ShapeError);
    expect(() => bleu(made, reference, 0)).toThrow(RangeError);
  });
  test("ROUGE-L: F of recall and precision", () => {
    expect(rougeL(words("a b"), words("a x b c"))).toBeCloseTo((2 * 0.5 * 1) / 1.5, 12);
    expect(rougeL(words("a b"), words("a x b c"), 0)).toBe(1); // precision alone
    expect(rougeL(words("a x b c"), words("a b"), 0)).toBe(0.5);
    expect(rougeL(words("z"), words("a"))).toBe(0);
    expect(() => rougeL([], [], -1)).toThrow(RangeError);
  });
});

describe("rewards", () => {
  test("a reward is a number or NaN; anything else is named", () => {
    const of = (x: unknown): number => rewards.rewardOf(() => x as number, "", "", []);
    expect([of(1.5), of(Number.NaN), of(-0)]).toEqual([1.5, Number.NaN, -0]);
    for (const [x, message] of [
      [Infinity, "got Infinity"],
      [-Infinity, "got -Infinity"],
      ["1", "got 1"],
      [undefined, "got undefined"],
      [null, "got null"],
      [Promise.resolve(1), "got a promise, which nobody awaits"],
      [{}, "got [object Object]"],
    ] as const) {
      expect(() => of(x)).toThrow(UsageError);
      expect(() => of(x)).toThrow(message);
    }
    expect(rewards.rewardOf((p, c, t) => Number(p) + Number(c) + t.length, "1", "2", [0, 0])).toBe(
      5,
    );
  });
  test("exactMatch trims both; weightedSum hands all three on", () => {
    expect(
      given(
        rewards.exactMatch(() => " 4 "),
        "4",
      ),
    ).toBe(1);
    const sum = rewards.weightedSum([
      [2, (prompt) => prompt.length],
      [10, (_, __, list) => list.length],
    ]);
    expect(given(sum, "c", [1, 2, 3], "ab")).toBe(34);
    expect(given(rewards.weightedSum([]))).toBe(0);
    expect(() => given(rewards.weightedSum([[1, () => Infinity]]))).toThrow(UsageError);
  });
  test("mappedReward by hand: held to one interval, mapped to another", () => {
    const to = (x: number, ...bounds: [[number, number], [number, number]?]): number =>
      given(rewards.mappedReward(() => x, ...bounds));
    expect([-5, 0, 1, 4, 9].map((x) => to(x, [0, 4], [10, 20]))).toEqual([10, 10, 12.5, 20, 20]);
    expect([-5, 1, 9].map((x) => to(x, [0, 4]))).toEqual([0, 1, 4]);
    expect(to(3, [2, 2], [7, 9])).toBe(7);
    expect(to(Number.NaN, [0, 1], [0, 1])).toBeNaN();
    for (const bad of [
      [1, 0],
      [0, Infinity],
      [Number.NaN, 1],
    ] as [number, number][]) {
      expect(() => rewards.mappedReward(() => 0, bad)).toThrow(RangeError);
      expect(() => rewards.mappedReward(() => 0, [0, 1], bad)).toThrow(RangeError);
    }
  });
  test("length penalties: their corners, and settings that are none", () => {
    const soft = rewards.softOverlong(10, 4);
    expect([0, 6, 7, 8, 10, 11].map((n) => given(soft, "", tokens(n)))).toEqual([
      0, 0, -0.25, -0.5, -1, -1,
    ]);
    const over = rewards.overlong(10, 4, 2);
    expect([0, 6, 7, 10, 14].map((n) => given(over, "", tokens(n)))).toEqual([0, 0, -0.5, -2, -4]);
    expect(given(rewards.overlong(10, 4, 0), "", tokens(99))).toBeCloseTo(0, 12);
    for (const make of [
      () => rewards.softOverlong(-1, 4),
      () => rewards.softOverlong(10, 0),
      () => rewards.overlong(-1, 4, 1),
      () => rewards.overlong(10, 0, 1),
      () => rewards.overlong(10, 4, -1),
      () => rewards.cosineLength(() => 1, 0),
      () => rewards.repetition(0, 1),
      () => rewards.repetition(1, -1),
      () => rewards.distinct([], 0),
    ])
      expect(make).toThrow(RangeError);
    rewards.softOverlong(0, 4);
    rewards.overlong(0, 4, 0);
  });
  test("cosineLength: 1 to ½ for what is right, −1 to −½ for what is not, NaN for what cannot be scored", () => {
    const of = (score: number, n: number): number =>
      given(
        rewards.cosineLength(() => score, 12),
        "",
        tokens(n),
      );
    for (const n of [0, 3, 6, 12]) {
      const size = 0.5 + 0.25 * (1 + Math.cos((Math.PI * n) / 12));
      expect(of(0.2, n)).toBeCloseTo(size, 12);
      expect(of(0, n)).toBeCloseTo(-size, 12);
      expect(of(-3, n)).toBeCloseTo(-size, 12);
    }
    expect(of(1, 50)).toBeCloseTo(0.5, 12);
    expect(of(Number.NaN, 3)).toBeNaN();
  });
  test("repetition and distinct: n-grams by all n-grams; 1 where there is none", () => {
    expect(rewards.distinct([1, 2, 1, 2, 1], 2)).toBe(0.5);
    expect(rewards.distinct([1, 2, 1, 2, 1], 1)).toBe(0.4);
    expect(rewards.distinct([1, 2, 1, 2, 1], 5)).toBe(1);
    expect(rewards.distinct(["a", "b c", "a b", "c"], 2)).toBe(1); // entries with spaces stay apart
    expect(bleu(["x", "a b", "c"], [["x", "a", "b c"]], 2)).toBe(0);
    expect(rewards.distinct([1, 1], 3)).toBe(1);
    expect(rewards.distinct([12, 3, 1, 23], 2)).toBe(1); // "12 3" is not "1 23"
    expect(given(rewards.repetition(1, 5), "", [1, 1, 1, 1])).toBe(-3.75);
    expect(given(rewards.repetition(2, 5), "", [1, 2])).toBeCloseTo(0, 12);
  });
  test("lexiconScore: words with apostrophes, any case and script", () => {
    const score = rewards.lexiconScore(
      new Map([
        ["gut", 2],
        ["don't", -4],
        ["größe", 1],
      ]),
    );
    expect(given(score, "GUT... Größe, don't!")).toBeCloseTo(-1 / 3, 12);
    expect(given(score, "other")).toBe(0);
    expect(given(score, "1 2 3")).toBeNaN();
    expect(given(rewards.format(/b$/), "ab")).toBe(1);
    expect(given(rewards.format(/b$/), "ba")).toBe(0);
  });
});
