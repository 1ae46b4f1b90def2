/**
 * The folder of a sweep: sweep.json says which one, each training has a run folder, and results.jsonl has a line per
 * training that ended, so that the same sweep later does only the rest. One process at a time works in it.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { FormatError, SettingError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
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

const names = { plan: "sweep.json", results: "results.jsonl" } as const;
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
      `--out ${this.path}: expected the folder of this sweep, got one of another sweep (its ${other} differ)`,
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

/** A checked line of results. JSON has null for a number that is none. */
function savedFrom(text: string, where: string): Saved & { readonly job: string } {
  const wrong = new FormatError(`${where}: expected a result of a sweep`);
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(text);
  } catch {
    throw wrong;
  }
  const { job, evaluation, curve, envSteps, seconds, stepsToThreshold, trainingReturn, failure } =
    line ?? {};
  const { returns, lengths, meanReturn, stdReturn, margin } = (evaluation ??
    {}) as SweepResult["evaluation"];
  const lists = [returns, lengths, curve].every(Array.isArray);
  if (typeof job !== "string" || !lists || typeof envSteps !== "number" || !isNumber(meanReturn))
    throw wrong;
  return {
    job,
    stepsToThreshold: typeof stepsToThreshold === "number" ? stepsToThreshold : null,
    curve: (curve as unknown[]).map(numberFrom),
    trainingReturn: numberFrom(trainingReturn),
    envSteps,
    evaluation: {
      ...(evaluation as SweepResult["evaluation"]),
      meanReturn: numberFrom(meanReturn),
      stdReturn: numberFrom(stdReturn),
      margin: numberFrom(margin),
    },
    seconds: numberFrom(seconds),
    ...(typeof failure === "string" && { failure }),
  };
}

const isNumber = (x: unknown): boolean => typeof x === "number" || x === null;
const numberFrom = (x: unknown): number => (typeof x === "number" ? x : Number.NaN);
