/** A model's folder on disk. */
import { closeSync, fstatSync, readSync } from "node:fs";
import { join } from "node:path";
import type { ModelFiles } from "../models/files.ts";
import { codeOf, openRegular } from "./files.ts";

/**
 * Returns the files of a folder in the layout of Hugging Face's hub, read by ranges. Follows links, because the hub's
 * cache is made of them. Throws FormatError for a path that is not a regular file.
 */
export const modelFolder = (path: string): SyncFiles => ({
  size(name) {
    try {
      return withFile(join(path, name), (file) => fstatSync(file).size);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw error;
    }
  },
  read: (name, start, end) =>
    withFile(join(path, name), (file) => {
      const bytes = new Uint8Array(end - start);
      let at = 0;
      for (let n = 1; n > 0 && at < bytes.length; at += n)
        n = readSync(file, bytes, at, bytes.length - at, start + at);
      return bytes.subarray(0, at);
    }),
});

/** Files that answer at once. */
export interface SyncFiles extends ModelFiles {
  size(name: string): number | null;
  read(name: string, start: number, end: number): Uint8Array;
}

function withFile<T>(path: string, use: (file: number) => T): T {
  const file = openRegular(path, { links: true });
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}
