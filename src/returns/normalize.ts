/** Standardization, and the explained variance of a prediction. */

import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { square } from "../core/math.ts";
import { center, checkDeviation, checkGroups } from "./center.ts";

export interface StandardizeOptions {
  /** The variance divides by n − ddof: 1 (unbiased) or 0. Default 1. */
  readonly ddof: number;
  /** Added to the standard deviation. Default 1e-8. */
  readonly eps: number;
  /** 0 where an entry is left out. Default: none is. */
  readonly mask: Floats;
}
export const standardizeDefaults = { ddof: 1, eps: 1e-8 };
const noOptions: Partial<StandardizeOptions> = {};

/**
 * y = (x − mean)/(standard deviation + eps) over the entries with mask 1, 0 elsewhere.
 *
 * One entry, or equal entries, give 0 for any eps. Masked entries are not read. A NaN among the others makes all
 * results NaN.
 *
 * @param y written: as long as x; may be x
 */
export function standardize(
  y: Floats,
  x: Floats,
  options: Partial<StandardizeOptions> = noOptions,
): void {
  const { ddof = standardizeDefaults.ddof, eps = standardizeDefaults.eps, mask } = options;
  const n = x.length;
  checkGroups("standardize", n, y, Math.max(n, 1), mask);
  checkDeviation("standardize", ddof, eps);
  center(y, x, { groups: Math.max(n, 1), divisor: "deviation", keep: mask, ddof, eps });
}

/**
 * y = x/(standard deviation + eps) over the entries with mask 1, 0 elsewhere: `standardize` without subtracting the
 * mean. One entry, or equal entries, give 0.
 *
 * @param y written: as long as x; may be x
 */
export function scaleByDeviation(
  y: Floats,
  x: Floats,
  options: Partial<StandardizeOptions> = noOptions,
): void {
  const { ddof = standardizeDefaults.ddof, eps = standardizeDefaults.eps, mask } = options;
  const n = x.length;
  checkGroups("scaleByDeviation", n, y, Math.max(n, 1), mask);
  checkDeviation("scaleByDeviation", ddof, eps);
  const groups = Math.max(n, 1);
  center(y, x, { groups, divisor: "deviation", keep: mask, ddof, eps, keepMean: true });
}

/** y = x − mean over the entries with mask 1, 0 elsewhere. */
export function subtractMean(y: Floats, x: Floats, mask?: Floats): void {
  const n = x.length;
  checkGroups("subtractMean", n, y, Math.max(n, 1), mask);
  center(y, x, { groups: Math.max(n, 1), divisor: "none", keep: mask });
}

/**
 * Standardizes entries by index: writes `standardize` of x at `rows` to the same positions of y and leaves the others
 * unchanged. With `scratch`, which has room for one number per row, the call allocates nothing.
 */
export function standardizeRows(
  y: Floats,
  x: Floats,
  rows: ArrayLike<number>,
  scratch: Floats = new Float64Array(rows.length),
): void {
  const n = rows.length;
  for (let i = 0; i < n; i++) scratch[i] = x[rows[i]];
  const { ddof, eps } = standardizeDefaults;
  center(scratch, scratch, { groups: Math.max(n, 1), divisor: "deviation", ddof, eps }, n);
  for (let i = 0; i < n; i++) y[rows[i]] = scratch[i];
}

/**
 *   1 − Var(target − prediction)/Var(target)
 *
 * Returns 1 for a perfect prediction, 0 for one no better than a constant, less than 0 for a worse one, and NaN for a
 * constant target.
 */
export function explainedVariance(prediction: Floats, target: Floats): number {
  const n = target.length;
  checkLength("explainedVariance", "prediction", prediction, n);
  const origin = n > 0 ? target[0] : 0;
  let errors = 0;
  let targets = 0;
  for (let i = 0; i < n; i++) {
    errors += target[i] - prediction[i];
    targets += target[i] - origin;
  }
  let unexplained = 0;
  let total = 0;
  for (let i = 0; i < n; i++) {
    unexplained += square(target[i] - prediction[i] - errors / n);
    total += square(target[i] - origin - targets / n);
  }
  return total === 0 ? Number.NaN : 1 - unexplained / total;
}
