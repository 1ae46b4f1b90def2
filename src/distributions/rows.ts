/** Functions on one row of logits under a mask, for the categorical distributions. */
import type { Backend, Floats } from "../core/backend.ts";
import { MaskError, NumericError, ShapeError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";
import { checkLive } from "../core/slot.ts";
import { NONE, sameShape, show, type Tensor } from "../core/tensor.ts";

export const allowed = (mask: Floats | null, i: number): boolean => mask === null || mask[i] !== 0;

/** Returns the rows of logits […, width]. Throws ShapeError for another width, or for a mask of another shape. */
export function rowsOf(op: string, logits: Tensor, width: number, mask: Tensor): number {
  checkLive(op, logits);
  const { shape } = logits;
  if (shape.length < 1 || width < 1 || shape[shape.length - 1] !== width) {
    throw new ShapeError(`${op}: expected logits […, ${width}], got ${show(shape)}`);
  }
  const rows = logits.data.length / width;
  if (mask === NONE) return rows;
  checkLive(op, mask);
  if (!sameShape(mask.shape, shape))
    throw new ShapeError(`${op}: expected a mask ${show(shape)}, got ${show(mask.shape)}`);
  return rows;
}

/** Returns the numbers of a mask, or null for `NONE`. */
export const maskOf = (mask: Tensor): Floats | null => (mask === NONE ? null : mask.data);

/**
 * Writes ln Σ exp x over the allowed entries of one segment in two parts: the maximum to sums[to], ln Σ exp(x −
 * maximum) to sums[to + 1]. In their sum the second part would be rounded off beside a large maximum.
 */
export function logSum(
  op: string,
  sums: Floats,
  to: number,
  x: Floats,
  mask: Floats | null,
  start: number,
  n: number,
): void {
  let max = -Infinity;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) max = Math.max(max, x[i]);
  if (max === -Infinity) refuse(op, n, start);
  let sum = 0;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) sum += exp(x[i] - max);
  sums[to] = max;
  sums[to + 1] = log(sum);
}

/**
 * Writes `logSum` of each row of [rows, n] to sums[2·row] and sums[2·row + 1]. nn/sampler.ts chooses between the loop
 * and the kernel by the same rule.
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
  const kernel = mask === null && n >= 8 && k.logSums !== undefined;
  if (kernel) k.logSums?.(sums, x, rows);
  for (let row = 0; row < rows; row++) {
    if (kernel && sums[2 * row] !== -Infinity) continue; // the kernel's maximum ignores NaN
    logSum(op, sums, 2 * row, x, mask, row * n, n);
  }
}

function refuse(op: string, n: number, start: number): never {
  throw new MaskError(
    `${op}: expected an allowed action among the ${n} from position ${start}, got none`,
  );
}

/** Throws NumericError for an input of a sampler that is not finite. */
export function refuseNumber(op: string, name: string, x: number, at: number): never {
  throw new NumericError(`${op}: expected finite ${name}, got ${x} at position ${at}`);
}

/**
 * Returns the action of one row by inverse CDF: the smallest k with noise[row] < Σ π₀…πₖ. An action of probability 0 is
 * never drawn, even if the noise exceeds the rounded total.
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
  if (!(u >= 0 && u < 1)) {
    throw new RangeError(`${op}: expected noise from 0 to below 1, got ${u} in row ${row}`);
  }
  let max = -Infinity;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) max = Math.max(max, x[i]);
  if (max === -Infinity) refuse(op, n, start);
  let sum = 0;
  for (let i = start; i < start + n; i++) if (allowed(mask, i)) sum += exp(x[i] - max);
  if (!(sum > 0 && sum < Infinity)) refuseNumber(op, "logits", max, start);
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

/** Returns the allowed action of one row with the largest logit, or logit + noise; the first one of equals. */
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
    if (!(score < Infinity))
      refuseNumber(op, noise === null ? "logits" : "logits and noise", score, i);
    if (best < 0 || score > bestScore) {
      best = i - start;
      bestScore = score;
    }
  }
  if (bestScore === -Infinity) refuse(op, n, start);
  return best;
}
