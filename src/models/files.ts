/** A model's folder, wherever it is: its files by name, read by ranges of bytes. */
import { FormatError } from "../core/errors.ts";
import { decodeUtf8, encodeUtf8, withoutMark } from "../core/utf8.ts";
import { type Waiting, wait } from "../core/waiting.ts";

/** Files of a folder. Results may be promises; then the model loads later. */
export interface ModelFiles {
  /** Returns a file's number of bytes; null if there is no such file. */
  size(name: string): number | null | Promise<number | null>;
  /** Returns the bytes from `start` up to, but not including, `end`. */
  read(name: string, start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

/** The part of a Blob, such as a File of a file picker, that is needed. */
export interface BlobLike {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Returns a folder of files that are in memory, texts among them, or that a page's user picked. */
export const modelFiles = (
  files: Readonly<Record<string, string | ArrayBuffer | Uint8Array | BlobLike>>,
): ModelFiles => {
  const all = new Map(
    Object.entries(files).map(([name, file]) => [
      name,
      typeof file === "string" ? encodeUtf8(file) : file,
    ]),
  );
  const get = (name: string) => all.get(name) ?? null;
  return {
    size(name) {
      const file = get(name);
      if (file === null) return null;
      return "byteLength" in file ? file.byteLength : file.size;
    },
    read(name, start, end) {
      const file = get(name);
      if (file === null) throw new FormatError(`${name}: expected a file of this name`);
      if (file instanceof Uint8Array) return file.subarray(start, end);
      if (file instanceof ArrayBuffer) return new Uint8Array(file, start, end - start);
      return file
        .slice(start, end)
        .arrayBuffer()
        .then((bytes) => new Uint8Array(bytes));
    },
  };
};

const seconds = 3600; // that a range of bytes may take
const late = "a model's file: no answer within an hour";

export function* sizeOfFile(files: ModelFiles, name: string): Waiting<number | null> {
  return yield* wait(files.size(name), seconds, late);
}

/** Reads a range. Throws FormatError if fewer bytes come, as from a file that is cut while it is read. */
export function* readRange(
  files: ModelFiles,
  name: string,
  [start, end]: readonly [number, number],
): Waiting<Uint8Array> {
  const bytes = yield* wait(files.read(name, start, end), seconds, late);
  if (bytes.length !== end - start)
    throw new FormatError(
      `${name}: expected ${end - start} bytes from ${start}, got ${bytes.length}`,
    );
  return bytes;
}

const mostText = 2 ** 26; // bytes of a JSON file

/** Returns a text file; null if there is no such file. */
export function* readText(files: ModelFiles, name: string): Waiting<string | null> {
  const size = yield* sizeOfFile(files, name);
  if (size === null) return null;
  if (size > mostText)
    throw new FormatError(`${name}: expected at most ${mostText} bytes, got ${size}`);
  return withoutMark(decodeUtf8(yield* readRange(files, name, [0, size])));
}
