/**
 * Generalized advantage estimation: Schulman et al. 2016, arXiv:1506.02438, equation 16.
 *
 *   δₜ = rₜ + γ·(1 − terminatedₜ)·V(sₜ₊₁) − V(sₜ)
 *   Âₜ = δₜ + γλ·(1 − doneₜ)·Âₜ₊₁            doneₜ = terminatedₜ or truncatedₜ
 */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import {
  at,
  checkRows,
  checkTransitions,
  checkUnit,
  fixed,
  type PerStep,
  type Transitions,
  varying,
} from "./transitions.ts";

/**
 * Writes generalized advantages.
 *
 * @param advantage written: Â, [steps, envs]; may be `reward`
 */
export function gae(advantage: Floats, r: Transitions, gamma: PerStep, lambda: PerStep): void {
  const n = advantage.length;
  checkTransitions("gae", n, r, gamma);
  checkUnit("gae", "lambda", lambda, n);
  const { envs, reward, value, nextValue, terminated, truncated } = r;
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const l = fixed(lambda);
  const lambdas = varying(lambda);
  const A = new Float64Array(envs); // of the next step
  for (let row = n - envs; row >= 0; row -= envs) {
    for (let env = 0; env < envs; env++) {
      const i = row + env;
      const discount = at(g, gammas, i);
      const next = terminated[i] !== 0 ? 0 : nextValue[i];
      const delta = reward[i] + discount * next - value[i];
      const later = terminated[i] !== 0 || truncated[i] !== 0 ? 0 : A[env];
      advantage[i] = A[env] = delta + discount * at(l, lambdas, i) * later;
    }
  }
}

/** Columns of token sequences, [batch, steps] row-major. */
export interface TokenColumns {
  readonly reward: Floats;
  readonly value: Floats;
  /** 0 at the prompt, at a tool's answer inside the completion, and at padding. */
  readonly mask: Floats;
  readonly steps: number;
}

/**
 * Â of token sequences. Positions with mask 0 are skipped: they are not read, and their Â is 0. "Next" is the next
 * position with mask 1, however far; nothing follows the last one.
 *
 * @param advantage written: Â, [batch, steps]; may be `reward`
 */
export function tokenGae(
  advantage: Floats,
  { reward, value, mask, steps }: TokenColumns,
  gamma: number,
  lambda: number,
): void {
  const n = advantage.length;
  checkRows("tokenGae", steps, n);
  checkLength("tokenGae", "reward", reward, n);
  checkLength("tokenGae", "value", value, n);
  checkLength("tokenGae", "mask", mask, n);
  checkUnit("tokenGae", "gamma", gamma, n);
  checkUnit("tokenGae", "lambda", lambda, n);
  for (let start = 0; start < n; start += steps) {
    let A = 0;
    let next = 0;
    for (let i = start + steps - 1; i >= start; i--) {
      if (mask[i] !== 0) {
        A = reward[i] + gamma * next - value[i] + gamma * lambda * A;
        next = value[i];
      }
      advantage[i] = mask[i] !== 0 ? A : 0;
    }
  }
}
