// @module-tag deep
/** Files that do not finish loading: a promise that never settles, and an endless loop. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { loadOwn, meansFile, nameOfFile } from "../../src/node/own-files.ts";
import { tsx } from "../support/main.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-load-"));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a promise at the top level that never settles", async () => {
  const path = file("stuck.mjs", "await new Promise(() => {}); export default {};");
  await expect(loadOwn(path, undefined, 0.2)).rejects.toThrow(
    "did not finish loading within 0.2 s",
  );
});

/** Loads a file in a process, in its main thread or in another. */
function loadIn(thread: "main" | "worker", path: string) {
  const source = fileURLToPath(new URL("../../src/node/own-files.ts", import.meta.url));
  const code = `import { loadOwn } from ${JSON.stringify(source)}; await loadOwn(${JSON.stringify(path)}, undefined, 0.2);`;
  const program = file("load.mjs", code);
  const api = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  const inThread = `import(${JSON.stringify(api)}).then(({ register }) => { register(); return import(${JSON.stringify(program)}); })`;
  const start = `import { Worker } from "node:worker_threads"; new Worker(${JSON.stringify(inThread)}, { eval: true });`;
  const main = thread === "main" ? program : file("start.mjs", start);
  return spawnSync(process.execPath, [...tsx, main], { encoding: "utf8" });
}

for (const thread of ["main", "worker"] as const)
  test(`an endless loop in the ${thread} thread ends the process with a line, as wrong input`, {
    timeout: 30_000,
    tags: thread === "main" ? ["long"] : [],
  }, () => {
    const path = file("loop.mjs", "for (;;); export default {};");
    const { stderr, signal, status } = loadIn(thread, path);
    expect(stderr).toBe(`pigrad: ${path}: did not finish loading within 0.2 s\n`);
    expect([signal, status]).toEqual([null, 2]);
  });

test("a file that cannot be interrupted ends the process too", {
  timeout: 30_000,
}, () => {
  const path = file("blocks.mjs", "process.exit = () => {}; for (;;); export default {};");
  const { stderr, signal } = loadIn("main", path);
  expect(stderr).toBe(`pigrad: ${path}: did not finish loading within 0.2 s\n`);
  expect(signal).toBe("SIGKILL");
});

test("names that mean files", () => {
  for (const name of ["./gems", "../a/b", "/a", "gems.ts", "x.json", "a/b.mjs"])
    expect(meansFile(name)).toBe(true);
  for (const name of ["cartpole", "dr-grpo", "reinforce++", "number-words"])
    expect(meansFile(name)).toBe(false);
  expect(nameOfFile("./a/gems.task.ts")).toBe("gems.task");
});
