/** One row of logits under a mask: what the categorical distributions share. */
import type { Backend, Floats } from "../core/backend.ts";
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
  if (max === -Infinity) refuse(op, n, start);
  let sum = 0;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) sum += exp(x[i] - max);
  return max + log(sum);
}

/**
 * The two parts of ln Σ exp x over the allowed of each row of [rows, n]: its largest number to sums[2·row],
 * ln Σ exp(x − that) to sums[2·row + 1]. Apart, because beside a large number the second would vanish.
 */
export function logSums(
  op: string,
  k: Backend,
  sums: Floats,
  x: Floats,
  mask: Floats | null,
  rows: number,
): void {
  const n = x.length / rows;
  if (mask === null && n >= 8 && k.logSums !== undefined) k.logSums(sums, x, rows);
  else {
    for (let row = 0; row < rows; row++) {
      let max = -Infinity;
      for (let i = row * n; i < (row + 1) * n; i++) {
        if (allowed(mask, i)) max = Math.max(max, x[i]);
      }
      let sum = 0;
      for (let i = row * n; i < (row + 1) * n; i++) if (allowed(mask, i)) sum += exp(x[i] - max);
      sums[2 * row] = max;
      sums[2 * row + 1] = log(sum);
    }
  }
  for (let row = 0; row < rows; row++) if (sums[2 * row] === -Infinity) refuse(op, n, row * n);
}

function refuse(op: string, n: number, start: number): never {
  throw new MaskError(
    `${op}: want an allowed action among the ${n} from position ${start}, got none`,
  );
}

/**
 * The action of one row by inverse CDF: the smallest k with noise[row] < Σ π₀…πₖ; never one of probability 0, also
 * where u is above the rounded total.
 */
export function sampleRow(
  op: string,
  x: Floats,
  mask: Floats | null,
  start: number,
  n: number,
  noise: ArrayLike<number>,
  row: number,
): number {
  const u = noise[row]; // read here: a number passed to a call is boxed
  let max = -Infinity;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) max = Math.max(max, x[i]);
  if (max === -Infinity) refuse(op, n, start);
  let sum = 0;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) sum += exp(x[i] - max);
  let last = -1;
  let total = 0;
  for (let k = 0; k < n; k++) {
    const e = allowed(mask, start + k) ? exp(x[start + k] - max) : 0;
    if (e === 0) continue;
    last = k;
    total += e;
    if (u * sum < total) break;
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
  if (best < 0) refuse(op, n, start);
  return best;
}
