/** Statistics over several runs that are robust to single seeds: Agarwal et al. 2021, arXiv:2108.13264. */
import { Random } from "../core/random.ts";

export const mean = (x: readonly number[]): number => x.reduce((sum, v) => sum + v, 0) / x.length;

/** Returns the mean of the middle half. A quarter of the runs is cut off at each end; a run may count in part. */
export function interquartileMean(x: readonly number[]): number {
  const sorted = [...x].sort((a, b) => a - b);
  const cut = sorted.length / 4;
  let sum = 0;
  let weights = 0;
  for (let i = 0; i < sorted.length; i++) {
    const weight = Math.max(0, Math.min(i + 1, sorted.length - cut) - Math.max(i, cut));
    if (weight > 0) sum += weight * sorted[i]; // 0 · ∞ is NaN
    weights += weight;
  }
  return sum / weights;
}

/** Returns the quantile q, linear between order statistics. */
export function quantile(x: readonly number[], q: number): number {
  const sorted = [...x].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  if (below === -Infinity || below === Infinity) return below;
  return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)] - below);
}

export const median = (x: readonly number[]): number => quantile(x, 0.5);

/** A percentile interval of 95 %: its lower and upper end. */
export type Interval = readonly [low: number, high: number];

interface Resampling {
  readonly draws?: number;
  readonly seed?: number;
}

/** Returns a percentile bootstrap interval of 95 % of the statistic `of`, over `draws` samples with replacement. */
export const bootstrapInterval = (
  x: readonly number[],
  of: (x: readonly number[]) => number,
  resampling: Resampling = {},
): Interval => stratifiedInterval([x], ([sample]) => of(sample), resampling);

/**
 * Returns a stratified bootstrap interval of 95 % of the statistic `of`: each stratum, such as the runs of one task or
 * of one row of settings, is resampled by itself and keeps its size.
 */
export function stratifiedInterval(
  strata: readonly (readonly number[])[],
  of: (strata: readonly (readonly number[])[]) => number,
  { draws = 2000, seed = 1 }: Resampling = {},
): Interval {
  const random = new Random(seed);
  const values = Array.from({ length: draws }, () =>
    of(strata.map((x) => x.map(() => x[random.below(x.length)]))),
  );
  return [quantile(values, 0.025), quantile(values, 0.975)];
}

/** Returns P(X > Y) + P(X = Y) / 2 over all pairs of a run of x and a run of y: the statistic of Mann and Whitney. */
export function probabilityOfImprovement(x: readonly number[], y: readonly number[]): number {
  let wins = 0;
  for (const a of x) for (const b of y) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (x.length * y.length);
}

/** Returns the performance profile: the share of runs above each of the thresholds τ. */
export const performanceProfile = (
  x: readonly number[],
  taus: readonly number[],
): readonly number[] => taus.map((tau) => x.filter((v) => v > tau).length / x.length);
