import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sizes } from "./sizes.ts";

const measured = sizes();

test.each(measured)("$name stays within its budget", ({ bytes, budget }) => {
  expect(bytes).toBeLessThanOrEqual(budget);
});

test.each(["README.md", "docs/embedding.md"])("%s shows these sizes", (page) => {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");
  const said = [...text.matchAll(/^\| (.+) \| ([\d.]+ kB) \|$/gm)].map((row) => row.slice(1));
  const kB = new Map(measured.map(({ name, bytes }) => [name, `${(bytes / 1000).toFixed(1)} kB`]));
  expect(said.length).toBeGreaterThanOrEqual(5);
  expect(said).toEqual(said.map(([name]) => [name, kB.get(name)]));
});
