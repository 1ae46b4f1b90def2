/** The sampler against its definition by lists, for every setting and ties. */
import { describe, expect, test } from "vitest";
import { NumericError, SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Sampler, type Sampling } from "../../src/nn/sampler.ts";

const vocab = 6;
const before = 3; // numbers in front of the logits
type Given = Partial<Sampling>;

/** Penalty, temperature, top-k, top-p, min-p, one after another over all tokens. */
function naive(logits: readonly number[], o: Given, seen: readonly number[], u: number) {
  const { temperature = 1, repetitionPenalty: by = 1, topK = 0, topP = 1, minP = 0 } = o;
  const x = logits.map((l, j) => (seen.includes(j) ? (l > 0 ? l / by : l * by) : l) / temperature);
  const falling = [...x].sort((a, b) => b - a);
  let kept = x.map(() => true);
  const keep = (least: number): void => {
    kept = kept.map((k, j) => k && x[j] >= least);
  };
  const share = (list: readonly number[]): number =>
    list.reduce((sum, v) => sum + Math.exp(v - falling[0]), 0);
  if (topK > 0 && topK < x.length) keep(falling[topK - 1]);
  if (topP < 1) {
    const left = falling.slice(0, kept.filter(Boolean).length);
    const total = share(left);
    const sizes = left.map((_, i) => i + 1);
    const reach = sizes.find((n) => share(left.slice(0, n)) >= topP * total) ?? left.length;
    if (o.topPRule !== "within") keep(left[reach - 1]);
    else {
      // whole groups of equals, as many as stay within it, and at least the first
      const groups = sizes.filter((n) => n === left.length || left[n] < left[n - 1]);
      const within = groups.filter((n) => share(left.slice(0, n)) <= topP * total);
      keep(left[(within.at(-1) ?? groups[0]) - 1]);
    }
  }
  if (minP > 0) keep(falling[0] + Math.log(minP));
  const total = share(x.filter((_, j) => kept[j]));
  const p = x.map((v, j) => (kept[j] ? Math.exp(v - falling[0]) / total : 0));
  let token = o.greedy ? x.indexOf(falling[0]) : 0;
  if (!o.greedy) for (let left = u; left >= p[token]; left -= p[token++]);
  return {
    token,
    logProb: Math.log(p[token]),
    entropy: -p.reduce((sum, q) => sum + (q === 0 ? 0 : q * Math.log(q)), 0),
    support: kept.map(Number),
  };
}

const settings: readonly Given[] = [
  {},
  { temperature: 0.4 },
  { temperature: 3 },
  { topK: 1 },
  { topK: 2 },
  { topK: vocab - 1 },
  { topK: vocab },
  { topK: 50 },
  { topK: 50, topP: 0.6 },
  { topK: vocab, minP: 0.2 },
  { topP: 0.1 },
  { topP: 0.6 },
  { topP: 0.95 },
  { topP: 0.6, topPRule: "within" },
  { topP: 0.95, topPRule: "within" },
  { topP: 0.1, topPRule: "within" },
  { minP: 0.2 },
  { minP: 1 },
  { topK: 3, topP: 0.7, minP: 0.1, temperature: 1.5 },
  { topK: 4, topP: 0.8, topPRule: "within" },
  { topK: 2, minP: 0.9 },
  { repetitionPenalty: 2 },
  { repetitionPenalty: 0.5, topK: 2, temperature: 0.7 },
  { greedy: true },
  { greedy: true, topP: 0.5, repetitionPenalty: 4 },
];
const ties = [
  [2, 1, 1, 1, 0, -1],
  [1, 1, 1, 1, 1, 1],
  [0, 3, -2, 3, 0.5, 0.5],
  [-1, -1, -3, -2, -2, -4],
];

