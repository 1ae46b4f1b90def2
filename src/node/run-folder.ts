/**
 * A run on disk: config.json, everything that determines it; metrics.jsonl, one line per update;
 * checkpoint.safetensors, the state to resume from; best.safetensors, the best policy; evaluation.json, when it is
 * evaluated; samples.jsonl, completions by a language model.
 * Files are checked on reading (run-files.ts), and one process at a time trains in a folder (run-lock.ts).
 */
import {
  existsSync,
  lstatSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type ExplainedSample, explainSamples } from "../algos/explain-samples.ts";
import type { Backend } from "../core/backend.ts";
import { FormatError, SettingError, UnknownNameError } from "../core/errors.ts";
import type { Helpers } from "../core/helpers.ts";
import { printable } from "../core/printable.ts";
import type { State } from "../core/state.ts";
import { encodeState } from "../io/state-file.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import { type ResolvedRun, type RunConfig, resolve } from "../tasks/run.ts";
import { open, type Session } from "../tasks/session.ts";
import type { ReadCorpus } from "../tasks/task.ts";
import { type KnownCorpora, knownCorpus } from "./corpora.ts";
import { planName } from "./evaluation-plan.ts";
import {
  appendFlushed,
  codeOf,
  isTemporary,
  linesOf,
  makeFolder,
  makeNewFolder,
  readRegular,
  removeTemporary,
  writeAtomically,
} from "./files.ts";
import { checkMemory } from "./memory.ts";
import { missingPart } from "./missing.ts";
import { guardCalls } from "./patience.ts";
import {
  type Checkpoint,
  checkpointFacts,
  checkpointFrom,
  environmentsOf,
  type Metric,
  metricFrom,
  type RunFile,
  runFileFrom,
  sampleFrom,
} from "./run-files.ts";
import { isLock, lockRun, unlockRun } from "./run-lock.ts";
import { isSystemError, systemText } from "./system-error.ts";

export type { Metric } from "./run-files.ts";

const names = {
  config: "config.json",
  metrics: "metrics.jsonl",
  checkpoint: "checkpoint.safetensors",
  best: "best.safetensors",
  samples: "samples.jsonl",
  evaluation: planName,
} as const;
const mostConfig = 2 ** 28; // bytes; a table of prices may be inside

/** Throws SettingError unless `--out` names what may become a run's folder: something new, or an empty folder. */
export function checkOut(wanted: string | undefined): void {
  if (wanted === undefined) return;
  if (wanted === "") throw new SettingError("--out: expected a folder, got an empty text");
  if (!existsSync(wanted)) return;
  if (!statSync(wanted).isDirectory() || !isEmpty(wanted))
    throw new SettingError(`--out ${wanted}: expected a new or empty folder, this one is in use`);
}

/** Returns whether a folder holds at most a lock and remains of an interrupted write. */
const isEmpty = (folder: string): boolean =>
  readdirSync(folder).every((name) => isTemporary(name) || isLock(name));

/**
 * Creates and locks a run folder: `wanted`, or a free name under runs/. Returns its path. Processes that do so at the
 * same time get different folders, or an error. The lock is held until `closeRun`.
 */
export function createRun(
  wanted: string | undefined,
  config: RunConfig,
  corpora: KnownCorpora = {},
): string {
  checkOut(wanted);
  const path = wanted ?? newFolder(config);
  if (wanted !== undefined) makeFolder(wanted);
  lockRun(path);
  try {
    checkOut(path); // another process may have used it before the lock
    removeTemporary(path);
    writeAtomically(join(path, names.metrics), "");
    writeConfig(path, config, corpora);
  } catch (error) {
    closeRun(path);
    throw error;
  }
  return path;
}

function writeConfig(path: string, config: RunConfig, corpora: KnownCorpora): void {
  const file = Object.keys(corpora).length > 0 ? { ...config, corpora } : config;
  writeAtomically(join(path, names.config), `${JSON.stringify(file, null, 2)}\n`);
}

/** Makes the first free one of runs/name, runs/name-2, …. Only one process succeeds in making a folder. */
function newFolder({ task, algo, seed }: RunConfig): string {
  const name = join("runs", `${task}-${algo}-${seed}`);
  makeFolder(dirname(name));
  for (let n = 1; ; n++) {
    const path = n === 1 ? name : `${name}-${n}`;
    if (makeNewFolder(path)) return path;
  }
}

/** Releases a run's lock. */
export const closeRun = (path: string): void => unlockRun(path);

/** The update whose samples a session wrote last. */
const sampled = new WeakMap<Session, number>();

