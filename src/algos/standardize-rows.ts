/** Advantages of a minibatch, standardized over its own rows. */
import type { Floats } from "../core/backend.ts";

/**
 * Writes y = (x − mean)/(deviation + 1e-8), ddof 1, at the rows order[first … end − 1]; one row stays as it
 * is. Other rows are left alone.
 */
export function standardizeRows(
  y: Floats,
  x: Floats,
  order: ArrayLike<number>,
  first: number,
  end: number,
): void {
  const n = end - first;
  let sum = 0;
  for (let i = first; i < end; i++) sum += x[order[i]];
  const mean = n > 1 ? sum / n : 0;
  let squares = 0;
  for (let i = first; i < end; i++) squares += (x[order[i]] - mean) * (x[order[i]] - mean);
  const scale = n > 1 ? 1 / (Math.sqrt(squares / (n - 1)) + 1e-8) : 1;
  for (let i = first; i < end; i++) y[order[i]] = (x[order[i]] - mean) * scale;
}
