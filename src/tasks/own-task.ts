/** The user's own tasks: converts a file's export, or a program's definition, to a `Task`. */
import {
  aNumber,
  anObject,
  anything,
  aText,
  checkFields,
  type Kind,
  type Kinds,
  wholeFrom,
} from "../core/definition.ts";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Values } from "../core/settings.ts";
import { type EnvironmentSource, makeOwn, type SpaceNames } from "./own-environment.ts";
import { type OwnSetting, settingsFrom } from "./own-settings.ts";
import type { EnvironmentTask, LanguageTask, Task } from "./task.ts";
import { ownTextFields, type TextDefinition, textFrom } from "./text/own-text.ts";

interface Facts {
  /** One line about the task. */
  readonly about?: string;
  /** Settings by name, as a table of `integer(…)` and its kin, as plain data, or as default values. */
  readonly settings?: Readonly<Record<string, OwnSetting>>;
  /** Algorithm where none is named: "ppo" for an environment; for a text "grpo" with a reward, else "sft". */
  readonly algo?: string;
  /** Environment steps, or sampled tokens, where the caller names none. Default 100,000. */
  readonly steps?: number;
  /** Values other than the defaults, for every algorithm and by algorithm. */
  readonly preset?: Readonly<Record<string, unknown>>;
  readonly presets?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The mean return that counts as solved. */
  readonly solved?: number;
}

export interface EnvironmentDefinition extends Facts {
  /** Makes an environment, from the values of the settings: a `Dynamics`, or an object in Gymnasium's shape. */
  readonly environment: EnvironmentSource;
  readonly names?: SpaceNames;
}

export type TaskDefinition = EnvironmentDefinition | (Facts & TextDefinition);

const presetsByName: Kind = {
  words: "objects by algorithm",
  fits: (x) => anObject.fits(x) && Object.values(x as object).every((one) => anObject.fits(one)),
};
const facts = {
  about: aText,
  settings: anything, // own-settings.ts
  algo: aText,
  steps: wholeFrom(1),
  preset: anObject,
  presets: presetsByName,
  solved: aNumber,
};
const environmentFields: Kinds = { ...facts, environment: anything, names: anObject };
const textFields: Kinds = { ...facts, ...ownTextFields };

/** Checks a definition and returns it as a task. Throws SettingError that names the field. */
export const defineTask = (definition: TaskDefinition): Task => taskFrom(definition, "defineTask");

/** Returns the task that a value describes; `where` begins the messages of its errors. */
export function taskFrom(given: unknown, where: string): Task {
  if (isTask(given)) return given;
  if (typeof given === "function") return taskFrom({ environment: given }, where);
  if (typeof given !== "object" || given === null)
    throw new SettingError(
      `${where}: expected an object with environment, or with examples, prompts or reward, got ${brief(given)}`,
    );
  const fields = given as Readonly<Record<string, unknown>>;
  const isEnvironment = "environment" in fields;
  if (Array.isArray(given))
    throw new SettingError(
      `${where}: expected an object with environment, or with examples, prompts or reward, got a list; pigrad train text --set data=FILE reads rows`,
    );
  if (!isEnvironment && "reset" in fields && "step" in fields)
    throw new SettingError(
      `${where}: expected a task, got one environment; export { environment: () => … } that makes a new one per call`,
    );
  checkFields(fields, isEnvironment ? environmentFields : textFields, where);
  return isEnvironment ? environmentFrom(fields, where) : languageFrom(fields, where);
}

const isTask = (given: unknown): given is Task =>
  typeof given === "object" &&
  given !== null &&
  ["environment", "text"].includes((given as Task).kind) &&
  typeof (given as Task).make === "function";

function environmentFrom(
  fields: Readonly<Record<string, unknown>>,
  where: string,
): EnvironmentTask {
  const { environment, names } = fields as unknown as EnvironmentDefinition;
  if (typeof environment !== "function")
    throw new SettingError(
      `${where}: expected environment to be a function that makes one, got ${brief(environment)}`,
    );
  return {
    kind: "environment",
    byShape: true,
    ...factsFrom(fields, where, "ppo"),
    make: (values: Values<object>) => makeOwn(environment, values, names, where),
  };
}

function languageFrom(fields: Readonly<Record<string, unknown>>, where: string): LanguageTask {
  const algo = fields.reward === undefined ? "sft" : "grpo";
  const facts = factsFrom(fields, where, algo);
  const teaches = fields.examples !== undefined || fields.corpus !== undefined;
  return {
    kind: "text",
    ...facts,
    preset: teaches ? facts.preset : { sftUpdates: 0, ...facts.preset },
    make: (values, read, chat) => textFrom(fields as TextDefinition, { values, read, where, chat }),
  };
}

function factsFrom(fields: Readonly<Record<string, unknown>>, where: string, usualAlgo: string) {
  const facts = fields as Facts;
  const { about = "a task of your own", algo = usualAlgo, steps = 100_000, solved } = facts;
  return {
    ...{ about, algo, steps },
    settings: settingsFrom(facts.settings, `${where}: settings`),
    preset: facts.preset ?? {},
    presets: facts.presets ?? {},
    ...(solved === undefined ? {} : { solved }),
  };
}
