/** Refuses runs that do not fit this machine's memory, before anything is allocated. */
import { totalmem } from "node:os";
import { SettingError } from "../core/errors.ts";
import { memoryNeed } from "../tasks/memory.ts";
import type { ResolvedRun } from "../tasks/run.ts";

const simdLimit = 2 ** 32; // bytes that a WebAssembly memory has at most

/** Returns the bytes of memory that this process may use: the machine's, or a container's limit. */
export function machineMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(totalmem(), limit) : totalmem();
}

/**
 * Throws SettingError that says what is needed if a run does not fit. Returns the least number of bytes that it needs.
 */
export function checkMemory(run: ResolvedRun, machine = machineMemory()): number {
  const { parameters, backend, total } = memoryNeed(run);
  const { config } = run;
  const size = `${config.task}: needs at least ${bytes(total)} of memory (${parameters.toLocaleString("en")} parameters)`;
  const how = "smaller sizes of the model, or fewer environments or prompts, need less";
  if (total > machine) throw new SettingError(`${size}, there are ${bytes(machine)}; ${how}`);
  if (config.backend === "simd" && backend > simdLimit)
    throw new SettingError(
      `${size}, the simd backend has ${bytes(simdLimit)}; --backend loops, or ${how}`,
    );
  return total;
}

/** Formats bytes: "12.3 GB". */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [size, at] = [n, 0];
  for (; size >= 1000 && at < units.length - 1; at++) size /= 1000;
  return `${size.toPrecision(3)} ${units[at]}`;
}
