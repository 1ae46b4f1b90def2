/** Performance profiles: their thresholds, and their curves in a chart. */
import type { Curve } from "./chart.ts";
import { leastOf, mostOf } from "./extent.ts";

/** Thresholds τ from just below the least finite score to the largest, at which every profile ends in 0. */
export function thresholds(scores: readonly number[]): number[] {
  const finite = scores.filter(Number.isFinite);
  const [low, high] = finite.length === 0 ? [0, 0] : [leastOf(finite), mostOf(finite)];
  const start = low - (high - low || 1) / 40;
  return Array.from({ length: 42 }, (_, i) =>
    i === 41 ? high : start + (i / 41) * (high - start),
  );
}

/** The curve of a profile; without a band. */
export const profileCurve = (
  name: string,
  tau: readonly number[],
  share: readonly number[],
): Curve => ({ name, x: tau, middle: share, low: share, high: share });
