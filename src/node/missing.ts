/** Files and folders that are not there, with the names beside them, of which the command line suggests the nearest. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { SettingError, UnknownNameError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { messageOf } from "../core/thrown.ts";
import { codeOf } from "./files.ts";

const mostNames = 10_000;

/** Returns the first part of a path that does not exist, and the names in the folder that should have it. */
export function missingPart(path: string): Pick<UnknownNameError, "given" | "known"> {
  let missing = resolve(path);
  while (!existsSync(dirname(missing)) && dirname(missing) !== missing) missing = dirname(missing);
  return { given: basename(missing), known: namesIn(dirname(missing)) };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).slice(0, mostNames);
  } catch {
    return []; // a file, or a folder that may not be read
  }
}

/** Returns the error of a file that is not there. */
export function missingFile(path: string, message: string): UnknownNameError {
  const { given, known } = missingPart(path);
  return new UnknownNameError(message, given, known);
}

/** Returns the error of a file that could not be read: what was tried, and why it failed. */
export function unreadable(path: string, what: string, error: unknown): SettingError {
  const code = codeOf(error);
  if (code === "ENOENT")
    return missingFile(path, `${what} (no such file in ${printable(dirname(resolve(path)))})`);
  return new SettingError(`${what} (${code ?? messageOf(error)})`);
}
