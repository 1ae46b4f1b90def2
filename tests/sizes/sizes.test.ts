import { expect, test } from "vitest";
import { sizes } from "./sizes.ts";

test.each(sizes())("$name stays within its budget", ({ bytes, budget }) => {
  expect(bytes).toBeLessThanOrEqual(budget);
});
