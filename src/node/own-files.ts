/** Loads the user's own files: modules in JavaScript or TypeScript, and JSON. Runs only files that the user named. */
import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { basename, extname, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { SettingError } from "../core/errors.ts";
import { messageOf } from "../core/thrown.ts";
import { parseJson } from "../io/json.ts";
import { type OwnFile, type OwnRole, ownRoles, registerOwn } from "../tasks/own-files.ts";
import type { RunConfig } from "../tasks/run.ts";
import type { Jinja } from "../text/chat-template.ts";
import { loadJinja } from "./chat-template.ts";
import { codeOf, readRegular } from "./files.ts";
import { missingFile, unreadable } from "./missing.ts";
import { isMjcf, loadLibraryOf, readMjcf } from "./mujoco.ts";
import { readPublished } from "./published.ts";

const extensions = [".ts", ".mts", ".js", ".mjs", ".cjs", ".json"];
const mostBytes = 2 ** 26;
const usualPatience = 30; // seconds that a file may take to load

/** Returns whether a name on the command line means a file rather than a task or algorithm. */
export const meansFile = (name: string): boolean =>
  extensions.includes(extname(name)) || /^\.{0,2}[/\\]/.test(name) || name.includes(sep);

/** Returns the file of this name with an ending of ours, in the folder at hand; undefined without one. */
export const fileNamed = (name: string): string | undefined =>
  extensions.map((ending) => `./${name}${ending}`).find((path) => existsSync(path));

/** Returns the name of a file's task or algorithm: the file name without the extension. */
export const nameOfFile = (path: string): string => basename(path, extname(path));

/**
 * Loads a file and registers what it exports under `key`, its full path by default. Throws SettingError in one line
 * for a file that is missing, throws, does not finish loading, or cannot run here.
 */
export async function loadOwn(
  given: string,
  key?: string,
  patience = usualPatience,
): Promise<OwnFile> {
  const path = resolve(given);
  const sha256 = hashOf(path, given);
  registerOwn(key ?? path, await exportOf(path, given, patience));
  return { path: key ?? path, sha256 };
}

/**
 * Loads the folder of a published model, or a model of MuJoCo, and registers it under `key`, its full path by default.
 * Throws SettingError for a path that is neither, FormatError for files that are broken or missing.
 */
export async function loadOwnModel(given: string, key?: string): Promise<OwnFile> {
  const path = resolve(given);
  if (isMjcf(path)) {
    const { model, sha256 } = readMjcf(path, given);
    registerOwn(key ?? path, model);
    return { path: key ?? path, sha256 };
  }
  // a template is needed for messages alone: where the renderer is missing, that is said when it is used
  const jinja = await loadJinja().catch(
    (error: unknown): Jinja =>
      () => {
        throw error;
      },
  );
  const { published, sha256 } = readPublished(path, given, jinja);
  registerOwn(key ?? path, published);
  return { path: key ?? path, sha256 };
}

/** Returns a model's full path and hash. Throws as loadOwnModel. */
export const ownModelOf = (given: string): OwnFile => {
  const path = resolve(given);
  const { sha256 } = isMjcf(path) ? readMjcf(path, given) : readPublished(path, given);
  return { path, sha256 };
};

/** Returns a file's full path and hash, and does not run it. Throws SettingError where it cannot be read. */
export function ownFileOf(given: string): OwnFile {
  const path = resolve(given);
  return { path, sha256: hashOf(path, given) };
}

function hashOf(path: string, given: string): string {
  if (!existsSync(path)) throw missingFile(path, `${given}: no such file`);
  if (!extensions.includes(extname(path)))
    throw new SettingError(`${given}: expected a file that ends with ${extensions.join(", ")}`);
  try {
    const bytes = readRegular(path, { links: true, most: mostBytes });
    return createHash("sha256").update(bytes).digest("hex");
  } catch (error) {
    throw unreadable(path, `${given}: cannot be read`, error);
  }
}

async function exportOf(path: string, given: string, patience: number): Promise<unknown> {
  if (extname(path) === ".json") {
    const text = readRegular(path, { links: true, most: mostBytes }).toString();
    parseJson(text, given); // with a message that tells where it breaks off
    return JSON.parse(text);
  }
  const url = pathToFileURL(realpathSync(path)).href;
  const module = (await imported(url, given, patience)) as { default?: { default?: unknown } };
  // a TypeScript file outside a package of type "module" comes as CommonJS
  const exported = module.default?.default ?? module.default;
  if (exported === undefined)
    throw new SettingError(`${given}: expected a default export, got none`);
  return exported;
}

async function imported(url: string, given: string, patience: number): Promise<unknown> {
  const message = `${given}: did not finish loading within ${patience} s`;
  const dog = watchdog(`pigrad: ${message}`, 1000 * (patience + 2));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new SettingError(message);
    timer = setTimeout(() => reject(error), 1000 * patience);
  });
  try {
    return await Promise.race([import(url), late]);
  } catch (error) {
    if (error instanceof SettingError) throw error;
    throw new SettingError(`${given}: cannot be loaded: ${reasonOf(error)}`);
  } finally {
    clearTimeout(timer);
    await dog.stop();
  }
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const needs =
    "TypeScript files need Node 22.18 or newer, or tsx (npm install tsx, then npx tsx node_modules/pigrad/dist/cli/main.js …)";
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") return needs;
  const [first, second = ""] = messageOf(error).split("\n");
  const reason = first.endsWith(":") ? `${first} ${second.trim()}` : first; // a compiler's list of errors
  if (/Unexpected token 'export'|Cannot use import statement/.test(reason))
    return `${reason}: the package.json beside it says "type": "commonjs"; name it .mjs or .mts, or say "module" there`;
  if (/^(module|exports|require) is not defined in ES module/.test(reason))
    return `${reason.split(",")[0]}: name it .cjs, or export by \`export default\``;
  const place =
    error instanceof SyntaxError ? /^(\S+:\d+)\n/.exec(error.stack ?? "")?.[1] : undefined;
  return place === undefined ? reason : `${reason} (${place})`;
}

