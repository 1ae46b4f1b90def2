/** What a person sees while a run trains: one live line on a terminal, plain lines elsewhere. */
import type { Report } from "../algos/training.ts";

export class Progress {
  private readonly total: number;
  private readonly live: boolean;
  private readonly begun = performance.now();
  private shown = 0;

  constructor(total: number) {
    this.total = total;
    this.live = process.stdout.isTTY === true;
  }

  /** At most ten times a second on a terminal, about ten lines in all elsewhere. */
  show({ envSteps, meanReturn }: Report): void {
    const now = performance.now();
    const due = this.live ? now - this.shown > 100 : envSteps >= this.shown + this.total / 10;
    if (!due && envSteps < this.total) return;
    this.shown = this.live ? now : envSteps;
    const seconds = (now - this.begun) / 1000;
    const rate = envSteps / seconds;
    const left = Math.max(0, (this.total - envSteps) / rate);
    const line =
      `${envSteps.toLocaleString("en")} / ${this.total.toLocaleString("en")} steps` +
      `  ${Math.round(rate).toLocaleString("en")} steps/s  return ${meanReturn.toFixed(2)}  ${left.toFixed(0)} s left`;
    process.stdout.write(this.live ? `\r\x1b[2K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.live) process.stdout.write("\n");
  }
}
