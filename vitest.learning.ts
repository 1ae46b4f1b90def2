import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["tests/learning/**/*.test.ts"], testTimeout: 3_600_000 },
});