/**
 * Ends the process with a line on stderr and exit code 2 if this thread makes no way for longer than a file may take to
 * load: an endless loop at a file's top level stops everything else, timers too. V8's inspector interrupts the loop; it
 * would say on stderr that it waits for its debugger, so stderr is closed first. SIGKILL where it is not heard.
 */
function watchdog(line: string, wait: number): { stop(): Promise<unknown> } {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { workerData: { flag, line, wait } } = require("node:worker_threads");
    if (Atomics.wait(flag, 0, 0, wait) === "timed-out") {
      require("node:fs").writeSync(2, line + "\\n");
      const kill = () => process.kill(process.pid, "SIGKILL");
      setTimeout(kill, 2000);
      try {
        const { Session } = require("node:inspector");
        const session = new Session();
        session.connectToMainThread();
        const expression = "process.getBuiltinModule('node:fs').closeSync(2); process.exit(2)";
        session.post("Runtime.evaluate", { expression });
      } catch {
        kill();
      }
    }`;
  const worker = new Worker(code, { eval: true, execArgv: [], workerData: { flag, line, wait } });
  worker.on("error", () => {});
  return {
    stop() {
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
      return worker.terminate();
    },
  };
}

/** Options for finding the files of a saved run. */
export interface FindOptions {
  /** Files to use in place of those that the run remembers. */
  readonly instead?: Partial<Record<OwnRole, string | undefined>>;
  /** The run's folder: a file inside it is not run unless a person names it. */
  readonly folder?: string;
  readonly warn?: (line: string) => void;
}

/**
 * Loads the files that a run's config names, and the library that its task needs, in this thread. Throws SettingError
 * for one that is missing.
 */
export async function loadFilesOf(
  config: Pick<RunConfig, "task" | "files">,
  { instead = {}, folder, warn = () => {} }: FindOptions = {},
): Promise<void> {
  await loadLibraryOf(config);
  const { files } = config;
  for (const role of ownRoles) {
    const file = files?.[role];
    const other = instead[role];
    if (file === undefined) {
      if (other !== undefined)
        throw new SettingError(`--${role}: the run has no file of this kind`);
      continue;
    }
    const { path, sha256 } = file;
    const what = role === "model" && !isMjcf(path) ? "folder" : "file";
    const option = `--${role} ${what.toUpperCase()} names the ${what} to use`;
    if (other === undefined && !existsSync(path))
      throw new SettingError(`${path}: the run's ${role} is not there; ${option}`);
    if (other === undefined && folder !== undefined && isInside(path, folder))
      throw new SettingError(
        `${path}: a file inside the run's folder is not run by itself; ${option}`,
      );
    const now = await (role === "model" ? loadOwnModel : loadOwn)(other ?? path, path);
    if (now.sha256 !== sha256 && role === "model" && other === undefined)
      throw new SettingError(`${path}: the run's model has changed since the run began; ${option}`);
    if (now.sha256 !== sha256) warn(`${other ?? path}: has changed since the run began`);
  }
}

const isInside = (path: string, folder: string): boolean =>
  realpathSync(path).startsWith(realpathSync(folder) + sep);
