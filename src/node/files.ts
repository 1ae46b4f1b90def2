/**
 * Files written whole or not at all, and read only where they are files: nothing here follows a link that
 * stands in the place of a file, waits for a FIFO, or reads a device.
 */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { FormatError, SettingError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
// some systems lack these two
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

/** Names that only writes of ours have. */
const temporaryName = /\.pigrad-[0-9a-f]{16}\.tmp$/;
const temporaryFor = (path: string): string =>
  `${path}.pigrad-${randomBytes(8).toString("hex")}.tmp`;

/** Content of a file: all of it, or pieces in their order. */
export type Content = string | Uint8Array | Iterable<Uint8Array>;

/**
 * Replaces a file: a temporary file of a name of its own, created exclusively, flushed, then renamed over
 * the old one. A link in the file's place is replaced, and never followed. Throws SettingError where the
 * path names a folder or a device. `beforeRename` is called when the new content is on the disk.
 */
export function writeAtomically(
  path: string,
  content: Content,
  beforeRename: () => void = () => {},
): void {
  checkReplaceable(path);
  const temporary = temporaryFor(path);
  let made = false;
  try {
    const file = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    made = true;
    writeFlushed(file, content);
    beforeRename();
    renameSync(temporary, path);
  } catch (error) {
    if (made) rmSync(temporary, { force: true });
    throw namingTheFile(error, path, temporary);
  }
  flushFolder(dirname(path));
}

/** Appends to a regular file, and has it on the disk when it returns. Throws where the path is a link. */
export function appendFlushed(path: string, content: string | Uint8Array): void {
  const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
  if (!fstatSync(file).isFile()) {
    closeSync(file);
    throw new FormatError(`${path}: expected a regular file`);
  }
  try {
    writeFlushed(file, content);
  } catch (error) {
    throw namingTheFile(error, path);
  }
}

function writeFlushed(file: number, content: Content): void {
  try {
    if (typeof content === "string") writeWhole(file, Buffer.from(content));
    else if (content instanceof Uint8Array) writeWhole(file, content);
    else for (const piece of content) writeWhole(file, piece);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Throws SettingError for a path that no file can be put in place of. */
function checkReplaceable(path: string): void {
  if (path === "") throw new SettingError("expected the path of a file, got an empty text");
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return;
  throw new SettingError(`${path}: expected a file's path, got ${kindOf(found)}`);
}

/** Throws, before any work is done, where `writeAtomically` could not put a file. */
export function checkPlace(path: string): void {
  checkReplaceable(path);
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw namingTheFile(error, path);
  }
}

/** The system's error with the path that the caller knows; errors of writing have none, others the temporary one. */
export function namingTheFile(error: unknown, path: string, temporary = path): unknown {
  if (!(error instanceof Error)) return error;
  error.message = error.message.replaceAll(temporary, path);
  return codeOf(error) === undefined ? error : Object.assign(error, { path });
}

/** Makes a rename durable, where the system lets folders be opened. */
function flushFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {
    // not every system can
  }
}

/** Removes what a write of ours that was cut off has left in a folder, and nothing else. */
export function removeTemporary(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (isTemporary(name)) rmSync(join(folder, name), { force: true });
  }
}
export const isTemporary = (name: string): boolean => temporaryName.test(name);

/** Makes a folder and those above it. Unlike mkdir's `recursive`, ends on /proc too. */
export function makeFolder(path: string): void {
  if (path === "") throw new SettingError("expected the path of a folder, got an empty text");
  const missing: string[] = [];
  let at = resolve(path);
  while (!isThere(at) && dirname(at) !== at) {
    missing.push(at);
    at = dirname(at);
  }
  if (!statSync(at).isDirectory()) throw new SettingError(`${path}: ${at} is not a folder`);
  for (const folder of missing.reverse()) makeOne(folder);
}

/** Returns whether a path exists. Nothing exists below a file. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** Makes one folder, which another process may make at the same time. */
function makeOne(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const there = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (codeOf(error) !== "EEXIST" || !there) throw error;
  }
}

/** Makes a folder in one that exists; false where there is something of that name. */
export function makeNewFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

export const codeOf = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException | null | undefined)?.code;

type Kind = Pick<
  NonNullable<ReturnType<typeof lstatSync>>,
  "isDirectory" | "isFIFO" | "isSocket" | "isSymbolicLink"
>;
function kindOf(found: Kind): string {
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a FIFO";
  if (found.isSocket()) return "a socket";
  return found.isSymbolicLink() ? "a link" : "a device";
}

export interface ReadOptions {
  /** Bytes that the file may have at most. */
  readonly most?: number;
  /** Follow a link that leads to a regular file. */
  readonly links?: boolean;
}

/**
 * Opens a regular file for reading; the caller closes it. Throws FormatError for anything else that the path
 * may name, without opening it: a FIFO would wait, a device run on. Throws the system's error otherwise.
 */
export function openRegular(path: string, { most, links = false }: ReadOptions = {}): number {
  checkRegular(path, links ? statSync(path) : lstatSync(path), most);
  const file = openSync(path, O_RDONLY | O_NONBLOCK | (links ? 0 : O_NOFOLLOW));
  try {
    checkRegular(path, fstatSync(file), most);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function checkRegular(
  path: string,
  found: Kind & { isFile(): boolean; readonly size: number | bigint },
  most = Infinity,
): void {
  if (!found.isFile())
    throw new FormatError(`${path}: expected a regular file, got ${kindOf(found)}`);
  if (found.size > most)
    throw new FormatError(`${path}: has ${found.size} bytes, ${most} are allowed`);
}

/** The bytes of a regular file, as `openRegular` opens it. */
export function readRegular(path: string, options: ReadOptions = {}): Buffer {
  const file = openRegular(path, options);
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(file).size);
    let at = 0;
    for (let n = 1; n > 0 && at < bytes.length; at += n)
      n = readSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 30), null);
    return bytes.subarray(0, at);
  } finally {
    closeSync(file);
  }
}

const chunk = 2 ** 20; // bytes read at a time
const mostLine = 2 ** 27; // bytes of a line

/** One line of a file, without its line feed. */
export interface Line {
  readonly bytes: Buffer;
  /** From 1. */
  readonly number: number;
  /** A line feed ends it. The last line of a file that was cut off has none. */
  readonly whole: boolean;
}

/**
 * The lines of a regular file one after another, in memory for one of them. Throws FormatError for a line of
 * more than 128 MiB. A line's bytes are valid until the next one is asked for.
 */
export function* linesOf(path: string): Generator<Line, void> {
  const file = openRegular(path);
  try {
    let number = 1;
    let pieces: Buffer[] = [];
    let held = 0;
    for (;;) {
      const buffer = Buffer.allocUnsafe(chunk);
      const read = readSync(file, buffer, 0, chunk, null);
      if (read === 0) break;
      let from = 0;
      for (let at = buffer.indexOf(10); at >= 0 && at < read; at = buffer.indexOf(10, from)) {
        const last = buffer.subarray(from, at);
        const bytes = held === 0 ? last : Buffer.concat([...pieces, last]);
        yield { bytes, number: number++, whole: true };
        pieces = [];
        held = 0;
        from = at + 1;
      }
      pieces.push(buffer.subarray(from, read));
      held += read - from;
      if (held > mostLine)
        throw new FormatError(`${printable(path)}, line ${number}: more than ${mostLine} bytes`);
    }
    if (held > 0) yield { bytes: Buffer.concat(pieces), number, whole: false };
  } finally {
    closeSync(file);
  }
}
