/** Advantages of completions by hand, for each kind of baseline; and which prompts come next. */
import { describe, expect, test } from "vitest";
import {
  estimatorOf,
  type GroupAlgorithmName,
  groupAlgorithms,
  tuneSettings,
} from "../../src/algos/group-algorithms.ts";
import { PromptSampler } from "../../src/algos/prompt-sampler.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { sampleCosts } from "../../src/estimators/minimum-risk.ts";
import { sequenceAdvantages } from "../../src/estimators/sequence-advantages.ts";
import { Completions } from "../../src/rollout/completions.ts";

const steps = 3;
/** Two prompts of two completions: lengths 1, 2, 3, 1. */
function batchOf(rewards: readonly number[]): Completions {
  const batch = new Completions(4, steps);
  for (const [i, length] of [1, 2, 3, 1].entries()) {
    batch.start(i, [0]);
    batch.length[i] = length;
    batch.reward[i] = rewards[i];
    for (let t = 0; t < length; t++) {
      batch.mask[i * steps + t] = 1;
      batch.logProb[i * steps + t] = -1;
    }
  }
  return batch;
}
interface More {
  readonly settings?: object;
  readonly value?: readonly number[];
  readonly greedyReward?: readonly number[];
}
function estimate(name: GroupAlgorithmName, rewards: readonly number[], more: More = {}) {
  const c = settle(tuneSettings, { standardize: false, ...more.settings });
  const estimator = estimatorOf(name, c);
  const algorithm = groupAlgorithms[name];
  const batch = batchOf(rewards);
  const column = (x: readonly number[] = []): Float64Array =>
    Float64Array.from({ length: 4 * steps }, (_, i) => x[i] ?? 0);
  const out = {
    advantage: column(),
    target: column(),
    counts: new Float64Array(4).fill(1),
  };
  const sequences = {
    ...batch,
    sequences: 4,
    refLogProb: column().fill(-1.5), // ln π − ln π_ref = 0.5: k1 is 0.5 a token
    value: column(more.value),
  };
  sequenceAdvantages(out, sequences, {
    estimator,
    lambda: c.lambda,
    standardize: c.standardize,
    groupSize: "wholeBatch" in algorithm ? 4 : 2,
    bestOnly: "bestOnly" in algorithm,
    ...(more.greedyReward && { greedyScore: Float64Array.from(more.greedyReward) }),
  });
  const cost = new Float64Array(4);
  sampleCosts(cost, batch.reward, out.counts, 2);
  return { ...out, cost };
}
const near = (got: ArrayLike<number>, want: readonly number[]): void => {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) expect(got[i]).toBeCloseTo(want[i], 9);
};
/** One number a completion, at each of its tokens. */
const spread = (x: readonly number[]): number[] =>
  x.flatMap((a, i) => [0, 1, 2].map((t) => (t < [1, 2, 3, 1][i] ? a : 0)));

describe("advantages by hand", () => {
  const rewards = [1, 0, 4, 2];
  test("leave-one-out: less the other's", () => {
    near(estimate("rloo", rewards).advantage, spread([1, -1, 2, -2]));
  });
  test("the group's mean, and the group's mean and deviation (ddof 1, eps 1e-4)", () => {
    near(estimate("dr-grpo", rewards).advantage, spread([0.5, -0.5, 1, -1]));
    const [a, b] = [0.5 / (Math.SQRT1_2 + 1e-4), 1 / (Math.SQRT2 + 1e-4)];
    near(estimate("grpo", rewards).advantage, spread([a, -a, b, -b]));
  });
  test("the whole batch's mean", () => {
    near(estimate("reinforce", rewards).advantage, spread([-0.75, -1.75, 2.25, 0.25]));
  });
  test("less the greedy completion's reward", () => {
    const { advantage } = estimate("remax", rewards, { greedyReward: [0.5, 0.5, 3, 3] });
    near(advantage, spread([0.5, -0.5, 1, -1]));
  });
  test("the best of each group alone, where it is better than its mean", () => {
    const { advantage, counts } = estimate("best-of-n", [1, 0, 2, 2]);
    near(counts, [1, 0, 0, 0]);
    near(advantage, spread([1, 0, 0, 0]));
  });
  test("a KL in the reward: its weight times 0.5 a token, before the baseline", () => {
    const settings = { klWeight: 0.2, klPlace: "reward", klEstimator: "k1" };
    const { advantage } = estimate("rloo", rewards, { settings });
    // rewards less 0.1, 0.2, 0.3, 0.1
    near(advantage, spread([1.1, -1.1, 1.8, -1.8]));
  });
  test("a learned value: Σ of what comes, less V, token by token; targets are their sum", () => {
    const value = [0.5, 0, 0, 1, 2, 0, 0, 1, 3, 0, 0, 0];
    const settings = { klWeight: 0.2 };
    const { advantage, target } = estimate("ppo", rewards, { settings, value });
    // KL takes 0.1 at each token; what comes: 0.9 | −0.2, −0.1 | 3.7, 3.8, 3.9 | 1.9
    const returns = [0.9, 0, 0, -0.2, -0.1, 0, 3.7, 3.8, 3.9, 1.9, 0, 0];
    near(target, returns);
    near(
      advantage,
      returns.map((g, i) => g - value[i]),
    );
  });
  test("a sample without a score is in no mean; alone in its group, its fellow has advantage 0", () => {
    const { advantage, counts, cost } = estimate("rloo", [1, Number.NaN, 4, 2]);
    near(advantage, spread([0, 0, 2, -2]));
    near(counts, [1, 0, 1, 1]);
    near(cost, [-1, -1, -4, -2]); // for minimum risk: what its group costs on average
  });
});

describe("prompts", () => {
  const draws = (sampler: PromptSampler, n: number): number[] => {
    const out = new Int32Array(n);
    sampler.draw(out, new Random(2));
    return Array.from(out);
  };
  test("with a curriculum, those whose rewards differ come more often, and no one never", () => {
    const sampler = new PromptSampler(3, true);
    sampler.observe(0, 0);
    sampler.observe(1, 0.5);
    sampler.observe(2, 0.25);
    const counts = [0, 0, 0];
    for (const p of draws(sampler, 20_000)) counts[p]++;
    // weights 0.1, 1.1, and 0.6 where the widest is 0.5
    const want = [0.1, 1.1, 0.6].map((w) => (20_000 * w) / 1.8);
    for (let i = 0; i < 3; i++)
      expect(Math.abs(counts[i] - want[i])).toBeLessThan(4 * Math.sqrt(want[i]));
  });
  test("saved and restored, it goes on the same", () => {
    const sampler = new PromptSampler(4, true);
    sampler.observe(1, 2);
    const again = new PromptSampler(4, true);
    again.restore(sampler.save());
    for (const s of [sampler, again]) s.observe(2, 1);
    expect(draws(again, 200)).toEqual(draws(sampler, 200));
    expect(new Set(draws(new PromptSampler(4, false), 200)).size).toBe(4);
  });
});
