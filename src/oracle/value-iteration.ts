/** Exact expected returns of small problems, by dynamic programming over states and steps left. */
import type { Tabular } from "../envs/env.ts";

/** Undiscounted return within the time limit, expected over starts and outcomes. */
export interface ExactReturns {
  /** Of the best policy, which may depend on the time. */
  readonly optimal: number;
  /** Of the policy that chooses uniformly. */
  readonly random: number;
}

/**
 *   V(s, 0) = 0;   Q(s, a, n) = Σ p·(r + V(s′, n − 1)) over outcomes, V(s′) = 0 after a terminal one
 *   V(s, n) = maxₐ Q(s, a, n), or its mean over a
 */
export function exactReturns(problem: Tabular): ExactReturns {
  return {
    optimal: fold(problem, (q) => Math.max(...q)),
    random: fold(problem, (q) => q.reduce((sum, x) => sum + x, 0) / q.length),
  };
}

function fold(problem: Tabular, combine: (q: readonly number[]) => number): number {
  const { states, actions, maxSteps, startProbabilities: start } = problem;
  let value = new Float64Array(states);
  for (let left = 1; left <= maxSteps; left++) {
    const next = value;
    value = new Float64Array(states).map((_, s) =>
      combine(
        Array.from({ length: actions }, (_, a) =>
          problem
            .outcomes(s, a)
            .reduce(
              (sum, o) => sum + o.probability * (o.reward + (o.terminated ? 0 : next[o.next])),
              0,
            ),
        ),
      ),
    );
  }
  return value.reduce((sum, v, s) => sum + start[s] * v, 0);
}
