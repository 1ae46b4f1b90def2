/** One row of logits under a mask: what the categorical distributions share. */
import type { Floats } from "../core/backend.ts";
import { MaskError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";
import { NONE, type Tensor } from "../core/tensor.ts";

export const allowed = (mask: Floats | null, i: number): boolean => mask === null || mask[i] !== 0;
export const maskData = (mask: Tensor): Floats | null => (mask === NONE ? null : mask.data);

/** ln Σ exp x over the allowed of one row. */
export function logSum(
  op: string,
  x: Floats,
  mask: Floats | null,
  start: number,
  n: number,
): number {
  let max = -Infinity;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) max = Math.max(max, x[i]);
  if (max === -Infinity)
    throw new MaskError(
      `${op}: want an allowed action among the ${n} from position ${start}, got none`,
    );
  let sum = 0;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) sum += exp(x[i] - max);
  return max + log(sum);
}

/**
 * The action of one row by inverse CDF: the smallest k with u < Σ π₀…πₖ; never one of probability 0, also
 * where u is above the rounded total.
 */
export function sampleRow(
  op: string,
  x: Floats,
  mask: Floats | null,
  start: number,
  n: number,
  u: number,
): number {
  const sum = logSum(op, x, mask, start, n);
  let last = -1;
  let total = 0;
  for (let k = 0; k < n; k++) {
    const p = allowed(mask, start + k) ? exp(x[start + k] - sum) : 0;
    if (p === 0) continue;
    last = k;
    total += p;
    if (u < total) break;
  }
  return last;
}

/** The allowed action of one row with the largest logit, plus noise where given; the first of equals. */
export function largestOfRow(
  op: string,
  x: Floats,
  mask: Floats | null,
  start: number,
  n: number,
  noise: ArrayLike<number> | null,
): number {
  let best = -1;
  let bestScore = -Infinity;
  for (let i = start; i < start + n; i++) {
    if (!allowed(mask, i)) continue;
    const score = noise === null ? x[i] : x[i] + noise[i];
    if (best < 0 || score > bestScore) {
      best = i - start;
      bestScore = score;
    }
  }
  if (best < 0)
    throw new MaskError(
      `${op}: want an allowed action among the ${n} from position ${start}, got none`,
    );
  return best;
}
