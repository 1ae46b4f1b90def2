/** The results of a sweep as they come: a line of JSON each, or a count. */
import type { SweepResult } from "../node/sweep.ts";
import { sayJson } from "./stdout.ts";

/** Hears of each result. */
export interface Output {
  /** Jobs to come. */
  expect(jobs: number): void;
  /** `done` has the results of these jobs so far. */
  show(done: readonly (SweepResult | undefined)[]): void;
  end(): void;
}

/** Writes each result as a line of JSON, in the order of the jobs. */
export function sayResults(): Output {
  let said = 0;
  return {
    expect: () => {
      said = 0;
    },
    show(done) {
      for (let next = done[said]; next !== undefined; next = done[++said])
        sayJson({ type: "result", ...next });
    },
    end() {},
  };
}

/** Counts on a terminal. */
export class Count implements Output {
  private jobs = 0;
  private readonly live = process.stderr.isTTY === true;

  expect(jobs: number): void {
    this.jobs = jobs;
  }

  show(done: readonly (SweepResult | undefined)[]): void {
    const count = done.filter((result) => result !== undefined).length;
    if (this.live) process.stderr.write(`\r\x1b[2K${count} of ${this.jobs}`);
  }

  end(): void {
    if (this.live) process.stderr.write("\r\x1b[2K");
  }
}
