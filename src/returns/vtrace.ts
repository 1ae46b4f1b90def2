/** V-trace: off-policy targets and advantages. */

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
} from "./transitions.ts";

export interface VtraceOptions {
  /** λ of the traces. */
  readonly lambda: PerStep;
  /** ρ̄, c̄: caps of the ratio in δ and in the trace; the paper requires ρ̄ ≥ c̄. */
  readonly rhoBar: number;
  readonly cBar: number;
  /** Cap of the ratio before the policy-gradient advantage. */
  readonly pgRhoBar: number;
}
export const vtraceDefaults: VtraceOptions = { lambda: 1, rhoBar: 1, cBar: 1, pgRhoBar: 1 };

/** Written by `vtrace`, [steps, envs]: v and Â. */
export interface VtraceResults {
  readonly target: Floats;
  readonly advantage: Floats;
}

/**
 * Writes value targets and policy-gradient advantages from another policy's data: Espeholt et al. 2018 (IMPALA),
 * arXiv:1802.01561, sections 4.1 and 4.2. With ρ = exp(logRatio) = π(a∣s)/μ(a∣s):
 *
 *   δₜ = min(ρ̄, ρₜ)·(rₜ + γ·V(sₜ₊₁) − V(sₜ))
 *   eₜ = δₜ + γ·λ·min(c̄, ρₜ)·eₜ₊₁             e = 0 after an episode's end and the last row
 *   vₜ = V(sₜ) + eₜ
 *   Âₜ = min(ρ̄ₚ, ρₜ)·(rₜ + γ·vₜ₊₁ − V(sₜ))    vₜ₊₁ = V(sₜ₊₁) + eₜ₊₁; V(sₜ₊₁) = 0 where terminated
 */
export function vtrace(
  { target, advantage }: VtraceResults,
  r: Transitions,
  logRatio: Floats,
  gamma: PerStep,
  options: Partial<VtraceOptions> = vtraceDefaults,
): void {
  const { envs, reward, value, nextValue, terminated, truncated } = r;
  const lambda = options.lambda ?? vtraceDefaults.lambda;
  const rhoBar = options.rhoBar ?? vtraceDefaults.rhoBar;
  const cBar = options.cBar ?? vtraceDefaults.cBar;
  const pgRhoBar = options.pgRhoBar ?? vtraceDefaults.pgRhoBar;
  const n = target.length;
  checkTransitions("vtrace", n, r, gamma);
  checkLength("vtrace", "advantage", advantage, n);
  checkLength("vtrace", "logRatio", logRatio, n);
  checkUnit("vtrace", "lambda", lambda, n);
  if (!(rhoBar >= 0 && cBar >= 0 && pgRhoBar >= 0))
    throw new RangeError(
      `vtrace: expected caps of at least 0, got ${rhoBar}, ${cBar}, ${pgRhoBar}`,
    );
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const l = fixed(lambda);
  const lambdas = varying(lambda);
  const e = new Float64Array(envs); // of the next step
  for (let row = n - envs; row >= 0; row -= envs) {
    for (let env = 0; env < envs; env++) {
      const i = row + env;
      const later = terminated[i] !== 0 || truncated[i] !== 0 ? 0 : e[env];
      const discount = at(g, gammas, i);
      const rho = exp(logRatio[i]);
      const next = terminated[i] !== 0 ? 0 : nextValue[i];
      const v = value[i];
      const tdError = reward[i] + discount * next - v;
      advantage[i] = Math.min(pgRhoBar, rho) * (tdError + discount * later);
      e[env] =
        Math.min(rhoBar, rho) * tdError +
        discount * at(l, lambdas, i) * Math.min(cBar, rho) * later;
      target[i] = v + e[env];
    }
  }
}
