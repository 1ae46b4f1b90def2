// @module-tag deep
/** The book: listings run and print what the chapters say, pictures are current, links resolve, exercises are right. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tsx } from "../support/main.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const named = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => pattern.test(name))
    .sort();
const chapters = named("docs/book", /^\d\d-.*\.md$/);
const listings = named("docs/examples/book", /^\d\d-.*\.ts$/);
const listingsOf = (chapter: string): string[] =>
  listings.filter((name) => name.startsWith(chapter.slice(0, 3)));
const blocks = (chapter: string, language: string): string[] =>
  [...read(`docs/book/${chapter}`).matchAll(/```(\w+)\n([\s\S]*?)\n```/g)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code);

const folder = mkdtempSync(join(tmpdir(), "pigrad-figures-"));
/** What each listing prints, by its name. */
const outputs = new Map<string, string>();

// One process runs them all, because loading the library takes longer than most of them.
beforeAll(() => {
  const args = [...tsx, "tests/docs/run-listings.ts", folder, ...listings];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  expect(stderr).toBe("");
  for (const part of stdout.split("=== ").slice(1)) {
    const end = part.indexOf("\n");
    outputs.set(part.slice(0, end), part.slice(end + 1));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test("each chapter has a listing, an answer, a picture and an exercise, and names all its listings", () => {
  expect(chapters.length).toBeGreaterThanOrEqual(5);
  for (const chapter of chapters) {
    const text = read(`docs/book/${chapter}`);
    const own = listingsOf(chapter);
    expect(own).toContain(`${chapter.slice(0, 2)}-answer.ts`);
    expect(own.length, chapter).toBeGreaterThan(1);
    for (const listing of own) expect(text).toContain(`(../examples/book/${listing})`);
    expect(text).toMatch(/!\[[^\]]+\]\(\.\.\/figures\/\d\d-[\w-]+\.svg\)/);
    expect(text).toContain("## Exercise");
    expect(text).toContain("<summary>Answer</summary>");
  }
  const used = chapters.flatMap((chapter) => listingsOf(chapter));
  expect(used).toEqual(listings);
});

test("code in a chapter stands in its listings", () => {
  const missing: string[] = [];
  for (const chapter of chapters) {
    const code = listingsOf(chapter).map((name) => read(`docs/examples/book/${name}`));
    for (const block of blocks(chapter, "ts"))
      if (!code.some((text) => text.includes(block))) missing.push(`${chapter}:\n${block}`);
  }
  expect(missing).toEqual([]);
});

test.each(chapters)("%s: what its listings print is what it says", (chapter) => {
  const own = listingsOf(chapter);
  const all = own.map((name) => outputs.get(name)).join("\n");
  const texts = blocks(chapter, "text");
  for (const text of texts) expect(all).toContain(text);
  for (const name of own) {
    const output = outputs.get(name) ?? "";
    const told = texts.some((text) => output.includes(text));
    const isImported = own.some((other) =>
      read(`docs/examples/book/${other}`).includes(`"./${name}"`),
    );
    expect(told || isImported, `${name}: nothing that it prints is in ${chapter}`).toBe(true);
  }
});

test("pictures are what npm run docs:figures draws, and each stands in a chapter", () => {
  const drawn = readdirSync(folder).sort();
  expect(drawn).toEqual(named("docs/figures", /\.svg$/));
  const book = chapters.map((chapter) => read(`docs/book/${chapter}`)).join("\n");
  const others = ["README.md", "docs/results.md"].map(read).join("\n");
  for (const name of drawn) {
    expect(readFileSync(join(folder, name), "utf8"), name).toBe(read(`docs/figures/${name}`));
    expect(book + others).toMatch(new RegExp(`\\((\\.\\./|docs/)?figures/${name}\\)`));
  }
});

test("links of the book and of docs resolve, and the contents list each chapter in order", () => {
  const pages = [
    ...named("docs", /\.md$/).map((name) => `docs/${name}`),
    ...named("docs/book", /\.md$/).map((name) => `docs/book/${name}`),
    "README.md",
  ];
  const dead: string[] = [];
  for (const page of pages)
    for (const [, target] of read(page).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g))
      if (!/^https?:/.test(target) && !existsSync(join(root, dirname(page), target)))
        dead.push(`${page}: ${target}`);
  expect(dead).toEqual([]);
  const listed = [...read("docs/book/README.md").matchAll(/^\d+\. \[[^\]]+\]\(([^)]+)\)/gm)];
  expect(listed.map(([, name]) => name)).toEqual(chapters);
});
