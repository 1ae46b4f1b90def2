import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bleu,
  chrF,
  editDistance,
  errorRate,
  longestCommon,
  matches,
  rougeL,
} from "../../src/text/overlap.ts";
import {
  cosineLength,
  distinct,
  exactMatch,
  format,
  lexiconScore,
  overlong,
  repetition,
  softOverlong,
  weightedSum,
} from "../../src/text/rewards.ts";
import { seed } from "../support/seed.ts";

const words = (text: string): string[] => text.split(" ");
const tokens = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe("BLEU, against published examples", () => {
  // Papineni et al. 2002, section 2.1: modified precision 2/7, and 17/18 against 8/14
  const references = [
    "It is a guide to action that ensures that the military will forever heed Party commands",
    "It is the guiding principle which guarantees the military forces always being under the command of the Party",
    "It is the practical guide for the army always to heed the directions of the party",
  ].map((text) => words(text.toLowerCase()));
  const good =
    "it is a guide to action which ensures that the military always obeys the commands of the party";
  const bad = "it is to insure the troops forever hearing the activity guidebook that party direct";
  test("clipped unigram precisions", () => {
    const cats = ["the cat is on the mat", "there is a cat on the mat"].map(words);
    expect(matches(words("the the the the the the the"), cats, 1)).toEqual({
      matched: 2,
      total: 7,
    });
    expect(matches(words(good), references, 1)).toEqual({ matched: 17, total: 18 });
    expect(matches(words(bad), references, 1)).toEqual({ matched: 8, total: 14 });
    expect(matches(words(good), references, 2)).toEqual({ matched: 10, total: 17 });
    expect(matches(words(bad), references, 2)).toEqual({ matched: 1, total: 13 });
  });
  test("the whole score, as NLTK's documentation gives it for the cased sentences", () => {
    const cased = [
      "It is a guide to action that ensures that the military will forever heed Party commands",
      "It is the guiding principle which guarantees the military forces always being under the command of the Party",
      "It is the practical guide for the army always to heed the directions of the party",
    ].map(words);
    const made = words(`I${good.slice(1)}`);
    expect(bleu(made, cased)).toBeCloseTo(0.5045666840058485, 12);
    expect(bleu(words(bad), references)).toBe(0);
    expect(bleu(words(bad), references, 4, true)).toBeGreaterThan(0);
  });
  test("brevity: exp(1 − r/c) where every n-gram matches", () => {
    const reference = words("a b c d e f");
    expect(bleu(words("a b c d"), [reference])).toBeCloseTo(Math.exp(1 - 6 / 4), 12);
    expect(bleu(reference, [reference])).toBe(1);
  });
});

test("ROUGE-L: the example of Lin 2004, section 3", () => {
  const reference = words("police killed the gunman");
  expect(rougeL(words("police kill the gunman"), reference)).toBe(0.75);
  expect(rougeL(words("the gunman kill police"), reference)).toBe(0.5);
  expect(rougeL([], reference)).toBe(0);
  // recall 2/4, precision 2/2, β = 2: 5·0.5/(0.5 + 4·1)
  expect(rougeL(words("police gunman"), reference, 2)).toBeCloseTo(2.5 / 4.5, 12);
});

test("chrF, by hand", () => {
  expect(chrF("abc", "abc")).toBe(1);
  expect(chrF("a b", "ab")).toBe(1); // white space does not count
  // precisions and recalls 2/3, 1/2, 0 of orders 1 to 3; the text has none of 4 to 6
  expect(chrF("abc", "abd")).toBeCloseTo(7 / 18, 12);
  // precision 1 of orders 1 and 2, recall 2/4 and 1/3: means 1 and 5/12
  expect(chrF("ab", "abcd")).toBeCloseTo(25 / 53, 12);
  expect(chrF("ab", "abcd", 6, 1)).toBeCloseTo(10 / 17, 12);
  expect(chrF("ab", "abcd", 1)).toBeCloseTo((5 * 0.5) / 4.5, 12);
  expect(chrF("aaa", "a")).toBeCloseTo(5 / 7, 12); // clipped
  expect(chrF("𝄞x", "𝄞")).toBeCloseTo((5 * 0.5) / (1 + 4 * 0.5), 12); // code points
  expect([chrF("", "a"), chrF("a", ""), chrF("b", "a")]).toEqual([0, 0, 0]);
});

describe("edit distance", () => {
  test("by hand", () => {
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("", "abc")).toBe(3);
    expect(errorRate(["K", "AE", "T"], ["K", "AH", "T", "S"])).toBeCloseTo(2 / 3, 12);
  });
  test("property: a metric; |a| + |b| − 2·LCS bounds it from above", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        const d = editDistance(a, b);
        expect(d).toBe(editDistance(b, a));
        expect(d === 0).toBe(a === b);
        expect(d).toBeLessThanOrEqual(editDistance(a, c) + editDistance(c, b));
        expect(d).toBeLessThanOrEqual(a.length + b.length - 2 * longestCommon(a, b));
        expect(d).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
      { seed },
    );
  });
});

describe("rewards", () => {
  test("exact match, trimmed; NaN where there is no answer", () => {
    const reward = exactMatch((prompt) => (prompt === "2+2=" ? "4" : undefined));
    expect(reward("2+2=", " 4\n", [])).toBe(1);
    expect(reward("2+2=", "5", [])).toBe(0);
    expect(reward("?", "4", [])).toBeNaN();
  });
  test("format and weighted sum; NaN spreads", () => {
    const digits = format(/^\d+$/);
    expect([digits("", "12", []), digits("", "x12", [])]).toEqual([1, 0]);
    const sum = weightedSum([
      [2, digits],
      [0.5, (_, completion) => completion.length],
    ]);
    expect(sum("", "12", [])).toBe(3);
    expect(weightedSum([[0, () => Number.NaN]])("", "", [])).toBeNaN();
  });
  test("length penalties at their corners", () => {
    const soft = softOverlong(100, 20);
    expect([0, 80, 90, 100, 200].map((n) => soft("", "", tokens(n)))).toEqual([0, 0, -0.5, -1, -1]);
    const ever = overlong(25, 5, 0.5);
    expect([20, 25, 35].map((n) => ever("", "", tokens(n)))).toEqual([0, -0.5, -1.5]);
    const cosine = cosineLength((_, completion) => Number(completion === "yes"), 100);
    expect(cosine("", "yes", tokens(0))).toBe(1);
    expect(cosine("", "no", tokens(300))).toBeCloseTo(-0.5, 12);
  });
  test("repetition: the share of n-grams that stood before", () => {
    expect(repetition(2, 1)("", "", [1, 2, 1, 2, 1])).toBeCloseTo(-0.5, 12); // 12 21 12 21
    expect(repetition(2, 1)("", "", [1])).toBeCloseTo(0, 12);
    expect(distinct(["a", "b", "a", "b"], 1)).toBe(0.5);
  });
  test("lexicon: mean valence of known words, case aside; NaN without words", () => {
    const reward = lexiconScore(new Map(Object.entries({ good: 3, bad: -3, "don't": -1 })));
    expect(reward("", "Good, very good; bad!", [])).toBe(1);
    expect(reward("", "don't", [])).toBe(-1);
    expect(reward("", "the table", [])).toBe(0);
    expect(reward("", " 12 !", [])).toBeNaN();
  });
});
