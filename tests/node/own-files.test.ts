/** Files that do not finish loading: a promise that never settles, and an endless loop. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { loadOwn, meansFile, nameOfFile } from "../../src/node/own-files.ts";
import { node } from "../support/pigrad.ts";

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

test("an endless loop ends the process with a line", { timeout: 30_000 }, () => {
  const path = file("loop.mjs", "for (;;); export default {};");
  const source = fileURLToPath(new URL("../../src/node/own-files.ts", import.meta.url));
  const code = `import { loadOwn } from ${JSON.stringify(source)}; await loadOwn(${JSON.stringify(path)}, undefined, 0.2);`;
  const program = file("load.mjs", code);
  const { stderr, signal } = spawnSync(process.execPath, [...node.slice(0, 2), program], {
    encoding: "utf8",
  });
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
