/** A3C's workers on threads: one set of parameters in shared memory, no locks. */
import type { Worker } from "node:worker_threads";
import {
  type A3cConfig,
  type A3cReport,
  counts,
  exchange,
  type Shared,
  sharedState,
  shareMoments,
  shareOf,
  summarize,
  type WorkerReport,
} from "../algos/a3c.ts";
import { UsageError } from "../core/errors.ts";
import { messageOf } from "../core/thrown.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import type { RunConfig } from "../tasks/run.ts";
import { endWorkers, startWorker } from "./worker.ts";

/** The message that starts a thread. */
export interface ThreadTask {
  readonly config: RunConfig;
  readonly shared: Shared;
  /** Numbers of the workers that this thread runs in turn. */
  readonly workers: readonly number[];
}
/** A thread's message about the episodes and updates since its last. */
export interface ThreadNews {
  readonly episodeReturn: readonly number[];
  readonly episodeLength: readonly number[];
  readonly episodeSuccess: readonly number[];
  readonly reports: readonly WorkerReport[];
}

/**
 * The session's training on threads. Throws where memory cannot be shared, and where a thread fails: the
 * message has the run's seed and what went wrong. Which updates come first is the machine's choice, so two
 * runs of one seed differ.
 */
export async function* a3cThreads(session: EnvironmentSession): AsyncGenerator<A3cReport, never> {
  if (typeof SharedArrayBuffer === "undefined") {
    throw new UsageError("a3c: this runtime cannot share memory; use threads = 1");
  }
  const { training: t, config } = session;
  const { threads, workers } = config.settings as unknown as A3cConfig;
  const room = shareOf(t, (bytes) => new SharedArrayBuffer(bytes));
  t.env.learning = false; // the threads' environments take in what they see
  t.restoreOrStart({ shared: sharedState(room) });
  const shared = { ...room, moments: shareMoments(t) };
  exchange(t, shared, "shared");
  const news: ThreadNews[] = [];
  let failure: Error | null = null;
  let wake = (): void => {};
  const team = Array.from({ length: Math.min(threads, workers) }, (_, thread) => {
    const own = Array.from({ length: workers }, (_, i) => i).filter((i) => i % threads === thread);
    const worker = startWorker("a3c-thread", { config, shared, workers: own } satisfies ThreadTask);
    worker.on("message", (message: ThreadNews) => {
      news.push(message);
      wake();
    });
    worker.on("error", (error: unknown) => {
      failure = new Error(`a3c: thread ${thread}, seed ${config.seed}: ${messageOf(error)}`);
      wake();
    });
    worker.on("exit", (code) => {
      failure ??= new Error(`a3c: thread ${thread}, seed ${config.seed}: ended with code ${code}`);
      wake();
    });
    return worker;
  });
  try {
    for (;;) {
      if (news.length === 0 && failure === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure !== null) throw failure;
      const reports: WorkerReport[] = [];
      for (const { reports: some, ...episodes } of news.splice(0)) {
        const count = some.reduce((sum, { steps }) => sum + steps, 0);
        t.count({ ...episodes, episodes: episodes.episodeReturn.length, count });
        reports.push(...some);
      }
      t.next();
      exchange(t, shared, "model");
      yield { ...t.report(), ...summarize(reports) };
    }
  } finally {
    await stop(team, shared);
  }
}

async function stop(team: readonly Worker[], shared: Shared): Promise<void> {
  Atomics.store(shared.counts, counts.stop, 1);
  await endWorkers(team);
}
