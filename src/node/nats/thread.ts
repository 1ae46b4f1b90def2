/** A worker's slot: one thread, started when there is a job, and again after a job that ended it. */
import type { Worker } from "node:worker_threads";
import type { OwnFile } from "../../tasks/own-files.ts";
import { askThread } from "../sweep.ts";
import { endWorkers, startWorker } from "../worker.ts";
import type { ThreadJob } from "./job-thread.ts";

export class Thread {
  private worker: Worker | null = null;
  /** Hashes of the own files that the thread has loaded, by path. */
  private readonly loaded = new Map<string, string>();

  /** Does a job. Throws when the signal is aborted, which ends the thread in the middle of its job. */
  async run<T extends object>(job: ThreadJob, where: string, signal: AbortSignal): Promise<T> {
    await this.forget(Object.values(job.files));
    const worker = this.worker ?? startWorker("nats/job-thread", null);
    this.worker = worker;
    let gone = false;
    const dropped = (): void => {
      gone = true;
      if (this.worker === worker) this.worker = null;
    };
    worker.once("error", dropped).once("exit", dropped);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
    });
    aborted.catch(() => {});
    try {
      return await Promise.race([askThread<T>(worker, job, where), aborted]);
    } finally {
      worker.off("error", dropped).off("exit", dropped);
      if (signal.aborted && !gone) await this.end();
    }
  }

  /** Ends a thread that has loaded another content of one of these files: a module is loaded once. */
  private async forget(files: readonly OwnFile[]): Promise<void> {
    const isStale = files.some(({ path, sha256 }) => (this.loaded.get(path) ?? sha256) !== sha256);
    if (isStale) await this.end();
    for (const { path, sha256 } of files) this.loaded.set(path, sha256);
  }

  async end(): Promise<void> {
    const { worker } = this;
    this.loaded.clear();
    this.worker = null;
    if (worker !== null) await endWorkers([worker]);
  }
}
