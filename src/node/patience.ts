/** Limits the time of the user's own code: of promises, and of calls that do not return. */
import { runInThisContext } from "node:vm";
import { OwnCodeError } from "../core/errors.ts";
import type { Awaiting } from "../core/waiting.ts";
import type { Guard } from "../text/own-reward.ts";
import { codeOf } from "./files.ts";

const longest = 2 ** 31 - 1; // milliseconds of a timer; a longer one would end at once

/** Awaits a promise; throws OwnCodeError after its time limit. */
export const awaitInTime: Awaiting = async ({ promise, seconds, late }) => {
  if (seconds === Infinity) return promise;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OwnCodeError(late)), Math.min(longest, 1000 * seconds));
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
};

/** Stops a call that does not return in time, even in an endless loop. */
export const guardCalls: Guard = (work, seconds, late) => {
  const slot = globalThis as { pigradWork?: () => unknown };
  const half = performance.now() + 500 * seconds;
  slot.pigradWork = () => work(() => performance.now() >= half);
  try {
    const timeout = Math.min(longest, Math.ceil(1000 * seconds));
    return runInThisContext("globalThis.pigradWork()", { timeout }) as ReturnType<typeof work>;
  } catch (error) {
    if (codeOf(error) === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw new OwnCodeError(late());
    throw error;
  } finally {
    delete slot.pigradWork;
  }
};
