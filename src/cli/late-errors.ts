/** Tells what the user's code does outside of our calls: errors of timers and of lost promises, and ending the process. */
import { fileURLToPath } from "node:url";
import { printable } from "../core/printable.ts";
import { messageOf } from "../core/thrown.ts";
import { stdoutFailure } from "./stdout.ts";

const ours = new URL("..", import.meta.url).href;

/**
 * Ends the process at such an error with one line on stderr, which names the place, and exit code 2; with the error's
 * trace and exit code 1 where all of it is ours.
 */
export function watchLateErrors(): void {
  process.on("uncaughtException", (error: unknown) => {
    const stack = String((error as Partial<Error> | null)?.stack ?? "");
    const place = placeOf(stack);
    const isOurs = place === "" && stack !== "";
    const text = isOurs
      ? `failed: ${stack}`
      : `${place}an error that nothing awaited: ${messageOf(error)}`;
    process.stderr.write(`pigrad: ${printable(text)}\n`);
    process.exit(isOurs ? 1 : 2);
  });
}

/** Runs a command. If the process is ended in its midst as if all were well, says so, with exit code 2. */
export async function toItsEnd(command: () => Promise<void>): Promise<void> {
  const early = (code: number): void => {
    if (code !== 0 || stdoutFailure() !== null) return;
    process.stderr.write("pigrad: process.exit was called before the command had ended\n");
    process.exitCode = 2;
  };
  process.on("exit", early);
  await command();
  process.off("exit", early);
}

/** Returns the first place in a stack outside pigrad, packages and Node, as "file:line: "; "" without one. */
function placeOf(stack: string): string {
  for (const [, url, line] of stack.matchAll(/(file:\/\/[^\s)]+?):(\d+):\d+/g))
    if (!url.startsWith(ours) && !url.includes("/node_modules/"))
      return `${fileURLToPath(url.replace(/\?.*$/, ""))}:${line}: `;
  return "";
}
