/** pigrad list: tasks, algorithms, and every setting with its default and a line of help. */

import { tuneSettings } from "../algos/group-algorithms.ts";
import { algorithms, textAlgorithms } from "../algos/index.ts";
import { sftSettings } from "../algos/sft.ts";
import type { Settings } from "../core/settings.ts";
import { environmentTasks } from "../tasks/environments.ts";
import { tasks } from "../tasks/index.ts";
import { gptSettings, modelSettings } from "../tasks/model-settings.ts";
import type { Task } from "../tasks/task.ts";
import { languageTasks } from "../tasks/text/index.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const listHelp = `  pigrad list [--json]
      tasks, algorithms, and every setting with its default; --json: one object a line`;

export function listCommand(args: string[]): void {
  const { values } = parseOptions(args, { json: { type: "boolean" } }, false);
  if (values.json) for (const line of jsonLines()) sayJson(line);
  else say(`${textLines().join("\n")}\n`);
}

const kinds = { environment: "task", text: "textTask" } as const;

/** Tasks, algorithms and the settings that go with any of them, as data. */
function jsonLines(): object[] {
  return [
    ...Object.entries<Task>(tasks).map(([name, task]) => {
      const { kind, about, algo, steps, solved, preset = {}, presets = {}, settings } = task;
      const known = { about, algo, steps, solved, preset, presets };
      return { type: kinds[kind], name, ...known, settings: facts(settings) };
    }),
    ...Object.entries(algorithms).map(([name, { about, settings }]) => {
      return { type: "algorithm", name, about, settings: facts(settings) };
    }),
    ...Object.entries(textAlgorithms).map(([name, { about, settings, usual }]) => {
      return { type: "textAlgorithm", name, about, preset: usual, settings: facts(settings) };
    }),
    { type: "model", settings: facts(modelSettings) },
    { type: "textModel", settings: facts(gptSettings) },
  ];
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
