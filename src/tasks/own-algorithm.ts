/** The user's own algorithms: changes to a group algorithm's estimator, or a generator that trains. */

import {
  type GroupAlgorithm,
  type GroupAlgorithmName,
  groupAlgorithms,
  type NamedAlgorithm,
} from "../algos/group-algorithms.ts";
import type { Algorithm } from "../algos/index.ts";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Settings } from "../core/settings.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { checkCompared } from "../estimators/sequence-advantages.ts";
import type { SurrogateSettings } from "../estimators/surrogate.ts";
import { guarded } from "./own-environment.ts";
import { type OwnSetting, settingsFrom } from "./own-settings.ts";

/** An estimator on groups of sequences: in environments, on texts, and in the lab. */
export interface EstimatorDefinition
  extends Partial<
    Pick<GroupAlgorithm, "about" | "wholeBatch" | "minimumRisk" | "bestOnly" | "usual">
  > {
  /** The algorithm that it changes. Default "rloo". */
  readonly base?: GroupAlgorithmName;
  readonly estimator?: Partial<Omit<EstimatorSettings, "surrogate">> & {
    readonly surrogate?: Partial<SurrogateSettings>;
  };
  /** `estimator.compare`: advantages of a group's sequences from their scores. */
  readonly compare?: EstimatorSettings["compare"];
}

/** An algorithm on environments that trains by itself, as src/algos/ppo.ts does. */
export interface GeneratorDefinition {
  readonly about?: string;
  readonly settings?: Readonly<Record<string, OwnSetting>>;
  /** Values other than the defaults, of the model's settings too. */
  readonly usual?: Readonly<Record<string, unknown>>;
  /** The model has a critic. Default true. */
  readonly critic?: boolean;
  /** Environments rest when their episode is over. */
  readonly wholeEpisodes?: boolean;
  readonly train: Algorithm<Settings>["train"];
}
export type AlgorithmDefinition = EstimatorDefinition | GeneratorDefinition;

/** Checks a definition. Throws SettingError that names the field. */
export function defineAlgorithm<T extends AlgorithmDefinition>(definition: T): T {
  algorithmFrom(definition, "own", "defineAlgorithm");
  return definition;
}

/** A user's algorithm: a group algorithm, or one that trains in environments only. */
export type OwnAlgorithm =
  | { readonly kind: "group"; readonly group: NamedAlgorithm }
  | { readonly kind: "generator"; readonly algorithm: Algorithm<Settings> };

const estimatorFields = [
  "about",
  "base",
  "estimator",
  "compare",
  "wholeBatch",
  "minimumRisk",
  "bestOnly",
  "usual",
];
const generatorFields = ["about", "settings", "usual", "critic", "wholeEpisodes", "train"];

/** Returns the algorithm that a value describes; `where` begins the messages of its errors. */
export function algorithmFrom(given: unknown, name: string, where: string): OwnAlgorithm {
  if (typeof given !== "object" || given === null)
    throw new SettingError(
      `${where}: expected an algorithm as an object with train, or with base, estimator or compare, got ${brief(given)}`,
    );
  const isGenerator = "train" in given;
  const allowed = isGenerator ? generatorFields : estimatorFields;
  const unknown = Object.keys(given).find((field) => !allowed.includes(field));
  if (unknown !== undefined)
    throw new SettingError(
      `${where}: unknown field ${brief(unknown)}; allowed: ${allowed.join(", ")}`,
    );
  return isGenerator
    ? { kind: "generator", algorithm: generatorFrom(given as GeneratorDefinition, where) }
    : { kind: "group", group: groupFrom(given, name, where) };
}

function generatorFrom(given: GeneratorDefinition, where: string): Algorithm<Settings> {
  const {
    about = "an algorithm of your own",
    usual = {},
    critic = true,
    wholeEpisodes,
    train,
  } = given;
  if (typeof train !== "function")
    throw new SettingError(`${where}: expected train as a generator function, got ${brief(train)}`);
  const settings = settingsFrom(given.settings, `${where}: settings`);
  return {
    about,
    settings:
      "envs" in settings
        ? settings
        : { ...settings, ...settingsFrom({ envs: environments }, where) },
    usual,
    needsCritic: () => critic,
    ...(wholeEpisodes === true ? { wholeEpisodes } : {}),
    train,
  };
}
const environments = {
  default: 8,
  about: "environments stepped together",
  whole: true,
  min: 1,
  max: 65_536,
};

function groupFrom(given: EstimatorDefinition, name: string, where: string): NamedAlgorithm {
  const { base = "rloo", estimator = {}, compare = estimator.compare, ...rest } = given;
  if (!Object.hasOwn(groupAlgorithms, base))
    throw new SettingError(
      `${where}: expected base as one of ${Object.keys(groupAlgorithms).join(", ")}, got ${brief(base)}`,
    );
  if (compare !== undefined && typeof compare !== "function")
    throw new SettingError(`${where}: expected compare as a function, got ${brief(compare)}`);
  const known: GroupAlgorithm = groupAlgorithms[base];
  const fields = [...Object.keys(known.estimator), "compare"];
  const unknown = Object.keys(estimator).find((field) => !fields.includes(field));
  if (unknown !== undefined)
    throw new SettingError(
      `${where}: unknown field ${brief(unknown)} of estimator; allowed: ${fields.join(", ")}`,
    );
  const surrogate = { ...known.estimator.surrogate, ...estimator.surrogate };
  return {
    ...known,
    about: `${base}, changed`,
    ...rest,
    name,
    estimator: {
      ...known.estimator,
      ...estimator,
      surrogate: Object.freeze(surrogate),
      ...(compare === undefined
        ? {}
        : {
            compare: (scores: Float64Array) => {
              const compared = guarded(`${where}: compare`, () => compare(scores));
              checkCompared(`${where}: compare`, compared, scores.length);
              return compared;
            },
          }),
    },
  };
}
