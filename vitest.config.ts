import { readdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { defineConfig } from "vitest/config";

/** Files of tests, of which some or all are slow: the names of those begin with "deep: ". */
const deepFiles = readdirSync("tests", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => `tests/${name}`)
  .filter((name) => readFileSync(name, "utf8").includes('"deep: '));

/** Threads begin in the compiled modules: the sources would be compiled anew in each of them. */
const compiledThreads = {
  name: "compiled threads",
  enforce: "pre",
  resolveId: (path: string, importer = "") =>
    resolve(dirname(importer), path) === resolve("src/node/worker.ts")
      ? `${process.env.PIGRAD_COMPILED}/node/worker.js`
      : undefined,
} as const;

const shared = {
  globalSetup: "tests/support/compiled.ts",
  maxWorkers: "100%", // by default one core is left idle
  isolate: false, // the modules of src are loaded once per worker, not once per file: a quarter of the time
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

/** The tests of `npm test`. */
export const tests = {
  ...shared,
  include: ["tests/**/*.test.ts"],
  exclude: ["tests/learning/**", "tests/browser/**", "**/node_modules/**"],
  testNamePattern: /^(?!.*deep: )/,
};

/** The tests that `npm test` leaves out, by mode, as in `vitest run --mode browser`. */
const modes: Readonly<Record<string, object>> = {
  browser: { include: ["tests/browser/**/*.test.ts"], testTimeout: 120_000 },
  learning: { include: ["tests/learning/**/*.test.ts"], testTimeout: 3_600_000 },
  deep: { ...shared, include: deepFiles, testNamePattern: /deep: / },
};

export default defineConfig(({ mode }) => ({
  plugins: [compiledThreads],
  test: modes[mode] ?? tests,
}));
