/** Off-policy returns: targets of action values, and corrected TD errors. */

import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { exp } from "../core/math.ts";
import {
  at,
  checkTransitions,
  checkUnit,
  fixed,
  type PerStep,
  type Transitions,
  varying,
} from "../returns/transitions.ts";

/**
 * Retrace(λ): Munos et al. 2016, arXiv:1606.02647. Here r.value is Q(sₜ, aₜ) and r.nextValue the mean of
 * Q(sₜ₊₁, ·) under π. With ρ = exp(logRatio) = π(a∣s)/μ(a∣s):
 *
 *   δₜ = rₜ + γ·E Q(sₜ₊₁, ·) − Q(sₜ, aₜ)
 *   eₜ = δₜ + γ·cₜ₊₁·eₜ₊₁        cₜ = λ·min(1, ρₜ); e = 0 after an episode's end and the last row
 *   target = Q(sₜ, aₜ) + eₜ
 *
 * The first action of a sum has no ratio: the estimate is of its own value.
 *
 * @param target written: [steps, envs]
 */
export function retrace(
  target: Floats,
  r: Transitions,
  logRatio: Floats,
  gamma: PerStep,
  lambda: PerStep,
): void {
  const { envs, reward, value, nextValue, terminated, truncated } = r;
  const n = target.length;
  checkTransitions("retrace", n, r, gamma);
  checkLength("retrace", "logRatio", logRatio, n);
  checkUnit("retrace", "lambda", lambda, n);
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const l = fixed(lambda);
  const lambdas = varying(lambda);
  for (let last = n - 1; last >= n - envs; last--) {
    let traced = 0; // c·e of the next step
    for (let i = last; i >= 0; i -= envs) {
      if (terminated[i] !== 0 || truncated[i] !== 0) traced = 0;
      const next = terminated[i] !== 0 ? 0 : nextValue[i];
      const q = value[i];
      const c = at(l, lambdas, i) * Math.min(1, exp(logRatio[i]));
      const e = reward[i] + at(g, gammas, i) * (next + traced) - q;
      traced = c * e;
      target[i] = q + e;
    }
  }
}

/**
 * TD errors over many steps, in which each decision is corrected by its own ratio: Precup, Sutton & Singh 2000,
 * "Eligibility traces for off-policy policy evaluation"; Sutton & Barto 2018, section 12.9. Ratios are not capped, which avoids bias
 * at the price of a large variance.
 *
 *   δₜ = rₜ + γ·V(sₜ₊₁) − V(sₜ)
 *   eₜ = ρₜ·(δₜ + γ·λₜ·eₜ₊₁)        e = 0 after an episode's end and the last row
 *
 * @param error written: e, [steps, envs]
 */
export function importanceCorrectedTdErrors(
  error: Floats,
  r: Transitions,
  logRatio: Floats,
  gamma: PerStep,
  lambda: PerStep,
): void {
  const { envs, reward, value, nextValue, terminated, truncated } = r;
  const n = error.length;
  checkTransitions("importanceCorrectedTdErrors", n, r, gamma);
  checkLength("importanceCorrectedTdErrors", "logRatio", logRatio, n);
  checkUnit("importanceCorrectedTdErrors", "lambda", lambda, n);
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const l = fixed(lambda);
  const lambdas = varying(lambda);
  for (let last = n - 1; last >= n - envs; last--) {
    let e = 0;
    for (let i = last; i >= 0; i -= envs) {
      if (terminated[i] !== 0 || truncated[i] !== 0) e = 0;
      const next = terminated[i] !== 0 ? 0 : nextValue[i];
      const delta = reward[i] + at(g, gammas, i) * next - value[i];
      e = exp(logRatio[i]) * (delta + at(g, gammas, i) * at(l, lambdas, i) * e);
      error[i] = e;
    }
  }
}
