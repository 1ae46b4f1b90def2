/** Tests for rows without a gradient, which add nothing to other gradients even if they hold NaN. */
import type { Floats } from "../core/backend.ts";

/** Returns whether x[start] … x[end − 1] are all 0. */
export function isZero(x: Floats, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (x[i] !== 0) return false;
  return true;
}
