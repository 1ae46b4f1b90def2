/**
 * `npm run docs:reference`: writes the parts of docs/reference that come from the code, between
 * `<!-- from the code: PART … -->` and `<!-- end -->`, and the pictures. All else on the pages is written by hand.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SettingError } from "../../src/core/errors.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { loadMujoco } from "../../src/node/mujoco.ts";
import { mujocoTasks } from "../../src/tasks/mujoco.ts";
import { type Task, usualSteps } from "../../src/tasks/task.ts";
import { short } from "../../tests/support/markdown.ts";
import { baselinePart, environmentOf, picture, spacesPart } from "./play.ts";
import { examplesPart, samplesPart, sizesPart, textTaskOf } from "./samples.ts";
import {
  algorithmNames,
  algorithmPart,
  algorithmPresets,
  allTasks,
  indexPart,
  pageOf,
  resultsPart,
  settingsTable,
  sharedTable,
  sourcePart,
  taskPresets,
} from "./tables.ts";

/** Writes a part of a page from the words after its name. */
type Part = (words: string) => string;
type Parts = Readonly<Record<string, Part>>;

const folder = fileURLToPath(new URL(".", import.meta.url));
const list = (words: string): string[] => words.split(/\s+/).filter((word) => word !== "");

const everywhere: Parts = {
  source: (words) => sourcePart(list(words)),
  table: sharedTable,
  algorithms: () => indexPart("algo"),
  tasks: () => indexPart("task"),
};

const algorithmParts = (name: string): Parts => ({
  settings: () => algorithmPart(name),
  presets: () => algorithmPresets(name),
  results: () => resultsPart("algo", name),
});

function taskParts(name: string, task: Task): Parts {
  const { kind, algo, solved, settings } = task;
  const unit = kind === "text" ? "sampled tokens" : "steps";
  const common: Parts = {
    settings: () => settingsTable(settings),
    presets: () => taskPresets(task),
    results: () => resultsPart("task", name),
    train: () =>
      `By default [\`${algo}\`](${pageOf("algo", algo)}) for ${short(usualSteps(task))} ${unit}. ` +
      (solved === undefined
        ? "No return counts as solved."
        : `A mean return of ${short(solved)} counts as solved.`),
  };
  if (kind === "text") {
    let text: ReturnType<typeof textTaskOf> | null = null;
    const made = () => {
      text ??= textTaskOf(name, task);
      return text;
    };
    return {
      ...common,
      sizes: () => sizesPart(made()),
      samples: (words) => samplesPart(made(), words),
      examples: () => examplesPart(made()),
    };
  }
  const within = <T>(work: (env: Dynamics) => T): T => {
    const env = environmentOf(name, task);
    try {
      return work(env);
    } finally {
      env.close();
    }
  };
  return {
    ...common,
    spaces: () => within(spacesPart),
    limit: () => within(({ maxSteps }) => `The time limit is ${short(maxSteps)} steps.`),
    baseline: (words) => within((env) => baselinePart(env, Number(words) || 200)),
    picture: (words) => within((env) => picture(env, Number(words) || 0, name)),
  };
}

/** Parts that simulate a robot. */
const simulated = ["spaces", "limit", "baseline", "picture"];

const marked = /(<!-- from the code: ([a-z]+)(.*?) -->\n)([\s\S]*?)(<!-- end -->)/g;

export interface Reference {
  /** Texts of pages and pictures by their paths in docs/reference. */
  readonly files: ReadonlyMap<string, string>;
  /** Pages whose parts on MuJoCo were left as they are, because the package is absent. */
  readonly skipped: readonly string[];
}

/** Loads MuJoCo. Returns false where the package is absent. */
async function isInstalled(): Promise<boolean> {
  try {
    await loadMujoco();
    return true;
  } catch (error) {
    if (error instanceof SettingError) return false;
    throw error;
  }
}

/** Returns the files as they should be. Throws for an unknown part, and for a page of nothing that exists. */
export async function reference(): Promise<Reference> {
  const hasMujoco = await isInstalled();
  const files = new Map<string, string>();
  const skipped: string[] = [];
  for (const [page, parts] of partsByPage()) {
    const path = join(folder, page);
    if (!existsSync(path)) continue; // the test names it
    const isRobot = Object.keys(mujocoTasks).some((name) => page === pageOf("task", name));
    const text = readFileSync(path, "utf8").replace(
      marked,
      (all, begin: string, name: string, words: string, _old, end: string) => {
        const part = parts[name] ?? everywhere[name];
        if (part === undefined) throw new Error(`${page}: expected a known part, got ${name}`);
        if (isRobot && !hasMujoco && simulated.includes(name)) {
          if (!skipped.includes(page)) skipped.push(page);
          return all;
        }
        const written = part(words.trim());
        if (name !== "picture") return `${begin}\n${written}\n\n${end}`;
        const picture = `pictures/${page.replace(".md", ".svg")}`;
        files.set(picture, written);
        return `${begin}\n![A state of the task](${picture})\n\n${end}`;
      },
    );
    files.set(page, text);
  }
  return { files, skipped };
}

/** Every page, with the parts that only it has. */
export const partsByPage = (): ReadonlyMap<string, Parts> =>
  new Map([
    ["README.md", {}],
    ...algorithmNames.map((name) => [pageOf("algo", name), algorithmParts(name)] as const),
    ...allTasks.map(([name, task]) => [pageOf("task", name), taskParts(name, task)] as const),
  ]);

/** Writes the files that differ. Returns their paths, and the pages that were skipped. */
export async function writeReference(): Promise<{ wrote: string[]; skipped: readonly string[] }> {
  const { files, skipped } = await reference();
  const wrote: string[] = [];
  mkdirSync(join(folder, "pictures"), { recursive: true });
  for (const [path, text] of files) {
    const file = join(folder, path);
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
    writeFileSync(file, text);
    wrote.push(path);
  }
  return { wrote, skipped };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { wrote, skipped } = await writeReference();
  for (const page of skipped)
    console.log(`${page}: left as it is where MuJoCo is needed: npm i mujoco-js`);
  for (const path of wrote) console.log(`wrote docs/reference/${path}`);
}
