/** The algorithms by name. */
import { flag, integer, type Settings, type Values } from "../core/settings.ts";
import { a2c, a2cSettings } from "./a2c.ts";
import { a3c, a3cSettings } from "./a3c.ts";
import { type EpisodeAlgorithm, episodeAlgorithms, episodes } from "./episodes.ts";
import {
  episodeSettings,
  type GroupAlgorithm,
  groupAlgorithms,
  type NamedAlgorithm,
  tuneSettings,
} from "./group-algorithms.ts";
import { impala, impalaSettings } from "./impala.ts";
import { ppo, ppoSettings } from "./ppo.ts";
import { reinforce, reinforceSettings } from "./reinforce.ts";
import { sftSettings } from "./sft.ts";
import type { Report, Training } from "./training.ts";
import { trpo, trpoSettings } from "./trpo.ts";

export interface Algorithm<S extends Settings> {
  readonly about: string;
  readonly settings: S;
  /** Values that replace defaults, among them the model's. */
  readonly usual?: Readonly<Record<string, unknown>>;
  readonly needsCritic: (config: Values<S>) => boolean;
  /** Learns from whole episodes: an environment rests after its episode. */
  readonly wholeEpisodes?: true;
  /** Number of environments. Default: the setting `envs`. */
  readonly environments?: (config: Values<S>) => number;
  readonly train: (t: Training, config: Values<S>) => Generator<Report, never>;
}

const naturalSettings = { ...trpoSettings, lineSearch: flag(false, trpoSettings.lineSearch.about) };
const always = (): boolean => true;

/** Settings of the algorithms with a clip, which learn several times from the same episodes. */
const clippedSettings = {
  ...episodeSettings,
  epochs: integer(8, episodeSettings.epochs.about, { min: 1, max: 100 }),
};

/** Returns the algorithm that runs a group algorithm on episodes. */
export function onEpisodes(named: NamedAlgorithm): Algorithm<typeof episodeSettings> {
  const { about, estimator, usual = {} } = named;
  const table = estimator.surrogate.form === "reinforce" ? episodeSettings : clippedSettings;
  return {
    about,
    settings: table,
    usual,
    needsCritic: () => false,
    wholeEpisodes: true,
    environments: ({ starts, groupSize }) => starts * groupSize,
    train: (t, c) => episodes(t, named, c),
  };
}

export const algorithms = {
  reinforce: {
    about: "REINFORCE with a baseline: whole episodes, weighted by their returns",
    settings: reinforceSettings,
    needsCritic: ({ baseline }) => baseline === "value",
    wholeEpisodes: true,
    train: reinforce,
  } satisfies Algorithm<typeof reinforceSettings>,
  a2c: {
    about: "advantage actor-critic: a few steps of many environments per update",
    settings: a2cSettings,
    needsCritic: always,
    train: a2c,
  } satisfies Algorithm<typeof a2cSettings>,
  ppo: {
    about: "proximal policy optimization: several epochs of clipped steps per rollout",
    settings: ppoSettings,
    needsCritic: always,
    train: ppo,
  } satisfies Algorithm<typeof ppoSettings>,
  trpo: {
    about:
      "trust region policy optimization: a natural gradient step within a KL, found by line search",
    settings: trpoSettings,
    needsCritic: always,
    train: trpo,
  } satisfies Algorithm<typeof trpoSettings>,
  natural: {
    about: "natural policy gradient: trpo without the line search",
    settings: naturalSettings,
    needsCritic: always,
    train: trpo,
  } satisfies Algorithm<typeof trpoSettings>,
  a3c: {
    about: "asynchronous advantage actor-critic: workers that share parameters without locks",
    settings: a3cSettings,
    needsCritic: always,
    environments: ({ envs, workers }) => envs * workers,
    train: a3c,
  } satisfies Algorithm<typeof a3cSettings>,
  impala: {
    about: "actor-learner with V-trace: acting with weights that are some updates old",
    settings: impalaSettings,
    needsCritic: always,
    train: impala,
  } satisfies Algorithm<typeof impalaSettings>,
  ...(Object.fromEntries(
    episodeAlgorithms.map((name) => {
      const { usual, ...rest }: GroupAlgorithm = groupAlgorithms[name];
      return [name, onEpisodes({ ...rest, name })];
    }),
  ) as Record<EpisodeAlgorithm, Algorithm<typeof episodeSettings>>),
};
export type AlgorithmName = keyof typeof algorithms;

export interface TextAlgorithm {
  readonly about: string;
  readonly settings: Settings;
  /** Values that replace defaults, among them the model's. */
  readonly usual?: Readonly<Record<string, unknown>>;
  /** The algorithm that learns from rewards after the supervised stage; null without such a stage. */
  readonly group: NamedAlgorithm | null;
}

/** Returns the algorithm that runs a group algorithm on completions. */
export const onCompletions = (group: NamedAlgorithm): TextAlgorithm => ({
  about: group.about,
  settings: { ...sftSettings, ...tuneSettings },
  usual: group.usual ?? {},
  group,
});

/** The algorithms of texts: supervised learning alone, or followed by learning from rewards. */
export const textAlgorithms: Readonly<Record<string, TextAlgorithm>> = {
  sft: { about: "supervised learning alone", settings: sftSettings, group: null },
  ...Object.fromEntries(
    Object.entries<GroupAlgorithm>(groupAlgorithms).map(([name, group]) => [
      name,
      onCompletions({ ...group, name }),
    ]),
  ),
};

/** Reasons why an algorithm does not run on the other kind of task. */
const steps = "its workers step environments";
const fisher = "its natural step needs Fisher products, which a GPT does not have";
export const notForTexts = { trpo: fisher, natural: fisher, a3c: steps, impala: steps };
export const notForEnvironments = {
  sft: "it imitates texts",
  remax: "it compares with a prompt's greedy completion",
};
