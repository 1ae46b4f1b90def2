/** Tables of the reference pages, as Markdown, from what the code knows. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  episodeSettings,
  type GroupAlgorithm,
  groupAlgorithms,
  tuneSettings,
} from "../../src/algos/group-algorithms.ts";
import { algorithms, textAlgorithms } from "../../src/algos/index.ts";
import { sftSettings } from "../../src/algos/sft.ts";
import type { Settings } from "../../src/core/settings.ts";
import type { EstimatorSettings } from "../../src/estimators/presets.ts";
import { tasks } from "../../src/tasks/index.ts";
import { gptSettings, hubSettings, modelSettings } from "../../src/tasks/model-settings.ts";
import type { Task } from "../../src/tasks/task.ts";
import { anchor, readResults } from "../../tests/learning/records.ts";
import { table } from "../../tests/support/markdown.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Returns the page of an algorithm or a task. `reinforce++` has no place in an address. */
export const pageOf = (kind: "algo" | "task", name: string): string =>
  `${kind}-${name.replaceAll("++", "-plus-plus")}.md`;

export const algorithmNames = [
  ...new Set([...Object.keys(algorithms), ...Object.keys(textAlgorithms)]),
];
export const allTasks: readonly (readonly [string, Task])[] = Object.entries<Task>(tasks);

const code = (value: unknown): string => {
  const text = String(value);
  return text === "" ? "none" : `\`${text}\``;
};
const values = (set: Readonly<Record<string, unknown>>): string =>
  Object.entries(set)
    .map(([name, value]) => `\`${name}=${String(value)}\``)
    .join(" ") || "none";

export const settingsTable = (settings: Settings): string =>
  table(
    ["setting", "default", "allowed", "meaning"],
    Object.entries(settings).map(([name, { initial, allowed, about }]) => {
      return [`\`${name}\``, code(initial), allowed, about];
    }),
  );

/** The tables of settings that several pages share, by name. */
const shared: Readonly<Record<string, Settings>> = {
  episodes: episodeSettings,
  completions: tuneSettings,
  supervised: sftSettings,
  policy: modelSettings,
  gpt: gptSettings,
  published: hubSettings,
};
export const sharedTable = (name: string): string => settingsTable(shared[name]);

const isGroup = (name: string): name is keyof typeof groupAlgorithms =>
  Object.hasOwn(groupAlgorithms, name);
const ownTrainer = (name: string): boolean => Object.hasOwn(algorithms, name);
const onEpisodesToo = (name: string): boolean => ownTrainer(name) && "starts" in settingsOf(name);
const settingsOf = (name: string): Settings => algorithms[name as keyof typeof algorithms].settings;

/** The settings of an algorithm: a table, and where it learns from groups the row of what it stands for. */
export function algorithmPart(name: string): string {
  const parts: string[] = [];
  if (ownTrainer(name) && !onEpisodesToo(name))
    parts.push("Settings in environments:", settingsTable(settingsOf(name)));
  if (isGroup(name)) parts.push(...groupPart(name, groupAlgorithms[name]));
  if (name === "sft") parts.push(sharedTable("supervised"));
  return parts.join("\n\n");
}

function groupPart(name: string, row: GroupAlgorithm): string[] {
  const where = onEpisodesToo(name) ? "in environments and on texts" : "on texts";
  const rest = name === "grpo" ? "below" : "in the [tables of GRPO](algo-grpo.md#settings)";
  const changed = onEpisodesToo(name)
    ? Object.entries(settingsOf(name)).filter(
        ([key, { initial }]) =>
          initial !== episodeSettings[key as keyof typeof episodeSettings].initial,
      )
    : [];
  const own = changed.map(([key, { initial }]) => [key, initial]);
  return [
    `What the name stands for ${where}; all other settings are ${rest}:`,
    table(["choice", "value"], estimatorRows(row)),
    [
      ...(onEpisodesToo(name)
        ? [`Defaults of its own on episodes: ${values(Object.fromEntries(own))}.`]
        : []),
      `Defaults of its own on texts: ${values(row.usual ?? {})}.`,
    ].join(" "),
  ];
}

