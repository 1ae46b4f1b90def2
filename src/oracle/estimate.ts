/**
 * Runs the library's estimators on trajectories of a small problem: the same ops, scans and settings that
 * trainers use, in float64, on a policy that is a table of logits.
 */
import { loops } from "../backends/loops.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor, variable } from "../core/tensor.ts";
import { categoricalLogProb } from "../distributions/categorical.ts";
import type { Tabular } from "../envs/env.ts";
import { klLoss, klOf } from "../estimators/kl.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { surrogateLoss } from "../estimators/surrogate.ts";
import { tokenWeights } from "../estimators/weights.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { indexSelect } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
import { tokenGae } from "../returns/gae.ts";
import { groupShares } from "../returns/group.ts";
import { exactValues } from "./exact.ts";
import { logPolicy, type Trajectory } from "./trajectories.ts";

export interface EstimateSetup {
  readonly problem: Tabular;
  /** The policy whose gradient is estimated. */
  readonly logits: ArrayLike<number>;
  /** The policy that drew the samples; its own by default. */
  readonly behaviour?: ArrayLike<number>;
  /** The reference of a KL term; the behaviour by default. */
  readonly reference?: ArrayLike<number>;
  /** For baseline "value": V(s) of each state; exact from the start by default. */
  readonly value?: ArrayLike<number>;
  /** For baseline "value": λ of the generalized advantage; 1 by default, the whole reward to come. */
  readonly lambda?: number;
  /** Samples of an estimate: one group. */
  readonly K: number;
}

/** A function from K trajectories to the estimate of ∇J: minus the gradient of the estimator's loss. */
export function estimator(
  {
    problem,
    logits,
    behaviour = logits,
    reference = behaviour,
    value,
    lambda = 1,
    K,
  }: EstimateSetup,
  s: EstimatorSettings,
): (tuple: readonly Trajectory[]) => Float64Array {
  const k = loops(Float64Array);
  const { actions, maxSteps: steps } = problem;
  const n = K * steps;
  const table = variable(k, [problem.states, actions], logits);
  const [state, action, old, ref, weight, advantage] = [0, 1, 2, 3, 4, 5].map(() =>
    input(k, [K, steps]),
  );
  const [logOld, logRef] = [logPolicy(behaviour, actions), logPolicy(reference, actions)];
  const baseline = value ?? exactValues(problem, logits, 1).V[steps];
  const greedy = s.baseline === "greedy" ? greedyReward(problem, logits) : 0;
  const [mask, tokenReward, tokenValue] = [0, 1, 2].map(() => new Float64Array(n));
  const [reward, shares] = [new Float64Array(K), new Float64Array(K)];
  const tape = new Tape(k);
  const flat = [n];
  const shape = [K, steps];
  const loss = (): Tensor => {
    const rows = indexSelect(table, reshape(state, flat));
    const logProb = reshape(categoricalLogProb(rows, reshape(action, flat)), shape);
    const policy = surrogateLoss(logProb, old, advantage, weight, s.surrogate);
    if (s.kl === null || s.kl.place === "reward") return policy;
    return add(policy, mul(klLoss(logProb, ref, weight, s.kl), s.kl.weight));
  };
  return (tuple) => {
    for (const column of [mask, tokenReward, tokenValue]) column.fill(0);
    for (const column of [state, action, old, ref]) column.data.fill(0);
    for (const [row, { states, actions: taken, rewards }] of tuple.entries()) {
      reward[row] = -greedy;
      for (let t = 0; t < states.length; t++) {
        const i = row * steps + t;
        const at = states[t] * actions + taken[t];
        mask[i] = 1;
        state.data[i] = states[t];
        action.data[i] = taken[t];
        old.data[i] = logOld[at];
        ref.data[i] = logRef[at];
        const penalty =
          s.kl?.place === "reward" ? s.kl.weight * klOf(logOld[at], logRef[at], s.kl) : 0;
        tokenReward[i] = rewards[t] - penalty;
        tokenValue[i] = baseline[states[t]];
        reward[row] += tokenReward[i];
      }
    }
    tokenWeights(weight.data, mask, steps, { aggregation: s.aggregation });
    if (s.baseline === "value") {
      tokenGae(advantage.data, tokenReward, tokenValue, mask, steps, 1, lambda);
    } else {
      groupShares(shares, reward, s, K);
      // a token that is not there has weight 0
      for (let i = 0; i < n; i++) advantage.data[i] = shares[Math.floor(i / steps)];
    }
    table.grad.fill(0);
    tape.backward(tape.run(loss));
    return (table.grad as Float64Array).map((g) => -g);
  };
}

/** The reward of the likeliest actions' trajectory, expected over the environment's chances. */
function greedyReward(problem: Tabular, logits: ArrayLike<number>): number {
  const { actions } = problem;
  const sharp = Float64Array.from(logits, () => -1e9);
  for (let row = 0; row < sharp.length; row += actions) {
    let best = 0;
    for (let a = 1; a < actions; a++) if (logits[row + a] > logits[row + best]) best = a;
    sharp[row + best] = 0;
  }
  const { V } = exactValues(problem, sharp, 1);
  let sum = 0;
  for (let s = 0; s < problem.states; s++)
    sum += problem.startProbabilities[s] * V[problem.maxSteps][s];
  return sum;
}
