/** Which prompts are drawn, and how much room their completions take. */
import { describe, expect, test } from "vitest";
import { CompletionSampler } from "../../src/algos/completion-sampler.ts";
import { tuneSettings } from "../../src/algos/group-algorithms.ts";
import { moments } from "../../src/algos/moments.ts";
import { PromptSampler } from "../../src/algos/prompt-sampler.ts";
import { passSizes } from "../../src/algos/tune.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { letters, writing } from "./plain/writer.ts";

test("lengths of texts: the longest prompt with all that may follow, and a mean one", () => {
  const prompts = { train: ["a", "abca", "ab"], validation: [], heldOut: [] }; // 2, 5, 3 tokens
  const { t } = writing(letters({ prompts }), 100);
  const lengths = new CompletionSampler(t, settle(tuneSettings), false).textLengths();
  expect(lengths).toEqual({ longest: 8, mean: 6 }); // 10/3 + 3 − 1, rounded up
});

test("moments: equal numbers have a deviation of exactly 0, none are NaN", () => {
  expect(moments([0.1, 0.1, 0.1])).toEqual({ mean: 0.1, deviation: 0 });
  const { mean: m, deviation } = moments([1, 2, 6]);
  expect(m).toBe(3);
  expect(deviation).toBeCloseTo(Math.sqrt(14 / 3), 12);
  expect(moments([1e9 + 1, 1e9 + 3])).toEqual({ mean: 1e9 + 2, deviation: 1 });
  expect(moments([]).mean).toBeNaN();
});

describe("prompts are drawn", () => {
  const draw = (sampler: PromptSampler, n: number): number[] => {
    const out = new Int32Array(n);
    sampler.draw(out, new Random(4));
    return [...out];
  };
  /** The k-th with probability weight k by all. */
  function plainly(weights: readonly number[], n: number): number[] {
    const random = new Random(4);
    const total = weights.reduce((a, b) => a + b, 0);
    return Array.from({ length: n }, () => {
      const u = random.uniform() * total;
      return weights.findIndex((_, k) => u < weights.slice(0, k + 1).reduce((a, b) => a + b));
    });
  }
  test("alike without a curriculum, whatever was seen", () => {
    const sampler = new PromptSampler(5, false);
    sampler.observe(2, 100);
    const random = new Random(4);
    expect(draw(sampler, 100)).toEqual(Array.from({ length: 100 }, () => random.below(5)));
  });
  test("by what was seen with one: the unseen as the widest, by shares of the widest so far, NaN as not seen", () => {
    const sampler = new PromptSampler(5, true);
    expect(draw(sampler, 300)).toEqual(plainly([1, 1, 1, 1, 1], 300));
    sampler.observe(0, 2);
    sampler.observe(1, 0.5);
    sampler.observe(2, 0);
    sampler.observe(3, Number.NaN);
    expect(draw(sampler, 300)).toEqual(plainly([1.1, 0.35, 0.1, 1.1, 1.1], 300));
    sampler.observe(1, 4);
    sampler.observe(2, 1);
    expect(draw(sampler, 300)).toEqual(plainly([1.1, 1.1, 0.35, 1.1, 1.1], 300));
    const again = new PromptSampler(5, true);
    again.restore(sampler.save());
    for (const each of [sampler, again]) each.observe(4, 2); // half of the widest, which is saved too
    expect(draw(again, 300)).toEqual(plainly([1.1, 1.1, 0.35, 1.1, 0.6], 300));
  });
});

test("a pass has room for the longest text, for a group, and for its share of the samples", () => {
  const rest = { steps: 3, tokens: 9 };
  // 40 samples of 16 in rows of 32: 20 rows, in one pass of 640
  expect(
    passSizes({ longest: 20, mean: 16, samples: 40, together: 1, pass: 768, ...rest }),
  ).toEqual({
    rows: 20,
    positions: 32,
    samples: 80,
    steps: 3,
    together: 1,
    tokens: 9,
  });
  // rows of 60 hold three: 80 samples are 26⅔ rows, 1600 positions, two passes
  expect(
    passSizes({ longest: 58, mean: 20, samples: 80, together: 1, pass: 768, ...rest }),
  ).toMatchObject({
    rows: 14,
    positions: 60,
    samples: 56,
  });
  // a text longer than a mean one by much still fits a row, by itself
  expect(
    passSizes({ longest: 1001, mean: 1000, samples: 1, together: 1, pass: 768, ...rest }),
  ).toMatchObject({
    rows: 1,
    positions: 1000,
    samples: 4,
  });
  // a group of 6 stays together, and a pass takes whole groups
  expect(
    passSizes({ longest: 20, mean: 40, samples: 2, together: 6, pass: 768, ...rest }),
  ).toMatchObject({
    rows: 6,
    samples: 24,
  });
  expect(
    passSizes({ longest: 20, mean: 16, samples: 40, together: 7, pass: 768, ...rest }),
  ).toMatchObject({
    rows: 20,
    samples: 84,
  });
});
