/**
 * The user's own files of a run: its task, its algorithm, its reward, and the folder of a published model.
 * node/own-files.ts loads them and registers their exports here by path, because tasks read no files; a run's config
 * names the path.
 */
import { SettingError } from "../core/errors.ts";

/** A file as config.json records it. */
export interface OwnFile {
  readonly path: string;
  /** Of its content, or of its files one after another, when the run began. */
  readonly sha256: string;
}

/** The files of a run, by role. */
export type OwnFiles = { readonly [role in OwnRole]?: OwnFile };
export type OwnRole = "task" | "algo" | "reward" | "model";
export const ownRoles: readonly OwnRole[] = ["task", "algo", "reward", "model"];

const loaded = new Map<string, unknown>();

/** Registers a file's default export under its path. */
export const registerOwn = (path: string, exported: unknown): void =>
  void loaded.set(path, exported);

/** Returns a file's default export. Throws SettingError unless the file was loaded. */
export function ownOf({ path }: Pick<OwnFile, "path">): unknown {
  if (loaded.has(path)) return loaded.get(path);
  throw new SettingError(`${path}: this file of the run is not loaded`);
}
