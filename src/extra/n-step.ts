/** n-step returns. */

import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { discountedReturns } from "../returns/discounted.ts";
import {
  at,
  checkEnds,
  fixed,
  type PerStep,
  type Transitions,
  varying,
} from "../returns/transitions.ts";

/**
 * Sums of up to n rewards and a value: Sutton & Barto 2018, section 7.1.
 *
 *   Gₜ = rₜ + γ·rₜ₊₁ + … + γᵐ⁻¹·rₜ₊ₘ₋₁ + γᵐ·V(sₜ₊ₘ)
 *
 * with m = n, or fewer if the episode or the rollout ends earlier; V = 0 where it terminated. Takes n·steps·envs
 * operations. If n is at least the rollout's length, it is `discountedReturns` at the same cost.
 *
 * @param returns written: G, [steps, envs]; may be `reward`
 */
export function nStepReturns(
  returns: Floats,
  r: Omit<Transitions, "value">,
  gamma: PerStep,
  n: number,
): void {
  const { envs, reward, nextValue, terminated, truncated } = r;
  const size = returns.length;
  checkEnds("nStepReturns", size, r, gamma);
  checkLength("nStepReturns", "nextValue", nextValue, size);
  if (!(n >= 1 && (Number.isInteger(n) || n === Infinity)))
    throw new RangeError(`nStepReturns: expected n to be an integer of at least 1, got ${n}`);
  if (n * envs >= size) {
    discountedReturns(returns, r, gamma);
    return;
  }
  const g = fixed(gamma);
  const gammas = varying(gamma);
  for (let i = 0; i < size; i++) {
    let last = i; // of the steps summed
    for (let m = 1; m < n && last + envs < size; m++) {
      if (terminated[last] !== 0 || truncated[last] !== 0) break;
      last += envs;
    }
    let G = terminated[last] !== 0 ? 0 : nextValue[last];
    for (let j = last; j >= i; j -= envs) G = reward[j] + at(g, gammas, j) * G;
    returns[i] = G;
  }
}
