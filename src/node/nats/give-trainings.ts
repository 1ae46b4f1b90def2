/** The trainings of a sweep as jobs for workers. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError, SettingError } from "../../core/errors.ts";
import type { RunConfig } from "../../tasks/run.ts";
import { corporaOfConfig } from "../corpora.ts";
import { makeFolder } from "../files.ts";
import { closeRun, readConfig } from "../run-folder.ts";
import { lockRun } from "../run-lock.ts";
import { nameOfJob, type SweepJob, type Tell } from "../sweep.ts";
import { resultFrom } from "../sweep-folder.ts";
import { sameFields } from "../train-job.ts";
import { sha256 } from "./blobs.ts";
import { packRun, unpackRun } from "./bundle.ts";
import type { Answer, Giver, Job } from "./give.ts";
import { kinds, type TrainBody, trainBody } from "./jobs.ts";

/** Jobs have failed for good; all others are done. */
export class JobsFailed extends SettingError {}

/**
 * Has workers do all jobs, and tells each result as it comes. A job that fails does not stop the others: at the end
 * JobsFailed says which.
 */
export async function giveTrainings(
  giver: Giver,
  jobs: readonly SweepJob[],
  tell: Tell,
): Promise<void> {
  const indices = new Map<string, number[]>(); // of a job; equal rows of settings are one
  for (const [i, job] of jobs.entries()) {
    const id = idOf(job);
    indices.set(id, [...(indices.get(id) ?? []), i]);
  }
  const given: Job[] = [];
  for (const [id, [i]] of indices) given.push(await jobFor(giver, id, jobs[i]));
  const failures: string[] = [];
  for await (const answer of giver.give(given)) {
    for (const i of indices.get(answer.id) as number[]) {
      const { config } = jobs[i];
      if (answer.failure !== null) {
        const { worker, message } = answer.failure;
        const line = `${nameOfJob(config)}: ${message.replace(`${nameOfJob(config)}: `, "")}`;
        failures.push(line);
        giver.options.show(`${line} (worker ${worker})`);
      } else tell({ config, ...(await resultOf(giver, jobs[i], answer)) }, i);
    }
  }
  if (failures.length > 0)
    throw new JobsFailed(
      `${failures.length} of ${jobs.length} trainings failed: ${failures[0]}; with --out, the same command tries them again`,
    );
}

const hash = (value: unknown): string => sha256(Buffer.from(JSON.stringify(value))).slice(0, 32);

/** Identifies a job by all that its result follows from. */
const idOf = ({ config, episodes, evaluationSeed, threshold, untilSteps }: SweepJob): string =>
  hash([config, episodes, evaluationSeed, threshold, untilSteps ?? null]);

/** Returns the object that a run folder is packed in, for all rungs of its training. */
const runOf = (giver: Giver, config: RunConfig): string =>
  `${giver.options.giver}/run-${hash(config)}`;

/** Returns a training's job. A run folder that was begun here is stored for the worker, unless one is. */
async function jobFor(giver: Giver, id: string, job: SweepJob): Promise<Job> {
  const { folder, ...rest } = job;
  const run = runOf(giver, job.config);
  const isBegun = folder !== undefined && existsSync(join(folder, "checkpoint.safetensors"));
  if (isBegun && !(await giver.blobs.has(run))) await giver.blobs.put(run, packRun(folder));
  const corpora = corporaOfConfig(job.config);
  const body: TrainBody = { ...rest, corpora, run, keep: folder !== undefined };
  return { id, kind: kinds.train, body: trainBody(body) };
}

/** Returns a checked result, and unpacks the run's folder where the sweep keeps it. */
async function resultOf(giver: Giver, { config, folder }: SweepJob, { id, body }: Answer) {
  const result = resultFrom(body, `the answer to job ${id}`);
  if (folder === undefined || result.failure !== undefined) return result;
  const run = runOf(giver, config);
  const bytes = await giver.blobs.get(run);
  if (bytes === null)
    throw new FormatError(`${nameOfJob(config)}: its run folder is gone from the server`);
  makeFolder(folder);
  lockRun(folder);
  try {
    unpackRun(bytes, folder, `object ${run}`);
    if (!sameFields(readConfig(folder), config))
      throw new FormatError(`${folder}: the worker's run folder is of another config`);
  } finally {
    closeRun(folder);
  }
  return result;
}
