/**
 * Settings of policy-gradient estimators on groups of sequences, and presets with the settings of papers and libraries.
 * The `source` of a preset names the paper or the code.
 */
import type { KlSettings } from "./kl.ts";
import { type SurrogateSettings, surrogateDefaults } from "./surrogate.ts";
import type { Aggregation } from "./weights.ts";

export interface EstimatorSettings {
  /**
   * Baseline subtracted from a reward: none, the group's mean, the mean of the others, the reward of the greedy
   * sequence, or a learned value.
   */
  readonly baseline: "none" | "mean" | "leaveOneOut" | "greedy" | "value";
  /** Divisor of the advantage: none, the group's mean, or the standard deviation of the group or the batch. */
  readonly scale: "none" | "mean" | "group" | "batch";
  /** The standard deviation divides by n − ddof. */
  readonly ddof: 0 | 1;
  /** Added to the divisor. */
  readonly eps: number;
  /**
   * Advantages of a group's sequences from their scores, in place of `baseline` and `scale`: one number per score.
   * For estimators of one's own.
   */
  readonly compare?: (scores: Float64Array) => ArrayLike<number>;
  readonly aggregation: Aggregation;
  readonly surrogate: SurrogateSettings;
  /** KL to a reference policy: estimator, weight, and whether it is part of the loss or of the reward. */
  readonly kl: (KlSettings & { readonly place: "loss" | "reward"; readonly weight: number }) | null;
}

export interface Preset extends EstimatorSettings {
  readonly source: string;
}

const surrogate = (changes: Partial<SurrogateSettings>): SurrogateSettings =>
  Object.freeze({ ...surrogateDefaults, ...changes });
const plain: EstimatorSettings = {
  baseline: "none",
  scale: "none",
  ddof: 1,
  eps: 1e-4,
  aggregation: "sequenceSum",
  surrogate: surrogate({ form: "reinforce" }),
  kl: null,
};
const clipped = { ...plain, surrogate: surrogateDefaults };
const k1InReward = {
  estimator: "k1",
  inputClamp: null,
  outputClamp: null,
  place: "reward",
  weight: 0.05,
} as const;

export const presets = {
  reinforce: { ...plain, source: "Williams 1992" },
  "reinforce-mean": {
    ...plain,
    baseline: "mean",
    source: "Williams 1992, with the batch's mean reward",
  },
  rloo: { ...plain, baseline: "leaveOneOut", source: "Ahmadian et al. 2024, arXiv:2402.14740" },
  remax: {
    ...plain,
    baseline: "greedy",
    source: "Li et al. 2023, arXiv:2310.10505; Rennie et al. 2017, arXiv:1612.00563",
  },
  ppo: { ...clipped, baseline: "value", source: "Schulman et al. 2017, arXiv:1707.06347" },
  grpo: {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "sequence",
    source: "Shao et al. 2024, arXiv:2402.03300",
  },
  "dr-grpo": {
    ...clipped,
    baseline: "mean",
    aggregation: "constant",
    source: "Liu et al. 2025, arXiv:2503.20783",
  },
  dapo: {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "token",
    surrogate: surrogate({ clipHigh: 0.28 }),
    source: "Yu et al. 2025, arXiv:2503.14476",
  },
  dppo: {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "token",
    surrogate: surrogate({ form: "tv" }),
    source: "Qi et al. 2026, arXiv:2602.04879, with the binary total variation",
  },
  maxrl: {
    ...plain,
    baseline: "mean",
    scale: "mean",
    source: "Tajwar et al. 2026, arXiv:2602.02710, algorithm 1; rewards of 0 and 1",
  },
  bnpo: {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "token",
    source: "TRL GRPOTrainer, loss_type bnpo: tokens of the local batch",
  },
  gspo: {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "sequence",
    surrogate: surrogate({ ratioLevel: "sequence", clipLow: 3e-4, clipHigh: 4e-4 }),
    source: "Zheng et al. 2025, arXiv:2507.18071, section 5.1",
  },
  "gspo-token": {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "sequence",
    surrogate: surrogate({ ratioLevel: "sequenceToken", clipLow: 3e-4, clipHigh: 4e-4 }),
    source: "Zheng et al. 2025, arXiv:2507.18071, section 4.3",
  },
  cispo: {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "token",
    surrogate: surrogate({ form: "cispo", clipLow: Infinity, clipHigh: 4 }),
    source: "MiniMax 2025, arXiv:2506.13585",
  },
  "reinforce++": {
    ...clipped,
    scale: "batch",
    aggregation: "token",
    baseline: "mean",
    kl: { ...k1InReward, weight: 0.01 },
    source: "Hu et al. 2025, arXiv:2501.03262",
  },
  "trl-rloo": {
    ...clipped,
    baseline: "leaveOneOut",
    aggregation: "sequence",
    surrogate: surrogate({ ratioLevel: "sequenceSum" }),
    kl: k1InReward,
    source: "TRL RLOOTrainer defaults: beta 0.05, epsilon 0.2",
  },
  "trl-grpo": {
    ...clipped,
    baseline: "mean",
    scale: "group",
    aggregation: "token",
    source: "TRL GRPOConfig defaults: beta 0, loss_type dapo, scale_rewards group, epsilon 0.2",
  },
  "verl-grpo": {
    ...clipped,
    baseline: "mean",
    scale: "group",
    eps: 1e-6,
    aggregation: "token",
    surrogate: surrogate({ dualClip: 3 }),
    source: "verl core_algos: eps 1e-6, clip_ratio_c 3.0, loss_agg_mode token-mean",
  },
} as const satisfies Readonly<Record<string, Preset>>;
export type PresetName = keyof typeof presets;
