/** Many trainings over worker threads, a job at a time each. */

import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { messageOf } from "../core/thrown.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import type { RunConfig } from "../tasks/run.ts";
import { startWorker } from "./worker.ts";

export interface SweepJob {
  readonly config: RunConfig;
  /** Episodes of the greedy evaluation at the end. */
  readonly episodes: number;
  readonly evaluationSeed: number;
  /** The mean return of the last 100 episodes whose first reaching is noted; null for none. */
  readonly threshold: number | null;
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
  readonly evaluation: Evaluation;
  readonly seconds: number;
}

/**
 * Runs all jobs on `threads` worker threads; `tell` is called with each result as it comes. Rejects at the
 * first failure, with the job's seed, and stops the others.
 */
export async function sweep(
  jobs: readonly SweepJob[],
  threads: number,
  tell: (result: SweepResult) => void = () => {},
): Promise<SweepResult[]> {
  const results: SweepResult[] = new Array(jobs.length);
  let next = 0;
  const workers: Worker[] = [];
  const work = async (): Promise<void> => {
    const worker = startWorker("sweep-worker", null);
    workers.push(worker);
    while (next < jobs.length) {
      const i = next++;
      results[i] = await answer(worker, jobs[i]);
      tell(results[i]);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, work));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

/** Sends a job to the worker and returns its result. */
async function answer(worker: Worker, job: SweepJob): Promise<SweepResult> {
  const { seed, task, algo } = job.config;
  const listening = new AbortController();
  const { signal } = listening;
  worker.postMessage(job);
  try {
    const ended = once(worker, "exit", { signal }).then(([code]) => {
      throw new Error(`its thread ended with code ${code}`);
    });
    const [result] = await Promise.race([once(worker, "message", { signal }), ended]);
    return result as SweepResult;
  } catch (error) {
    throw new Error(`${task} ${algo}, seed ${seed}: ${messageOf(error)}`);
  } finally {
    listening.abort();
  }
}
