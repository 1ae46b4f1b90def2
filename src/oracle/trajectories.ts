/** Enumerates all episodes of a small problem, under policies that are tables of logits [states, actions]. */
import { checkInteger, checkLength } from "../core/check.ts";
import { exp, log } from "../core/math.ts";
import type { Tabular } from "../envs/env.ts";

export interface Trajectory {
  /** State and action of each step. */
  readonly states: readonly number[];
  readonly actions: readonly number[];
  readonly rewards: readonly number[];
  /** Probability of the environment's choices: the start and the outcomes. */
  readonly chance: number;
}

const mostTrajectories = 200_000;

/** Returns the number of trajectories without enumerating them. */
function count(problem: Tabular): number {
  const { states, actions, maxSteps, startProbabilities: start } = problem;
  let from = new Float64Array(states).fill(1); // one path with no step left
  for (let left = 1; left <= maxSteps; left++) {
    const next = from;
    from = new Float64Array(states);
    for (let s = 0; s < states; s++)
      for (let a = 0; a < actions; a++)
        for (const o of problem.outcomes(s, a))
          if (o.probability !== 0) from[s] += o.terminated ? 1 : next[o.next];
  }
  return from.reduce((sum, n, s) => sum + (start[s] > 0 ? n : 0), 0);
}

/** Returns all trajectories in a fixed order. Throws RangeError for more than 200,000. */
export function trajectories(problem: Tabular): Trajectory[] {
  if (count(problem) > mostTrajectories)
    throw new RangeError(`trajectories: expected at most ${mostTrajectories} of them, got more`);
  const all: Trajectory[] = [];
  const walk = (state: number, path: Trajectory): void => {
    for (let action = 0; action < problem.actions; action++) {
      for (const { probability, next, reward, terminated } of problem.outcomes(state, action)) {
        if (probability === 0) continue;
        const longer = {
          states: [...path.states, state],
          actions: [...path.actions, action],
          rewards: [...path.rewards, reward],
          chance: path.chance * probability,
        };
        if (!terminated && longer.states.length < problem.maxSteps) walk(next, longer);
        else all.push(longer);
      }
    }
  };
  for (let s = 0; s < problem.states; s++) {
    const chance = problem.startProbabilities[s];
    if (chance > 0) walk(s, { states: [], actions: [], rewards: [], chance });
  }
  return all;
}

/** Returns ln π(a∣s) for all states and actions: the log-softmax of each row. */
export function logPolicy(logits: ArrayLike<number>, actions: number): Float64Array {
  const out = Float64Array.from(logits);
  for (let row = 0; row < out.length; row += actions) {
    let max = -Infinity;
    for (let a = 0; a < actions; a++) max = Math.max(max, out[row + a]);
    let sum = 0;
    for (let a = 0; a < actions; a++) sum += exp(out[row + a] - max);
    const logSum = max + log(sum);
    for (let a = 0; a < actions; a++) out[row + a] -= logSum;
  }
  return out;
}

/** Returns the probability of each trajectory under a policy. */
export function probabilities(
  all: readonly Trajectory[],
  logits: ArrayLike<number>,
  actions: number,
): Float64Array {
  checkInteger("probabilities", "the actions", actions, { min: 1 });
  const states = all.reduce((most, t) => t.states.reduce((n, s) => Math.max(n, s + 1), most), 0);
  if (logits.length % actions !== 0 || logits.length < states * actions)
    checkLength("probabilities", "the logits", logits, states * actions);
  const logPi = logPolicy(logits, actions);
  return Float64Array.from(all, ({ states, actions: taken, chance }) => {
    let sum = 0;
    for (let t = 0; t < states.length; t++) sum += logPi[states[t] * actions + taken[t]];
    return chance * exp(sum);
  });
}

/** Returns Σ γᵗ rₜ. */
export function discounted(rewards: readonly number[], gamma: number): number {
  let sum = 0;
  for (let t = rewards.length - 1; t >= 0; t--) sum = rewards[t] + gamma * sum;
  return sum;
}
