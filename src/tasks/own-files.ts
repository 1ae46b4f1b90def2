/**
 * Files of one's own that take part in a run: its task, its algorithm, its reward. Who may read files loads them
 * (node/own-files.ts) and puts what they export here, by path; a run's config names the path.
 */
import { SettingError } from "../core/errors.ts";

/** A file as a config remembers it. */
export interface OwnFile {
  readonly path: string;
  /** Of its content when the run began. */
  readonly sha256: string;
}

/** The files of a run, by what they are in it. */
export type OwnFiles = { readonly [role in OwnRole]?: OwnFile };
export type OwnRole = "task" | "algo" | "reward";
export const ownRoles: readonly OwnRole[] = ["task", "algo", "reward"];

const loaded = new Map<string, unknown>();

/** Makes what a file exports known under its path. */
export const registerOwn = (path: string, exported: unknown): void =>
  void loaded.set(path, exported);

/** What a file exports. Throws SettingError unless it was loaded. */
export function ownOf({ path }: OwnFile): unknown {
  if (loaded.has(path)) return loaded.get(path);
  throw new SettingError(`${path}: this file of the run is not loaded`);
}
