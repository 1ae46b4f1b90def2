/**
 * Advantages of whole sequences, for trainers of groups, the oracle and the lab:
 *
 *   baseline "value"    Âₜ by generalized advantage estimation on a learned value; target = Â + V
 *   others              one Â per sequence: its score compared with its group's, by baseline and scale
 */
import type { Floats } from "../core/backend.ts";
import { OwnCodeError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { tokenGae } from "../returns/gae.ts";
import { groupAdvantages } from "../returns/group.ts";
import { standardize } from "../returns/normalize.ts";
import type { Sequences } from "./batch.ts";
import { klOf, klShapedRewards } from "./kl.ts";
import type { EstimatorSettings } from "./presets.ts";

export interface SequenceAdvantageSettings {
  readonly estimator: Pick<
    EstimatorSettings,
    "baseline" | "scale" | "ddof" | "eps" | "compare" | "kl"
  >;
  /** GAE's trace decay. Default 1. */
  readonly lambda?: number;
  /** Weight of a KL in the reward. Default: the estimator's. */
  readonly klWeight?: number;
  /** Neighboring sequences that form a group. Default: all. */
  readonly groupSize?: number;
  /** Learns from the best sequence of each group alone (best-of-n fine-tuning). Default false. */
  readonly bestOnly?: boolean;
  /** Standardizes advantages over the batch, with a learned value. Default false. */
  readonly standardize?: boolean;
  /** Score of the greedy sequence, [sequences], read by baseline "greedy". */
  readonly greedyScore?: Floats;
}

/** Written by `sequenceAdvantages`. */
export interface SequenceEstimates {
  /** [sequences, steps] */
  readonly advantage: Floats;
  /** Target of a learned value, [sequences, steps]. */
  readonly target?: Floats;
  /** 1 where a sequence may be learned from, [sequences]; those left out are set to 0. Default: all may. */
  readonly counts?: Floats;
}

/** Writes advantages, targets and counts. A sequence without a score (a reward of NaN) is left out. */
export function sequenceAdvantages(
  out: SequenceEstimates,
  batch: Sequences,
  s: SequenceAdvantageSettings,
): void {
  const { sequences, reward } = batch;
  const counts = out.counts ?? new Float32Array(sequences).fill(1);
  if (reward.length === sequences)
    for (let i = 0; i < sequences; i++) if (Number.isNaN(reward[i])) counts[i] = 0;
  if (s.estimator.baseline === "value") gaeOfSequences(out, batch, counts, s);
  else scoresOfSequences(out, batch, counts, s);
}

function gaeOfSequences(
  { advantage, target }: SequenceEstimates,
  batch: Sequences,
  counts: Floats,
  { lambda = 1, standardize: scales = false, ...s }: SequenceAdvantageSettings,
): void {
  const { steps, value = none } = batch;
  const mask = batch.mask.map((m, i) => m * counts[Math.floor(i / steps)]);
  tokenGae(advantage, { reward: stepRewards(batch, mask, s), value, mask, steps }, 1, lambda);
  if (target !== undefined)
    for (let i = 0; i < target.length; i++) target[i] = mask[i] === 0 ? 0 : advantage[i] + value[i];
  if (scales) standardize(advantage, advantage, { mask });
}

/** Returns the reward of each step minus the weighted KL if that is part of the reward, [sequences, steps]. */
function stepRewards(
  { sequences, reward, logProb, refLogProb = none }: Sequences,
  mask: Floats,
  { estimator: { kl }, klWeight = kl?.weight ?? 0 }: SequenceAdvantageSettings,
): Floats {
  const inReward = kl?.place === "reward" ? klWeight : 0;
  const rewards = new Float64Array(mask.length);
  if (reward.length === sequences) {
    const reference = inReward === 0 ? logProb : refLogProb;
    const columns = { score: reward, logProb, refLogProb: reference, mask };
    klShapedRewards(rewards, columns, inReward, kl ?? undefined);
    return rewards;
  }
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const penalty =
      inReward === 0 ? 0 : inReward * klOf(logProb[i], refLogProb[i], kl ?? undefined);
    rewards[i] = reward[i] - penalty;
  }
  return rewards;
}

