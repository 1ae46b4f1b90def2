/** Trains in a run folder: writes metrics and checkpoints, and checks the reasons to stop. */
import type { SftReport } from "../algos/sft.ts";
import type { Report } from "../algos/training.ts";
import { nextOf } from "../core/waiting.ts";
import { type EnvironmentSession, isThreaded } from "../tasks/environment-session.ts";
import type { Session } from "../tasks/session.ts";
import { a3cThreads } from "./a3c-threads.ts";
import type { AutoThreads } from "./auto-threads.ts";
import { type Best, BestPolicy } from "./best.ts";
import type { EvaluationPlan } from "./evaluation-plan.ts";
import { awaitInTime } from "./patience.ts";
import { checkpoint, hasCheckpoint } from "./run-folder.ts";
import { stopSignals } from "./stop-signals.ts";

export interface TrainRunOptions {
  /** Stop at these environment steps, seconds, or mean return of the last 100 episodes (once there are 100). */
  readonly untilSteps?: number | undefined;
  readonly untilSeconds?: number | undefined;
  readonly untilReturn?: number | undefined;
  /** Called after each update; true stops, as a signal does. */
  readonly interrupted?: () => boolean;
  /** Seconds of earlier sessions, added to those in the metrics. */
  readonly secondsBefore?: number;
  /** Environment steps between checkpoints; in the supervised stage of a text, tokens learned from. */
  readonly checkpointEvery: number;
  /** Evaluations during training. Default: none. */
  readonly evaluation?: EvaluationPlan | undefined;
  /** Moves the session to other threads between updates. */
  readonly threads?: AutoThreads | undefined;
}

export interface Trained {
  readonly last: Report | null;
  readonly seconds: number;
  readonly why: "steps" | "time" | "return" | "signal" | "patience" | "end";
  /** The best evaluation; null without one. */
  readonly best: Best | null;
}

/** A report, with the mean return of the evaluation after the update if there was one. */
export type EvaluatedReport = Report & { readonly evalReturn?: number };

/** Called with each update's report, and its line of metrics. */
export type OnReport = (report: EvaluatedReport, line: string) => void;

/**
 * Draws reports until there is a reason to stop. Writes a checkpoint every `checkpointEvery` steps, before each best
 * policy and at the end; on SIGINT, SIGTERM and SIGHUP too. Where training throws, the last checkpoint stands.
 */
export async function trainRun(
  folder: string,
  session: Session,
  stop: TrainRunOptions,
  onReport: OnReport,
): Promise<Trained> {
  const { config } = session;
  const asynchronous = isThreaded(config) ? a3cThreads(session as EnvironmentSession) : null;
  const bestPolicy = stop.evaluation ? new BestPolicy(folder, session, stop.evaluation) : null;
  const metrics: string[] = [];
  let signalled = false;
  const signal = (): void => {
    signalled = true;
  };
  for (const name of stopSignals) process.once(name, signal);
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  let last: Report | null = null;
  const reason = (): Trained["why"] | null => {
    if (signalled || stop.interrupted?.() === true) return "signal";
    const { envSteps, meanReturn, episodes } = last ?? session.training.report();
    if (envSteps >= Math.min(config.steps, stop.untilSteps ?? Infinity)) return "steps";
    if (bestPolicy?.isExhausted) return "patience";
    if (seconds() >= (stop.untilSeconds ?? Infinity)) return "time";
    return episodes >= 100 && meanReturn >= (stop.untilReturn ?? Infinity) ? "return" : null;
  };
  try {
    let why: Trained["why"] | null = reason();
    let written = -1;
    let trainedTokens = 0; // tokens of the supervised stage, in which envSteps does not change
    while (why === null) {
      const next = await nextOf<Report, void>(asynchronous ?? session.reports, awaitInTime);
      if (next.done) {
        why = "end";
        break;
      }
      last = next.value;
      const evalReturn = await bestPolicy?.evaluate(last);
      const report = evalReturn === undefined ? last : { ...last, evalReturn };
      const line = JSON.stringify({
        type: "update",
        ...report,
        seconds: Number(((stop.secondsBefore ?? 0) + seconds()).toFixed(3)),
      });
      metrics.push(line);
      onReport(report, line);
      trainedTokens = (last as Partial<SftReport>).trainedTokens ?? trainedTokens;
      const due = Math.floor((last.envSteps + trainedTokens) / stop.checkpointEvery);
      const isBest = bestPolicy?.note(report) ?? false;
      if (due > written || isBest) checkpoint(folder, session, metrics);
      if (isBest) bestPolicy?.write();
      written = due;
      await new Promise(setImmediate); // lets signal handlers run
      why = reason();
      if (why === null) await stop.threads?.after(last);
    }
    const isUntrained = why === "end" && !hasCheckpoint(folder); // there was nothing to train
    if (last !== null || isUntrained) checkpoint(folder, session, metrics);
    return { last, seconds: seconds(), why, best: bestPolicy?.best ?? null };
  } finally {
    await (asynchronous ?? session.reports).return(undefined as never);
    for (const name of stopSignals) process.off(name, signal);
  }
}
