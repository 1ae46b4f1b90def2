/** A thread of a worker: does the jobs that it is sent, and sends back the results. */
import { parentPort } from "node:worker_threads";
import type { OwnFiles } from "../../tasks/own-files.ts";
import { type EvalJob, evalJob } from "../eval-job.ts";
import type { SweepJob } from "../sweep.ts";
import { failureOf } from "../sweep-failure.ts";
import { trainJob } from "../train-job.ts";

/** A training or an evaluation, with the files of this machine that are the run's own files. */
export interface ThreadJob {
  readonly train?: SweepJob;
  readonly evaluate?: EvalJob;
  readonly files: OwnFiles;
}

parentPort?.on("message", async ({ train, evaluate, files }: ThreadJob) => {
  try {
    const instead = Object.fromEntries(
      Object.entries(files).map(([role, { path }]) => [role, path]),
    );
    const result = train
      ? await trainJob(train, instead)
      : await evalJob(evaluate as EvalJob, instead);
    parentPort?.postMessage(result);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error; // a fault ends the thread, and shows where it is
    parentPort?.postMessage(failure);
  }
});
