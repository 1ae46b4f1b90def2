/**
 * The folder of a sweep: sweep.json says which one, each training has a run folder, and results.jsonl has a line per
 * training that ended, so that the same sweep later does only the rest. One process at a time works in it.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { FormatError, SettingError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import {
  appendFlushed,
  isTemporary,
  linesOf,
  makeFolder,
  readRegular,
  writeAtomically,
} from "./files.ts";
import { isLock, lockRun, unlockRun } from "./run-lock.ts";
import type { SweepJob, SweepResult } from "./sweep.ts";

/** Everything that a sweep's results follow from, as JSON. */
export type SweepPlan = Readonly<Record<string, unknown>>;

const names = { plan: "sweep.json", results: "results.jsonl", queue: "queue.json" } as const;
const mostPlan = 2 ** 28; // bytes

/** Returns whether a folder is a sweep's. */
export const isSweep = (folder: string): boolean => existsSync(join(folder, names.plan));

/** Returns the run folders of a sweep, by row and then by seed. */
export function runsOfSweep(folder: string): string[] {
  const runs = readdirSync(folder).filter((name) => existsSync(join(folder, name, "config.json")));
  const numbers = (name: string): number[] => (name.match(/\d+/g) ?? []).map(Number);
  return runs
    .sort((a, b) => {
      const [rowA = 0, seedA = 0] = numbers(a);
      const [rowB = 0, seedB = 0] = numbers(b);
      return rowA - rowB || seedA - seedB;
    })
    .map((name) => join(folder, name));
}

type Saved = Omit<SweepResult, "config">;

export class SweepFolder {
  private readonly path: string;
  private readonly saved = new Map<string, Saved>();

  /** Opens the folder for a sweep, and makes it where it is missing. Throws SettingError where it is in other use. */
  constructor(path: string, plan: SweepPlan) {
    this.path = path;
    if (path === "") throw new SettingError("--out: expected a folder, got an empty text");
    if (existsSync(path)) checkFolder(path);
    makeFolder(path);
    lockRun(path);
    try {
      if (isSweep(path)) this.checkPlan(plan);
      else writeAtomically(join(path, names.plan), `${JSON.stringify(plan, null, 2)}\n`);
      if (existsSync(join(path, names.results))) this.readResults();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Returns the run folder of a row, counted from 0, and a seed. */
  runFolder(row: number, seed: number): string {
    return join(this.path, `row${row + 1}-seed${seed}`);
  }

  /** Returns a job's result from an earlier time; undefined without one. */
  resultOf(job: SweepJob): SweepResult | undefined {
    const saved = this.saved.get(keyOf(job));
    return saved && { config: job.config, ...saved };
  }

  /** Writes a result; it is on the disk when this returns. */
  record(job: SweepJob, { config: _, ...result }: SweepResult): void {
    const line = `${JSON.stringify({ job: keyOf(job), ...result })}\n`;
    appendFlushed(join(this.path, names.results), line);
  }

  /** Returns the name under which workers on other machines know this sweep; the same one at every start. */
  queueName(): string {
    const path = join(this.path, names.queue);
    if (existsSync(path)) {
      const { name } = JSON.parse(readRegular(path, { most: 4096 }).toString());
      if (/^[0-9a-f]{32}$/.test(name)) return name;
      throw new FormatError(`${printable(path)}: expected a name of 32 digits`);
    }
    const name = randomBytes(16).toString("hex");
    writeAtomically(path, `${JSON.stringify({ name })}\n`);
    return name;
  }

  close(): void {
    unlockRun(this.path);
  }

  private checkPlan(plan: SweepPlan): void {
    const where = printable(join(this.path, names.plan));
    let saved: SweepPlan;
    try {
      saved = JSON.parse(readRegular(join(this.path, names.plan), { most: mostPlan }).toString());
    } catch (error) {
      if (error instanceof SyntaxError) throw new FormatError(`${where}: expected JSON`);
      throw error;
    }
    const other = Object.keys({ ...saved, ...plan }).find(
      (name) => JSON.stringify(saved[name]) !== JSON.stringify(plan[name]),
    );
    if (other === undefined) return;
    throw new SettingError(
      `--out ${this.path}: expected the folder of this sweep, got one of another sweep (different ${other})`,
    );
  }

  /** Reads the results. A last line that was cut off is removed. */
  private readResults(): void {
    const file = join(this.path, names.results);
    const lines: string[] = [];
    let torn = false;
    for (const { bytes, number, whole } of linesOf(file)) {
      torn = !whole;
      if (torn) break;
      const text = bytes.toString();
      const { job, ...result } = savedFrom(text, `${printable(file)}, line ${number}`);
      this.saved.set(job, result);
      lines.push(`${text}\n`);
    }
    if (torn) writeAtomically(file, lines.join(""));
  }
}

/** Identifies a job within its sweep. */
const keyOf = ({ folder = "", untilSteps, config }: SweepJob): string =>
  `${basename(folder)} to ${untilSteps ?? config.steps}`;

/** Throws SettingError unless a folder is empty or a sweep's. */
function checkFolder(path: string): void {
  const isFree =
    statSync(path).isDirectory() &&
    (isSweep(path) || readdirSync(path).every((name) => isTemporary(name) || isLock(name)));
  if (!isFree)
    throw new SettingError(
      `--out ${path}: expected a new or empty folder or one of this sweep, this one is in use`,
    );
}

/** Returns a checked line of results. */
function savedFrom(text: string, where: string): Saved & { readonly job: string } {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    throw new FormatError(`${where}: expected a result of a sweep`);
  }
  const { job } = (line ?? {}) as Record<string, unknown>;
  if (typeof job !== "string") throw new FormatError(`${where}: expected a result of a sweep`);
  return { job, ...resultFrom(line, where) };
}

/** Returns a checked result, from JSON, which has null for NaN. */
export function resultFrom(value: unknown, where: string): Saved {
  const { evaluation, curve, envSteps, seconds, stepsToThreshold, trainingReturn, failure } =
    (value ?? {}) as Record<string, unknown>;
  if (!Array.isArray(curve) || typeof envSteps !== "number")
    throw new FormatError(`${where}: expected a result of a sweep`);
  return {
    stepsToThreshold: typeof stepsToThreshold === "number" ? stepsToThreshold : null,
    curve: curve.map(numberFrom),
    trainingReturn: numberFrom(trainingReturn),
    envSteps,
    evaluation: evaluationFrom(evaluation, where),
    seconds: numberFrom(seconds),
    ...(typeof failure === "string" && { failure }),
  };
}

/** Returns a checked evaluation, from JSON. */
export function evaluationFrom(value: unknown, where: string): Evaluation {
  const evaluation = (value ?? {}) as Evaluation;
  const { returns, lengths, meanReturn, stdReturn, margin, episodes, successRate } = evaluation;
  const lists = [returns, lengths].every((list) => Array.isArray(list) && list.every(isNumber));
  if (!lists || !isNumber(meanReturn) || !isNumber(episodes) || !isNumber(successRate))
    throw new FormatError(`${where}: expected an evaluation`);
  return {
    ...evaluation,
    returns: returns.map(numberFrom),
    meanReturn: numberFrom(meanReturn),
    stdReturn: numberFrom(stdReturn),
    margin: numberFrom(margin),
  };
}

const isNumber = (x: unknown): boolean => typeof x === "number" || x === null;
const numberFrom = (x: unknown): number => (typeof x === "number" ? x : Number.NaN);
