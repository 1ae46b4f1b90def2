import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/learning/**", "tests/browser/**", "**/node_modules/**"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