/** Removes the folder of a run that failed before its first checkpoint: it could not be resumed. */
export function abandonRun(path: string): void {
  if (hasCheckpoint(path)) return;
  for (const name of Object.values(names)) rmSync(join(path, name), { force: true });
  closeRun(path);
  try {
    rmdirSync(path);
  } catch {
    // the folder has other files
  }
}

/**
 * Writes the metrics since the last call, then the checkpoint; when it returns, both are on the disk. Metrics without a
 * checkpoint, nor a temporary one, say that it was lost.
 */
export function checkpoint(path: string, session: Session, metrics: string[]): void {
  const bytes = encodeState(session.training.save(), checkpointFacts(session.config));
  const isFirst = !hasCheckpoint(path);
  try {
    writeAtomically(join(path, names.checkpoint), bytes, () => addLines(path, session, metrics));
  } catch (error) {
    if (isFirst) truncateSync(join(path, names.metrics)); // the disk is full, say
    throw error;
  }
  metrics.length = 0;
}

/** Appends to the metrics and the samples. */
function addLines(path: string, session: Session, metrics: readonly string[]): void {
  if (metrics.length > 0)
    appendFlushed(join(path, names.metrics), metrics.map((line) => `${line}\n`).join(""));
  const { update } = session.training;
  if (session.kind === "text" && sampled.get(session) !== update) {
    const lines = explainSamples(session.training, 4).map(
      (sample) => `${JSON.stringify(sample)}\n`,
    );
    if (lines.length > 0) appendFlushed(join(path, names.samples), lines.join(""));
    sampled.set(session, update);
  }
}

/** Returns whether a run has a checkpoint. */
export const hasCheckpoint = (path: string): boolean => existsSync(join(path, names.checkpoint));

/** Writes the best policy so far: weights and statistics. */
export function writeBest(path: string, config: RunConfig, policy: State): void {
  writeAtomically(join(path, names.best), encodeState(policy, checkpointFacts(config)));
}

/** Options for opening a run. */
export interface OpenRunOptions {
  /** Open the best policy of a run that was evaluated while it trained, in place of the last. */
  readonly best?: boolean;
  /** Read corpora that the run names even if their content has changed since it began. */
  readonly trustData?: boolean;
  /** Open the whole training, to go on from; not the policy alone. */
  readonly whole?: boolean;
  /** Settings of the task that replace the run's. */
  readonly changes?: Readonly<Record<string, unknown>>;
  /** Total steps in place of the run's, for its schedules. */
  readonly steps?: number | undefined;
  /** Default: a new one of the run's kind. */
  readonly backend?: Backend | undefined;
}

/**
 * Opens a session with a run's saved policy, for evaluation; `changes` replace settings of the task. Throws FormatError
 * for a folder that is not a run, SettingError for settings that are not the task's.
 */
export function openRun(path: string, options: OpenRunOptions = {}): Session {
  const { config: saved, resolved, corpora } = readRunFile(path);
  const run = changeTask(resolved(), options);
  const read = knownCorpus(corpora, options.trustData ?? false);
  const opened = (state: State | null): Session =>
    naming(path, () => {
      checkMemory(run);
      const { backend } = options;
      return open(run, { read, guard: guardCalls, saved: state, ...(backend && { backend }) });
    });
  const session = options.whole ? null : opened(null);
  const name = options.best ? names.best : names.checkpoint;
  const { state } = readCheckpoint(path, saved, name) ?? {};
  if (state === undefined) {
    const how = options.best
      ? "it was not evaluated while it trained; see pigrad train --eval-every N"
      : `it was stopped before its first; see pigrad train --resume ${path}`;
    throw new FormatError(`${path} has no ${name}: ${how}`);
  }
  if (session === null) {
    const training = opened(state);
    naming(path, () => training.prepare(), fileOf(path, name));
    return training;
  }
  const load = (): void => {
    const [fresh] = session.load(state);
    if (fresh !== undefined) throw new FormatError(`no weights for ${fresh}`);
  };
  naming(path, load, fileOf(path, name));
  return session;
}

/** Opens a run of an environment, as `openRun`. Throws SettingError for a run of a text. */
export function openEnvironmentRun(path: string, options: OpenRunOptions = {}): EnvironmentSession {
  const session = openRun(path, options);
  if (session.kind === "environment") return session;
  throw new SettingError(`${path}: a run of a text, which has no environment; see pigrad sample`);
}

