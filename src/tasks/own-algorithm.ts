/** The user's own algorithms: changes to a group algorithm's estimator, or a generator that trains. */

import {
  type GroupAlgorithm,
  type GroupAlgorithmName,
  groupAlgorithms,
  type NamedAlgorithm,
} from "../algos/group-algorithms.ts";
import type { Algorithm } from "../algos/index.ts";
import type { Report, Training } from "../algos/training.ts";
import {
  above,
  aFlag,
  aFunction,
  aNumber,
  anObject,
  anything,
  aText,
  checkFields,
  type Kinds,
  notBelow,
  oneOf,
  orNull,
} from "../core/definition.ts";
import { MemoryError, NumericError, SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Settings } from "../core/settings.ts";
import { Pending } from "../core/waiting.ts";
import { clampTargets, klDefaults, klEstimators } from "../estimators/kl.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { checkCompared } from "../estimators/sequence-advantages.ts";
import { ratioLevels, type SurrogateSettings, surrogateForms } from "../estimators/surrogate.ts";
import { aggregations } from "../estimators/weights.ts";
import { guarded, ownError } from "./own-environment.ts";
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

const numberOrNull = orNull(notBelow(0));
const surrogateKinds: Kinds = {
  ...{ form: oneOf(...surrogateForms), ratioLevel: oneOf(...ratioLevels) },
  ...{ clipLow: notBelow(0), clipHigh: notBelow(0) },
  ...{ dualClip: orNull(above(1)), delta: orNull(notBelow(1)) },
};
const klKinds: Kinds = {
  ...{ estimator: oneOf(...klEstimators), place: oneOf("loss", "reward"), weight: aNumber },
  ...{ inputClamp: numberOrNull, outputClamp: numberOrNull, importance: aFlag },
  clampOf: oneOf(...clampTargets),
};
const estimatorKinds: Kinds = {
  baseline: oneOf("none", "mean", "leaveOneOut", "greedy", "value"),
  scale: oneOf("none", "mean", "group", "batch"),
  ...{ ddof: oneOf(0, 1), eps: notBelow(0), compare: aFunction },
  aggregation: oneOf(...aggregations),
  ...{ surrogate: anObject, kl: orNull(anObject) },
};
const groupKinds: Kinds = {
  about: aText,
  base: oneOf(...Object.keys(groupAlgorithms)),
  ...{ estimator: anObject, compare: aFunction, usual: anObject },
  ...{ wholeBatch: aFlag, minimumRisk: aFlag, bestOnly: aFlag },
};
const generatorKinds: Kinds = {
  ...{ about: aText, settings: anything, usual: anObject, critic: aFlag, wholeEpisodes: aFlag },
  train: { words: "a generator function", fits: (x) => typeof x === "function" },
};

/** Returns the algorithm that a value describes; `where` begins the messages of its errors. */
export function algorithmFrom(given: unknown, name: string, where: string): OwnAlgorithm {
  if (typeof given !== "object" || given === null)
    throw new SettingError(
      `${where}: expected an algorithm as an object with train, or with base, estimator or compare, got ${brief(given)}`,
    );
  const isGenerator = "train" in given;
  checkFields(given, isGenerator ? generatorKinds : groupKinds, where);
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
    train: (training, values) =>
      reportsOf(
        training,
        guarded(where, () => train(training, values)),
        where,
      ),
  };
}

const mostIdle = 100_000; // reports between which no step is taken

/** Draws the reports of an algorithm of one's own. Throws OwnCodeError, which names `where`, for whatever goes wrong. */
function* reportsOf(training: Training, given: unknown, where: string): Generator<Report, never> {
  const own = (given ?? {}) as Generator<unknown, unknown, unknown>;
  if (typeof own.next !== "function" || Symbol.asyncIterator in own)
    throw new SettingError(
      `${where}: expected train to return a generator, as function* does, got ${brief(given)}`,
    );
  let step = (): IteratorResult<unknown, unknown> => own.next();
  try {
    for (let idle = 0; ; ) {
      const before = training.envSteps;
      const { done, value } = drawn(step, where);
      if (done === true)
        throw new SettingError(`${where}: expected train to yield reports without an end`);
      if (!(value instanceof Pending)) {
        checkReport(value, where);
        idle = training.envSteps > before ? 0 : idle + 1;
        if (idle === mostIdle)
          throw new SettingError(
            `${where}: expected environment steps, got ${mostIdle} reports without one`,
          );
      }
      try {
        const result: unknown = yield value as Report;
        step = () => own.next(result);
      } catch (error) {
        step = () => own.throw(error);
      }
    }
  } finally {
    own.return?.(undefined);
  }
}

/** Runs a step of the algorithm. Errors of a training that diverges, or has no memory left, stay as they are. */
function drawn<T>(step: () => T, where: string): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof NumericError || error instanceof MemoryError) throw error;
    throw ownError(where, error);
  }
}

function checkReport(given: unknown, where: string): void {
  const { update, envSteps } = (given ?? {}) as Partial<Report>;
  if (![update, envSteps].every((count) => Number.isSafeInteger(count)))
    throw new SettingError(
      `${where}: expected reports with update and envSteps as whole numbers, got ${brief(given)}`,
    );
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
  const known: GroupAlgorithm = groupAlgorithms[base];
  checkFields(estimator, estimatorKinds, `${where}: estimator`);
  checkFields(estimator.surrogate ?? {}, surrogateKinds, `${where}: estimator.surrogate`);
  checkFields(estimator.kl ?? {}, klKinds, `${where}: estimator.kl`);
  const kl = estimator.kl && { ...klDefaults, ...known.estimator.kl, ...estimator.kl };
  if (kl && (kl.place === undefined || kl.weight === undefined))
    throw new SettingError(
      `${where}: estimator.kl: expected place and weight, got one of them or none`,
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
      ...(kl === undefined ? {} : { kl }),
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
