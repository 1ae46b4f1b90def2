/** What the commands of README and docs write is ignored by git and by the linter, and nothing of the repository is. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const text = (name: string): string => readFileSync(join(root, name), "utf8");

/** Whether a pattern of .gitignore, without negation, names a path that lies at the root. */
function names(pattern: string, path: string): boolean {
  const plain = pattern.replace(/^\//, "").replace(/\/$/, "");
  const regex = plain
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .join("[^/]*");
  return new RegExp(`^${regex}$`).test(path);
}
const ignored = text(".gitignore").split("\n").filter(Boolean);
const unlinted: string[] = JSON.parse(text("biome.json"))
  .files.includes.filter((pattern: string) => pattern.startsWith("!"))
  .map((pattern: string) => pattern.slice(1).replace(/^\*\*\//, ""));
const git = (path: string): boolean => ignored.some((pattern) => names(pattern, path));
const biome = (path: string): boolean => unlinted.some((pattern) => names(pattern, path));

/** The first part of each path that a documented command writes, and the commands' defaults. */
function written(): string[] {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  const pages = ["README.md", "CONTRIBUTING.md", ...docs.map((name) => `docs/${name}`)];
  const given = pages.flatMap((page) =>
    [...text(page).matchAll(/(?:pigrad|main\.ts) [^\n`]*?--(?:out|svg) ([\w./-]+)/g)].map(
      ([, path]) => path,
    ),
  );
  const defaults = ["runs", "report.html", "pigrad.wasm", "policy.js", "policy.onnx"];
  const all = [...given, ...defaults].filter((path) => !path.startsWith("/"));
  return [...new Set(all.map((path) => path.split("/")[0]))];
}

test("documented commands write nothing that git would add", () => {
  expect(written().length).toBeGreaterThan(5);
  expect(written().filter((path) => !git(path))).toEqual([]);
});

test("nor anything that the linter would read", () => {
  const read = /\.(m?[jt]s|json|html|css)$|^[^.]+$/; // files of its languages, and folders
  expect(written().filter((path) => read.test(path) && !biome(path))).toEqual([]);
  expect(["runs", "lab", "report.html", "policy.mjs"].filter((path) => !biome(path))).toEqual([]);
});

test("the repository's own files are neither", () => {
  const own = ["src", "tests", "docs", "bench", "package.json", "biome.json"];
  expect(own.filter((path) => git(path) || biome(path))).toEqual([]);
});
