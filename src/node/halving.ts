/**
 * Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943): all rows train to the first rung, and at each rung
 * the best 1/η of them go on.
 */

/** Steps to train to, and how many rows do. */
export interface Rung {
  readonly steps: number;
  readonly rows: number;
}

/** Returns the rungs of `rows` rows, the last of which has all the steps: as many as leave one row at least. */
export function rungsOf(rows: number, eta: number, steps: number): Rung[] {
  const rungs: Rung[] = [];
  for (let [left, share] = [rows, 1]; left >= 1; left = Math.floor(left / eta), share *= eta)
    rungs.push({ rows: left, steps: share });
  const last = rungs[rungs.length - 1].steps;
  return rungs.map((rung) => ({ ...rung, steps: Math.ceil((steps * rung.steps) / last) }));
}

/** Returns the indices of the `count` best scores, ascending; NaN is the worst, and of equal ones the earlier wins. */
export function bestOf(scores: readonly number[], count: number): number[] {
  const rank = (i: number): number => (Number.isNaN(scores[i]) ? -Infinity : scores[i]);
  return [...scores.keys()]
    .sort((a, b) => (rank(b) === rank(a) ? a - b : rank(b) > rank(a) ? 1 : -1))
    .slice(0, count)
    .sort((a, b) => a - b);
}
