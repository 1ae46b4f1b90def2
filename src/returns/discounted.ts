/** Discounted sums of rewards: with a bootstrap, without one, and of one long sequence without episode ends. */

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
} from "./transitions.ts";

/**
 *   Gₜ = rₜ + γ·Gₜ₊₁        inside an episode
 *   Gₜ = rₜ                 where it terminated
 *   Gₜ = rₜ + γ·V(sₜ₊₁)     where it was cut short, and in the last row
 *
 * @param returns written: G, [steps, envs]; may be `reward`
 */
export function discountedReturns(
  returns: Floats,
  r: Omit<Transitions, "value">,
  gamma: PerStep,
): void {
  const { envs, reward, nextValue, terminated, truncated } = r;
  const n = returns.length;
  checkEnds("discountedReturns", n, r, gamma);
  checkLength("discountedReturns", "nextValue", nextValue, n);
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const G = Float64Array.from({ length: envs }, (_, env) => nextValue[n - envs + env]); // of the next step
  for (let row = n - envs; row >= 0; row -= envs) {
    for (let env = 0; env < envs; env++) {
      const i = row + env;
      if (terminated[i] !== 0) G[env] = 0;
      else if (truncated[i] !== 0) G[env] = nextValue[i];
      returns[i] = G[env] = reward[i] + at(g, gammas, i) * G[env];
    }
  }
}

/**
 * Sums of the observed rewards, without a bootstrap:
 *
 *   Gₜ = rₜ + γ·(1 − doneₜ)·Gₜ₊₁        doneₜ = terminatedₜ or truncatedₜ; G = 0 after the last row
 *
 * @param returns written: G, [steps, envs]; may be `reward`
 */
export function rewardToGo(
  returns: Floats,
  r: Omit<Transitions, "value" | "nextValue">,
  gamma: PerStep,
): void {
  const { envs, reward, terminated, truncated } = r;
  const n = returns.length;
  checkEnds("rewardToGo", n, r, gamma);
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const G = new Float64Array(envs); // of the next step
  for (let row = n - envs; row >= 0; row -= envs) {
    for (let env = 0; env < envs; env++) {
      const i = row + env;
      if (terminated[i] !== 0 || truncated[i] !== 0) G[env] = 0;
      returns[i] = G[env] = reward[i] + at(g, gammas, i) * G[env];
    }
  }
}

/**
 * Gₜ = rₜ + γ·Gₜ₊₁ over one sequence of any length without episode ends; G = 0 after its last step.
 *
 * Each G depends on the next one, so that a single chain is bound by the latency of one multiply and add. Four quarters
 * side by side take half the time (measured at 1e6 and 1e7). Afterwards γᵏ·G of the following quarter is added to each
 * quarter but the last, k steps from its end, down to γᵏ < 1e-45.
 *
 * @param returns written: G, [steps]; may be `reward`
 */
export function discountedSums(returns: Floats, reward: Floats, gamma: number): void {
  const n = returns.length;
  checkLength("discountedSums", "reward", reward, n);
  checkUnit("discountedSums", "gamma", gamma, n);
  const q = Math.floor(n / 4);
  let d = 0;
  for (let i = n - 1; i >= 4 * q; i--) returns[i] = d = reward[i] + gamma * d;
  let a = 0;
  let b = 0;
  let c = 0;
  for (let i = q - 1; i >= 0; i--) {
    returns[i] = a = reward[i] + gamma * a;
    returns[i + q] = b = reward[i + q] + gamma * b;
    returns[i + 2 * q] = c = reward[i + 2 * q] + gamma * c;
    returns[i + 3 * q] = d = reward[i + 3 * q] + gamma * d;
  }
  for (let end = 3 * q; end > 0; end -= q) {
    const G = returns[end];
    let power = gamma;
    for (let i = end - 1; i >= end - q && power >= 1e-45; i--) {
      returns[i] += power * G;
      power *= gamma;
    }
  }
}
