/** A thread of a sweep: trains and evaluates the runs that it is sent, and sends back the results. */
import { parentPort } from "node:worker_threads";
import type { SweepJob } from "./sweep.ts";
import { failureOf } from "./sweep-failure.ts";
import { trainJob } from "./train-job.ts";

parentPort?.on("message", async (job: SweepJob) => {
  try {
    parentPort?.postMessage(await trainJob(job));
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error; // a fault ends the thread, and shows where it is
    parentPort?.postMessage(failure);
  }
});