function estimatorRows({ estimator, wholeBatch, minimumRisk, bestOnly }: GroupAlgorithm) {
  const { baseline, scale, aggregation, surrogate, kl, ddof, eps }: EstimatorSettings = estimator;
  const { form, ratioLevel, clipLow, clipHigh } = surrogate;
  const clips = form !== "reinforce" && form !== "ratio";
  const divisor = scale === "none" ? "" : scale === "mean" ? ` + ${eps}` : ` + ${eps}, n − ${ddof}`;
  return [
    ["baseline", `\`${baseline}\`${wholeBatch ? ", over the whole batch" : ""}`],
    ["divisor of the advantage", `\`${scale}\`${divisor}`],
    ["weight of a token", `\`${aggregation}\``],
    ["surrogate", minimumRisk ? "none: the minimum-risk loss" : `\`${form}\``],
    ...(clips
      ? [["ratio, and its range", `per \`${ratioLevel}\`, ${rangeOf(form, clipLow, clipHigh)}`]]
      : []),
    [
      "KL to the reference",
      kl === null ? "reported only" : `${kl.estimator} in the ${kl.place}, weight ${kl.weight}`,
    ],
    ...(bestOnly ? [["learns from", "the best sequence of each group"]] : []),
  ];
}

const rangeOf = (form: string, low: number, high: number): string =>
  form === "tv"
    ? `π − π_old within −${low} and ${high}`
    : `ρ from ${Math.max(0, Number((1 - low).toFixed(6)))} to ${Number((1 + high).toFixed(6))}`;

/** The tasks with values of their own for an algorithm. */
export function algorithmPresets(name: string): string {
  const rows = allTasks.flatMap(([task, { algo, presets = {}, preset = {}, kind }]) => {
    const own = presets[name] ?? (kind === "text" && algo === name ? preset : undefined);
    if (own === undefined) return [];
    return [[`[\`${task}\`](${pageOf("task", task)})`, algo === name ? "yes" : "", values(own)]];
  });
  if (rows.length === 0) return "No task has values of its own for it.";
  return table(["task", "its default algorithm", "values"], rows);
}

export const taskPresets = ({ preset, presets = {} }: Task): string => {
  const rows = Object.entries(presets).map(([algo, own]) => [
    `[\`${algo}\`](${pageOf("algo", algo)})`,
    values(own),
  ]);
  const general = preset === undefined ? [] : [["every algorithm", values(preset)]];
  const all = [...general, ...rows];
  return all.length === 0 ? "No presets." : table(["preset for", "values"], all);
};

/** Recorded results on seeds from 501 on. */
export function resultsPart(which: "algo" | "task", name: string): string {
  const known = Object.entries(readResults()).filter(([, result]) => result[which] === name);
  if (known.length === 0)
    return "No results on seeds from 501 on are recorded in [results.md](../results.md) yet.";
  const other = which === "algo" ? "task" : "algo";
  return table(
    [other === "task" ? "task" : "algorithm", "result", "asked"],
    known.map(([title, record]) => [
      `[${title}](../results.md#${anchor(title)}), \`${record[other]}\``,
      record.result,
      `${record.asks}: ${record.holds ? "holds" : "does not hold"}`,
    ]),
  );
}

/** Links to functions, each FILE#NAME, at the lines where they are defined. */
export const sourcePart = (targets: readonly string[]): string =>
  targets
    .map((target) => {
      const [path, name] = target.split("#");
      return `- [\`${name}\`](../../${path}#L${lineOf(path, name)}) in \`${path}\``;
    })
    .join("\n");

function lineOf(path: string, name: string): number {
  const quoted = name.replace(/[^\w]/g, "\\$&");
  const lines = readFileSync(`${root}/${path}`, "utf8").split("\n");
  const top = new RegExp(`^(export )?(abstract )?(async )?(function\\*?|const|class) ${quoted}\\b`);
  const entry = new RegExp(`^ {2}"?${quoted}"?: `); // of a table such as `groupAlgorithms`
  const line = lines.findIndex((text) => top.test(text));
  const at = line < 0 ? lines.findIndex((text) => entry.test(text)) : line;
  if (at < 0) throw new Error(`${path}: expected a definition of ${name}, found none`);
  return at + 1;
}

/** The two tables of the index. */
export function indexPart(which: "algo" | "task"): string {
  if (which === "task")
    return table(
      ["task", "kind", "what it is", "algorithm"],
      allTasks.map(([name, { kind, about, algo }]) => [
        `[\`${name}\`](${pageOf("task", name)})`,
        kind,
        about,
        `[\`${algo}\`](${pageOf("algo", algo)})`,
      ]),
    );
  return table(
    ["algorithm", "for", "what it is"],
    algorithmNames.map((name) => {
      const control = algorithms[name as keyof typeof algorithms];
      const text = textAlgorithms[name];
      const both = [...(control ? ["environments"] : []), ...(text ? ["texts"] : [])];
      return [`[\`${name}\`](${pageOf("algo", name)})`, both.join(", "), (control ?? text).about];
    }),
  );
}
