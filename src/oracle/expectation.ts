/**
 * The exact mean and variance of an estimator, summed over all samples with their probabilities; for group estimators
 * over all K-tuples, without sampling error.
 */
import { checkInteger } from "../core/check.ts";
import { probabilities, type Trajectory } from "./trajectories.ts";

export interface Moments {
  readonly mean: Float64Array;
  /** E‖ĝ − Eĝ‖²: the trace of the covariance. */
  readonly variance: number;
}

const mostTuples = 2_000_000;

/**
 * Returns the moments of `estimate`, the gradient estimate from K trajectories that are drawn independently from the
 * policy of `behaviour` logits. It may return the same array at every call.
 */
export function expectation(
  all: readonly Trajectory[],
  behaviour: ArrayLike<number>,
  actions: number,
  K: number,
  estimate: (tuple: readonly Trajectory[]) => ArrayLike<number>,
): Moments {
  checkInteger("expectation", "K", K, { min: 1 });
  if (all.length ** K > mostTuples) {
    throw new RangeError(`expectation: ${all.length} trajectories to the power ${K} are too many`);
  }
  const p = probabilities(all, behaviour, actions);
  const mean = new Float64Array(behaviour.length);
  const index = new Array<number>(K).fill(0);
  let squares = 0;
  for (;;) {
    let weight = 1;
    for (const i of index) weight *= p[i];
    if (weight > 0) {
      const g = estimate(index.map((i) => all[i]));
      for (let j = 0; j < mean.length; j++) {
        mean[j] += weight * g[j];
        squares += weight * g[j] * g[j];
      }
    }
    let k = K - 1;
    while (k >= 0 && ++index[k] === all.length) index[k--] = 0;
    if (k < 0) break;
  }
  let norm = 0;
  for (const m of mean) norm += m * m;
  return { mean, variance: Math.max(0, squares - norm) };
}
