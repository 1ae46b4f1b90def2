/** A thread of a sweep: trains what it is told, evaluates, answers. */
import { parentPort } from "node:worker_threads";
import type { Report } from "../algos/training.ts";
import { nextOf, runLater } from "../core/waiting.ts";
import { resolve } from "../tasks/run.ts";
import { open } from "../tasks/session.ts";
import { readCorpus } from "./corpora.ts";
import { loadFilesOf } from "./own-files.ts";
import { awaitInTime, guardCalls } from "./patience.ts";
import type { SweepJob, SweepResult } from "./sweep.ts";

parentPort?.on("message", async ({ config, episodes, evaluationSeed, threshold }: SweepJob) => {
  await loadFilesOf(config.files);
  const begun = performance.now();
  const session = open(resolve(config), { read: readCorpus, guard: guardCalls });
  let stepsToThreshold: number | null = null;
  const curve: number[] = [];
  let last = session.training.report();
  while (last.envSteps < config.steps) {
    const next = await nextOf<Report, void>(session.reports, awaitInTime);
    if (next.done) break;
    last = next.value;
    while (curve.length < Math.floor((10 * last.envSteps) / config.steps))
      curve.push(last.meanReturn);
    const reached = last.episodes >= 100 && last.meanReturn >= (threshold ?? Infinity);
    if (stepsToThreshold === null && reached) stepsToThreshold = last.envSteps;
  }
  const seconds = (performance.now() - begun) / 1000;
  const evaluation = await runLater(
    session.evaluating(episodes, evaluationSeed, true),
    awaitInTime,
  );
  const { meanReturn, envSteps } = last;
  const result: SweepResult = {
    config,
    stepsToThreshold,
    curve: curve.slice(0, 10),
    trainingReturn: meanReturn,
    envSteps,
    evaluation,
    seconds,
  };
  parentPort?.postMessage(result);
});
