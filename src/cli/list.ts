/** pigrad list: tasks, algorithms, and every setting with its default and a line of help. */

import { groupAlgorithms, tuneSettings } from "../algos/group-algorithms.ts";
import { algorithms } from "../algos/index.ts";
import { sftSettings } from "../algos/sft.ts";
import type { Settings } from "../core/settings.ts";
import { tasks } from "../tasks/index.ts";
import { modelSettings } from "../tasks/model-settings.ts";
import { languageTasks } from "../tasks/text/index.ts";
import { gptSettings } from "../tasks/text/session.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const listHelp = `  pigrad list [--json]
      tasks, algorithms, and every setting with its default; --json: one object a line`;

export function listCommand(args: string[]): void {
  const { values } = parseOptions(args, { json: { type: "boolean" } }, false);
  if (values.json) for (const line of jsonLines()) sayJson(line);
  else say(`${textLines().join("\n")}\n`);
}

/** Tasks, algorithms and the settings that go with any of them, as data. */
function jsonLines(): object[] {
  const languageSettings = { ...gptSettings, ...sftSettings, ...tuneSettings };
  return [
    ...Object.entries(tasks).map(([name, { about, steps, presets, settings }]) => {
      return { type: "task", name, about, steps, presets, settings: facts(settings) };
    }),
    ...Object.entries(languageTasks).map(([name, { about, algo, steps, usual, settings }]) => {
      return { type: "textTask", name, about, algo, steps, usual, settings: facts(settings) };
    }),
    ...Object.entries(algorithms).map(([name, { about, settings }]) => {
      return { type: "algorithm", name, about, settings: facts(settings) };
    }),
    ...Object.entries(groupAlgorithms).map(([name, { about }]) => {
      return { type: "textAlgorithm", name, about };
    }),
    { type: "model", settings: facts(modelSettings) },
    { type: "textModel", settings: facts(languageSettings) },
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
  const lines = ["Tasks (pigrad train TASK)"];
  for (const [name, { about, steps, settings, presets }] of Object.entries(tasks)) {
    lines.push(
      "",
      `  ${name}: ${about}`,
      `    trains ${steps.toLocaleString("en")} steps by default`,
    );
    for (const [algo, preset] of Object.entries(presets)) {
      const values = Object.entries(preset).map(([key, value]) => `${key}=${value}`);
      if (values.length > 0) lines.push(`    preset for ${algo}: ${values.join(" ")}`);
    }
    lines.push(...settingLines(settings));
  }
  lines.push("", "Text tasks (pigrad train TASK)");
  for (const [name, { about, algo, steps, settings, usual }] of Object.entries(languageTasks)) {
    const values = Object.entries(usual).map(([key, value]) => `${key}=${value}`);
    lines.push(
      "",
      `  ${name}: ${about}`,
      `    ${algo} by default, for ${steps.toLocaleString("en")} sampled tokens; preset: ${values.join(" ")}`,
      ...settingLines(settings),
    );
  }
  lines.push("", "Algorithms (--algo NAME)");
  for (const [name, { about, settings }] of Object.entries(algorithms)) {
    lines.push("", `  ${name}: ${about}`, ...settingLines(settings));
  }
  lines.push("", "The model (of any task)", ...settingLines(modelSettings));
  lines.push("", "Algorithms of text tasks", "", "  sft: supervised learning alone");
  for (const [name, { about }] of Object.entries(groupAlgorithms))
    lines.push(`  ${name}: ${about}`);
  for (const [title, table] of [
    ["Settings of supervised learning", sftSettings],
    ["Settings of learning from rewards", tuneSettings],
    ["The language model", gptSettings],
  ] as const)
    lines.push("", title, ...settingLines(table));
  return lines;
}

function settingLines(settings: Settings): string[] {
  return Object.entries(settings).map(([name, { initial, about, allowed }]) => {
    const value = String(initial) === "" ? "(none)" : String(initial);
    return `    ${name.padEnd(20)} ${value.padEnd(20)} ${about} (${allowed})`;
  });
}
