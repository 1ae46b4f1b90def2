/** One thread of A3C: its workers take turns until the main thread stops them. */
import { parentPort, workerData } from "node:worker_threads";
import {
  type A3cConfig,
  a3cWorker,
  counts,
  LockedMoments,
  type WorkerReport,
} from "../algos/a3c.ts";
import { errorOf } from "../core/thrown.ts";
import type { RunningMoments } from "../returns/running.ts";
import type { Rollout } from "../rollout/rollout.ts";
import { openWorker } from "../tasks/environment-session.ts";
import { type ResolvedRun, resolve } from "../tasks/run.ts";
import type { EnvironmentTask } from "../tasks/task.ts";
import type { ThreadNews, ThreadTask } from "./a3c-threads.ts";
import { loadFilesOf } from "./own-files.ts";

const newsEvery = 50; // milliseconds
const { config, shared, workers } = workerData as ThreadTask;
await loadFilesOf(config);
const run = resolve(config) as ResolvedRun<EnvironmentTask>;

let episodeReturn: number[] = [];
let episodeLength: number[] = [];
let episodeSuccess: number[] = [];
let reports: WorkerReport[] = [];
const tell = (rollout: Rollout): void => {
  for (let i = 0; i < rollout.episodes; i++) {
    episodeReturn.push(rollout.episodeReturn[i]);
    episodeLength.push(rollout.episodeLength[i]);
    episodeSuccess.push(rollout.episodeSuccess[i]);
  }
};
const add = (list: Int32Array, at: number, by: number): number => Atomics.add(list, at, by);
function work(): void {
  const settings = run.values.algorithm as unknown as A3cConfig;
  const moments = (size: number): RunningMoments | null =>
    shared.moments && new LockedMoments(size, shared.moments);
  const team = workers.map((i) =>
    a3cWorker(openWorker(run, i, moments), settings, shared, add, tell),
  );

  let told = performance.now();
  while (Atomics.load(shared.counts, counts.stop) === 0) {
    for (const worker of team) reports.push(worker.next().value);
    if (performance.now() - told < newsEvery) continue;
    const news: ThreadNews = { episodeReturn, episodeLength, episodeSuccess, reports };
    parentPort?.postMessage(news);
    [episodeReturn, episodeLength, episodeSuccess, reports] = [[], [], [], []];
    told = performance.now();
  }
}

try {
  work();
} catch (error) {
  throw errorOf(error); // of null, node would say something about promises
}
