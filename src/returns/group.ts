/**
 * Advantages of samples compared with others of the same prompt. `reward` and `advantage` are [samples] and may be the
 * same array; `groups` is the number of neighbors in a group, or the group number of each sample. A sample with `valid`
 * 0, or with a reward of NaN (no score), is left out of every mean and gets advantage 0; so does the only member of a
 * group.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength, checkNumber } from "../core/check.ts";
import { square } from "../core/math.ts";
import {
  center,
  checkDeviation,
  checkGroups,
  type Groups,
  isKept,
  isMember,
  startsGroup,
} from "./center.ts";

export interface GroupOptions {
  /** The variance divides by n − ddof: 1 (unbiased) or 0. */
  readonly ddof: number;
  /** Added to the standard deviation. */
  readonly eps: number;
  /** 0 where a sample is left out, [samples]. Default: none is. */
  readonly valid: Floats;
}
export const groupDefaults = { ddof: 1, eps: 1e-4 };
const noOptions: Partial<GroupOptions> = {};

/**
 * Leave-one-out advantages (RLOO): Ahmadian et al. 2024, arXiv:2402.14740.
 *
 *   Aᵢ = Rᵢ − mean of Rⱼ over the other j in i's group = (Rᵢ − mean)·K/(K − 1)
 */
export function leaveOneOut(
  advantage: Floats,
  reward: Floats,
  groups: Groups,
  valid?: Floats,
): void {
  checkGroups("leaveOneOut", reward.length, advantage, groups, valid);
  center(advantage, reward, { groups, divisor: "others", keep: valid, dropNaN: true });
}

/** Aᵢ = Rᵢ − mean of i's group: Dr. GRPO, Liu et al. 2025, arXiv:2503.20783. */
export function groupMean(advantage: Floats, reward: Floats, groups: Groups, valid?: Floats): void {
  checkGroups("groupMean", reward.length, advantage, groups, valid);
  center(advantage, reward, { groups, divisor: "none", keep: valid, dropNaN: true });
}

/**
 * Aᵢ = (Rᵢ − mean)/(standard deviation + eps), both of i's group; 0 if all its rewards are equal. GRPO: Shao et al.
 * 2024, arXiv:2402.03300.
 */
export function groupStandardize(
  advantage: Floats,
  reward: Floats,
  groups: Groups,
  options: Partial<GroupOptions> = noOptions,
): void {
  const { ddof = groupDefaults.ddof, eps = groupDefaults.eps, valid } = options;
  checkGroups("groupStandardize", reward.length, advantage, groups, valid);
  checkDeviation("groupStandardize", ddof, eps);
  const divisor = "deviation";
  center(advantage, reward, { groups, divisor, keep: valid, dropNaN: true, ddof, eps });
}

/**
 * Aᵢ = (Rᵢ − mean)/(mean + eps), for rewards ≥ 0; 0 if all rewards of the group are 0. With rewards of 0 and 1 it
 * estimates the gradient of ln Pr(success) up to its K-th order: MaxRL, Tajwar et al. 2026, arXiv:2602.02710, algorithm
 * 1.
 */
export function groupOverMean(
  advantage: Floats,
  reward: Floats,
  groups: Groups,
  options: Partial<Pick<GroupOptions, "eps" | "valid">> = noOptions,
): void {
  const { eps = groupDefaults.eps, valid } = options;
  checkGroups("groupOverMean", reward.length, advantage, groups, valid);
  checkNumber("groupOverMean", "eps", eps, { min: 0 });
  for (let i = 0; i < reward.length; i++) {
    if (isKept(reward, valid, true, i))
      checkNumber("groupOverMean", `reward ${i}`, reward[i], { min: 0 });
  }
  center(advantage, reward, { groups, divisor: "mean", keep: valid, dropNaN: true, eps });
}

/** `groupStandardize` with all samples as one group: REINFORCE++, Hu 2025, arXiv:2501.03262. */
export function batchStandardize(
  advantage: Floats,
  reward: Floats,
  options: Partial<GroupOptions> = noOptions,
): void {
  const { ddof = groupDefaults.ddof, eps = groupDefaults.eps, valid } = options;
  checkLength("batchStandardize", "the output", advantage, reward.length);
  if (valid !== undefined) checkLength("batchStandardize", "the mask", valid, reward.length);
  checkDeviation("batchStandardize", ddof, eps);
  const groups = reward.length;
  const divisor = "deviation";
  center(advantage, reward, { groups, divisor, keep: valid, dropNaN: true, ddof, eps });
}

