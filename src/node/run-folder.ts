/** A run on disk: config.json, metrics.jsonl, model.safetensors. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FormatError, SettingError } from "../core/errors.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import { loadModel, open, type RunConfig, type Session, saveModel } from "../tasks/session.ts";
import { writeAtomically } from "./files.ts";

/** Where a new run goes: `wanted`, which must not hold anything yet, or a free name under runs/. */
export function chooseFolder(wanted: string | undefined, config: RunConfig): string {
  if (wanted !== undefined) {
    if (existsSync(wanted) && (!statSync(wanted).isDirectory() || readdirSync(wanted).length > 0)) {
      throw new SettingError(`--out ${wanted}: want a new or empty folder, this one is in use`);
    }
    return wanted;
  }
  const name = join("runs", `${config.task}-${config.algo}-${config.seed}`);
  for (let n = 1; ; n++) {
    const path = n === 1 ? name : `${name}-${n}`;
    if (!existsSync(path)) return path;
  }
}

/** Writes a whole run. */
export function saveRun(path: string, session: Session, metrics: readonly string[]): void {
  mkdirSync(path, { recursive: true });
  writeAtomically(join(path, "model.safetensors"), saveModel(session.model as ActorCritic));
  writeAtomically(join(path, "metrics.jsonl"), metrics.map((line) => `${line}\n`).join(""));
  writeAtomically(join(path, "config.json"), `${JSON.stringify(session.config, null, 2)}\n`);
}

/** Reads a run back, its weights in a model of its task. Throws FormatError for anything else. */
export function openRun(path: string): Session {
  const config = readConfig(path);
  const session = rebuilding(path, () => open(config));
  const bytes = read(path, "model.safetensors");
  rebuilding(path, () => loadModel(session.model, bytes));
  return session;
}

function readConfig(path: string): RunConfig {
  const text = read(path, "config.json").toString();
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${join(path, "config.json")}: not JSON: ${(error as Error).message}`);
  }
  const fields = {
    task: "string",
    algo: "string",
    seed: "number",
    steps: "number",
    backend: "string",
  };
  for (const [name, type] of Object.entries({ ...fields, settings: "object" })) {
    const value = (config as Record<string, unknown> | null)?.[name];
    if (typeof value !== type || value === null) {
      throw new FormatError(`${join(path, "config.json")}: want ${name} to be a ${type}`);
    }
  }
  return config as RunConfig;
}

function read(path: string, name: string): Buffer {
  try {
    return readFileSync(join(path, name));
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(error);
    throw new FormatError(`${path} is not a run folder: ${name}: ${why}`);
  }
}

/** Says which run a damaged file belongs to. */
function rebuilding<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof SettingError)) throw error;
    throw new FormatError(`${path}: ${error.message}`);
  }
}
