/** A runtime that is not installed is absent, not failed. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { isHere, runtimes } from "./runtimes.ts";

test("browsers are programs of the system, and absent where these are not there", () => {
  const browsers = runtimes.filter(({ name }) => ["Chromium", "Firefox"].includes(name));
  expect(browsers).toHaveLength(2);
  for (const runtime of browsers) {
    const { needs = "" } = runtime;
    expect(runtime.command("folder", "program", "kernels")).toContain(needs);
    expect(isHere(runtime)).toBe(existsSync(needs));
  }
  expect(isHere({ needs: "/no/such/browser" })).toBe(false);
  expect(isHere({})).toBe(true);
});
