import { defineConfig } from "vitest/config";

/** The tests of `npm test`. */
export const tests = {
  include: ["tests/**/*.test.ts"],
  exclude: ["tests/learning/**", "tests/browser/**", "**/node_modules/**"],
  maxWorkers: "100%", // by default one core is left idle
  isolate: false, // the modules of src are loaded once per worker, not once per file: a quarter of the time
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

/** Folders that `npm test` leaves out. Each is a mode, as in `vitest run --mode browser`, with its own timeout. */
const modes: Readonly<Record<string, number>> = { browser: 120_000, learning: 3_600_000 };

export default defineConfig(({ mode }) => ({
  test: Object.hasOwn(modes, mode)
    ? { include: [`tests/${mode}/**/*.test.ts`], testTimeout: modes[mode] }
    : tests,
}));
