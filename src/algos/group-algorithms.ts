/**
 * The algorithms that learn from groups of sequences, by name, and their settings: on completions (`tuneSettings`) and
 * on episodes (`episodeSettings`).
 */
import { choice, flag, integer, real, type Values } from "../core/settings.ts";
import { type EstimatorSettings, presets } from "../estimators/presets.ts";
import { samplingSettings } from "../nn/sampler.ts";
import { moments } from "../optim/adam-bf16.ts";

export interface GroupAlgorithm {
  readonly about: string;
  readonly estimator: EstimatorSettings;
  /** Compares a sequence with the whole batch rather than with its group. */
  readonly wholeBatch?: boolean;
  /** Minimizes the risk over each group's candidates in place of the surrogate. */
  readonly minimumRisk?: boolean;
  /** Learns from the best sequence of each group alone. */
  readonly bestOnly?: boolean;
  /** Values that replace defaults of `tuneSettings`; episodes ignore them. */
  readonly usual?: Readonly<Partial<Record<keyof typeof tuneSettings, unknown>>>;
}

/** Settings of every algorithm that learns from groups of sequences. */
const groupSettings = {
  epochs: integer(1, "passes over a batch", { min: 1, max: 100 }),
  minibatches: integer(1, "optimizer steps per pass, at most one per sample", {
    min: 1,
    max: 4096,
  }),
  learningRate: real(1e-3, "Adam's step size", { min: 0, max: 10 }),
  warmup: integer(5, "updates over which the step size rises"),
  anneal: flag(true, "the step size falls linearly to a tenth"),
  maxGradNorm: real(1, "gradients are clipped to this global norm", { min: 1e-9 }),
  clipRange: real(0, "ε of the clip on both sides; 0: the algorithm's own", { min: 0 }),
  klWeight: real(-1, "weight of the KL to the reference; −1: the algorithm's own", { min: -1 }),
  klEstimator: choice("own", ["own", "k1", "k2", "k3"], "how the KL is estimated"),
  klPlace: choice("own", ["own", "loss", "reward"], "where the KL is added"),
  targetKl: real(0, "adapt the KL's weight to this KL per token; 0: fixed", { min: 0 }),
  reference: flag(true, "keep the first policy as the reference, to report the KL to it"),
  entropyWeight: real(0, "weight of the entropy bonus", { min: 0, max: 100 }),
  riskSharpness: real(1, "mrt: α of the distribution over candidates", { min: 1e-6 }),
};
const valueSettings = {
  valueWeight: real(0.5, "weight of the value loss", { min: 0, max: 100 }),
  lambda: real(1, "GAE's trace decay, with a learned value", { min: 0, max: 1 }),
  standardize: flag(true, "standardize token advantages, with a learned value"),
};
const groupSize = integer(8, "completions per prompt", { min: 1, max: 4096 });

/** Settings on completions. */
export const tuneSettings = {
  prompts: integer(16, "prompts per update", { min: 1, max: 65536 }),
  groupSize,
  ...groupSettings,
  ...valueSettings,
  temperature: real(1, "temperature of sampling, and of the policy in the loss", {
    min: 1e-3,
    max: 1e3,
  }),
  topK: integer(0, "sample from the k likeliest tokens; 0: from all"),
  topP: real(1, "sample from the likeliest tokens of this probability", { min: 1e-9, max: 1 }),
  topPRule: samplingSettings.topPRule,
  minP: real(0, "sample from tokens this likely against the likeliest", { min: 0, max: 1 }),
  cutShort: choice("score", ["score", "leave"], "completions without an end: scored, or left out"),
  cutShortFactor: real(1, "multiplies the reward of a completion without an end", {
    min: 0,
    max: 1,
  }),
  missingEnd: real(0, "subtracted from the reward of a completion without an end", { min: 0 }),
  dynamic: integer(
    0,
    "most additional rounds of sampling, for groups with a signal (dynamic sampling)",
  ),
  curriculum: flag(false, "draw prompts whose rewards differ more often"),
  moments,
};
export type TuneConfig = Values<typeof tuneSettings>;

/** Settings on episodes. */
export const episodeSettings = {
  starts: integer(4, "start states per update", { min: 1, max: 4096 }),
  groupSize: integer(8, "episodes per start state", { min: 1, max: 4096 }),
  ...groupSettings,
  minibatches: integer(4, groupSettings.minibatches.about, { min: 1, max: 4096 }),
  learningRate: real(0.01, groupSettings.learningRate.about, { min: 0, max: 10 }),
  reference: flag(false, groupSettings.reference.about),
};
export type EpisodeConfig = Values<typeof episodeSettings>;

