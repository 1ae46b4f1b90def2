// @module-tag deep
/** docs/your-own.md as a reader would follow it: every listing written to a folder, every command run there. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { node, tsx } from "../support/main.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/your-own.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "pigrad-page-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, args, { cwd: folder, timeout: 60_000 });

const blocks = [...page.matchAll(/```(\w+)(?: (\S+))?\n(.*?)```/gs)].map(
  ([, kind, name, text]) => ({
    kind,
    name,
    text,
  }),
);
const files = blocks.filter(({ name }) => name !== undefined);
const commands = blocks
  .filter(({ kind }) => kind === "sh")
  .flatMap(({ text }) => text.trim().split("\n"));

test("files stay short: at most 60 lines each", () => {
  expect(files.length).toBeGreaterThanOrEqual(6);
  for (const { name, text } of files) expect(text.split("\n").length, name).toBeLessThanOrEqual(60);
});

test("every command runs on them", { timeout: 300_000 }, async () => {
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
  const said: Record<string, string> = {};
  for (const command of commands) {
    const [program, ...args] = command.split(" ");
    expect(program).toBe("pigrad");
    const { stdout, stderr } = await run(...node, ...args);
    expect(stderr, command).toBe("");
    said[command] = stdout;
  }
  const of = (start: string) =>
    Object.entries(said).find(([command]) => command.startsWith(start))?.[1];
  expect(of("pigrad check")).toContain("all is well");
  expect(Number(/success ([\d.]+) %/.exec(of("pigrad eval runs/gems") ?? "")?.[1])).toBeGreaterThan(
    80,
  );
  expect(
    Number(/return over 5 episodes: ([\d.]+)/.exec(of("pigrad eval runs/capitals") ?? "")?.[1]),
  ).toBeGreaterThan(0.5);
  expect(of("pigrad lab")).toMatch(/median .*0\.\d+/);
  expect(of("pigrad sample")).toMatch(/^eve/);
});

test("the program trains, evaluates, acts and saves", { timeout: 60_000 }, async () => {
  const source = files.find(({ name }) => name === "library.mjs")?.text ?? "";
  const here = source.replace('"pigrad"', JSON.stringify(join(root, "src/index.ts")));
  writeFileSync(join(folder, "library.mjs"), here);
  const { stdout } = await run(...tsx, join(folder, "library.mjs"));
  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^-?\d\.\d+ [0-3] \d{4,}$/);
});
