/**
 * Runs the library's estimators on trajectories of a small problem: the trainers' own `advantages` and `policyLoss`,
 * in float64, on a policy that is a table of logits.
 */

import { loops } from "../backends/loops.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor, variable } from "../core/tensor.ts";
import { categoricalLogProb } from "../distributions/categorical.ts";
import type { Tabular } from "../envs/env.ts";
import type { LossColumns, Sequences } from "../estimators/batch.ts";
import { referenceKlTerm } from "../estimators/kl.ts";
import { Metrics, type PolicyLossSettings, policyLoss } from "../estimators/policy-loss.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { sequenceAdvantages } from "../estimators/sequence-advantages.ts";
import { valueDefaults } from "../estimators/value.ts";
import { tokenWeights } from "../estimators/weights.ts";
import { indexSelect } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
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
  const [state, action, oldLogProb, refLogProb, weight, advantage] = [0, 1, 2, 3, 4, 5].map(() =>
    input(k, [K, steps]),
  );
  const [logOld, logRef] = [logPolicy(behaviour, actions), logPolicy(reference, actions)];
  const baseline = value ?? exactValues(problem, logits, 1).V[steps];
  const greedy = s.baseline === "greedy" ? greedyReward(problem, logits) : 0;
  const [mask, reward, values] = [0, 1, 2].map(() => new Float64Array(n));
  const batch: Sequences = {
    sequences: K,
    steps,
    mask,
    logProb: oldLogProb.data,
    refLogProb: refLogProb.data,
    reward,
    value: values,
  };
  const tape = new Tape(k);
  const columns = { oldLogProb, refLogProb, advantage, weight } as unknown as LossColumns;
  const inLoss = s.kl?.place === "loss" ? s.kl : null;
  const settings: PolicyLossSettings = {
    surrogate: s.surrogate,
    value: valueDefaults,
    entropyWeight: 0,
    valueWeight: 0,
    plus: inLoss && referenceKlTerm(inLoss, input(k, [1], [inLoss.weight])),
  };
  const metrics = new Metrics();
  const loss = (): Tensor => {
    const rows = indexSelect(table, reshape(state, [n]));
    const logProb = reshape(categoricalLogProb(rows, reshape(action, [n])), [K, steps]);
    return policyLoss({ logProb, entropy: null, value: null }, columns, settings, metrics);
  };
  return (tuple) => {
    for (const column of [mask, reward, values]) column.fill(0);
    for (const column of [state, action, oldLogProb, refLogProb]) column.data.fill(0);
    for (const [row, { states, actions: chosen, rewards }] of tuple.entries()) {
      for (let t = 0; t < states.length; t++) {
        const i = row * steps + t;
        const at = states[t] * actions + chosen[t];
        mask[i] = 1;
        state.data[i] = states[t];
        action.data[i] = chosen[t];
        oldLogProb.data[i] = logOld[at];
        refLogProb.data[i] = logRef[at];
        reward[i] = rewards[t];
        values[i] = baseline[states[t]];
      }
    }
    tokenWeights(weight.data, mask, steps, { aggregation: s.aggregation });
    sequenceAdvantages({ advantage: advantage.data }, batch, {
      estimator: s,
      lambda,
      greedyScore: new Float64Array(K).fill(greedy),
    });
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
