/** Rewards of completions to what the loss reads: advantages, targets, costs, and which tokens count. */
import type { Floats } from "../core/backend.ts";
import { klOf, klShapedRewards } from "../estimators/kl.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { tokenGae } from "../returns/gae.ts";
import { groupShares } from "../returns/group.ts";
import { standardize } from "../returns/normalize.ts";
import type { Completions } from "../rollout/completions.ts";

export interface AdvantageSettings {
  readonly estimator: EstimatorSettings;
  /** Weight of a KL in the reward, which may be adapted. */
  readonly klWeight: number;
  /** Neighbors that answer one prompt. */
  readonly groupSize: number;
  /** Whether the baseline and scale are the whole batch's. */
  readonly wholeBatch: boolean;
  /** Learn from each group's best sample alone: best-of-n fine-tuning. */
  readonly bestOnly: boolean;
  readonly lambda: number;
  /** With a learned value: token advantages of mean 0 and deviation 1. */
  readonly standardize: boolean;
}

/** Written here, [count, steps], but `counts` and `cost`: [count]. */
export interface Estimated {
  readonly advantage: Floats;
  readonly target: Floats;
  readonly cost: Floats;
  /** In: 1 where a sample may count. Out: 1 where it does. */
  readonly counts: Floats;
}

/** What is known of the batch besides itself. */
export interface Judged {
  readonly refLogProb: Floats;
  readonly value: Floats;
  /** For a greedy baseline: each sample's prompt's greedy reward. */
  readonly greedyReward: Floats;
}

/** A sample without a score, whose reward is NaN, does not count. */
export function estimateCompletions(
  out: Estimated,
  batch: Completions,
  judged: Judged,
  s: AdvantageSettings,
): void {
  const { counts, cost } = out;
  for (let i = 0; i < batch.count; i++) if (Number.isNaN(batch.reward[i])) counts[i] = 0;
  if (s.estimator.baseline === "value") fromValues(out, batch, judged, s);
  else fromGroups(out, batch, judged, s);
  for (let i = 0; i < batch.count; i++) cost[i] = counts[i] === 0 ? 0 : -batch.reward[i];
  fillCosts(cost, counts, s.groupSize);
}

function fromValues(
  { advantage, target, counts }: Estimated,
  batch: Completions,
  { refLogProb, value }: Judged,
  s: AdvantageSettings,
): void {
  const { steps } = batch;
  const mask = batch.mask.map((m, i) => m * counts[Math.floor(i / steps)]);
  const kl = s.estimator.kl;
  const inReward = kl?.place === "reward" ? s.klWeight : 0;
  const rewards = new Float64Array(mask.length);
  const { logProb, reward } = batch;
  klShapedRewards(rewards, reward, logProb, refLogProb, mask, inReward, kl ?? undefined);
  tokenGae(advantage, rewards, value, mask, steps, 1, s.lambda);
  for (let i = 0; i < target.length; i++) target[i] = mask[i] === 0 ? 0 : advantage[i] + value[i];
  if (s.standardize) standardize(advantage, advantage, { mask });
}

function fromGroups(
  { advantage, counts }: Estimated,
  batch: Completions,
  { refLogProb, greedyReward }: Judged,
  s: AdvantageSettings,
): void {
  const { count, steps, mask, logProb } = batch;
  const { estimator } = s;
  const { baseline, kl } = estimator;
  const reward = batch.reward.slice();
  for (let i = 0; i < count; i++) {
    if (counts[i] === 0) reward[i] = Number.NaN;
    for (let j = i * steps; j < (i + 1) * steps && kl?.place === "reward"; j++)
      if (mask[j] !== 0) reward[i] -= s.klWeight * klOf(logProb[j], refLogProb[j], kl);
    if (baseline === "greedy") reward[i] -= greedyReward[i];
  }
  const size = s.wholeBatch ? count : s.groupSize;
  const share = new Float64Array(count);
  if (s.bestOnly) keepBest(counts, share, reward, size);
  else groupShares(share, reward, estimator, size);
  for (let i = 0; i < advantage.length; i++)
    advantage[i] = mask[i] === 0 ? 0 : share[Math.floor(i / steps)];
}

/** Each group's first best sample, where it is better than the group's mean, gets 1; no other counts. */
function keepBest(counts: Floats, share: Floats, reward: Floats, size: number): void {
  for (let first = 0; first < reward.length; first += size) {
    let best = -1;
    let sum = 0;
    let n = 0;
    for (let i = first; i < first + size; i++) {
      counts[i] = 0;
      if (Number.isNaN(reward[i])) continue;
      sum += reward[i];
      n++;
      if (best < 0 || reward[i] > reward[best]) best = i;
    }
    if (best < 0 || !(reward[best] * n > sum)) continue;
    counts[best] = 1;
    share[best] = 1;
  }
}

/** Gives a sample that does not count its group's mean cost. The loss leaves the sample out. */
function fillCosts(cost: Floats, counts: Floats, size: number): void {
  for (let first = 0; first < cost.length; first += size) {
    let sum = 0;
    let n = 0;
    for (let i = first; i < first + size; i++) {
      sum += counts[i] === 0 ? 0 : cost[i];
      n += counts[i] === 0 ? 0 : 1;
    }
    for (let i = first; i < first + size; i++) if (counts[i] === 0) cost[i] = n === 0 ? 0 : sum / n;
  }
}
