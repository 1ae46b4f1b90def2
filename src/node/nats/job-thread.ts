/** A thread of a worker: does the jobs that it is sent, and sends back the results. */
import { parentPort } from "node:worker_threads";
import type { OwnFiles } from "../../tasks/own-files.ts";
import { type EvalJob, evalJob } from "../eval-job.ts";
import type { SweepJob } from "../sweep.ts";
import { failureOf } from "../sweep-failure.ts";
import { trainJob } from "../train-job.ts";
import { type PieceJob, PieceSessions } from "./piece-sessions.ts";

/** A training, an evaluation or a piece of one, with the files of this machine that are the run's own files. */
export interface ThreadJob {
  readonly train?: SweepJob;
  readonly evaluate?: EvalJob;
  readonly piece?: PieceJob;
  readonly files: OwnFiles;
}

const sessions = new PieceSessions();

async function resultOf({ train, evaluate, piece, files }: ThreadJob): Promise<unknown> {
  if (piece) return { result: await sessions.do(piece, files) };
  const instead = Object.fromEntries(Object.entries(files).map(([role, { path }]) => [role, path]));
  return train ? trainJob(train, instead) : evalJob(evaluate as EvalJob, instead);
}

parentPort?.on("message", async (job: ThreadJob) => {
  try {
    parentPort?.postMessage(await resultOf(job));
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error; // a fault ends the thread, and shows where it is
    parentPort?.postMessage(failure);
  }
});
