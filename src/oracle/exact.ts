/**
 * Exact quantities of a policy, a table of logits, on a small problem: its return J, ∇J by two independent methods, its
 * entropy, its KL to another policy.
 */
import { checkLength, checkNumber } from "../core/check.ts";
import { exp } from "../core/math.ts";
import type { Tabular } from "../envs/env.ts";
import { discounted, logPolicy, probabilities, type Trajectory } from "./trajectories.ts";

/** Values with n steps left, n = 0 … maxSteps: V[n][s] and Q[n][s·actions + a]. Q[0] is not used. */
export interface Values {
  readonly V: readonly Float64Array[];
  readonly Q: readonly Float64Array[];
}

/**
 * Returns Q(s,a,n) = Σ p·(r + γV(s′,n−1)) and V(s,n) = Σ π·Q; V is 0 after a terminal outcome and with no steps left.
 */
export function exactValues(problem: Tabular, logits: ArrayLike<number>, gamma: number): Values {
  const { states, actions, maxSteps } = problem;
  checkLength("exactValues", "the logits", logits, states * actions);
  checkNumber("exactValues", "gamma", gamma, { min: 0, max: 1 });
  const pi = logPolicy(logits, actions).map((x) => exp(x));
  const V = [new Float64Array(states)];
  const Q = [new Float64Array(states * actions)];
  for (let n = 1; n <= maxSteps; n++) {
    V.push(new Float64Array(states));
    Q.push(new Float64Array(states * actions));
    for (let s = 0; s < states; s++) {
      for (let a = 0; a < actions; a++) {
        let q = 0;
        for (const o of problem.outcomes(s, a)) {
          q += o.probability * (o.reward + (o.terminated ? 0 : gamma * V[n - 1][o.next]));
        }
        Q[n][s * actions + a] = q;
        V[n][s] += pi[s * actions + a] * q;
      }
    }
  }
  return { V, Q };
}

/** Returns J = E Σ γᵗ rₜ. */
export function exactReturn(problem: Tabular, logits: ArrayLike<number>, gamma = 1): number {
  const { V } = exactValues(problem, logits, gamma);
  let sum = 0;
  for (let s = 0; s < problem.states; s++)
    sum += problem.startProbabilities[s] * V[problem.maxSteps][s];
  return sum;
}

/**
 * Returns ∇J by dynamic programming: Σₜ γᵗ Pr(sₜ = s)·π(a∣s)·(Qₜ(s,a) − Vₜ(s)) for each logit (the policy gradient
 * theorem, Sutton et al. 2000, for a softmax table).
 */
export function exactGradient(
  problem: Tabular,
  logits: ArrayLike<number>,
  gamma = 1,
): Float64Array {
  const { states, actions, maxSteps } = problem;
  const { V, Q } = exactValues(problem, logits, gamma);
  const pi = logPolicy(logits, actions).map((x) => exp(x));
  const gradient = new Float64Array(states * actions);
  forEachVisit(
    problem,
    pi,
    (s, t, visit, discount) => {
      const left = maxSteps - t;
      for (let a = 0; a < actions; a++) {
        const i = s * actions + a;
        gradient[i] += discount * visit * pi[i] * (Q[left][i] - V[left][s]);
      }
    },
    gamma,
  );
  return gradient;
}

/** Returns ∇J by definition: Σ over all trajectories of p·G·Σₜ ∇ln π(aₜ∣sₜ). */
export function enumeratedGradient(
  all: readonly Trajectory[],
  logits: ArrayLike<number>,
  actions: number,
  gamma = 1,
): Float64Array {
  const pi = logPolicy(logits, actions).map((x) => exp(x));
  const p = probabilities(all, logits, actions);
  const gradient = new Float64Array(logits.length);
  for (const [i, { states, actions: taken, rewards }] of all.entries()) {
    const weight = p[i] * discounted(rewards, gamma);
    for (let t = 0; t < states.length; t++) {
      const row = states[t] * actions;
      for (let a = 0; a < actions; a++) gradient[row + a] -= weight * pi[row + a];
      gradient[row + taken[t]] += weight;
    }
  }
  return gradient;
}

/** Returns Σₜ E KL(p(·∣sₜ)‖q(·∣sₜ)), the KL between the policies' trajectories, in nats. */
export function exactKl(problem: Tabular, p: ArrayLike<number>, q: ArrayLike<number>): number {
  const { actions } = problem;
  checkLength("exactKl", "p's logits", p, problem.states * actions);
  checkLength("exactKl", "q's logits", q, problem.states * actions);
  const [logP, logQ] = [logPolicy(p, actions), logPolicy(q, actions)];
  let kl = 0;
  forEachVisit(
    problem,
    logP.map((x) => exp(x)),
    (s, _, visit) => {
      for (let i = s * actions; i < (s + 1) * actions; i++)
        kl += visit * exp(logP[i]) * (logP[i] - logQ[i]);
    },
  );
  return kl;
}

/** Returns Σₜ E H(π(·∣sₜ)), the entropy of a trajectory's choices, in nats. */
export function exactEntropy(problem: Tabular, logits: ArrayLike<number>): number {
  const { actions } = problem;
  checkLength("exactEntropy", "the logits", logits, problem.states * actions);
  const logPi = logPolicy(logits, actions);
  let entropy = 0;
  forEachVisit(
    problem,
    logPi.map((x) => exp(x)),
    (s, _, visit) => {
      for (let i = s * actions; i < (s + 1) * actions; i++)
        entropy -= visit * exp(logPi[i]) * logPi[i];
    },
  );
  return entropy;
}

/** Calls `take` with Pr(sₜ = s) and γᵗ for every state and time of positive probability. */
function forEachVisit(
  problem: Tabular,
  pi: ArrayLike<number>,
  take: (state: number, t: number, visit: number, discount: number) => void,
  gamma = 1,
): void {
  const { states, actions, maxSteps } = problem;
  let visits = Float64Array.from({ length: states }, (_, s) => problem.startProbabilities[s]);
  for (let t = 0, discount = 1; t < maxSteps; t++, discount *= gamma) {
    const next = new Float64Array(states);
    for (let s = 0; s < states; s++) {
      if (visits[s] === 0) continue;
      take(s, t, visits[s], discount);
      for (let a = 0; a < actions; a++) {
        for (const o of problem.outcomes(s, a)) {
          if (!o.terminated) next[o.next] += visits[s] * pi[s * actions + a] * o.probability;
        }
      }
    }
    visits = next;
  }
}
