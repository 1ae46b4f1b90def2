/** Files written whole or not at all: a temporary file, flushed, then renamed over the old one. */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

const suffix = ".tmp";

export function writeAtomically(path: string, content: string | Uint8Array): void {
  const temporary = `${path}${suffix}`;
  try {
    writeFlushed(temporary, "w", content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  flushFolder(dirname(path));
}

/** Adds to a file, and has it on the disk when it returns. */
export const appendFlushed = (path: string, content: string | Uint8Array): void =>
  writeFlushed(path, "a", content);

function writeFlushed(path: string, flags: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const file = openSync(path, flags);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
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

/** Removes what a write that was cut off has left in a folder. */
export function removeTemporary(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.endsWith(suffix)) rmSync(join(folder, name), { force: true });
  }
}
