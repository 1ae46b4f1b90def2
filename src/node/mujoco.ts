/** MuJoCo for the tasks that need it: loads the package mujoco-js, an optional dependency, and models from files. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { SettingError } from "../core/errors.ts";
import type { Mujoco, MujocoModel, MujocoModule } from "../envs/mujoco/engine.ts";
import { mujocoTasks, useMujoco } from "../tasks/mujoco.ts";
import type { RunConfig } from "../tasks/run.ts";
import { codeOf, readRegular } from "./files.ts";
import { missingFile, unreadable } from "./missing.ts";

const name = "mujoco-js";
let loading: Promise<Mujoco> | null = null;

/** Loads what a run's task needs besides files. Throws SettingError, with what to install, where it is missing. */
export async function loadLibraryOf({
  task,
  files,
}: Pick<RunConfig, "task" | "files">): Promise<void> {
  if (files?.task === undefined && Object.hasOwn(mujocoTasks, task)) await loadMujoco();
}

/** Loads MuJoCo, once a thread, for the tasks of MuJoCo and for environments of one's own. */
export async function loadMujoco(): Promise<Mujoco> {
  loading ??= load();
  const loaded = await loading;
  useMujoco(loaded);
  return loaded;
}

async function load(): Promise<Mujoco> {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  try {
    const { default: start } = await import("mujoco-js");
    const module = (await start({ print, printErr: print })) as unknown as MujocoModule;
    return {
      module,
      printed: () => lines.splice(0).join("\n"),
      warn: (line) => void process.stderr.write(`pigrad: ${line}\n`),
    };
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new SettingError(`MuJoCo: expected ${name}, found none: npm i ${name}`);
  }
}

/** Returns whether a path names a model of MuJoCo rather than the folder of a language model. */
export const isMjcf = (path: string): boolean => /\.xml$/i.test(path);

const mostBytes = 2 ** 28;

/**
 * Reads a model and the files beside it that it names, and their hash. Throws SettingError where the file cannot be
 * read, or is not in the folder of the model.
 */
export function readMjcf(path: string, given: string): { model: MujocoModel; sha256: string } {
  const folder = dirname(path);
  const files: Record<string, Uint8Array> = {};
  const texts = [read(path, given).toString()];
  for (let text = texts.pop(); text !== undefined; text = texts.pop()) {
    const folders = ["", ...named(text, /\b(?:mesh|texture|asset)dir\s*=\s*["']([^"']+)["']/g)];
    for (const file of named(text, /\bfile\w*\s*=\s*["']([^"']+)["']/g)) {
      for (const place of folders.map((of) => join(folder, of, file))) {
        const inside = relative(folder, place);
        if (Object.hasOwn(files, inside) || !existsSync(place)) continue;
        if (inside.startsWith(".."))
          throw new SettingError(`${given}: expected files in its folder, got ${file}`);
        files[inside] = read(place, place);
        if (isMjcf(place)) texts.push(Buffer.from(files[inside]).toString());
      }
    }
  }
  const xml = read(path, given).toString();
  const hash = createHash("sha256").update(xml);
  for (const file of Object.keys(files).sort()) hash.update(`\n${file}\n`).update(files[file]);
  return { model: { xml, files }, sha256: hash.digest("hex") };
}

const named = (text: string, pattern: RegExp): string[] =>
  Array.from(text.matchAll(pattern), ([, value]) => value);

function read(path: string, given: string): Buffer {
  if (!existsSync(path)) throw missingFile(path, `${given}: no such file`);
  try {
    return readRegular(path, { links: true, most: mostBytes });
  } catch (error) {
    throw unreadable(path, `${given}: cannot be read`, error);
  }
}
