/** The algorithms that can be named. */
import type { Random } from "../core/random.ts";
import type { Settings, Values } from "../core/settings.ts";
import type { Dynamics } from "../envs/env.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import { reinforce, reinforceSettings } from "./reinforce.ts";

/** One update's figures, by name; every algorithm has at least these. */
export interface Report {
  readonly update: number;
  readonly envSteps: number;
  readonly meanReturn: number;
}

export interface Algorithm<S extends Settings> {
  readonly about: string;
  readonly settings: S;
  readonly needsCritic: (config: Values<S>) => boolean;
  readonly train: (
    model: ActorCritic,
    envs: readonly Dynamics[],
    config: Values<S>,
    totalSteps: number,
    random: Random,
  ) => Generator<Report, never>;
}

export const algorithms = {
  reinforce: {
    about: "REINFORCE with a baseline: whole episodes, weighed by their returns",
    settings: reinforceSettings,
    needsCritic: ({ baseline }) => baseline === "value",
    train: reinforce,
  } satisfies Algorithm<typeof reinforceSettings>,
};
export type AlgorithmName = keyof typeof algorithms;
