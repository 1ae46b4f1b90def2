/** Key presses, and a terminal that is drawn on and always left as it was found. */
import { emitKeypressEvents } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { stopSignals } from "../node/stop-signals.ts";
import { write } from "./stdout.ts";

interface Press {
  readonly name?: string | undefined;
  readonly ctrl?: boolean;
}
type Listener = (text: string | undefined, press: Press) => void;

/** Key presses of a terminal or a pipe, in order: a character, or a name such as "left", "space" or "ctrl-c". */
export class Keys {
  private readonly input: NodeJS.ReadStream;
  private readonly pressed: string[] = [];
  private ended = false;
  private wake = (): void => {};

  constructor(input: NodeJS.ReadStream = process.stdin) {
    this.input = input;
    emitKeypressEvents(input);
    if (input.isTTY) input.setRawMode(true);
    input.on("keypress", this.listen);
    input.once("end", this.end);
    input.resume();
  }

  /** Returns the next key; null after `ms` milliseconds without one, or if there are no more. */
  async next(ms = Infinity): Promise<string | null> {
    if (this.pressed.length === 0 && !this.ended) await this.arrival(ms);
    else if (this.ended && Number.isFinite(ms) && this.pressed.length === 0) await wait(ms);
    return this.pressed.shift() ?? null;
  }

  close(): void {
    if (this.input.isTTY) this.input.setRawMode(false);
    this.input.off("keypress", this.listen).off("end", this.end);
    this.input.pause();
  }

  private arrival(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(() => this.wake(), ms) : undefined;
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private readonly listen: Listener = (text, { name, ctrl }) => {
    if (!this.input.isTTY && (name === "enter" || name === "return")) return; // the line ends of a pipe
    const isCharacter = text !== undefined && /^[!-~]$/.test(text);
    const key = isCharacter ? text : (name ?? text ?? "");
    this.pressed.push(ctrl ? `ctrl-${key}` : key);
    this.wake();
  };

  private readonly end = (): void => {
    this.ended = true;
    this.wake();
  };
}

/** The alternate screen without cursor and line wrap, and back. */
const enter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const leave = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** A terminal's whole screen. `close`, a signal and the end of the process all restore what was there before. */
export class Terminal {
  private open = true;

  constructor() {
    write(enter);
    process.on("exit", this.restore);
    for (const signal of stopSignals) process.on(signal, this.interrupt);
  }

  /** Draws a text in place of what is there. */
  draw(text: string): void {
    write(`\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J`);
  }

  close(): void {
    this.restore();
    process.off("exit", this.restore);
    for (const signal of stopSignals) process.off(signal, this.interrupt);
  }

  private readonly restore = (): void => {
    if (!this.open) return;
    this.open = false;
    write(leave);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
  };

  private readonly interrupt = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal); // now with its usual effect
  };
}