function scoresOfSequences(
  { advantage }: SequenceEstimates,
  batch: Sequences,
  counts: Floats,
  s: SequenceAdvantageSettings,
): void {
  const { sequences, steps, mask } = batch;
  const { groupSize = sequences, greedyScore, bestOnly = false } = s;
  const score = scores(batch, s);
  for (let i = 0; i < sequences; i++) {
    if (counts[i] === 0) score[i] = Number.NaN;
    if (greedyScore !== undefined) score[i] -= greedyScore[i];
  }
  const compared = new Float64Array(sequences);
  if (bestOnly) keepBest(counts, compared, score, groupSize);
  else if (s.estimator.compare !== undefined)
    compareGroups(compared, score, s.estimator.compare, groupSize);
  else groupAdvantages(compared, score, s.estimator, groupSize);
  for (let i = 0; i < advantage.length; i++)
    advantage[i] = mask[i] === 0 ? 0 : compared[Math.floor(i / steps)];
}

/** Returns each sequence's undiscounted return minus the weighted KL of its steps if that is part of the reward. */
function scores(
  { sequences, steps, mask, reward, logProb, refLogProb = none }: Sequences,
  { estimator: { kl }, klWeight = kl?.weight ?? 0 }: SequenceAdvantageSettings,
): Float64Array {
  const score = new Float64Array(sequences);
  const perStep = reward.length !== sequences;
  for (let i = 0; i < sequences; i++) {
    if (!perStep) score[i] = reward[i];
    for (let j = i * steps; j < (i + 1) * steps; j++) {
      if (mask[j] === 0) continue;
      if (perStep) score[i] += reward[j];
      if (kl?.place === "reward") score[i] -= klWeight * klOf(logProb[j], refLogProb[j], kl);
    }
  }
  return score;
}

/** Writes the numbers that `compare` returns for each group's scores; 0 for sequences without a score. */
function compareGroups(
  advantage: Floats,
  score: Floats,
  compare: NonNullable<EstimatorSettings["compare"]>,
  size: number,
): void {
  for (let first = 0; first < score.length; first += size) {
    const members = Array.from({ length: size }, (_, i) => first + i).filter(
      (i) => !Number.isNaN(score[i]),
    );
    const n = members.length;
    if (n === 0) continue;
    const compared = compare(Float64Array.from(members, (i) => score[i]));
    checkCompared("compare", compared, n);
    for (const [j, i] of members.entries()) advantage[i] = compared[j];
  }
}

/** Throws OwnCodeError unless `compare` returned a finite number per score. */
export function checkCompared(where: string, compared: ArrayLike<number>, n: number): void {
  const bad = Array.from({ length: n }, (_, j) => compared?.[j]).find((x) => !Number.isFinite(x));
  if (compared?.length === n && bad === undefined) return;
  const isList = typeof compared === "object" && compared?.length !== undefined;
  const got = !isList
    ? brief(compared)
    : compared.length === n
      ? brief(bad)
      : `a list of ${compared.length}`;
  throw new OwnCodeError(`${where}: expected ${n} finite numbers, one per score, got ${got}`);
}

/** Writes 1 for the first best sequence of each group if it is better than the group's mean; leaves out all others. */
function keepBest(counts: Floats, advantage: Floats, score: Floats, size: number): void {
  for (let first = 0; first < score.length; first += size) {
    let best = -1;
    let sum = 0;
    let n = 0;
    for (let i = first; i < first + size; i++) {
      counts[i] = 0;
      if (Number.isNaN(score[i])) continue;
      sum += score[i];
      n++;
      if (best < 0 || score[i] > score[best]) best = i;
    }
    if (best < 0 || !(score[best] * n > sum)) continue;
    counts[best] = 1;
    advantage[best] = 1;
  }
}

const none: Floats = new Float64Array(0);