/** Settings that the trainer of groups reads. */
export type GroupConfig = Values<typeof groupSettings> &
  Values<typeof valueSettings> & { readonly groupSize: number; readonly moments?: "f32" | "bf16" };

const withLearnedValue = (estimator: EstimatorSettings): EstimatorSettings => ({
  ...estimator,
  baseline: "value",
});
const several = { epochs: 2, minibatches: 2 };

export const groupAlgorithms = {
  reinforce: {
    about: "REINFORCE: completions weighted by their reward minus the batch's mean",
    estimator: presets["reinforce-mean"],
    wholeBatch: true,
  },
  a2c: {
    about: "REINFORCE with a learned value, token by token",
    estimator: withLearnedValue(presets.reinforce),
  },
  ppo: {
    about: "PPO: learned value, clip, several passes, KL in the reward",
    estimator: {
      ...presets.ppo,
      aggregation: "token",
      kl: { estimator: "k1", inputClamp: null, outputClamp: null, place: "reward", weight: 0 },
    },
    usual: several,
  },
  rloo: { about: "REINFORCE, leave-one-out baseline", estimator: presets.rloo },
  grpo: { about: "group-relative PPO without a value", estimator: presets.grpo, usual: several },
  "dr-grpo": {
    about: "GRPO without its biases of length and difficulty",
    estimator: presets["dr-grpo"],
    usual: several,
  },
  dapo: {
    about: "GRPO with clip-higher, token mean, dynamic sampling",
    estimator: presets.dapo,
    usual: { ...several, dynamic: 2 },
  },
  dppo: {
    about: "GRPO with a trust region on the change of probabilities",
    estimator: presets.dppo,
    usual: several,
  },
  maxrl: {
    about: "REINFORCE divided by the group's mean reward, which must not be negative",
    estimator: presets.maxrl,
  },
  gspo: { about: "GRPO with sequence ratios", estimator: presets.gspo, usual: several },
  cispo: {
    about: "clipped importance weights; every token has a gradient",
    estimator: presets.cispo,
    usual: several,
  },
  "reinforce++": {
    about: "REINFORCE with the batch's mean and standard deviation, clip, KL in the reward",
    estimator: presets["reinforce++"],
    wholeBatch: true,
    usual: several,
  },
  remax: {
    about: "REINFORCE with the greedy completion's reward as baseline",
    estimator: presets.remax,
  },
  mrt: {
    about: "minimum-risk training over a prompt's candidates",
    estimator: presets.reinforce,
    minimumRisk: true,
  },
  "best-of-n": {
    about: "fine-tuning on the best completion of each group (expert iteration)",
    estimator: { ...presets.reinforce, aggregation: "token" },
    bestOnly: true,
  },
} as const satisfies Readonly<Record<string, GroupAlgorithm>>;
export type GroupAlgorithmName = keyof typeof groupAlgorithms;

export interface NamedAlgorithm extends GroupAlgorithm {
  readonly name: string;
}

/** An algorithm whose estimator has the clip range and the KL of the run's settings. */
export interface ResolvedAlgorithm extends GroupAlgorithm {
  readonly name: string;
}

/** Returns the algorithm of a name, or one of your own, with what the settings ask for. */
export function resolveAlgorithm(
  name: GroupAlgorithmName | NamedAlgorithm,
  c: Values<typeof groupSettings>,
): ResolvedAlgorithm {
  const named: NamedAlgorithm =
    typeof name === "string" ? { ...groupAlgorithms[name], name } : name;
  return { ...named, estimator: estimatorOf(named, c) };
}

/** Returns the estimator of an algorithm, with the clip range and the KL that the settings ask for. */
export function estimatorOf(
  algorithm: GroupAlgorithmName | GroupAlgorithm,
  c: Values<typeof groupSettings>,
): EstimatorSettings {
  const { estimator }: GroupAlgorithm =
    typeof algorithm === "string" ? groupAlgorithms[algorithm] : algorithm;
  const clip = c.clipRange > 0 ? { clipLow: c.clipRange, clipHigh: c.clipRange } : {};
  const own = estimator.kl;
  const weight = c.klWeight >= 0 ? c.klWeight : (own?.weight ?? 0);
  const kl =
    weight === 0
      ? null
      : {
          inputClamp: own?.inputClamp ?? null,
          outputClamp: own?.outputClamp ?? null,
          estimator: c.klEstimator === "own" ? (own?.estimator ?? "k2") : c.klEstimator,
          place: c.klPlace === "own" ? (own?.place ?? "loss") : c.klPlace,
          weight,
        };
  return { ...estimator, surrogate: Object.freeze({ ...estimator.surrogate, ...clip }), kl };
}
