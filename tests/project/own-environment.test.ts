// @module-tag deep
/** The listing of docs/own-environment.md runs as it stands, and learns. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tsx } from "../support/main.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("own-environment.md: the lander lands", () => {
  const guide = readFileSync(`${root}docs/own-environment.md`, "utf8");
  const [, listing] = /```js\n([\s\S]*?)```/.exec(guide) ?? [];
  const file = `${root}own-environment.tmp.mjs`;
  writeFileSync(file, listing);
  try {
    const { stdout, stderr } = spawnSync(process.execPath, [...tsx, file], {
      cwd: root, // where tsconfig.json says what "pigrad" is
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const [, mean, success] = /^mean return (\S+), landed softly (\S+)\n$/.exec(stdout) ?? [];
    expect(Number(mean)).toBeGreaterThan(0.5);
    expect(Number(success)).toBeGreaterThan(0.9);
  } finally {
    rmSync(file);
  }
});