describe("Sampler against lists", () => {
  test.each(settings.map((o) => [JSON.stringify(o), o] as const))("%s", (_, o) => {
    const random = new Random(7);
    const sampler = new Sampler(vocab, o);
    const keepsAll = { topK: 0, topP: 1, minP: 0, ...o };
    expect(sampler.truncates).toBe(
      (keepsAll.topK > 0 && keepsAll.topK < vocab) || keepsAll.topP < 1 || keepsAll.minP > 0,
    );
    for (let i = 0; i < 60; i++) {
      const drawn = Array.from({ length: vocab }, () => 2 * random.normal());
      const logits = i % 3 === 0 ? ties[(i / 3) % ties.length] : drawn;
      const text = [0, 1, 2, 3, 4].map(() => random.below(vocab));
      const noise = [random.uniform()];
      const want = naive(logits, o, text.slice(1, 4), noise[0]);
      sampler.choose(
        [...new Array(before).fill(99), ...logits] as never,
        before,
        noise,
        text,
        1,
        4,
      );
      const { token, logProb, entropy, support } = sampler;
      expect([token, [...support]]).toEqual([want.token, want.support]);
      expect(logProb).toBeCloseTo(want.logProb, 9);
      expect(entropy).toBeCloseTo(want.entropy, 9);
    }
  });

  test("of a padded vocabulary, the first ids alone: in the largest logit, the sums, the support", () => {
    for (const o of [{}, { topK: 3 }, { topK: 4 }, { greedy: true }, { repetitionPenalty: 2 }]) {
      const sampler = new Sampler(vocab, o, 4);
      expect(sampler.truncates).toBe(o.topK === 3);
      const logits = [1, 0.5, -1, 2, 50, 60];
      for (const u of [0, 0.2, 0.5, 0.9, 0.99999]) {
        sampler.choose(logits as never, 0, [u], [0, 5, 3]);
        const want = naive(logits.slice(0, 4), o, [0, 3], u);
        expect([sampler.token, [...sampler.support]]).toEqual([
          want.token,
          [...want.support, 0, 0],
        ]);
        expect(sampler.logProb).toBeCloseTo(want.logProb, 9);
      }
    }
    expect([...new Sampler(5, {}, 3).support]).toEqual([1, 1, 1, 0, 0]);
  });

  test("the edges of the inverse CDF, by hand: a token of probability 0 never comes", () => {
    const sampler = new Sampler(5);
    const at = (u: number): number => {
      sampler.choose([-Infinity, 0, -Infinity, 0, -Infinity] as never, 0, [u]);
      return sampler.token;
    };
    expect([0, 0.49, 0.5, 0.99, 1 - 2 ** -53].map(at)).toEqual([1, 1, 3, 3, 3]);
    expect(sampler.entropy).toBeCloseTo(Math.LN2, 12);
  });

  test("top-p by hand where the sum reaches it exactly: 1, 1/2, 1/4, 1/4 of 2", () => {
    const logits = [0, -Math.LN2, -2 * Math.LN2, -2 * Math.LN2];
    const kept = (topP: number, topPRule: "reach" | "within"): string => {
      const sampler = new Sampler(4, { topP, topPRule });
      sampler.choose(logits as never, 0, [0]);
      return sampler.support.join("");
    };
    for (const rule of ["reach", "within"] as const) {
      expect(kept(0.5, rule)).toBe("1000");
      expect(kept(0.75, rule)).toBe("1100");
    }
    expect([kept(0.7, "within"), kept(0.7, "reach")]).toEqual(["1000", "1100"]);
    expect([kept(0.8, "within"), kept(0.8, "reach")]).toEqual(["1100", "1111"]); // equals go together
  });

  test("without a text nothing is penalized; without an end, all of it", () => {
    const sampler = new Sampler(3, { repetitionPenalty: 10, greedy: true });
    const chosen = (...text: (number[] | number)[]): number => {
      sampler.choose([3, 2, 1] as never, 0, [0], ...(text as [number[], number, number]));
      return sampler.token;
    };
    expect(chosen()).toBe(0);
    expect(chosen([0])).toBe(1);
    expect(chosen([0, 1])).toBe(2);
    expect(chosen([0, 1], 1)).toBe(0);
    expect(chosen([2, 0, 1], 0, 2)).toBe(1);
    expect(chosen([0, 1, 2])).toBe(0); // 0.3 is the largest again
    expect(chosen()).toBe(0); // nothing is left of the text before
  });

  test("what cannot be drawn from is refused", () => {
    const choose = (logits: number[], u = 0.5) => new Sampler(3).choose(logits as never, 0, [u]);
    expect(() => choose([0, Number.NaN, 0])).toThrow(NumericError);
    expect(() => choose([0, 0, Number.NaN])).toThrow("logit 2 is NaN");
    expect(() => choose([-Infinity, -Infinity, -Infinity])).toThrow(NumericError);
    expect(() => choose([0, Infinity, 0])).toThrow(NumericError);
    for (const u of [-0.1, 1, Number.NaN]) expect(() => choose([0, 0, 0], u)).toThrow(RangeError);
    new Sampler(3, { greedy: true }).choose([0, 0, 0] as never, 0, [5]); // it draws nothing
    for (const [size, tokens] of [
      [0, 1],
      [3, 0],
      [3, 4],
      [2.5, 1],
    ])
      expect(() => new Sampler(size, {}, tokens)).toThrow(RangeError);
    new Sampler(1, {}, 1);
  });

  test("the settings' ranges and initial values", () => {
    for (const o of [
      { temperature: 0 },
      { temperature: 1001 },
      { topK: -1 },
      { topK: 1.5 },
      { topP: 0 },
      { topP: 1.01 },
      { minP: -0.1 },
      { minP: 1.1 },
      { repetitionPenalty: 0 },
      { repetitionPenalty: 1001 },
      { topPRule: "over" as never },
    ])
      expect(() => new Sampler(3, o)).toThrow(SettingError);
    expect(new Sampler(3).options).toEqual({
      temperature: 1,
      topK: 0,
      topP: 1,
      topPRule: "reach",
      minP: 0,
      repetitionPenalty: 1,
      greedy: false,
    });
    new Sampler(3, { temperature: 1e-3, minP: 1, topP: 1e-9, repetitionPenalty: 1e3 });
  });
});
