import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/learning/**", "tests/browser/**", "**/node_modules/**"],
    maxWorkers: "100%", // by default one core is left idle
    isolate: false, // the modules of src are loaded once per worker, not once per file: a quarter of the time
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
