/** The README's library example is run, and what it prints must show that it learns. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tsx } from "../support/main.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("the README's example runs and learns", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, code] = readme.match(/```ts\n([\s\S]*?)```/) ?? [];
  expect(code.trim().split("\n").length).toBeLessThan(22);
  const folder = mkdtempSync(join(root, "readme.tmp-"));
  try {
    const file = join(folder, "example.ts");
    writeFileSync(file, code.replace('"pigrad"', '"../src/index.ts"'));
    const { stdout, stderr } = spawnSync(process.execPath, [...tsx, file], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const right = [...stdout.matchAll(/step (\d+): (\d+) of 64 right/g)].map((m) => Number(m[2]));
    expect(right).toHaveLength(4);
    expect(right[3]).toBeGreaterThanOrEqual(58);
    expect(right[3]).toBeGreaterThan(right[0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
