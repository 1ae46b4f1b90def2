/** The reference: a page per algorithm and task with all headings, tables that are current, names and links that exist. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { partsByPage, reference } from "../../docs/reference/build.ts";
import { algorithmNames, allTasks, pageOf, root } from "../../docs/reference/tables.ts";
import { episodeAlgorithms } from "../../src/algos/episodes.ts";
import { episodeSettings, tuneSettings } from "../../src/algos/group-algorithms.ts";
import { algorithms, textAlgorithms } from "../../src/algos/index.ts";
import { sftSettings } from "../../src/algos/sft.ts";
import type { Settings } from "../../src/core/settings.ts";
import { gptSettings, modelSettings } from "../../src/tasks/model-settings.ts";
import { anchor } from "../learning/records.ts";

const folder = join(root, "docs/reference");
const read = (path: string): string => readFileSync(join(folder, path), "utf8");
const pages = [...partsByPage().keys()];
const headings = (text: string): string[] => [...text.matchAll(/^## (.+)$/gm)].map(([, h]) => h);
const parts = (text: string): string[] =>
  [...text.matchAll(/^<!-- from the code: ([a-z]+)/gm)].map(([, name]) => name);
/** The text below a heading. */
const below = (text: string, heading: string): string =>
  text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";

const written = await reference();

test("each algorithm and each task has a page, and none is left over", () => {
  const found = readdirSync(folder).filter((name) => name.endsWith(".md"));
  expect(found.sort()).toEqual([...pages].sort());
});

const ofAlgorithms = [
  ...["Idea", "Equation", "Pseudocode", "Settings that matter", "What to watch", "Pitfalls"],
  ...["Settings", "Results", "Source"],
];
test.each(algorithmNames)("%s: its page has all headings and tables", (name) => {
  const text = read(pageOf("algo", name));
  expect(text.startsWith(`# ${name}\n`)).toBe(true);
  expect(headings(text)).toEqual(ofAlgorithms);
  for (const part of ["settings", "presets", "results", "source"])
    expect(parts(text)).toContain(part);
  const code = below(text, "Pseudocode").trim().split("\n").slice(1, -1);
  expect(code.length, "lines of pseudocode").toBeGreaterThanOrEqual(6);
  expect(code.length, "lines of pseudocode").toBeLessThanOrEqual(15);
  expect(below(text, "Equation")).toMatch(/^> .*[=≈]/m);
});

const ofTasks = ["Reward", "End", "Train it", "Baselines", "Results", "Source"];
const ofEnvironments = ["Observation and action", "Source of its constants"];
const ofTexts = ["Prompt and completion", "Source of its data"];
test.each(allTasks)("%s: its page has all headings and tables", (name, { kind }) => {
  const text = read(pageOf("task", name));
  expect(text.startsWith(`# ${name}\n`)).toBe(true);
  const own = kind === "text" ? ofTexts : ofEnvironments;
  expect(headings(text).sort()).toEqual(["What it is", ...ofTasks, ...own].sort());
  const isYours = name === "text" || name === "mujoco"; // without data or a robot of its own
  const shown = kind === "text" ? ["samples", "sizes"] : ["picture", "spaces", "baseline"];
  for (const part of [
    "train",
    "settings",
    "presets",
    "results",
    "source",
    ...(isYours ? [] : shown),
  ])
    expect(parts(text), name).toContain(part);
  expect(below(text, "Train it")).toContain(`pigrad train ${name}`);
});

for (const page of pages)
  test.skipIf(written.skipped.includes(page))(`${page} is current`, () => {
    expect(read(page), "npm run docs:reference writes it").toBe(written.files.get(page));
    const picture = `pictures/${page.replace(".md", ".svg")}`;
    if (written.files.has(picture)) expect(read(picture)).toBe(written.files.get(picture));
  });

