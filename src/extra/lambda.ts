/** λ-returns: mixtures of n-step returns. */

import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import {
  at,
  checkEnds,
  checkUnit,
  fixed,
  type PerStep,
  type Transitions,
  varying,
} from "../returns/transitions.ts";

/**
 * The targets of TD(λ): Sutton & Barto 2018, chapter 12; with λ and γ that vary, section 12.8.
 *
 *   Gₜ = rₜ + γₜ·((1 − λₜ)·V(sₜ₊₁) + λₜ·Gₜ₊₁)     inside an episode
 *   Gₜ = rₜ                                       where it terminated
 *   Gₜ = rₜ + γₜ·V(sₜ₊₁)                          where it was cut short, and in the last row
 *
 * @param returns written: G, [steps, envs]; may be `reward`
 */
export function lambdaReturns(
  returns: Floats,
  r: Omit<Transitions, "value">,
  gamma: PerStep,
  lambda: PerStep,
): void {
  const { envs, reward, nextValue, terminated, truncated } = r;
  const n = returns.length;
  checkEnds("lambdaReturns", n, r, gamma);
  checkLength("lambdaReturns", "nextValue", nextValue, n);
  checkUnit("lambdaReturns", "lambda", lambda, n);
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const l = fixed(lambda);
  const lambdas = varying(lambda);
  const G = Float64Array.from(nextValue.subarray(n - envs)); // of the next step
  for (let row = n - envs; row >= 0; row -= envs) {
    for (let env = 0; env < envs; env++) {
      const i = row + env;
      const trace = at(l, lambdas, i);
      if (terminated[i] !== 0) G[env] = 0;
      else if (truncated[i] !== 0) G[env] = nextValue[i];
      else G[env] = (1 - trace) * nextValue[i] + trace * G[env];
      returns[i] = G[env] = reward[i] + at(g, gammas, i) * G[env];
    }
  }
}
