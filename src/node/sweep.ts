/** Many trainings over worker threads, a job at a time each. */

import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { messageOf } from "../core/thrown.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import type { RunConfig } from "../tasks/run.ts";
import type { KnownCorpora } from "./corpora.ts";
import { lockName } from "./run-lock.ts";
import { errorOf, type Failure } from "./sweep-failure.ts";
import { endWorkers, startWorker } from "./worker.ts";

export interface SweepJob {
  readonly config: RunConfig;
  /** Episodes of the greedy evaluation at the end. */
  readonly episodes: number;
  readonly evaluationSeed: number;
  /** The mean return of the last 100 episodes whose first reaching is noted; null for none. */
  readonly threshold: number | null;
  /** The run folder to train in, resumed where it is there already; in memory without one. */
  readonly folder?: string;
  /** Steps to stop at before the training's end; only in a folder. */
  readonly untilSteps?: number;
  /** The corpora that the settings name must have this content; only in a folder. Default: whatever they have. */
  readonly corpora?: KnownCorpora;
}

export interface SweepResult {
  readonly config: RunConfig;
  /** Environment steps at which the threshold was first reached; null if never. */
  readonly stepsToThreshold: number | null;
  /** Mean return of the last 100 episodes at each tenth of the steps; NaN before the first ended. */
  readonly curve: readonly number[];
  /** Mean return of the last 100 episodes at the end. */
  readonly trainingReturn: number;
  readonly envSteps: number;
  /** Without episodes, and NaN, for a training that failed. */
  readonly evaluation: Evaluation;
  readonly seconds: number;
  /** Message of the NumericError that ended a training that diverged; absent for others. */
  readonly failure?: string;
}

/** Called with each result and the index of its job, in the order in which they come. */
export type Tell = (result: SweepResult, index: number) => void;

/**
 * Runs all jobs on `threads` worker threads. A training that diverges is a result with `failure`. Rejects at any other
 * error, with the job's seed, and stops the others.
 */
export async function sweep(
  jobs: readonly SweepJob[],
  threads: number,
  tell: Tell = () => {},
): Promise<SweepResult[]> {
  const results: SweepResult[] = new Array(jobs.length);
  let next = 0;
  const workers: Worker[] = [];
  const work = async (): Promise<void> => {
    const worker = startWorker("sweep-worker", null);
    workers.push(worker);
    while (next < jobs.length) {
      const i = next++;
      results[i] = await askThread<SweepResult>(worker, jobs[i], nameOfJob(jobs[i].config));
      tell(results[i], i);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, work));
  } finally {
    await endWorkers(workers);
    for (const { folder } of jobs.slice(0, next)) if (folder !== undefined) dropLock(folder);
  }
  return results;
}

/** Names a job in messages. */
export const nameOfJob = ({ task, algo, seed }: RunConfig): string =>
  `${task} ${algo}, seed ${seed}`;

/** Sends a job to a thread and returns its answer. Throws the thread's failure, with `where` before its message. */
export async function askThread<T extends object>(
  worker: Worker,
  job: unknown,
  where: string,
): Promise<T> {
  const listening = new AbortController();
  const { signal } = listening;
  worker.postMessage(job);
  let answered: T | Failure;
  try {
    const ended = once(worker, "exit", { signal }).then(([code]) => {
      throw new Error(`its thread ended with code ${code}`);
    });
    [answered] = await Promise.race([once(worker, "message", { signal }), ended]);
  } catch (error) {
    throw new Error(`${where}: ${messageOf(error)}`);
  } finally {
    listening.abort();
  }
  if ("kind" in answered) throw errorOf(answered, where);
  return answered;
}

/** Removes the lock that a terminated thread of this process has left in a run folder. */
function dropLock(folder: string): void {
  const path = join(folder, lockName);
  try {
    const { pid } = JSON.parse(readFileSync(path, "utf8"));
    if (pid === process.pid) rmSync(path, { force: true });
  } catch {
    // there is none, or it is another's
  }
}
