/** Writes to stdout: escapes control characters, and stops cleanly when the reader has closed the pipe. */
import { printable, printableJson } from "../core/printable.ts";
import { codeOf } from "../node/files.ts";
import { systemText } from "../node/system-error.ts";

let failure: Error | null = null;
let onFailure: ((error: Error) => void) | null = null;

/** Writes text, in which only line feeds and tabs act on a terminal. */
export const say = (text: string): void => write(printable(text));
/** Writes a value as one line of JSON. */
export const sayJson = (value: unknown): void => write(`${printableJson(value)}\n`);

/** Writes text of our own, terminal codes included. */
export function write(text: string): void {
  if (failure !== null) return;
  try {
    process.stdout.write(text);
  } catch (error) {
    failed(error as Error);
  }
}

/** The error of stdout, such as a reader that has gone or a full device; null without one. */
export const stdoutFailure = (): Error | null => failure;

/** Calls `act` in place of ending the process when stdout cannot be written. */
export function whenStdoutFails(act: (error: Error) => void): void {
  onFailure = act;
}

/** Listens for the streams' errors, which arrive after the write that caused them has returned. */
export function watchStreams(): void {
  process.stdout.on("error", failed);
  process.stderr.on("error", () => {}); // nowhere left to report it
}

function failed(error: Error): void {
  if (failure !== null) return;
  failure = error;
  if (onFailure !== null) onFailure(error);
  else if (codeOf(error) === "EPIPE")
    process.exit(0); // as in `pigrad list | head`
  else {
    process.stderr.write(`pigrad: stdout: ${systemText(error)}\n`);
    process.exit(2);
  }
}
