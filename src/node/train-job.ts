/** One job of a sweep: trains, in memory or in a run folder, and evaluates. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../algos/training.ts";
import { NumericError, SettingError } from "../core/errors.ts";
import { nextOf, runLater } from "../core/waiting.ts";
import { type RunConfig, resolve } from "../tasks/run.ts";
import { open, type Session } from "../tasks/session.ts";
import { type KnownCorpora, knownCorpus, newCorpus, readCorpus } from "./corpora.ts";
import { Milestones } from "./milestones.ts";
import { type FindOptions, loadFilesOf } from "./own-files.ts";
import { awaitInTime, guardCalls } from "./patience.ts";
import {
  abandonRun,
  closeRun,
  createRun,
  lastMetric,
  metricsOf,
  readConfig,
  resumeRun,
} from "./run-folder.ts";
import type { SweepJob, SweepResult } from "./sweep.ts";
import { trainRun } from "./train-run.ts";

/** Trains and evaluates. `instead` names the files of this machine that are the run's own files. */
export async function trainJob(
  job: SweepJob,
  instead: FindOptions["instead"] = {},
): Promise<SweepResult> {
  const { config, threshold } = job;
  await loadFilesOf(config, { instead });
  const milestones = new Milestones(config.steps, threshold);
  const end = await endOf(job, milestones);
  const { stepsToThreshold, curve, trainingReturn, envSteps } = milestones;
  return { config, stepsToThreshold, curve, trainingReturn, envSteps, ...end };
}

type End = Pick<SweepResult, "evaluation" | "seconds" | "failure">;

/** Trains and evaluates. A training that diverges gets no evaluation, and its message as `failure`. */
async function endOf(job: SweepJob, milestones: Milestones): Promise<End> {
  const { config, episodes, evaluationSeed, folder } = job;
  const begun = performance.now();
  try {
    const { session, seconds } =
      folder === undefined
        ? await trainInMemory(config, milestones)
        : await trainInFolder(job, folder, milestones);
    const evaluating = session.evaluating(episodes, evaluationSeed, true);
    return { evaluation: await runLater(evaluating, awaitInTime), seconds };
  } catch (error) {
    if (!(error instanceof NumericError)) throw error;
    const seconds = (performance.now() - begun) / 1000;
    return { evaluation: noEvaluation, seconds, failure: error.message };
  }
}

const noEvaluation = {
  episodes: 0,
  returns: [],
  lengths: [],
  meanReturn: Number.NaN,
  stdReturn: Number.NaN,
  margin: Number.NaN,
  successRate: null,
};

interface Trained {
  readonly session: Session;
  readonly seconds: number;
}

async function trainInMemory(config: RunConfig, milestones: Milestones): Promise<Trained> {
  const begun = performance.now();
  const session = open(resolve(config), { read: readCorpus, guard: guardCalls });
  milestones.add(session.training.report());
  while (milestones.envSteps < config.steps) {
    const next = await nextOf<Report, void>(session.reports, awaitInTime);
    if (next.done) break;
    milestones.add(next.value);
  }
  return { session, seconds: (performance.now() - begun) / 1000 };
}

/** Trains in a run folder, from where an earlier sweep left it. The milestones are taken from its metrics. */
async function trainInFolder(
  { config, untilSteps, corpora }: SweepJob,
  folder: string,
  milestones: Milestones,
): Promise<Trained> {
  const session = beginOrResume(config, folder, corpora);
  try {
    const secondsBefore = lastMetric(folder)?.seconds ?? 0;
    const stop = { untilSteps, secondsBefore, checkpointEvery: 10_000 };
    await trainRun(folder, session, stop, () => {});
    return { session, seconds: addMetrics(folder, milestones) };
  } catch (error) {
    if (error instanceof NumericError) {
      addMetrics(folder, milestones);
      abandonRun(folder);
    }
    throw error;
  } finally {
    closeRun(folder);
  }
}

/** Adds a run's metrics to the milestones. Returns the seconds that it trained. */
function addMetrics(folder: string, milestones: Milestones): number {
  let seconds = 0;
  for (const metric of metricsOf(folder)) {
    milestones.add(metric);
    seconds = metric.seconds;
  }
  return seconds;
}

function beginOrResume(config: RunConfig, folder: string, known?: KnownCorpora): Session {
  if (existsSync(join(folder, "config.json"))) {
    if (!sameFields(readConfig(folder), config))
      throw new SettingError(`${folder}: expected a run of this sweep, got one of another config`);
    return resumeRun(folder);
  }
  rmSync(folder, { recursive: true, force: true }); // cut off while it was made
  const corpora: Record<string, KnownCorpora[string]> = { ...known };
  const read = known === undefined ? newCorpus(corpora) : knownCorpus(known, false);
  const session = open(resolve(config), { read, guard: guardCalls });
  session.prepare();
  createRun(folder, session.config, corpora);
  return session;
}

/** Compares two configs, whose fields may be in another order. */
export function sameFields(a: RunConfig, b: RunConfig): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof RunConfig>;
  return [...names].every((name) => JSON.stringify(a[name]) === JSON.stringify(b[name]));
}
