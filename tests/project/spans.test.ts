/** Code that docs name beside a link to a source file stands in that file. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { languageTasks } from "../../src/tasks/text/index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = [
  "README.md",
  ...["docs", "docs/book", "docs/reference", "docs/zh", "docs/zh/book"].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  ),
].filter((name) => name.endsWith(".md"));

/** Paragraphs, list items and table rows: what stands beside each other. */
const blocksOf = (text: string): string[] =>
  text
    .replace(/```[\s\S]*?```/g, "")
    .split(/\n\s*\n|\n(?=[|>-] |\d+\. |\|)/)
    .map((block) => block.trim());

/** The source files that a block links to, as paths of the repository. */
const linkedFiles = (page: string, block: string): string[] =>
  [...block.matchAll(/\]\(([^)#\s]+\.(?:ts|mjs|js|py))\)/g)].map(([, target]) =>
    join(dirname(page), target),
  );

/** Spans of code, but for those that are links, paths, commands of a shell, or settings of the command line. */
const spansOf = (block: string): string[] =>
  [...block.replace(/\[[^\]]*\]\([^)]*\)/g, "").matchAll(/`([^`]+)`/g)]
    .map(([, span]) => span)
    .filter((span) => !/^(npm|npx|pigrad|node|git|bash|--)\b|^--|\.\w+$|\//.test(span))
    .filter((span) => !isName(span));

/**
 * Whether a span's code is in the text: all between … as it stands, or, of a call, the function and its arguments
 * by name; of name=value the name.
 */
function isIn(text: string, span: string): boolean {
  const parts = span
    .replace(/=.*$/, "")
    .split("…")
    .map((part) => part.replace(/^[\s,]+|[\s,)]+$/g, ""));
  if (parts.every((part) => text.includes(part))) return true;
  const [, name, args] = /^(\w+)\(([\w, ]*)\)$/.exec(span) ?? [];
  if (name === undefined || !text.includes(`${name}(`)) return false;
  return args.split(/, */).every((arg) => new RegExp(`\\b${arg}\\b`).test(text));
}

/** Words of the command line: its commands and environmentTasks. */
const isName = (span: string): boolean =>
  existsSync(join(root, `src/cli/${span}.ts`)) ||
  Object.hasOwn(environmentTasks, span) ||
  Object.hasOwn(languageTasks, span);

test("every linked source file exists, and has the code that is named beside the link", () => {
  const missing: string[] = [];
  let checked = 0;
  for (const page of pages) {
    for (const block of blocksOf(readFileSync(join(root, page), "utf8"))) {
      const files = linkedFiles(page, block);
      for (const file of files) if (!existsSync(join(root, file))) missing.push(`${page}: ${file}`);
      const texts = files.filter((file) => existsSync(join(root, file)));
      const text = texts.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
      for (const span of files.length === 0 ? [] : spansOf(block)) {
        checked++;
        if (!isIn(text, span)) missing.push(`${page}: \`${span}\` is not in ${files.join(", ")}`);
      }
    }
  }
  expect(missing).toEqual([]);
  expect(checked).toBeGreaterThan(20);
});

test("docs/README.md lists each page once", () => {
  const links = [...readFileSync(join(root, "docs/README.md"), "utf8").matchAll(/^- \[(\S+)\]/gm)];
  const names = links.map(([, name]) => name);
  expect(names).toEqual([...new Set(names)]);
  expect(names.length).toBeGreaterThan(5);
});
