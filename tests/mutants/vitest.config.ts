import { defineConfig } from "vitest/config";
import { all } from "../../vitest.config.ts";

const folders = (process.env.PIGRAD_MUTANT_TESTS ?? "tests").split(",");

/** The project's tests, less those of its texts (sources, docs, sizes), which no mutant may change. */
export default defineConfig({
  test: {
    ...all,
    include: folders.map((one) => (one.endsWith(".ts") ? one : `${one}/**/*.test.ts`)),
    exclude: [...all.exclude, "tests/project/**", "tests/sizes/**"],
    setupFiles: ["tests/mutants/setup.ts"],
    testTimeout: 600_000, // instrumented code is slow
  },
});
