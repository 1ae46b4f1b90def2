/** A TensorBoard event file in a run folder, written as the run goes. */
import { join } from "node:path";
import { eventFileHeader, scalarEvent } from "../io/tensorboard.ts";
import { appendFlushed } from "./files.ts";

const flushEvery = 2000; // milliseconds

export class EventFile {
  private readonly path: string;
  private waiting: Uint8Array[] = [];
  private flushed = performance.now();

  constructor(folder: string) {
    const now = Date.now() / 1000;
    this.path = join(folder, `events.out.tfevents.${Math.floor(now)}.pigrad`);
    this.waiting.push(eventFileHeader(now));
    this.flush();
  }

  /** The metrics of one report, at its environment steps. */
  add(report: { readonly envSteps: number }): void {
    const scalars = Object.entries(report).filter(
      ([name, x]) => name !== "envSteps" && Number.isFinite(x),
    );
    this.waiting.push(scalarEvent(Date.now() / 1000, report.envSteps, Object.fromEntries(scalars)));
    if (performance.now() - this.flushed > flushEvery) this.flush();
  }

  flush(): void {
    appendFlushed(this.path, Buffer.concat(this.waiting));
    this.waiting = [];
    this.flushed = performance.now();
  }
}
