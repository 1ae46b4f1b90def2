import { expect, test } from "vitest";
import {
  learnedReward,
  type Preference,
  preferenceAccuracy,
  rewardModelSettings,
  trainRewardModel,
} from "../../src/algos/reward-model.ts";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { tokens } from "../../src/tasks/text/tokens.ts";
import { exampleTokens } from "../../src/text/task.ts";

const task = tokens({ letters: 4, length: 4, goal: "rising" });
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
