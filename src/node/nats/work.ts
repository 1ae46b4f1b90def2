/** A worker: trains, evaluates and samples what givers ask for, a job per thread at once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "../../core/errors.ts";
import type { Evaluation } from "../../rollout/evaluate.ts";
import { readRunFile } from "../run-folder.ts";
import { nameOfJob, type SweepResult } from "../sweep.ts";
import { unpackRun } from "./bundle.ts";
import { checkOwned, evalFrom, kinds, trainFrom } from "./jobs.ts";
import type { Link } from "./link.ts";
import { mustFit, mustHaveCorpora, mustHaveLibrary, type OwnedFiles } from "./owned.ts";
import { RunCopy } from "./run-copy.ts";
import { take } from "./take.ts";
import { Refusal, type Taken, type TakeOptions } from "./taken.ts";
import { Thread } from "./thread.ts";
import { PieceWork } from "./work-pieces.ts";

export interface WorkOptions extends TakeOptions {
  readonly files: OwnedFiles;
  /** Seconds between uploads of a training's checkpoint. */
  readonly checkpointEvery: number;
}

/** Does jobs until the signal says stop. */
export async function work(link: Link, options: WorkOptions): Promise<void> {
  const threads = Array.from({ length: options.slots }, () => new Thread());
  const hands = new Hands(options, threads);
  const pieces = new PieceWork(options.files, threads, options.show);
  try {
    await take(
      link,
      options,
      (job, slot) => hands.handle(job, slot),
      (job, bytes, slot) => pieces.handle(job, bytes, slot),
    );
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
    await hands.close();
  }
}

const mostRuns = 4; // unpacked runs that are kept for further evaluations

class Hands {
  private readonly options: WorkOptions;
  private readonly threads: readonly Thread[];
  /** Folders of unpacked runs, by object; the oldest first. */
  private readonly runs = new Map<string, Promise<string>>();

  constructor(options: WorkOptions, threads: readonly Thread[]) {
    this.options = options;
    this.threads = threads;
  }

  async handle(job: Taken, slot: number): Promise<unknown> {
    const { show } = this.options;
    const begun = performance.now();
    const what = { train: kinds.train, evaluate: kinds.evaluate }[job.kind];
    if (what === undefined)
      throw new FormatError(`job ${job.id}: expected a training or an evaluation`);
    const { where, result } = await (what === kinds.train
      ? this.train(job, slot)
      : this.evaluate(job, slot));
    show(`done: ${where} in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    return result;
  }

  private async train(taken: Taken, slot: number) {
    const { giver, id, signal, blobs } = taken;
    const { job, resolved } = trainFrom(taken.body, `job ${id}`);
    const { run, keep, ...rest } = job;
    const { config, corpora } = job;
    checkOwned(run, giver, `job ${id}`);
    const files = this.options.files.insteadOf(config.files);
    await mustHaveLibrary(config);
    mustHaveCorpora(corpora);
    if (config.files === undefined) mustFit(config, resolved);
    const where = nameOfJob(config);
    const { show, checkpointEvery } = this.options;
    const copy = new RunCopy(blobs, run, {
      every: checkpointEvery,
      stored: () => show(`stored: ${where}`),
      warn: show,
    });
    try {
      const steps = await copy.fetch(config);
      show(`takes: ${where} from ${steps} of ${config.steps} steps`);
      copy.follow();
      const train = { ...rest, folder: copy.folder };
      const { config: _, ...result } = await this.threads[slot]
        .run<SweepResult>({ train, files }, where, signal)
        .finally(() => copy.unfollow());
      if (keep && result.failure === undefined) await copy.storeAll();
      return { where, result };
    } catch (error) {
      if (signal.aborted) await copy.store();
      throw error;
    } finally {
      copy.remove();
    }
  }

  private async evaluate(taken: Taken, slot: number) {
    const { id, signal } = taken;
    const { run, ...options } = evalFrom(taken.body, `job ${id}`);
    const folder = await this.runFolder(run, taken);
    const { config, resolved, corpora } = readRunFile(folder);
    const files = this.options.files.insteadOf(config.files);
    await mustHaveLibrary(config);
    mustHaveCorpora(corpora);
    if (config.files === undefined) mustFit(config, resolved);
    const where = `evaluation of ${nameOfJob(config)}, seed ${options.seed} of episodes`;
    this.options.show(`takes: ${where}`);
    const evaluate = { ...options, folder };
    const result = await this.threads[slot].run<Evaluation>({ evaluate, files }, where, signal);
    return { where, result };
  }

  /** Returns the folder that a run is unpacked in. */
  private runFolder(run: string, { giver, id, blobs }: Taken): Promise<string> {
    checkOwned(run, giver, `job ${id}`);
    const known = this.runs.get(run);
    if (known !== undefined) return known;
    const unpack = async (): Promise<string> => {
      const bytes = await blobs.get(run);
      if (bytes === null) throw new Refusal(`the run of job ${id} is gone from the server`);
      const folder = join(mkdtempSync(join(tmpdir(), "pigrad-worker-")), "run");
      unpackRun(bytes, folder, `object ${run}`);
      return folder;
    };
    const folder = unpack();
    this.runs.set(run, folder);
    folder.catch(() => this.runs.delete(run));
    for (const [oldest] of this.runs) {
      if (this.runs.size <= mostRuns + this.threads.length) break;
      void this.forget(oldest);
    }
    return folder;
  }

  private async forget(run: string): Promise<void> {
    const folder = this.runs.get(run);
    this.runs.delete(run);
    rmSync(join((await folder) as string, ".."), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    for (const run of [...this.runs.keys()]) await this.forget(run);
  }
}
