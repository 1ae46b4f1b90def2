/** Evaluation of a language model: what each figure is of. */
import { describe, expect, test } from "vitest";
import { evaluateLanguage } from "../../src/algos/evaluate-language.ts";
import { judgesFrom, type RewardSource } from "../../src/text/own-reward.ts";
import { promptTokens, type TextTask } from "../../src/text/task.ts";
import { mean } from "./plain/learner.ts";
import { letters, Reader, writing } from "./plain/writer.ts";

const prompts = { train: ["a"], validation: ["a", "b", "c", "ab", "bc"], heldOut: ["cab", "ba"] };
const asked: { prompt: string; text: string }[] = [];
const task: TextTask = letters({
  prompts,
  reward(prompt, text) {
    asked.push({ prompt, text });
    return text.startsWith("b") ? Number.NaN : text.length + prompt.length / 10;
  },
  measures: {
    length: (_, text) => text.length,
    b: (_, text) => (text.startsWith("b") ? 1 : Number.NaN),
  },
});
const { gpt } = writing(task, 1).t;

describe("figures", () => {
  test("greedy: each prompt's likeliest completion, the same at any seed", () => {
    const reader = new Reader(gpt);
    const { samples } = evaluateLanguage(gpt, task);
    expect(samples.map(({ prompt }) => prompt)).toEqual(prompts.validation);
    for (const { prompt, completion } of samples) {
      const made = reader.greedy(task, promptTokens(task, prompt));
      const ends = made.at(-1) === task.tokenizer.special("<end>");
      expect(completion).toBe(task.tokenizer.decode(ends ? made.slice(0, -1) : made));
    }
    expect(evaluateLanguage(gpt, task, { seed: 6 }).samples).toEqual(samples);
  });

  test("means and the deviation are over what was scored, each measure over what it could tell", () => {
    const e = evaluateLanguage(gpt, task, { sampling: {}, seed: 6 });
    const rewards = e.samples.map(({ reward }) => reward);
    const scored = rewards.filter((r) => !Number.isNaN(r));
    expect(scored.length).toBeGreaterThan(1);
    expect(scored.length).toBeLessThan(5);
    expect(e.prompts).toBe(5);
    expect(e.unscored).toBe(5 - scored.length);
    expect(e.meanReturn).toBeCloseTo(mean(scored), 12);
    const squares = scored.map((r) => (r - mean(scored)) ** 2);
    const variance = (mean(squares) * scored.length) / (scored.length - 1);
    expect(e.stdReturn).toBeCloseTo(Math.sqrt(variance), 12);
    for (const { prompt, completion, reward } of e.samples)
      expect(reward).toEqual(task.reward(prompt, completion, []));
    const lengths = e.samples.map(({ completion }) => completion.length);
    expect(e.measures).toEqual({ length: mean(lengths), b: 1 });
    // an end token more where there is one; a completion has three tokens at most
    expect(e.meanLength).toBeCloseTo(mean(lengths.map((n) => Math.min(3, n + 1))), 12);
    expect(evaluateLanguage(gpt, task, { sampling: {}, seed: 6 })).toEqual(e);
    expect(evaluateLanguage(gpt, task, { sampling: {}, seed: 99 }).samples).not.toEqual(e.samples);
  });

  test("each reward that has a name has its mean without its weight, a single one too", () => {
    const length = (_: string, text: string) => text.length;
    const starts = (_: string, text: string) => (text.startsWith("b") ? Number.NaN : 1);
    const of = (source: RewardSource) =>
      evaluateLanguage(gpt, { ...task, measures: {}, judges: judgesFrom(source, "here") });
    const lengths = mean(of(length).samples.map(({ completion }) => completion.length));
    expect(lengths).toBeGreaterThan(0);
    expect(of(length)).toMatchObject({ meanReturn: lengths, measures: {} });
    expect(of({ reward: length, weight: 3 }).measures).toEqual({});
    const single = of({ long: { reward: length, weight: 3 } });
    expect(single.meanReturn).toBeCloseTo(3 * lengths, 12);
    expect(single.measures).toEqual({ long: lengths });
    const several = of({ long: { reward: length, weight: -2 }, starts });
    expect(several.measures).toEqual({ long: lengths, starts: 1 });
  });

  test("prompts are of the side asked for, at most so many, spread over all", () => {
    const of = (options: object) =>
      evaluateLanguage(gpt, task, options).samples.map((s) => s.prompt);
    expect(of({ side: "heldOut" })).toEqual(prompts.heldOut);
    expect(of({ most: 2 })).toEqual(["a", "c"]);
    expect(of({ most: 5 })).toEqual(prompts.validation);
  });

  test("best of n: of each prompt's samples the first with the best reward, one without a score last", () => {
    asked.length = 0;
    for (const wrong of [{ bestOf: 0 }, { bestOf: 1.5 }, { most: 0 }, { side: "x" as never }])
      expect(() => evaluateLanguage(gpt, task, wrong)).toThrow(RangeError);
    const e = evaluateLanguage(gpt, task, { sampling: {}, seed: 6, bestOf: 4 });
    expect(e.prompts).toBe(5);
    const all = asked.slice(0, 20);
    const rewards = all.map(({ prompt, text }) => task.reward(prompt, text, []));
    for (const [p, sample] of e.samples.entries()) {
      const own = rewards.slice(4 * p, 4 * p + 4);
      const scored = own.filter((r) => !Number.isNaN(r));
      const best = 4 * p + (scored.length === 0 ? 0 : own.indexOf(Math.max(...scored)));
      expect(sample.prompt).toBe(prompts.validation[p]);
      expect(all.slice(4 * p, 4 * p + 4).every(({ prompt }) => prompt === sample.prompt)).toBe(
        true,
      );
      expect(sample.completion).toBe(all[best].text);
      expect(sample.reward).toBe(rewards[best]);
    }
  });
});

test("distinct-2: unique neighbouring words by all, not across texts; 1 where there are none", () => {
  const saying = (texts: readonly string[]) => {
    let i = 0;
    const words = letters({ prompts });
    const tokenizer = {
      ...words.tokenizer,
      encode: words.tokenizer.encode,
      special: words.tokenizer.special,
    };
    return evaluateLanguage(gpt, {
      ...words,
      measures: {},
      // what is decoded for the figure comes after one text for each reward
      tokenizer: Object.assign(Object.create(words.tokenizer), tokenizer, {
        decode: () => texts[i++ % texts.length],
      }),
    }).distinct2;
  };
  expect(saying(["x y z", "x y", "z x", "  x   y  ", "w"])).toBeCloseTo(3 / 5, 12); // xy yz xy zx xy
  expect(saying(["x", "y", "", "z", "w"])).toBe(1);
  expect(saying(["x x x", "x x", "x", "x", "x"])).toBeCloseTo(1 / 3, 12);
});
