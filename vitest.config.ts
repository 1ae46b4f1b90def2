import { readdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { defineConfig } from "vitest/config";

/**
 * Slow tests have the tag "deep", by `{ tags: ["deep"] }` or, for a whole file, by `@module-tag deep`. Those of them that
 * take many seconds, and whose kind has a shorter one, are "long" too: CI leaves them out.
 */
const tagged = (tag: RegExp): string[] =>
  readdirSync("tests", { recursive: true, encoding: "utf8" })
    .map((name) => `tests/${name}`)
    .filter((name) => name.endsWith(".test.ts") && tag.test(readFileSync(name, "utf8")));

/** Threads begin in the compiled modules: the sources would be compiled in each of them. */
const compiledThreads = {
  name: "compiled threads",
  enforce: "pre",
  resolveId: (path: string, importer = "") =>
    resolve(dirname(importer), path) === resolve("src/node/worker.ts")
      ? `${process.env.PIGRAD_COMPILED}/node/worker.js`
      : undefined,
} as const;

/** All tests but those of learning and of pages. */
export const all = {
  include: ["tests/**/*.test.ts"],
  exclude: ["tests/learning/**", "tests/browser/**", "**/node_modules/**"],
  tags: [{ name: "deep" }, { name: "long" }],
  maxWorkers: "100%", // by default one core is left idle
  isolate: false, // the modules of src are loaded once per worker, not once per file: a quarter of the time
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

/** The tests of `npm test`. */
const quick = {
  ...all,
  exclude: [...all.exclude, ...tagged(/^\/\/ @module-tag deep$/m)],
  tagsFilter: ["!deep"],
};

/** The tests that `npm test` leaves out, by mode, as in `vitest run --mode browser`. */
const modes: Readonly<Record<string, object>> = {
  browser: { include: ["tests/browser/**/*.test.ts"], testTimeout: 120_000 },
  learning: {
    include: ["tests/learning/**/*.test.ts"],
    maxWorkers: "100%",
    testTimeout: 3_600_000,
  },
  deep: { ...all, include: tagged(/\bdeep\b/), tagsFilter: ["deep"] },
};

export default defineConfig(({ mode }) => ({
  plugins: [compiledThreads],
  test: {
    globalSetup: "tests/support/compiled.ts",
    ...(modes[mode] ?? quick),
  },
}));
