/** Progress of a training: one live line on a terminal, plain lines elsewhere. */
import type { Report } from "../algos/training.ts";
import { printable } from "../core/printable.ts";
import { sparkline } from "./sparkline.ts";
import { write } from "./stdout.ts";

const longest = 20; // returns in the sparkline

export class Progress {
  private readonly total: number;
  private readonly unit: string;
  /** Steps taken before this session, which the rate leaves out. */
  private readonly before: number;
  private readonly live: boolean;
  private readonly begun = performance.now();
  /** The last line: its time in ms on a terminal, its steps elsewhere. */
  private shown: number;
  private readonly returns: number[] = [];

  constructor(total: number, before: number, unit = "steps") {
    this.total = total;
    this.unit = unit;
    this.before = before;
    this.live = process.stdout.isTTY === true;
    this.shown = this.live ? 0 : before;
  }

  /** Shows the loss in place of the return, for supervised learning. */
  private showSupervised({ update, loss }: Report & { loss: number }): void {
    const now = performance.now();
    if (this.live ? now - this.shown <= 100 : update % 100 !== 0) return;
    if (this.live) this.shown = now;
    this.line(`supervised update ${update.toLocaleString("en")}  loss ${loss.toFixed(3)}`);
  }

  /** Shows a report: at most ten times per second on a terminal, about ten lines in all elsewhere. */
  show(report: Report, sample = ""): void {
    if ("loss" in report) {
      this.showSupervised(report as Report & { loss: number });
      return;
    }
    const { envSteps, meanReturn } = report;
    this.returns.push(meanReturn);
    if (this.returns.length > longest) this.returns.shift();
    const now = performance.now();
    const due = this.live ? now - this.shown > 100 : envSteps >= this.shown + this.total / 10;
    if (!due && envSteps < this.total) return;
    this.shown = this.live ? now : envSteps;
    const rate = (1000 * (envSteps - this.before)) / (now - this.begun);
    const left = timeLeft((this.total - envSteps) / rate);
    const curve = this.live ? sparkline(this.returns) : "";
    this.line(
      `${envSteps.toLocaleString("en")} / ${this.total.toLocaleString("en")} ${this.unit}` +
        `  ${Math.round(rate).toLocaleString("en")} ${this.unit}/s  return ${meanReturn.toFixed(2)}${curve && ` ${curve}`}  ${left}${sample && `  ${sample}`}`,
    );
  }

  private line(text: string): void {
    write(this.live ? `\r\x1b[2K${printable(text)}` : `${printable(text)}\n`);
  }

  end(): void {
    if (this.live) write("\n");
  }
}

/** Formats seconds as "12 s left", "4 min left", "1 h 23 min left" or "3 d 4 h left". */
export function timeLeft(seconds: number): string {
  if (!Number.isFinite(seconds)) return "time left unknown";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s left`;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return `${minutes} min left`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min left`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h left`;
}
