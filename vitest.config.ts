import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/learning/**", "tests/browser/**", "**/node_modules/**"],
    maxWorkers: "100%", // by default one core is left idle
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
