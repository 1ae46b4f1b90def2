/** The algorithms that can be named. */
import type { Settings, Values } from "../core/settings.ts";
import { a2c, a2cSettings } from "./a2c.ts";
import { ppo, ppoSettings } from "./ppo.ts";
import { reinforce, reinforceSettings } from "./reinforce.ts";
import type { Report, Training } from "./training.ts";

export interface Algorithm<S extends Settings> {
  readonly about: string;
  readonly settings: S;
  readonly needsCritic: (config: Values<S>) => boolean;
  /** Whole episodes: environments rest when theirs is over. */
  readonly wholeEpisodes?: boolean;
  readonly train: (t: Training, config: Values<S>) => Generator<Report, never>;
}

const always = (): boolean => true;

export const algorithms = {
  reinforce: {
    about: "REINFORCE with a baseline: whole episodes, weighed by their returns",
    settings: reinforceSettings,
    needsCritic: ({ baseline }) => baseline === "value",
    wholeEpisodes: true,
    train: reinforce,
  } satisfies Algorithm<typeof reinforceSettings>,
  a2c: {
    about: "advantage actor-critic: a few steps of many environments an update",
    settings: a2cSettings,
    needsCritic: always,
    train: a2c,
  } satisfies Algorithm<typeof a2cSettings>,
  ppo: {
    about: "proximal policy optimization: several epochs of clipped steps a rollout",
    settings: ppoSettings,
    needsCritic: always,
    train: ppo,
  } satisfies Algorithm<typeof ppoSettings>,
};
export type AlgorithmName = keyof typeof algorithms;
