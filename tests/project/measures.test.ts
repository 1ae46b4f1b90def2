// @module-tag deep
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tsx } from "../support/main.ts";
import { circlesOf, foldersOf, functionsOf, longSignatures, readSources } from "./measures.ts";

test("the script prints every measure, and sees the files of both updates and of src", {
  tags: ["long"],
}, () => {
  const script = fileURLToPath(new URL("measures.ts", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [...tsx, script], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const [ppo, grpo] = stdout.split(/^(?=PPO|GRPO)/m);
  for (const update of [ppo, grpo]) {
    // the optimizer and the loss run only in an update that changes weights
    for (const file of [/\boptim\/adam\.ts/, /surrogate\.ts/, /\btape\.ts/, /\bloops\.ts/])
      expect(update).toMatch(file);
  }
  expect(ppo).toMatch(/\bgae\.ts/);
  expect(ppo).toContain("envs/cartpole.ts");
  expect(grpo).toMatch(/\bgpt\.ts/);
  expect(stdout).toMatch(/longest function: \d{2,} lines; \d+ above 60/);
  expect(stdout).toMatch(/signatures of six or more positions: \d+/);
  expect(stdout).toMatch(/import circles, type-only imports included: \d+/);
  expect(Number(stdout.match(/lines of src: (\d+)/)?.[1])).toBeGreaterThan(10_000);
});

/** The sources of a src folder with these files. */
function planted(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), "pigrad-measures-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, "src", name)), { recursive: true });
      writeFileSync(join(root, "src", name), text);
    }
    return readSources(join(root, "src"), root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("circles through type-only imports, re-exports and import types are found", () => {
  const sources = planted({
    "a/one.ts": 'import type { B } from "../b/two.ts";\nexport type A = B;\n',
    "b/two.ts": 'export * from "./three.ts";\nexport type B = number;\n',
    "b/three.ts": 'export type C = import("../a/one.ts").A;\n',
    "b/apart.ts": 'import { B } from "./two.ts";\nexport const x: B = 1;\n',
  });
  expect(circlesOf(sources)).toEqual([["src/a/one.ts", "src/b/three.ts", "src/b/two.ts"]]);
  expect(foldersOf(sources).get("b")).toEqual({ lines: 5, files: 3 });
});

test("functions are measured without their comments, signatures wherever they stand", () => {
  const sources = planted({
    "a/one.ts": `/**
 * A comment of
 * three lines. */
export function long(a: number, b: number, c: number, d: number, e: number, f: number) {
  const inner = () => {
    return a + b + c + d + e + f;
  };
  return inner();
}
export interface Seam {
  call(a: number, b: number, c: number, d: number, e: number, f: number, g: number): void;
  few(a: number): void;
}
`,
  });
  expect(functionsOf(sources)).toEqual([
    { where: "src/a/one.ts:4 long", count: 6 },
    { where: "src/a/one.ts:5 inner", count: 3 },
  ]);
  expect(longSignatures(sources)).toEqual([
    { where: "src/a/one.ts:11 call", count: 7 },
    { where: "src/a/one.ts:4 long", count: 6 },
  ]);
});
