/** pigrad list: tasks, algorithms, and every setting with its default and a line of help. */
import { existsSync } from "node:fs";
import { tuneSettings } from "../algos/group-algorithms.ts";
import { algorithms, onEpisodes, type TextAlgorithm, textAlgorithms } from "../algos/index.ts";
import { sftSettings } from "../algos/sft.ts";
import { type Settings, unknownName } from "../core/settings.ts";
import { loadOwn, meansFile, nameOfFile } from "../node/own-files.ts";
import { environmentTasks } from "../tasks/environments.ts";
import { tasks } from "../tasks/index.ts";
import { gptSettings, hubSettings, modelSettings } from "../tasks/model-settings.ts";
import { mujocoTasks } from "../tasks/mujoco.ts";
import { algorithmFrom } from "../tasks/own-algorithm.ts";
import { ownOf } from "../tasks/own-files.ts";
import { taskFrom } from "../tasks/own-task.ts";
import { type Task, usualSteps } from "../tasks/task.ts";
import { languageTasks } from "../tasks/text/index.ts";
import { mustBeNoFile } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const listHelp = `  pigrad list [NAME|FILE]... [--json]
      tasks, algorithms, and every setting with its default, or only those of these names, or of
      files of your own; --json: one object per line`;

/** Names of tasks and algorithms. */
export const listNames: readonly string[] = [
  ...new Set([tasks, algorithms, textAlgorithms].flatMap((table) => Object.keys(table))),
];

export async function listCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, { json: { type: "boolean" } });
  const some = (await Promise.all(positionals.map(linesOf))).flat();
  const json = some.length > 0 ? some.map(({ json: line }) => line) : jsonLines();
  if (values.json) for (const line of json) sayJson(line);
  else say(`${(some.length > 0 ? some.flatMap(({ text }) => text) : textLines()).join("\n")}\n`);
}

interface Described {
  readonly about: string;
  readonly settings: Settings;
}

/** A task or an algorithm, in both forms. */
interface Listed {
  readonly json: object;
  readonly text: readonly string[];
}

/** Returns the task and the algorithms of a name, or what a file has. */
async function linesOf(name: string): Promise<readonly Listed[]> {
  const named = <T>(table: Readonly<Record<string, T>>): [string, T][] =>
    Object.hasOwn(table, name) ? [[name, table[name]]] : [];
  const found = [
    ...named<Task>(tasks).map((task) => ({ json: taskFacts(task), text: taskLines(task) })),
    ...named<Described>(algorithms).map((algorithm) => ({
      json: algorithmFacts(algorithm),
      text: algorithmLines(`${name} on environments`, algorithm[1]),
    })),
    ...named(textAlgorithms).map((algorithm) => ({
      json: textAlgorithmFacts(algorithm),
      text: algorithmLines(`${name} on texts`, algorithm[1]),
    })),
  ];
  if (found.length > 0) return found;
  if (meansFile(name) || existsSync(name)) return [await ownLines(name)];
  mustBeNoFile(name);
  throw unknownName("task or algorithm", name, listNames);
}

/** A file's task or algorithm. */
async function ownLines(path: string): Promise<Listed> {
  const name = nameOfFile(path);
  const given = ownOf(await loadOwn(path));
  const fields = Object.keys(given as object);
  if (!["train", "base", "estimator", "compare"].some((field) => fields.includes(field))) {
    const task = taskFrom(given, path);
    return { json: taskFacts([name, task]), text: taskLines([name, task]) };
  }
  const own = algorithmFrom(given, name, path);
  const algorithm = own.kind === "group" ? onEpisodes(own.group) : own.algorithm;
  return { json: algorithmFacts([name, algorithm]), text: algorithmLines(name, algorithm) };
}

const kinds = { environment: "task", text: "textTask" } as const;

/** Tasks, algorithms and the settings that go with any of them, as data. */
function jsonLines(): object[] {
  return [
    ...Object.entries<Task>(tasks).map(taskFacts),
    ...Object.entries<Described>(algorithms).map(algorithmFacts),
    ...Object.entries(textAlgorithms).map(textAlgorithmFacts),
    { type: "model", settings: facts(modelSettings) },
    { type: "textModel", settings: facts(gptSettings) },
    { type: "publishedModel", settings: facts(hubSettings) },
  ];
}

const algorithmFacts = ([name, { about, settings }]: [string, Described]): object => ({
  type: "algorithm",
  name,
  about,
  settings: facts(settings),
});
const textAlgorithmFacts = ([name, algorithm]: [string, TextAlgorithm]): object => ({
  type: "textAlgorithm",
  name,
  about: algorithm.about,
  preset: algorithm.usual,
  settings: facts(algorithm.settings),
});

function taskFacts([name, task]: [string, Task]): object {
  const { kind, about, algo, solved, preset = {}, presets = {}, settings } = task;
  const steps = usualSteps(task);
  const known = { about, algo, steps, solved, preset, presets };
  return { type: kinds[kind], name, ...known, settings: facts(settings) };
}

const facts = (settings: Settings) =>
  Object.entries(settings).map(([name, { initial, about, allowed }]) => ({
    name,
    initial,
    about,
    allowed,
  }));

function textLines(): string[] {
  return [
    "Tasks of environments (pigrad train TASK)",
    ...Object.entries(environmentTasks).flatMap(taskLines),
    "",
    "Tasks on MuJoCo (npm i mujoco-js; pigrad train TASK)",
    ...Object.entries(mujocoTasks).flatMap(taskLines),
    "",
    "Tasks of texts (pigrad train TASK)",
    ...Object.entries(languageTasks).flatMap(taskLines),
    "",
    "Algorithms of environments (--algo NAME)",
    ...Object.entries<Described>(algorithms).flatMap(([name, algorithm]) =>
      algorithmLines(name, algorithm),
    ),
    "",
    "The model of environments",
    ...settingLines(modelSettings),
    "",
    "Algorithms of texts (--algo NAME)",
    "",
    ...Object.entries(textAlgorithms).map(([name, { about }]) => `  ${name}: ${about}`),
    "",
    "Settings of supervised learning",
    ...settingLines(sftSettings),
    "",
    "Settings of learning from rewards",
    ...settingLines(tuneSettings),
    "",
    "The model of texts",
    ...settingLines(gptSettings),
    "",
    "A published model in its place (--model FOLDER)",
    ...settingLines(hubSettings),
  ];
}

const algorithmLines = (name: string, { about, settings }: Described): string[] => [
  "",
  `  ${name}: ${about}`,
  ...settingLines(settings),
];

function taskLines([name, task]: [string, Task]): string[] {
  const { kind, about, algo, settings, preset, presets = {} } = task;
  const unit = kind === "text" ? "sampled tokens" : "steps";
  const chosen = Object.entries({ "every algorithm": preset ?? {}, ...presets });
  return [
    "",
    `  ${name}: ${about}`,
    `    by default ${algo} for ${usualSteps(task).toLocaleString("en")} ${unit}`,
    ...chosen.flatMap(([whose, values]) => {
      const words = Object.entries(values).map(([key, value]) => `${key}=${String(value)}`);
      return words.length === 0 ? [] : [`    preset for ${whose}: ${words.join(" ")}`];
    }),
    ...settingLines(settings),
  ];
}

function settingLines(settings: Settings): string[] {
  return Object.entries(settings).map(([name, { initial, about, allowed }]) => {
    const value = String(initial) === "" ? "(none)" : String(initial);
    return `    ${name.padEnd(20)} ${value.padEnd(20)} ${about} (${allowed})`;
  });
}