test("each picture is on a page", () => {
  const shown = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((pictures\/[^)]+)\)/g)].map(([, path]) => path),
  );
  const found = readdirSync(join(folder, "pictures")).map((name) => `pictures/${name}`);
  expect(found.sort()).toEqual(shown.sort());
});

/** Fields of the reports by interface, those of its bases among them. */
function reportFields(name: string): string[] {
  const [, base, body] = interfaces.get(name) ?? [];
  if (body === undefined) throw new Error(`expected a report named ${name}`);
  const own = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field]) => field);
  return [...own, ...(base === undefined ? [] : reportFields(base))];
}
const algos = join(root, "src/algos");
const interfaces = new Map(
  readdirSync(algos)
    .map((name) => readFileSync(join(algos, name), "utf8"))
    .flatMap((text) => [
      ...text.matchAll(/^export interface (\w*Report)(?: extends (\w+))? \{\n([\s\S]*?)^\}/gm),
    ])
    .map(([, name, base, body]) => [name, [name, base, body]]),
);

function reportsOf(name: string): string[] {
  const isEpisodes = (episodeAlgorithms as readonly string[]).includes(name);
  const trainer = name === "natural" ? "trpo" : name;
  const control = isEpisodes
    ? ["GroupReport"]
    : Object.hasOwn(algorithms, name)
      ? [`${trainer[0].toUpperCase()}${trainer.slice(1)}Report`]
      : [];
  const text = name === "sft" ? ["SftReport"] : ["TuneReport"];
  return [...control, ...(Object.hasOwn(textAlgorithms, name) ? text : [])];
}

/** Names of an algorithm's settings on either kind of task and of models, and the words that a setting may be. */
function settingWords(name: string): string[] {
  const control = algorithms[name as keyof typeof algorithms]?.settings as Settings | undefined;
  const onTexts = name === "sft" ? sftSettings : { ...sftSettings, ...tuneSettings };
  const onEpisodes = control !== undefined && "starts" in control ? episodeSettings : {};
  const settings: Settings = {
    ...control,
    ...onEpisodes,
    ...(Object.hasOwn(textAlgorithms, name) ? { ...onTexts, ...gptSettings } : {}),
    ...(control === undefined ? {} : modelSettings),
  };
  const words = Object.values(settings).flatMap(({ allowed }) => allowed.match(/\w+/g) ?? []);
  return [...Object.keys(settings), ...words];
}

test.each(algorithmNames)("%s: the fields and settings that its page names exist", (name) => {
  const text = read(pageOf("algo", name));
  const fields = reportsOf(name).flatMap(reportFields);
  const known = new Set([...fields, ...settingWords(name)]);
  const spans = (heading: string): string[] =>
    [...below(text, heading).matchAll(/(?<!\[)`([a-z]\w*)(?:=[^`]*)?`/gi)].map(([, word]) => word);
  const watched = spans("What to watch");
  expect(watched.filter((word) => fields.includes(word)).length).toBeGreaterThanOrEqual(2);
  const unknown = ["Settings that matter", "What to watch", "Pitfalls"]
    .flatMap(spans)
    .filter((word) => !known.has(word) && word !== "terminated");
  expect(unknown).toEqual([]);
});

test("links and their anchors resolve", () => {
  const dead: string[] = [];
  let checked = 0;
  for (const page of pages) {
    for (const [, path, place] of read(page).matchAll(/\]\(([^()\s#:]+)(?:#([^)\s]+))?\)/g)) {
      checked++;
      const target = join(folder, dirname(page), path);
      if (!existsSync(target)) dead.push(`${page}: ${path}`);
      else if (place !== undefined && path.endsWith(".md")) {
        const titles = [...readFileSync(target, "utf8").matchAll(/^#+ (.+)$/gm)];
        if (!titles.some(([, title]) => anchor(title) === place))
          dead.push(`${page}: ${path}#${place}`);
      }
    }
  }
  expect(dead).toEqual([]);
  expect(checked).toBeGreaterThan(500);
});
