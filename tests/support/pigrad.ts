/** The command line in tests: in this process, which is fast, or in one of its own, as a person runs it. */
import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, vi } from "vitest";
import { pigrad as command } from "../../src/cli/pigrad.ts";
import { main, node, tsx } from "./main.ts";

export interface Done {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in this process: paths must be absolute, since the folder is not changed. */
export async function pigrad(...args: string[]): Promise<Done> {
  let [stdout, stderr] = ["", ""];
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  const error = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += text;
    return true;
  });
  try {
    await command(args);
    return { status: Number(process.exitCode ?? 0), stdout, stderr };
  } finally {
    process.exitCode = undefined;
    out.mockRestore();
    error.mockRestore();
  }
}

export { main, node, tsx };

export function pigradProcess(args: readonly string[], options: SpawnSyncOptions = {}): Done {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, ...args], options);
  return { status, stdout: String(stdout ?? ""), stderr: String(stderr ?? "") };
}

/** A temporary folder, removed after the file's tests; `at(name)` is a path in it. */
export function temporary(): (...names: string[]) => string {
  const folder = mkdtempSync(join(tmpdir(), "pigrad-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (...names) => join(folder, ...names);
}

/** Lines of JSON. */
// biome-ignore lint/suspicious/noExplicitAny: each test says what it expects in them
export const jsonLines = (text: string): any[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
