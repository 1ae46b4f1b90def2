// @module-tag deep
import { describe, expect, test } from "vitest";
import {
  learnedReward,
  type Preference,
  preferenceAccuracy,
  rewardModelSettings,
  trainRewardModel,
} from "../../src/algos/reward-model.ts";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { valuesOf } from "../../src/nn/value.ts";
import { reshape } from "../../src/ops/layout.ts";
import { tokens as lettersTask } from "../../src/tasks/text/tokens.ts";
import { endToken, exampleTokens } from "../../src/text/task.ts";

const task = lettersTask({ letters: 4, length: 4, goal: "rising" });
const random = new Random(1);
const completion = (): string => Array.from({ length: 4 }, () => "abcd"[random.below(4)]).join("");
const textOf = (made: string): readonly number[] =>
  exampleTokens(task, { prompt: "a", completion: made }).tokens;
/** Preferences that follow Bradley and Terry's model of the task's own reward, sharpened. */
const preference = (): Preference => {
  const [a, b] = [completion(), completion()];
  const margin = 4 * (task.reward("a", a, []) - task.reward("a", b, []));
  const aWins = random.uniform() < 1 / (1 + Math.exp(-margin));
  return aWins
    ? { chosen: textOf(a), rejected: textOf(b) }
    : { chosen: textOf(b), rejected: textOf(a) };
};
/** Pairs whose better one is beyond doubt. */
const clear = (): Preference => {
  for (;;) {
    const [a, b] = [completion(), completion()];
    if (task.reward("a", a, []) > task.reward("a", b, []))
      return { chosen: textOf(a), rejected: textOf(b) };
  }
};

test("learns to rank held-out pairs, and scores as the rule that made the preferences", () => {
  const { vocab } = task.tokenizer;
  const options = { vocab, context: 8, layers: 2, heads: 2, width: 32, valueHead: true };
  const gpt = new Gpt(simd({ memory: 2 ** 26 }), options, random.split());
  const heldOut = Array.from({ length: 200 }, clear);
  const before = preferenceAccuracy(gpt, heldOut);
  const c = settle(rewardModelSettings, { updates: 400, pairs: 32, learningRate: 3e-3 });
  const train = Array.from({ length: 2000 }, preference);
  const reports = [...trainRewardModel(gpt, train, c, random)];
  expect(reports[0].loss).toBeCloseTo(Math.LN2, 0); // no margin yet
  expect(reports.length).toBe(400);
  const after = preferenceAccuracy(gpt, heldOut);
  expect(before).toBeLessThan(0.75);
  expect(after).toBeGreaterThan(0.93);
  const reward = learnedReward(gpt, task);
  expect(reward("a", "abcd", [])).toBeGreaterThan(reward("a", "dddd", []) + 1);
  expect(reward("a", "abcdabcd", [])).toBeNaN();
});

describe("texts as they come", () => {
  const { vocab } = task.tokenizer;
  const make = (context: number): Gpt => {
    const options = { vocab, context, layers: 1, heads: 1, width: 8, valueHead: true };
    return new Gpt(loops(), options, new Random(2));
  };
  const pair = { chosen: textOf("abcd"), rejected: textOf("dcba") };
  const long = { chosen: textOf("abcdabcd"), rejected: textOf("a") };
  const settings = settle(rewardModelSettings, { updates: 1, pairs: 2 });
  const train = (pairs: readonly Preference[]) => [
    ...trainRewardModel(make(8), pairs, settings, new Random(1)),
  ];
  const accuracy = (pairs: readonly Preference[]) => preferenceAccuracy(make(8), pairs);

  test("a pair with a text that does not fit is named, with its lengths", () => {
    for (const [name, run] of Object.entries({
      trainRewardModel: train,
      preferenceAccuracy: accuracy,
    })) {
      expect(() => run([pair, long])).toThrow(
        `${name}: expected texts of 1 to 8 tokens (the context) in pair 1, got 11 (chosen) and 4 (rejected)`,
      );
      expect(() => run([{ ...pair, rejected: [] }])).toThrow(
        "in pair 0, got 7 (chosen) and 0 (rejected)",
      );
      expect(() => run([pair, { ...pair, rejected: [vocab] }])).toThrow(
        `expected tokens below ${vocab} in pair 1, got ${vocab}`,
      );
      for (const token of [-1, 0.5])
        expect(() => run([{ ...pair, rejected: [token] }])).toThrow(
          `expected tokens below ${vocab} in pair 0, got ${token}`,
        );
      expect(() => run([])).toThrow(`${name}: expected at least one pair, got none`);
    }
    expect(train([pair])[0].loss).toBeGreaterThan(0); // texts of 7 tokens fit a context of 7, too
    expect(preferenceAccuracy(make(7), [pair])).toBeGreaterThanOrEqual(0);
  });

  test("a completion that was cut short is scored where it stops, not as if it had ended", () => {
    const gpt = make(8);
    const reward = learnedReward(gpt, task);
    const end = task.tokenizer.special(endToken);
    const text = textOf("abc");
    const k = gpt.parameters.backend;
    const tokens = input(k, [1, text.length], text);
    const positions = input(k, [1, text.length], [...text.keys()]);
    const values = new Tape(k, { grads: false }).run(() =>
      valuesOf(gpt, reshape(gpt.hidden(tokens, positions), [text.length, -1])),
    ).data;
    const made = task.tokenizer.encode("abc");
    expect(reward("a", "abc", [...made, end])).toBeCloseTo(values[text.length - 1], 6);
    expect(reward("a", "abc", made)).toBeCloseTo(values[text.length - 2], 6);
    expect(reward("a", "abc", [])).toBe(reward("a", "abc", [...made, end]));
    expect(values[text.length - 1]).not.toBeCloseTo(values[text.length - 2], 3);
    // one token more than the context where it ends, just as many where it was cut short
    expect(reward("a", "abcdab", task.tokenizer.encode("abcdab"))).not.toBeNaN();
    expect(reward("a", "abcdab", [...task.tokenizer.encode("abcdab"), end])).toBeNaN();
  });
});
