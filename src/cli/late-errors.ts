/** Errors that no call of ours waits for: thrown by timers, and by promises that the user's code does not return. */
import { fileURLToPath } from "node:url";
import { printable } from "../core/printable.ts";
import { messageOf } from "../core/thrown.ts";

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

/** Returns the file and line of the first frame of a stack outside pigrad, packages and Node, and a colon; "" without one. */
function placeOf(stack: string): string {
  for (const [, url, line] of stack.matchAll(/(file:\/\/[^\s)]+?):(\d+):\d+/g))
    if (!url.startsWith(ours) && !url.includes("/node_modules/"))
      return `${fileURLToPath(url.replace(/\?.*$/, ""))}:${line}: `;
  return "";
}
