/** Finds out while a training runs whether more threads make it faster, and keeps what is faster. */
import { availableParallelism } from "node:os";
import type { Report } from "../algos/training.ts";
import { type MovingSession, whyAlone } from "./threads.ts";

/** A training that will be over sooner stays on one thread: to start the others takes about a second. */
const worthwhile = 5; // seconds
/** Seconds, and updates, that a speed is measured over. How long a text's training takes is known by waiting. */
const measured = { environment: 0.5, text: 3 } as const;
const fewest = 3;
const warmUp = 2; // updates before, in which code is compiled
/** Threads stay if they are this much faster. */
const gain = 1.15;

/** Returns the environment steps or tokens of a training so far, also those of the supervised stage. */
const doneBy = (report: Report & { readonly trainedTokens?: number }): number =>
  report.envSteps + (report.trainedTokens ?? 0);

export class AutoThreads {
  private readonly moving: MovingSession;
  private readonly threads: number;
  /** Steps per second on one thread; null until they are measured. */
  private alone: number | null = null;
  private settled: boolean;
  private updates = 0;
  private begun = 0;
  private doneBefore = 0;

  constructor(moving: MovingSession, threads = availableParallelism()) {
    this.moving = moving;
    this.threads = threads;
    this.settled = threads < 2 || whyAlone(moving.session) !== null;
  }

  /** Called after each update: measures, and moves the session where that may help. */
  async after(report: Report): Promise<void> {
    if (this.settled) return;
    const now = performance.now();
    if (++this.updates <= warmUp) {
      this.begun = now;
      this.doneBefore = doneBy(report);
      return;
    }
    const seconds = (now - this.begun) / 1000;
    const { kind, config } = this.moving.session;
    const wanted = measured[this.alone === null ? kind : "environment"];
    if (seconds < wanted || this.updates < warmUp + fewest) return;
    const speed = (doneBy(report) - this.doneBefore) / seconds;
    if (this.alone === null) {
      const left = kind === "text" ? Infinity : (config.steps - report.envSteps) / speed;
      if (left < worthwhile) this.settled = true;
      else await this.try(speed);
    } else {
      this.settled = true;
      if (speed < gain * this.alone) await this.moving.move(1);
    }
  }

  private async try(alone: number): Promise<void> {
    this.alone = alone;
    this.updates = 0;
    try {
      await this.moving.move(this.threads);
    } catch {
      this.settled = true; // for want of memory, say: one thread goes on
    }
  }
}
