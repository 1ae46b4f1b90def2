/** Subtracts a group's mean and divides by its scale: the one implementation behind all advantages. */
import type { Floats } from "../core/backend.ts";
import { checkLength, checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { square } from "../core/math.ts";

/** Groups of so many neighbors, or each entry's group as a number: any numbers, in any order. */
export type Groups = number | ArrayLike<number>;

/**
 * What a group of n, its squared distances from the mean summed to S, is divided by: nothing; (n − 1)/n,
 * which makes the mean that of the others; the mean + eps; √(S/(n − ddof)) + eps. The last is 0 for one number or
 * equal ones, however large eps; that of the mean is 0 for a mean of 0.
 */
export type Divisor = "none" | "others" | "mean" | "deviation";
function divideBy(
  divisor: Divisor,
  n: number,
  mean: number,
  squares: number,
  ddof: number,
  eps: number,
): number {
  if (divisor === "none") return 1;
  if (divisor === "mean") return mean === 0 ? 0 : mean + eps;
  if (divisor === "others") return (n - 1) / n;
  return n <= ddof || squares === 0 ? 0 : Math.sqrt(squares / (n - ddof)) + eps;
}

/**
 *   yᵢ = (xᵢ − mean)/divisor     over the kept members of i's group
 *   yᵢ = 0                       where i is not kept, or the divisor is 0
 *
 * over the first n numbers of x. `mean` "keep" leaves the mean in: yᵢ = xᵢ/divisor.
 *
 * Entries with `keep` 0 are out, and with `dropNaN` those that are NaN; they are never added in. Sums run
 * over distances from the group's first member, so equal numbers have squares of exactly 0. Numbered
 * groups cost groups·length: no memory is taken to sort them.
 */
export function center(
  n: number,
  y: Floats,
  x: Floats,
  groups: Groups,
  keep: Floats | undefined,
  dropNaN: boolean,
  divisor: Divisor,
  ddof: number,
  eps: number,
  mean: "subtract" | "keep" = "subtract",
): void {
  const subtracts = mean === "subtract";
  for (let first = 0; first < n; first++) {
    if (!startsGroup(groups, first)) continue;
    const end = typeof groups === "number" ? first + groups : n;
    let count = 0;
    let origin = 0;
    let sum = 0;
    for (let i = first; i < end; i++) {
      if (!isMember(groups, first, i) || !isKept(x, keep, dropNaN, i)) continue;
      if (count === 0) origin = x[i];
      count++;
      sum += x[i] - origin;
    }
    const average = sum / count; // from `origin`
    let squares = 0;
    for (let i = first; i < end; i++) {
      if (!isMember(groups, first, i) || !isKept(x, keep, dropNaN, i)) continue;
      squares += square(x[i] - origin - average);
    }
    const by = count === 0 ? 0 : divideBy(divisor, count, origin + average, squares, ddof, eps);
    for (let i = first; i < end; i++) {
      if (!isMember(groups, first, i)) continue;
      const out = by === 0 || !isKept(x, keep, dropNaN, i);
      y[i] = out ? 0 : (subtracts ? x[i] - origin - average : x[i]) / by;
    }
  }
}

export const isMember = (groups: Groups, first: number, i: number): boolean =>
  typeof groups === "number" || groups[i] === groups[first];

export const isKept = (x: Floats, keep: Floats | undefined, dropNaN: boolean, i: number): boolean =>
  (keep === undefined || keep[i] !== 0) && !(dropNaN && Number.isNaN(x[i]));

export function startsGroup(groups: Groups, i: number): boolean {
  if (typeof groups === "number") return i % groups === 0;
  for (let j = i - 1; j >= 0; j--) if (groups[j] === groups[i]) return false;
  return true;
}

/** Checks what a deviation is made with. */
export function checkDeviation(caller: string, ddof: number, eps: number): void {
  checkNumber(caller, "ddof", ddof, { min: 0 });
  checkNumber(caller, "eps", eps, { min: 0 });
}

/** Checks y, `groups` and `keep` against n entries. */
export function checkGroups(
  caller: string,
  n: number,
  y: Floats,
  groups: Groups,
  keep: Floats | undefined,
): void {
  checkLength(caller, "the output", y, n);
  if (keep !== undefined) checkLength(caller, "the mask", keep, n);
  if (typeof groups !== "number") checkLength(caller, "the groups", groups, n);
  else if (!(Number.isInteger(groups) && groups >= 1 && n % groups === 0))
    throw new ShapeError(`${caller}: want whole groups of ${groups}, got ${n} numbers`);
}
