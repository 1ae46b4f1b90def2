/**
 * A run on disk: config.json, what it follows from; metrics.jsonl, a line an update;
 * checkpoint.safetensors, all that the rest of it follows from; samples.jsonl, what a language model wrote.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { type ExplainedSample, explainSamples } from "../algos/explain-samples.ts";
import { FormatError, SettingError } from "../core/errors.ts";
import type { State } from "../core/state.ts";
import { decodeState, encodeState } from "../io/state-file.ts";
import { type AnySession, openAny, resolveAny, taskSettings } from "../tasks/any-session.ts";
import type { RunConfig, Session } from "../tasks/session.ts";
import { readCorpus } from "./corpora.ts";
import { appendFlushed, removeTemporary, writeAtomically } from "./files.ts";

const names = {
  config: "config.json",
  metrics: "metrics.jsonl",
  checkpoint: "checkpoint.safetensors",
  samples: "samples.jsonl",
} as const;

/** One line of metrics: an update's figures, and seconds since the start. */
export interface Metric {
  readonly [name: string]: number | string | null;
  readonly update: number;
  readonly envSteps: number;
  readonly seconds: number;
}

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

/** Begins a run's folder. */
export function createRun(path: string, config: RunConfig): void {
  mkdirSync(path, { recursive: true });
  writeAtomically(join(path, names.config), `${JSON.stringify(config, null, 2)}\n`);
  writeAtomically(join(path, names.metrics), "");
}

/** Removes the folder of a run that failed before its first checkpoint: there is nothing to go on from. */
export function abandonRun(path: string): void {
  if (existsSync(join(path, names.checkpoint))) return;
  for (const name of Object.values(names)) rmSync(join(path, name), { force: true });
  try {
    rmdirSync(path);
  } catch {
    // there is something else in it
  }
}

/** Writes the metrics since the last call, then the checkpoint; when it returns, both are on the disk. */
export function checkpoint(path: string, session: AnySession, metrics: string[]): void {
  if (metrics.length > 0) {
    appendFlushed(join(path, names.metrics), metrics.map((line) => `${line}\n`).join(""));
    metrics.length = 0;
  }
  const { training } = session.language ?? {};
  const samples = training === undefined ? [] : explainSamples(training, 4);
  if (samples.length > 0) {
    const lines = samples.map((sample) => `${JSON.stringify(sample)}\n`).join("");
    appendFlushed(join(path, names.samples), lines);
  }
  const { task, algo } = session.config;
  const metadata = { format: "pigrad 1", task, algo, ...environmentsOf(session.config) };
  const bytes = encodeState(session.training.save(), metadata);
  writeAtomically(join(path, names.checkpoint), bytes);
}

/** The number of environments, which a checkpoint's are in: it may have changed since. */
const environmentsOf = ({ settings: { envs } }: RunConfig): { envs?: string } =>
  envs === undefined ? {} : { envs: String(envs) };

/**
 * A run's policy, in a session that has not trained: for evaluation, in a task with some settings changed where
 * `changes` says so. Throws FormatError for anything else, SettingError for settings that are not the task's.
 */
export function openAnyRun(
  path: string,
  changes: Readonly<Record<string, unknown>> = {},
): AnySession {
  const saved = readConfig(path);
  const config = changeTask(saved, changes);
  const session = rebuilding(path, () => openAny(config, null, readCorpus));
  const { state } = readCheckpoint(path, saved);
  rebuilding(path, () => session.load(state));
  return session;
}

/** The same for a run of control, with all its session has. Throws SettingError for a run of language. */
export function openRun(path: string): Session {
  const session = openAnyRun(path);
  if (session.language === undefined) return session as Session;
  throw new SettingError(`${path}: a run of language, which has no environment; see pigrad sample`);
}

/** The run's configuration with some of its task's settings changed. */
function changeTask(config: RunConfig, changes: Readonly<Record<string, unknown>>): RunConfig {
  const own = taskSettings(config.task);
  const foreign = Object.keys(changes).find((name) => !Object.hasOwn(own, name));
  if (foreign !== undefined) {
    throw new SettingError(
      `--set ${foreign}: expected a setting of the task ${config.task}: ${Object.keys(own).join(", ")}`,
    );
  }
  return resolveAny({ ...config, settings: { ...config.settings, ...changes } });
}

