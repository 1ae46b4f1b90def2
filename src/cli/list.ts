/** pigrad list: tasks, algorithms, and every setting with its default and a line of help. */

import { tuneSettings } from "../algos/group-algorithms.ts";
import { algorithms, onEpisodes, textAlgorithms } from "../algos/index.ts";
import { sftSettings } from "../algos/sft.ts";
import type { Settings } from "../core/settings.ts";
import { loadOwn, nameOfFile } from "../node/own-files.ts";
import { environmentTasks } from "../tasks/environments.ts";
import { tasks } from "../tasks/index.ts";
import { gptSettings, hubSettings, modelSettings } from "../tasks/model-settings.ts";
import { mujocoTasks } from "../tasks/mujoco.ts";
import { algorithmFrom } from "../tasks/own-algorithm.ts";
import { ownOf } from "../tasks/own-files.ts";
import { taskFrom } from "../tasks/own-task.ts";
import type { Task } from "../tasks/task.ts";
import { languageTasks } from "../tasks/text/index.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const listHelp = `  pigrad list [FILE]... [--json]
      tasks, algorithms, and every setting with its default, or those of files of your own;
      --json: one object per line`;

export async function listCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, { json: { type: "boolean" } });
  const own = await Promise.all(positionals.map(ownLines));
  const json = own.length > 0 ? own.map(({ json: line }) => line) : jsonLines();
  if (values.json) for (const line of json) sayJson(line);
  else say(`${(own.length > 0 ? own.flatMap(({ text }) => text) : textLines()).join("\n")}\n`);
}

/** A file's task or algorithm, in both forms. */
async function ownLines(path: string): Promise<{ json: object; text: string[] }> {
  const name = nameOfFile(path);
  const given = ownOf(await loadOwn(path));
  const fields = Object.keys(given as object);
  if (!["train", "base", "estimator", "compare"].some((field) => fields.includes(field))) {
    const task = taskFrom(given, path);
    return { json: taskFacts([name, task]), text: taskLines([name, task]) };
  }
  const own = algorithmFrom(given, name, path);
  const { about, settings } = own.kind === "group" ? onEpisodes(own.group) : own.algorithm;
  return {
    json: { type: "algorithm", name, about, settings: facts(settings) },
    text: ["", `  ${name}: ${about}`, ...settingLines(settings)],
  };
}

const kinds = { environment: "task", text: "textTask" } as const;

/** Tasks, algorithms and the settings that go with any of them, as data. */
function jsonLines(): object[] {
  return [
    ...Object.entries<Task>(tasks).map(taskFacts),
    ...Object.entries(algorithms).map(([name, { about, settings }]) => {
      return { type: "algorithm", name, about, settings: facts(settings) };
    }),
    ...Object.entries(textAlgorithms).map(([name, { about, settings, usual }]) => {
      return { type: "textAlgorithm", name, about, preset: usual, settings: facts(settings) };
    }),
    { type: "model", settings: facts(modelSettings) },
    { type: "textModel", settings: facts(gptSettings) },
    { type: "publishedModel", settings: facts(hubSettings) },
  ];
}

function taskFacts([name, task]: [string, Task]): object {
  const { kind, about, algo, steps, solved, preset = {}, presets = {}, settings } = task;
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
    ...Object.entries(algorithms).flatMap(([name, { about, settings }]) => {
      return ["", `  ${name}: ${about}`, ...settingLines(settings)];
    }),
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

function taskLines([name, task]: [string, Task]): string[] {
  const { kind, about, algo, steps, settings, preset, presets = {} } = task;
  const unit = kind === "text" ? "sampled tokens" : "steps";
  const chosen = Object.entries({ "every algorithm": preset ?? {}, ...presets });
  return [
    "",
    `  ${name}: ${about}`,
    `    by default ${algo} for ${steps.toLocaleString("en")} ${unit}`,
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
