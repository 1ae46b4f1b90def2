/** What can be trained by name: environments with their settings, and presets for each algorithm. */
import type { AlgorithmName } from "../algos/index.ts";
import { choice, integer, real, reals, type Settings, type Values } from "../core/settings.ts";
import { Bandit } from "../envs/bandit.ts";
import type { Dynamics } from "../envs/env.ts";
import { Line } from "../envs/line.ts";

export interface Task<S extends Settings> {
  readonly about: string;
  readonly settings: S;
  readonly make: (values: Values<S>) => Dynamics;
  /** Environment steps trained for when the caller does not say. */
  readonly steps: number;
  /** Settings other than the algorithm's defaults, chosen by measurement. */
  readonly presets: Readonly<Record<AlgorithmName, Readonly<Record<string, unknown>>>>;
}

const lineSettings = {
  start: choice("zero", ["zero", "uniform"], "where episodes start: position 0, or anywhere"),
  end: choice("none", ["none", "article"], "article: terminate at position 10 too"),
  maxSteps: integer(50, "an episode is cut short after this many steps", { min: 1, max: 100_000 }),
};
const banditSettings = {
  means: reals([0, 0.25, 0.5, 0.75, 1], "mean reward of each arm"),
  deviation: real(1, "standard deviation of every arm's reward", { min: 0 }),
};

export const tasks = {
  line: {
    about: "walk along positions 0 to 10 to the middle and stay there (the article's example)",
    settings: lineSettings,
    make: (values) => new Line(values),
    steps: 80_000,
    presets: { reinforce: { gamma: 0.95 } },
  } satisfies Task<typeof lineSettings>,
  bandit: {
    about: "choose among arms with noisy rewards, one choice an episode",
    settings: banditSettings,
    make: (values) => new Bandit(values),
    steps: 32_000,
    presets: { reinforce: { envs: 64, hidden: [], baseline: "mean" } },
  } satisfies Task<typeof banditSettings>,
};
export type TaskName = keyof typeof tasks;
