/**
 * The lock of a run folder: a file `lock` that says which process trains there. It is created exclusively;
 * where the process that made it has ended, by a crash too, the next one takes it over. It holds between
 * processes of one machine. A process of another machine, or of a container with process numbers of its own,
 * cannot be seen from here: such a lock is refused until someone removes the file. Within a process the lock
 * is shared.
 */
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { SettingError } from "../core/errors.ts";
import { codeOf, namingTheFile, readRegular } from "./files.ts";

export const lockName = "lock";
/** Names of locks on the removal of a lock. */
const breakerName = /^lock(\.[0-9a-z]+-[0-9a-z]+)+$/;
export const isLock = (name: string): boolean => name === lockName || breakerName.test(name);

/** Who holds a lock. `start` tells a process from a later one of the same number. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Of the machine's boot, of the process numbers' namespace, of the process; "" where unknown. */
  readonly boot: string;
  readonly space: string;
  readonly start: string;
}

const held = new Set<string>();
process.on("exit", () => {
  for (const path of held) unlockRun(path);
});

/** Takes the lock of a folder. Throws SettingError, in one line, where a live process has it. */
export function lockRun(folder: string): void {
  const path = resolve(folder);
  if (!held.has(path)) take(join(path, lockName), folder);
  held.add(path);
}

/** Gives the lock of a folder back; nothing where it is not ours. */
export function unlockRun(folder: string): void {
  const path = resolve(folder);
  if (held.delete(path)) rmSync(join(path, lockName), { force: true });
}

/**
 * Creates a lock file. A stale one is removed first, under a lock on its removal that is named after it:
 * so two that find the same stale lock cannot remove each other's new one.
 */
function take(path: string, folder: string): void {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (create(path)) return;
    const stale = staleLock(path, folder);
    if (stale === null) continue; // it has gone meanwhile
    const breaker = `${path}.${stale}`;
    take(breaker, folder);
    if (identityOf(path) === stale) rmSync(path, { force: true });
    rmSync(breaker, { force: true });
  }
  throw new SettingError(`${folder}: its lock changes hands all the time; try again`);
}

function create(path: string): boolean {
  let file: number | undefined;
  try {
    const { O_CREAT, O_EXCL, O_WRONLY } = constants;
    file = openSync(path, O_WRONLY | O_CREAT | O_EXCL);
    writeSync(file, `${JSON.stringify(ourselves())}\n`);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (file !== undefined) rmSync(path, { force: true }); // a full disk: no lock of nobody stays
    throw namingTheFile(error, path);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Tells a lock file from a later one in its place. */
function identityOf(path: string): string | null {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.ino.toString(36)}-${found.mtimeNs.toString(36)}`;
}

const patience = 2000; // milliseconds in which a new lock's maker writes its name into it

/** The identity of a lock whose holder has ended; null where it is gone. Throws where the holder lives. */
function staleLock(path: string, folder: string): string | null {
  const identity = identityOf(path);
  if (identity === null) return null;
  const holder = readHolder(path);
  if (holder === undefined) return null;
  if (holder === null) {
    const { mtimeMs } = lstatSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
    if (Date.now() - mtimeMs > patience) return identity; // cut off while it was made
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    return null;
  }
  const state = stateOf(holder);
  if (state === "ended") return identity;
  const who =
    state === "alive"
      ? `process ${holder.pid} trains in it`
      : `process ${holder.pid} of ${JSON.stringify(holder.host)}, which cannot be seen from here, trains in it; if it has ended, remove ${path}`;
  throw new SettingError(`${folder}: expected a folder that is not in use, ${who}`);
}

/** Undefined without a file, null where the file names no holder. */
function readHolder(path: string): Holder | null | undefined {
  let text: string;
  try {
    text = readRegular(path, { most: 4096 }).toString();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { pid, host, boot, space, start } = JSON.parse(text);
    const words = [host, boot, space, start].every((word) => typeof word === "string");
    return Number.isSafeInteger(pid) && pid > 0 && words ? { pid, host, boot, space, start } : null;
  } catch {
    return null;
  }
}

function stateOf(holder: Holder): "alive" | "ended" | "unknown" {
  const own = ourselves();
  if (holder.host === own.host && holder.boot !== own.boot) return "ended"; // before this boot
  if (holder.host !== own.host || holder.space !== own.space) return "unknown";
  if (!runs(holder.pid)) return "ended";
  const { start, zombie } = processFacts(holder.pid);
  return zombie || (start !== "" && start !== holder.start) ? "ended" : "alive";
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM"; // of another user
  }
}

let us: Holder | undefined;
function ourselves(): Holder {
  us ??= {
    pid: process.pid,
    host: hostname(),
    boot: textOf("/proc/sys/kernel/random/boot_id"),
    space: namespaceOf(),
    start: processFacts(process.pid).start,
  };
  return us;
}

/** When a process began, in ticks since the boot, and whether it has ended but was not waited for. Linux. */
function processFacts(pid: number): { start: string; zombie: boolean } {
  const stat = textOf(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name before may have spaces
  return { start: fields[19] ?? "", zombie: fields[0] === "Z" };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function namespaceOf(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}
