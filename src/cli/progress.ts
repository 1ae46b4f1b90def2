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

  /** The same with a loss in place of a return, while a language model learns from texts. */
  private showSupervised({ update, loss }: Report & { loss: number }): void {
    const now = performance.now();
    if (this.live ? now - this.shown <= 100 : update % 100 !== 0) return;
    if (this.live) this.shown = now;
    const line = `supervised update ${update.toLocaleString("en")}  loss ${loss.toFixed(3)}`;
    process.stdout.write(this.live ? `\r\x1b[2K${line}` : `${line}\n`);
  }

  /** At most ten times a second on a terminal, about ten lines in all elsewhere. */
  show(report: Report, sample = ""): void {
    if ("loss" in report) {
      this.showSupervised(report as Report & { loss: number });
      return;
    }
    const { envSteps, meanReturn } = report;
    const now = performance.now();
    const due = this.live ? now - this.shown > 100 : envSteps >= this.shown + this.total / 10;
    if (!due && envSteps < this.total) return;
    this.shown = this.live ? now : envSteps;
    const seconds = (now - this.begun) / 1000;
    const rate = envSteps / seconds;
    const left = Math.max(0, (this.total - envSteps) / rate);
    const line =
      `${envSteps.toLocaleString("en")} / ${this.total.toLocaleString("en")} steps` +
      `  ${Math.round(rate).toLocaleString("en")} steps/s  return ${meanReturn.toFixed(2)}  ${left.toFixed(0)} s left${sample && `  ${sample}`}`;
    process.stdout.write(this.live ? `\r\x1b[2K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.live) process.stdout.write("\n");
  }
}
