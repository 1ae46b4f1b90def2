// @module-tag deep
/** The quick tier of `npm run test:runtimes`: this Node, compiled and interpreted, against golden.json. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundleProgram } from "./bundle.ts";

const golden = JSON.parse(readFileSync(new URL("golden.json", import.meta.url), "utf8"));

test("acting and training give the golden bits, compiled or interpreted", () => {
  const folder = mkdtempSync(join(tmpdir(), "pigrad-"));
  try {
    const program = join(folder, "program.js");
    bundleProgram(program);
    const run = (...flags: string[]) =>
      JSON.parse(execFileSync(process.execPath, [...flags, program], { encoding: "utf8" }));
    const { plays, ...hashes } = run();
    expect(hashes).toEqual(golden);
    expect(plays).toBeGreaterThanOrEqual(475);
    const { plays: _, ...interpreted } = run("--jitless");
    expect(interpreted).toEqual({ loops: golden.loops }); // no WebAssembly there
  } finally {
    rmSync(folder, { recursive: true });
  }
});