/** Resolves the run again with some of its task's settings, or its steps, changed. */
function changeTask(
  run: ResolvedRun,
  { changes = {}, steps = run.config.steps }: OpenRunOptions,
): ResolvedRun {
  const { config } = run;
  const own = run.values.task;
  const foreign = Object.keys(changes).find((name) => !Object.hasOwn(own, name));
  if (foreign !== undefined) {
    throw new UnknownNameError(
      `--set ${foreign}: expected a setting of the task ${config.task}: ${Object.keys(own).join(", ")}`,
      foreign,
      Object.keys(own),
    );
  }
  return resolve({ ...config, steps, settings: { ...config.settings, ...changes } });
}

/** Changes to a run that is resumed: its length, and the number of its environments. */
export interface ResumeChanges {
  readonly steps?: number | undefined;
  readonly envs?: string | undefined;
}

export interface ResumeOptions extends Pick<OpenRunOptions, "trustData"> {
  /** Others who sample for the session. Default: none. */
  readonly helpers?: Helpers | null | undefined;
}

/**
 * Resumes a run bit for bit from its last checkpoint, or from the start if there is none yet. Restores the whole
 * checkpoint before writing anything. Then, unless the run is finished, removes metrics and samples of updates after the
 * checkpoint, and temporary files of an interrupted write. The lock is held until
 * `closeRun`.
 */
export function resumeRun(
  path: string,
  { steps, envs }: ResumeChanges = {},
  { trustData = false, helpers = null }: ResumeOptions = {},
): Session {
  readRunFile(path); // throws before the lock is written if the folder is not a run
  lockRun(path);
  try {
    const { config: saved, resolved, corpora } = readRunFile(path);
    const settings = envs === undefined ? saved.settings : { ...saved.settings, envs };
    const run =
      steps === undefined && envs === undefined
        ? resolved()
        : resolve({ ...saved, steps: steps ?? saved.steps, settings });
    const { config } = run;
    checkMemory(run);
    const from = readCheckpoint(path, saved);
    if (from === null) mustBegin(path);
    const renews = from !== null && environmentsOf(config).envs !== from.envs;
    const read = knownCorpus(corpora, trustData);
    const state = from?.state ?? null;
    const session = naming(path, () =>
      open(run, { saved: state, read, renews, guard: guardCalls, helpers }),
    );
    naming(path, () => session.prepare(), fileOf(path, names.checkpoint));
    const { envSteps } = session.training;
    if (steps !== undefined && steps < envSteps) {
      throw new SettingError(
        `--steps: expected at least the ${envSteps} steps that ${path} has taken, got ${steps}`,
      );
    }
    checkLines(path);
    if (JSON.stringify(config) !== JSON.stringify(saved)) writeConfig(path, config, corpora);
    if (envSteps < config.steps) cutBack(path, from === null ? -1 : session.training.update);
    return session;
  } catch (error) {
    closeRun(path);
    throw error;
  }
}

/** Throws FormatError for a run that had a checkpoint and lost it: to begin again would lose the rest. */
function mustBegin(path: string): void {
  const isOfFirst = (name: string) => name.startsWith(names.checkpoint) && isTemporary(name);
  const last = lastMetric(path);
  if (last === undefined || readdirSync(path).some(isOfFirst)) return; // killed before or at its first one
  throw new FormatError(
    `${path}: expected ${names.checkpoint}, as ${names.metrics} goes to update ${last.update}: it was lost; train again with another --out`,
  );
}

/** Returns how to read the corpora that a run names. */
export const corporaOf = (
  path: string,
  { trustData = false }: Pick<OpenRunOptions, "trustData">,
): ReadCorpus => knownCorpus(readRunFile(path).corpora, trustData);

/** Throws FormatError unless every line of metrics and samples is one. */
function checkLines(path: string): void {
  for (const _ of metricsOf(path));
  for (const _ of samplesOf(path));
}

/** Returns whether a run has samples. A link in their place counts, dangling or not. */
const hasSamples = (path: string): boolean =>
  lstatSync(join(path, names.samples), { throwIfNoEntry: false }) !== undefined;

/** Removes metrics and samples of updates after `update`. */
function cutBack(path: string, update: number): void {
  removeTemporary(path);
  cut(path, names.metrics, (line, where) => metricFrom(line, where).update <= update);
  if (hasSamples(path))
    cut(path, names.samples, (line, where) => sampleFrom(line, where).update <= update);
}

/** Calls `use` with the saved training of a run. Prefixes its errors of format with the file's path. */
export function withTraining<T>(path: string, use: (state: State) => T): T {
  const from = readCheckpoint(path, readConfig(path));
  if (from === null) throw new FormatError(`${path} has no ${names.checkpoint} to begin from`);
  return naming(path, () => use(from.state), fileOf(path, names.checkpoint));
}

