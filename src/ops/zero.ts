/** Rows without a gradient: they add nothing to any other, whatever they hold. */
import type { Floats } from "../core/backend.ts";

/** Whether x[start] … x[end − 1] are all 0. */
export function isZero(x: Floats, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (x[i] !== 0) return false;
  return true;
}
