/**
 * Runs the library's estimators on trajectories of a small problem: the trainers' `sequenceAdvantages` and
 * `policyLoss`, in float64, on a policy that is a table of logits.
 */

import { loops } from "../backends/loops.ts";
import type { Backend } from "../core/backend.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor, variable } from "../core/tensor.ts";
import { categoricalLogProb } from "../distributions/categorical.ts";
import type { Tabular } from "../envs/env.ts";
import type { LossColumns, Sequences } from "../estimators/batch.ts";
import { referenceKlTerm } from "../estimators/kl.ts";
import { noMetrics, type PolicyLossSettings, policyLoss } from "../estimators/policy-loss.ts";
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
  /** Logits of the policy whose gradient is estimated, [states, actions]. */
  readonly logits: ArrayLike<number>;
  /** Logits of the policy that drew the samples. Default: `logits`. */
  readonly behaviour?: ArrayLike<number>;
  /** Logits of the reference of a KL term. Default: `behaviour`. */
  readonly reference?: ArrayLike<number>;
  /** V(s) of each state, read by baseline "value". Default: the exact value with all steps left. */
  readonly value?: ArrayLike<number>;
  /** λ of generalized advantages, read by baseline "value". Default 1: the whole reward to come. */
  readonly lambda?: number;
  /** Samples per estimate, which form one group. */
  readonly K: number;
}

/**
 * Returns a function from K trajectories to the estimate of ∇J, [states, actions]: minus the gradient of the
 * estimator's loss.
 */
export function estimator(
  setup: EstimateSetup,
  s: EstimatorSettings,
): (tuple: readonly Trajectory[]) => Float64Array {
  const { problem, logits, lambda = 1, K } = setup;
  const { actions, maxSteps: steps } = problem;
  const k = loops(Float64Array);
  const table = variable(k, [problem.states, actions], logits);
  const batch = new TupleBatch(k, setup);
  const { state, action, oldLogProb, refLogProb } = batch;
  const [weight, advantage] = [0, 1].map(() => input(k, [K, steps]));
  const columns = { oldLogProb, refLogProb, advantage, weight } as unknown as LossColumns;
  const greedy = s.baseline === "greedy" ? greedyReward(problem, logits) : 0;
  const greedyScore = new Float64Array(K).fill(greedy);
  const klInLoss = s.kl?.place === "loss" ? s.kl : null;
  const settings: PolicyLossSettings = {
    surrogate: s.surrogate,
    value: valueDefaults,
    entropyWeight: 0,
    valueWeight: 0,
    plus: klInLoss && referenceKlTerm(klInLoss, input(k, [1], [klInLoss.weight])),
  };
  const tape = new Tape(k);
  const metrics = { ...noMetrics };
  const flat = [K * steps];
  const loss = (): Tensor => {
    const rows = indexSelect(table, reshape(state, flat));
    const logProb = reshape(categoricalLogProb(rows, reshape(action, flat)), [K, steps]);
    return policyLoss({ logProb, entropy: null, value: null }, columns, settings, metrics);
  };
  return (tuple) => {
    batch.fill(tuple);
    const { aggregation } = s;
    tokenWeights(weight.data, batch.sequences.mask, steps, { aggregation });
    const options = { estimator: s, lambda, greedyScore };
    sequenceAdvantages({ advantage: advantage.data }, batch.sequences, options);
    table.grad.fill(0);
    tape.backward(tape.run(loss));
    return (table.grad as Float64Array).map((g) => -g);
  };
}

/** Columns of K trajectories, [K, steps]. */
class TupleBatch {
  readonly state: Tensor;
  readonly action: Tensor;
  readonly oldLogProb: Tensor;
  readonly refLogProb: Tensor;
  readonly sequences: Sequences & Readonly<Record<"mask" | "reward" | "value", Float64Array>>;
  private readonly problem: Tabular;
  private readonly logOld: Float64Array;
  private readonly logRef: Float64Array;
  private readonly value: ArrayLike<number>;

  constructor(k: Backend, setup: EstimateSetup) {
    const { problem, logits, behaviour = logits, reference = behaviour, K } = setup;
    const { actions, maxSteps: steps } = problem;
    const [state, action, oldLogProb, refLogProb] = [0, 1, 2, 3].map(() => input(k, [K, steps]));
    const [mask, reward, value] = [0, 1, 2].map(() => new Float64Array(K * steps));
    this.state = state;
    this.action = action;
    this.oldLogProb = oldLogProb;
    this.refLogProb = refLogProb;
    this.sequences = {
      sequences: K,
      steps,
      mask,
      logProb: oldLogProb.data,
      refLogProb: refLogProb.data,
      reward,
      value,
    };
    this.problem = problem;
    this.logOld = logPolicy(behaviour, actions);
    this.logRef = logPolicy(reference, actions);
    this.value = setup.value ?? exactValues(problem, logits, 1).V[steps];
  }

  fill(tuple: readonly Trajectory[]): void {
    const { state, action, oldLogProb, refLogProb, logOld, logRef } = this;
    const { steps, mask, reward, value } = this.sequences;
    for (const column of [mask, reward, value]) column.fill(0);
    for (const { data } of [state, action, oldLogProb, refLogProb]) data.fill(0);
    for (const [row, { states, actions, rewards }] of tuple.entries()) {
      for (let t = 0; t < states.length; t++) {
        const i = row * steps + t;
        const at = states[t] * this.problem.actions + actions[t];
        mask[i] = 1;
        state.data[i] = states[t];
        action.data[i] = actions[t];
        oldLogProb.data[i] = logOld[at];
        refLogProb.data[i] = logRef[at];
        reward[i] = rewards[t];
        value[i] = this.value[states[t]];
      }
    }
  }
}

/** Returns the expected return of the policy that always takes the likeliest action. */
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