/** Rewrites a file atomically with the lines that are `kept`. Removes an incomplete last line. */
function cut(path: string, name: string, kept: (line: string, where: string) => boolean): void {
  const file = join(path, name);
  function* pieces(): Generator<Uint8Array> {
    for (const { text, where, bytes } of textLines(path, name)) {
      if (!kept(text, where)) continue;
      yield bytes;
      yield lineFeed;
    }
  }
  writeAtomically(file, pieces());
}
const lineFeed = Buffer.from("\n");

/** Yields the lines of a run's file, without empty ones and an incomplete last one. */
function* textLines(path: string, name: string) {
  const file = join(path, name);
  try {
    for (const { bytes, number, whole } of linesOf(file)) {
      const text = bytes.toString();
      if (text === "" || (!whole && !isJson(text))) continue;
      yield { text, bytes, where: `${fileOf(path, name)}, line ${number}` };
    }
  } catch (error) {
    throw notARun(path, name, error);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Yields the samples of a text run in order, checking each line; none for other runs. */
export function* samplesOf(path: string): Generator<ExplainedSample, void> {
  if (!hasSamples(path)) return;
  for (const { text, where } of textLines(path, names.samples)) yield sampleFrom(text, where);
}

/** Returns all samples of a run. */
export const readSamples = (path: string): ExplainedSample[] => [...samplesOf(path)];

/** Returns at most `most` samples, evenly spaced over the run, without holding the others in memory. */
export function someSamples(path: string, most: number): ExplainedSample[] {
  let count = 0;
  if (hasSamples(path)) for (const _ of textLines(path, names.samples)) count++;
  const step = Math.max(1, Math.ceil(count / most));
  const shown: ExplainedSample[] = [];
  let at = 0;
  for (const sample of samplesOf(path)) if (at++ % step === 0) shown.push(sample);
  return shown;
}

/** Yields a run's metrics per update, without an incomplete last line. */
export function* metricsOf(path: string): Generator<Metric, void> {
  for (const { text, where } of textLines(path, names.metrics)) yield metricFrom(text, where);
}

/** Returns all metrics of a run. */
export const readMetrics = (path: string): Metric[] => [...metricsOf(path)];

/** Returns the metrics of a run's last update; undefined before the first. */
export function lastMetric(path: string): Metric | undefined {
  let last: Metric | undefined;
  for (const metric of metricsOf(path)) last = metric;
  return last;
}

export const readConfig = (path: string): RunConfig => readRunFile(path).config;

/** Returns the checked config.json of a run. */
export function readRunFile(path: string): RunFile {
  const text = read(path, names.config, mostConfig).toString();
  const where = fileOf(path, names.config);
  try {
    return runFileFrom(text, where);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new FormatError(`${where}: ${error.message}`);
  }
}

/** Returns the run's checkpoint, or its best policy, validated; null if there is none yet. */
function readCheckpoint(
  path: string,
  config: RunConfig,
  name: string = names.checkpoint,
): Checkpoint | null {
  try {
    const bytes = read(path, name, Infinity);
    return checkpointFrom(bytes, config, fileOf(path, name));
  } catch (error) {
    if (error instanceof MissingFile) return null;
    throw error;
  }
}

/** Of a run's file that is not there. Where that is because the run's folder is not, holds the names beside it. */
class MissingFile extends FormatError {
  readonly given: string | undefined;
  readonly known: readonly string[] | undefined;
  constructor(path: string, name: string) {
    super(`${path} is not a run folder: ${name}: no such file`);
    if (!existsSync(path)) Object.assign(this, missingPart(path));
  }
}

function read(path: string, name: string, most: number): Buffer {
  try {
    return readRegular(join(path, name), { most });
  } catch (error) {
    throw notARun(path, name, error);
  }
}

function notARun(path: string, name: string, error: unknown): unknown {
  if (error instanceof FormatError) return error;
  if (codeOf(error) === "ENOENT") return new MissingFile(path, name);
  if (codeOf(error) === "ENOTDIR")
    return new FormatError(`${path} is not a run folder but a file; give the folder that it is in`);
  return !isSystemError(error)
    ? error
    : new FormatError(`${path} cannot be opened as a run: ${systemText(error)}`);
}

/** Returns the path of a run's file, as messages name it. */
const fileOf = (path: string, name: string): string => printable(join(path, name));

/**
 * Runs `work`; prefixes its errors of settings with the run's path, and its errors of format with that of the `file`
 * that it restores from. Default: the run's.
 */
function naming<T>(path: string, work: () => T, file = path): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${file}: ${error.message}`);
    if (!(error instanceof SettingError)) throw error;
    const { given, known } = error as Partial<UnknownNameError>; // for a suggestion
    throw Object.assign(new FormatError(`${path}: ${error.message}`), { given, known });
  }
}
