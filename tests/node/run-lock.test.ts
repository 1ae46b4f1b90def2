/** The lock of a run folder: who holds it, when it is stale, and that it is given back. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { isLock, lockRun, unlockRun } from "../../src/node/run-lock.ts";
import { patched } from "../support/patched.ts";
import { temporary } from "../support/pigrad.ts";

const at = temporary();
let folder = "";
let count = 0;
beforeEach(() => {
  folder = at(`run${count++}`);
  mkdirSync(folder);
});
afterEach(() => unlockRun(folder));
const file = () => `${folder}/lock`;
const holder = () => JSON.parse(readFileSync(file(), "utf8"));
/** This process as a lock names it. */
function ourselves(): Record<string, unknown> {
  lockRun(folder);
  const own = holder();
  unlockRun(folder);
  return own;
}
const left = (content: unknown): void =>
  writeFileSync(file(), typeof content === "string" ? content : JSON.stringify(content));
/** The number of a process that has ended. */
async function ended(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid as number;
}

test("it names this process, is shared within it, and goes when it is given back", () => {
  lockRun(folder);
  expect(holder()).toMatchObject({ pid: process.pid, host: hostname() });
  lockRun(`${folder}/.`); // the same folder
  expect(readdirSync(folder)).toEqual(["lock"]);
  unlockRun(folder);
  expect(readdirSync(folder)).toEqual([]);
  unlockRun(folder);
  left("another's");
  unlockRun(folder); // not ours
  expect(existsSync(file())).toBe(true);
});

describe("a lock of a process", () => {
  test("that runs is refused, by its number", () => {
    const own = ourselves();
    left(own); // as another process of this number would have left it
    expect(() => lockRun(folder)).toThrow(SettingError);
    expect(() => lockRun(folder)).toThrow(
      `${folder}: expected a folder that is not in use, process ${process.pid} trains in it`,
    );
    expect(readdirSync(folder)).toEqual(["lock"]);
  });

  const taken: Record<string, (own: Record<string, unknown>) => unknown> = {
    "of an earlier boot": (own) => ({ ...own, boot: "earlier" }),
    "of an earlier boot, in another namespace": (own) => ({ ...own, boot: "earlier", space: "x" }),
    "whose number another process has now": (own) => ({ ...own, start: "1" }),
  };
  test.each(Object.entries(taken))("%s is taken over", (_, change) => {
    const own = ourselves();
    left(change(own));
    lockRun(folder);
    expect(holder()).toEqual(own);
    expect(readdirSync(folder)).toEqual(["lock"]); // no lock on its removal is left
  });

  test("that has ended is taken over", async () => {
    const own = ourselves();
    left({ ...own, pid: await ended() });
    lockRun(folder);
    expect(holder()).toEqual(own);
  });

  test.each([
    ["of another machine", { host: "elsewhere" }],
    ["of another machine and boot", { host: "elsewhere", boot: "other" }],
    ["of another container", { space: "pid:[1]" }],
  ])("%s cannot be seen: it is refused, with what to do", async (_, change) => {
    const lock = { ...ourselves(), pid: await ended(), ...change };
    left(lock);
    const message = `process ${lock.pid} of "${(lock as unknown as { host: string }).host}", which cannot be seen from here, trains in it; if it has ended, remove ${file()}`;
    expect(() => lockRun(folder)).toThrow(message);
    expect(holder()).toEqual(lock);
  });
});

describe("a lock that changes while it is looked at", () => {
  /** Does something just before the lock is looked at for the nth time. */
  function atLook(n: number, action: () => void): () => void {
    const { lstatSync } = fs;
    let looks = 0;
    const looking = (...args: Parameters<typeof lstatSync>) => {
      if (args[0] === file() && ++looks === n) action();
      return lstatSync(...args);
    };
    return patched(fs, { lstatSync: looking as typeof lstatSync });
  }

  // first its identity is read, then what it says
  test.each([1, 2])("goes before look %i: it is taken", (n) => {
    const own = ourselves();
    left(own);
    const restore = atLook(n, () => rmSync(file()));
    try {
      lockRun(folder);
    } finally {
      restore();
    }
    expect(holder()).toEqual(own);
    expect(readdirSync(folder)).toEqual(["lock"]);
  });

  test("was stale, and is another's before it is removed: it stays, and is refused", async () => {
    const own = ourselves();
    left({ ...own, pid: await ended() });
    const restore = atLook(3, () => {
      rmSync(file());
      left(own);
    });
    try {
      expect(() => lockRun(folder)).toThrow(`process ${process.pid} trains in it`);
    } finally {
      restore();
    }
    expect(holder()).toEqual(own);
    expect(readdirSync(folder)).toEqual(["lock"]);
  });

  test("changes hands all the time: that is said", () => {
    const { openSync } = fs;
    const restore = patched(fs, {
      openSync: (...args) => {
        if (args[0] === file()) throw Object.assign(new Error("there"), { code: "EEXIST" });
        return openSync(...args);
      },
    });
    try {
      expect(() => lockRun(folder)).toThrow(
        new SettingError(`${folder}: its lock changes hands all the time; try again`),
      );
    } finally {
      restore();
    }
  });
});

describe("a lock that names nobody", () => {
  const own = { pid: 1, host: "a", boot: "b", space: "c", start: "d" };
  test.each([
    "",
    "{",
    "null",
    "5",
    { ...own, pid: 0 },
    { ...own, pid: -1 },
    { ...own, pid: 1.5 },
    { ...own, pid: "1" },
    { ...own, host: 5 },
    { ...own, boot: null },
    { ...own, space: undefined },
    { ...own, start: 7 },
  ])("%j is taken over when it is old", (content) => {
    left(content);
    utimesSync(file(), new Date(), new Date(Date.now() - 3000));
    lockRun(folder);
    expect(holder().pid).toBe(process.pid);
  });

  test("is waited for while it is new: its maker may be about to write", () => {
    const made = Date.now() - 1700;
    left("");
    utimesSync(file(), new Date(), new Date(made));
    lockRun(folder);
    expect(Date.now() - made).toBeGreaterThanOrEqual(2000);
    expect(holder().pid).toBe(process.pid);
  });

  test("is refused where it is no file", () => {
    mkdirSync(file());
    expect(() => lockRun(folder)).toThrow(/regular file/);
  });
});

test("the names of locks, and of locks on their removal", () => {
  const names = ["lock", "lock.1a-2b", "lock.1a-2b.3c-4d", "lock.", "lock.x", "xlock", "lock.A-b"];
  expect(names.map(isLock)).toEqual([true, true, true, false, false, false, false]);
});
