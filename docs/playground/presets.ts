/** A training for each chapter of the book. */
import type { Setup } from "./messages.ts";

type Preset = Pick<Setup, "task" | "algo"> & Partial<Pick<Setup, "steps" | "settings">>;

export const chapterPresets: Readonly<Record<string, Preset>> = {
  "1 the problem": { task: "line", algo: "reinforce" },
  "2 gradients by hand": { task: "bandit", algo: "reinforce" },
  "3 the policy gradient: no baseline": {
    task: "line",
    algo: "reinforce",
    settings: { baseline: "none" },
  },
  "4 advantages: λ = 0": { task: "cartpole", algo: "ppo", settings: { lambda: "0" } },
  "5 trust regions: a clip of 0.02": {
    task: "cartpole",
    algo: "ppo",
    settings: { clipRange: "0.02" },
  },
  "6 details: rewards as they are": {
    task: "pendulum",
    algo: "ppo",
    settings: { normalizeReward: "false" },
  },
  "7 groups: GRPO": { task: "tokens", algo: "grpo" },
  "8 distance: held to a reference": {
    task: "tokens",
    algo: "grpo",
    settings: { klWeight: "0.1", reference: "true" },
  },
  "9 a language model": { task: "arith", algo: "grpo" },
  "10 diagnosis: the rate is too high": {
    task: "cartpole",
    algo: "ppo",
    settings: { learningRate: "0.3" },
  },
  "11 fast: pictures": { task: "breakout", algo: "ppo" },
  "12 anywhere": { task: "acrobot", algo: "ppo" },
};
