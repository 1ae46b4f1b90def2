/** Subtracts a group's mean and divides by its scale, for all advantages that compare samples. */
import type { Floats } from "../core/backend.ts";
import { checkLength, checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { square } from "../core/math.ts";

/** Number of neighbors in each group; or a group number per entry, in any order. */
export type Groups = number | ArrayLike<number>;

/**
 * The scale of a group with n members, whose squared distances from the mean sum to S:
 *
 *   "none"        1
 *   "others"      (n − 1)/n: subtracting the mean and dividing by it subtracts the mean of the other members
 *   "mean"        mean + eps; 0 if the mean is 0
 *   "deviation"   √(S/(n − ddof)) + eps; 0 if n ≤ ddof or S = 0, whatever eps is
 */
export type Divisor = "none" | "others" | "mean" | "deviation";

export interface CenterSettings {
  readonly groups: Groups;
  readonly divisor: Divisor;
  /** 0 where an entry is left out. Default: none is. */
  readonly keep?: Floats | undefined;
  /** Leaves out entries that are NaN. Default false. */
  readonly dropNaN?: boolean;
  /** Of divisor "deviation". Default 0. */
  readonly ddof?: number;
  /** Of divisors "mean" and "deviation". Default 0. */
  readonly eps?: number;
  /** Divides without subtracting the mean. Default false. */
  readonly keepMean?: boolean;
}

function divideBy(
  { divisor, ddof = 0, eps = 0 }: CenterSettings,
  n: number,
  mean: number,
  squares: number,
): number {
  if (divisor === "none") return 1;
  if (divisor === "mean") return mean === 0 ? 0 : mean + eps;
  if (divisor === "others") return (n - 1) / n;
  return n <= ddof || squares === 0 ? 0 : Math.sqrt(squares / (n - ddof)) + eps;
}

/**
 *   yᵢ = (xᵢ − mean)/divisor     over the kept members of i's group; with `keepMean` yᵢ = xᵢ/divisor
 *   yᵢ = 0                       where i is left out, or the divisor is 0
 *
 * over the first n numbers of x. Entries that are left out enter no sum. Sums run over distances from the group's first
 * member, so that equal numbers have squares of exactly 0. Numbered groups take groups·n operations, and no memory.
 */
export function center(y: Floats, x: Floats, s: CenterSettings, n = x.length): void {
  const { groups, keep, dropNaN = false, keepMean = false } = s;
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
    const by = count === 0 ? 0 : divideBy(s, count, origin + average, squares);
    for (let i = first; i < end; i++) {
      if (!isMember(groups, first, i)) continue;
      const isZero = by === 0 || !isKept(x, keep, dropNaN, i);
      y[i] = isZero ? 0 : (keepMean ? x[i] : x[i] - origin - average) / by;
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

/** Checks the settings of a standard deviation. */
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
    throw new ShapeError(`${caller}: expected whole groups of ${groups}, got ${n} numbers`);
}