/** Baseline and scale of rewards in a group, as in `EstimatorSettings`. */
export interface GroupAdvantageSettings {
  readonly baseline: string;
  readonly scale: string;
  readonly ddof: number;
  readonly eps: number;
}

/**
 * Writes the advantage of each sample by the settings: scale "batch" is `batchStandardize`, "group" `groupStandardize`,
 * "mean" `groupOverMean`; with scale "none", baseline "mean" is `groupMean`, "leaveOneOut" `leaveOneOut`, and others
 * give the reward itself. A reward of NaN (no score) gives 0.
 *
 * @param advantage written: [samples]
 */
export function groupAdvantages(
  advantage: Floats,
  reward: Floats,
  { baseline, scale, ddof, eps }: GroupAdvantageSettings,
  size: number,
): void {
  const options = { ddof, eps };
  if (scale === "batch") batchStandardize(advantage, reward, options);
  else if (scale === "group") groupStandardize(advantage, reward, size, options);
  else if (scale === "mean") groupOverMean(advantage, reward, size, options);
  else if (baseline === "mean") groupMean(advantage, reward, size);
  else if (baseline === "leaveOneOut") leaveOneOut(advantage, reward, size);
  else
    for (let i = 0; i < advantage.length; i++)
      advantage[i] = Number.isNaN(reward[i]) ? 0 : reward[i];
}

/**
 * Writes the mean and the unbiased standard deviation of the other scored members of each sample's group. A sample
 * without others is its own baseline; fewer than two others have standard deviation 0. A sample that is left out gets
 * the mean and the standard deviation of the others. The written arrays must differ from those read.
 *
 * @param baseline written: [samples]
 * @param deviation written: [samples]
 */
export function leaveOneOutMoments(
  baseline: Floats,
  deviation: Floats,
  reward: Floats,
  groups: Groups,
  valid?: Floats,
): void {
  const n = reward.length;
  checkGroups("leaveOneOutMoments", n, baseline, groups, valid);
  checkLength("leaveOneOutMoments", "the deviation", deviation, n);
  for (let i = 0; i < n; i++) {
    const first = typeof groups === "number" ? i - (i % groups) : 0;
    const end = typeof groups === "number" ? first + groups : n;
    let count = 0;
    let sum = 0;
    for (let j = first; j < end; j++) {
      if (j === i || !isMember(groups, i, j) || !isKept(reward, valid, true, j)) continue;
      count++;
      sum += reward[j];
    }
    const mean = count === 0 ? reward[i] : sum / count;
    let squares = 0;
    for (let j = first; j < end; j++) {
      if (j === i || !isMember(groups, i, j) || !isKept(reward, valid, true, j)) continue;
      squares += square(reward[j] - mean);
    }
    baseline[i] = mean;
    deviation[i] = count < 2 ? 0 : Math.sqrt(squares / (count - 1));
  }
}

/**
 * Selects groups with a signal (dynamic sampling, DAPO: Yu et al. 2025, arXiv:2503.14476): writes 1 for each member of
 * a group whose mean reward over its scored members is above `low` and below `high`, 0 for others.
 *
 * @param keep written: [samples]; must differ from `reward`
 */
export function groupsBetween(
  keep: Floats,
  reward: Floats,
  groups: Groups,
  low: number,
  high: number,
): void {
  const n = reward.length;
  checkGroups("groupsBetween", n, keep, groups, undefined);
  checkNumber("groupsBetween", "low", low);
  checkNumber("groupsBetween", "high", high, { min: low });
  // rounded as rewards are, so that a reward of 0.1 is not above a bound of 0.1
  const rounded = reward instanceof Float32Array ? Math.fround : (x: number) => x;
  const [below, above] = [rounded(low), rounded(high)];
  for (let first = 0; first < n; first++) {
    if (!startsGroup(groups, first)) continue;
    const end = typeof groups === "number" ? first + groups : n;
    let count = 0;
    let origin = 0; // equal rewards have exactly this mean
    let sum = 0;
    for (let i = first; i < end; i++) {
      if (!isMember(groups, first, i) || Number.isNaN(reward[i])) continue;
      if (count++ === 0) origin = reward[i];
      sum += reward[i] - origin;
    }
    const mean = origin + sum / count;
    const inside = mean > below && mean < above ? 1 : 0;
    for (let i = first; i < end; i++) if (isMember(groups, first, i)) keep[i] = inside;
  }
}
