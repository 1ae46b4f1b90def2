/** Errors of the operating system are told with the path, the reason and what to do, not in the system's own words. */
import fs, { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { appendFlushed, writeAtomically } from "../../src/node/files.ts";
import { lockRun } from "../../src/node/run-lock.ts";
import { errorOf, failureOf } from "../../src/node/sweep-failure.ts";
import { isSystemError, systemText } from "../../src/node/system-error.ts";
import { patched } from "../support/patched.ts";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
let restore = (): void => {};
afterEach(() => restore());

const system = (code: string, syscall: string, path?: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: system's words, ${syscall}`), { code, syscall, path });
/** Has a function of the file system fail as it does on a full or a read-only disk. */
function failing(name: "writeSync" | "mkdirSync" | "openSync", code: string): void {
  const fail = () => {
    throw system(code, name.replace("Sync", ""));
  };
  restore = patched(fs, { [name]: fail } as unknown as typeof fs);
}
function thrown(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return null;
}
const textOf = (act: () => void): string => systemText(thrown(act) as NodeJS.ErrnoException);

test("the sentence has the path, what was tried, the reason, what to do and the code", () => {
  expect(systemText(system("EROFS", "mkdir", "/a/b"))).toBe(
    "/a/b: cannot make the folder: the file system is read-only; choose another path (EROFS)",
  );
  expect(systemText(system("ENOSPC", "write"))).toBe(
    "cannot write: the disk is full; free some space, then try again (ENOSPC)",
  );
  expect(systemText(system("ENOENT", "open", at("none", "x")))).toBe(
    `${at("none", "x")}: cannot open the file: there is no folder ${at("none")}; make it first (ENOENT)`,
  );
  expect(systemText(system("ENOENT", "open", at("x")))).toBe(
    `${at("x")}: cannot open the file: no such file or folder (ENOENT)`,
  );
  expect(systemText(system("EXDEV", "link"))).toBe("EXDEV: system's words, link");
  const inUse = Object.assign(system("EADDRINUSE", "listen"), { address: "127.0.0.1", port: 80 });
  expect(systemText(inUse)).toBe(
    "127.0.0.1:80: cannot listen there: another program uses this port; name another one, --port N, or 0 for any that is free (EADDRINUSE)",
  );
  expect([isSystemError(system("EIO", "read")), isSystemError(new Error("EIO"))]).toEqual([
    true,
    false,
  ]);
});

describe("on a full disk, the path that the caller knows is named", () => {
  test("by a file that is replaced, one that grows, and a lock, of which nothing stays", () => {
    mkdirSync(at("full"));
    failing("writeSync", "ENOSPC");
    const full = "cannot write: the disk is full; free some space, then try again (ENOSPC)";
    expect(textOf(() => writeAtomically(at("full", "x"), "text"))).toBe(
      `${at("full", "x")}: ${full}`,
    );
    expect(readdirSync(at("full"))).toEqual([]);
    expect(textOf(() => appendFlushed(at("grows"), "text"))).toBe(`${at("grows")}: ${full}`);
    expect(textOf(() => lockRun(at("full")))).toBe(`${at("full", "lock")}: ${full}`);
    expect(readdirSync(at("full"))).toEqual([]);
  });

  test("by a thread of a sweep, which passes it on as wrong input and not as a fault", () => {
    const failure = failureOf(system("ENOSPC", "write", "/sweep/row1-seed1/metrics.jsonl"));
    expect(failure?.kind).toBe("SettingError");
    expect(errorOf(failure as NonNullable<typeof failure>).message).toMatch(
      /^\/sweep\/row1-seed1\/metrics\.jsonl: cannot write: the disk is full/,
    );
  });
});

describe("the command line says it in one line", () => {
  writeFileSync(at("file"), "");
  symlinkSync(at("nowhere"), at("dangling"));
  const bandit = ["train", "bandit", "--steps", "64", "--quiet", "--out"];
  test.each([
    [[...bandit, at("file", "run")], /file is not a folder$/],
    [[...bandit, at("dangling")], /cannot make the folder: .*\(EEXIST\)$/],
    [["lab", "bandit", "--out", at("file", "lab")], /file is not a folder$/],
    [["emit-wasm", "--out", at("none", "x.wasm")], /there is no folder .*none; make it first/],
  ])("%j", async (args, expected) => {
    const { status, stderr } = await pigrad(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^pigrad: [^\n]*\n$/);
    expect(stderr.trimEnd()).toMatch(expected);
  });

  test.each(["EACCES", "EROFS", "EPERM"])("%s where the folder is to be made", async (code) => {
    const out = at("made", "run");
    restore = patched(fs, {
      mkdirSync: (path: string) => {
        throw system(code, "mkdir", path);
      },
    } as unknown as typeof fs);
    const { status, stderr } = await pigrad(...bandit, out);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^pigrad: [^\n]*\n$/);
    expect(stderr).toContain(`${dirname(out)}: cannot make the folder: `);
    expect(stderr).toContain("choose another path");
    expect(stderr).not.toContain("system's words");
  });
});