/** What may be other than it was when a run goes on: its length, and the number of its environments. */
export interface ResumeChanges {
  readonly steps?: number | undefined;
  readonly envs?: string | undefined;
}

/**
 * A run to go on with from its last checkpoint, to the last bit. The whole checkpoint is read and taken in before
 * anything is written. Then, unless the run is finished, metrics of updates after the checkpoint are cut off, and
 * what an interrupted write left is removed.
 */
export function resumeRun(path: string, { steps, envs }: ResumeChanges = {}): AnySession {
  const saved = readConfig(path);
  const settings = envs === undefined ? saved.settings : { ...saved.settings, envs };
  const config = resolveAny({ ...saved, steps: steps ?? saved.steps, settings });
  const { state, envs: before } = readCheckpoint(path, saved);
  const session = rebuilding(path, () => {
    const renews = environmentsOf(config).envs !== before;
    const opened = openAny(config, state, readCorpus, renews);
    opened.prepare();
    return opened;
  });
  if (steps !== undefined && steps < session.training.envSteps) {
    throw new SettingError(
      `--steps: expected at least the ${session.training.envSteps} steps that ${path} has taken, got ${steps}`,
    );
  }
  if (JSON.stringify(config) !== JSON.stringify(saved))
    writeAtomically(join(path, names.config), `${JSON.stringify(config, null, 2)}\n`);
  if (session.training.envSteps < config.steps) cutMetrics(path, session.training.update);
  return session;
}

/** Leaves the metrics up to an update. */
function cutMetrics(path: string, update: number): void {
  removeTemporary(path);
  const before = read(path, names.metrics).toString();
  const kept = readMetrics(path).filter((metric) => metric.update <= update);
  const lines = kept.map((metric) => `${JSON.stringify(metric)}\n`).join("");
  if (lines !== before) writeAtomically(join(path, names.metrics), lines);
}

/** The saved training of a run, for a new run to begin with its weights. */
export const readTraining = (path: string): State => readCheckpoint(path, readConfig(path)).state;

/** Samples of a run of language, one checkpoint's after another; none of other runs. */
export function readSamples(path: string): ExplainedSample[] {
  if (!existsSync(join(path, names.samples))) return [];
  const lines = read(path, names.samples).toString().split("\n");
  return lines.flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as ExplainedSample];
    } catch {
      return []; // cut off while it was written
    }
  });
}

/** The figures of a run. A last line that was cut off is left out. */
export function readMetrics(path: string): Metric[] {
  const lines = read(path, names.metrics).toString().split("\n");
  return lines.flatMap((line, i) => {
    if (line === "") return [];
    try {
      return [JSON.parse(line) as Metric];
    } catch {
      if (i === lines.length - 1) return [];
      throw new FormatError(`${join(path, names.metrics)}: line ${i + 1} is not JSON`);
    }
  });
}

export function readConfig(path: string): RunConfig {
  const text = read(path, names.config).toString();
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${join(path, names.config)}: not JSON: ${(error as Error).message}`);
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
      throw new FormatError(`${join(path, names.config)}: want ${name} to be a ${type}`);
    }
  }
  return rebuilding(path, () => resolveAny(config as RunConfig));
}

/** The state in a checkpoint. Throws FormatError for one of another format, task or algorithm than the run's. */
function readCheckpoint(
  path: string,
  config: RunConfig,
): { readonly state: State; readonly envs: string | undefined } {
  const { task, algo } = config;
  const bytes = read(path, names.checkpoint);
  return rebuilding(path, () => {
    const { state, metadata } = decodeState(bytes);
    for (const [name, own] of Object.entries({ format: "pigrad 1", task, algo })) {
      const got = metadata.get(name);
      if (got !== own) {
        throw new FormatError(
          `${names.checkpoint}: expected ${name} "${own}" as ${names.config} has, got "${got ?? "none"}"`,
        );
      }
    }
    return { state, envs: metadata.get("envs") ?? environmentsOf(config).envs };
  });
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
