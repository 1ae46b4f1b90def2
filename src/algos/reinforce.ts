/**
 * REINFORCE, the article's method: plays whole episodes with the policy, weights the log-probability of each action by
 * the return that followed, and ascends. Williams 1992; Sutton & Barto 2018, chapter 13.
 *
 * Differences from the textbook, each a setting:
 *   1. several episodes per update; the gradient is averaged over their steps;
 *   2. a baseline: none, the batch's mean return, or a learned value (a network trained beside it);
 *   3. with a learned value, a truncated episode bootstraps from the value of its final state;
 *   4. advantages are divided by their standard deviation, or 0 if all are equal; an entropy bonus; Adam with a clipped
 *      gradient.
 */
import { choice, flag, integer, real, settle, type Values } from "../core/settings.ts";
import { returnAdvantages } from "../estimators/advantages.ts";
import { Adam } from "../optim/adam.ts";
import { Actor } from "../policies/actor.ts";
import { Rollout } from "../rollout/rollout.ts";
import { RolloutGradient } from "./policy-gradient.ts";
import {
  collected,
  descend,
  longestEpisode,
  mustHaveDeviation,
  type Report,
  type Training,
} from "./training.ts";

export const reinforceSettings = {
  envs: integer(16, "episodes per update, played side by side", { min: 1, max: 4096 }),
  learningRate: real(0.01, "Adam's step size", { min: 0, max: 10 }),
  anneal: flag(true, "anneal the learning rate linearly to 0"),
  gamma: real(0.99, "discount per step", { min: 0, max: 1 }),
  baseline: choice("value", ["none", "mean", "value"], "baseline subtracted from the return"),
  standardize: flag(true, "divide advantages by their standard deviation"),
  entropyWeight: real(0.01, "weight of the entropy bonus", { min: 0, max: 100 }),
  valueWeight: real(0.5, "weight of the value loss", { min: 0, max: 100 }),
  maxGradNorm: real(1, "gradients are clipped to this global norm", { min: 1e-9 }),
};
export type ReinforceConfig = Values<typeof reinforceSettings>;

export interface ReinforceReport extends Report {
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

/**
 * Sets up or resumes a training at once. Then trains for as long as the caller takes reports, one after each update.
 */
export function reinforce(
  t: Training,
  given: Partial<ReinforceConfig>,
): Generator<ReinforceReport, never> {
  const c = settle(reinforceSettings, given);
  const { model, env, random } = t;
  const steps = longestEpisode("reinforce", env);
  if (c.standardize) mustHaveDeviation("reinforce", "an update", steps * t.env.envs.length);
  const adam = new Adam(model.parameters, { eps: 1e-5 });
  const actor = new Actor(model, env.envs.length, { masked: env.mask !== null });
  const rollout = new Rollout(env, actor, steps);
  const gradient = new RolloutGradient(model, rollout, c); // of −Â·ln π
  const { learner } = gradient;
  const order = new Int32Array(rollout.size);
  const estimator = {
    baseline: c.baseline,
    scale: c.standardize ? "batch" : "none",
    ddof: 1,
    eps: 1e-8,
  } as const;

  t.learned = { rollout, advantage: gradient.advantage };
  t.restoreOrStart({ adam });
  return (function* (): Generator<ReinforceReport, never> {
    for (;;) {
      t.next();
      const learningRate = c.learningRate * (c.anneal ? t.left() : 1);
      env.start();
      yield* collected(rollout, random);
      t.count(rollout);
      returnAdvantages(gradient, rollout, c.gamma, estimator);
      const recurrent = model.memorySize > 0; // takes all episodes whole
      gradient.accumulate(recurrent ? gradient.rows : decidedRows(order, rollout.mask));
      const gradNorm = descend(adam, c.maxGradNorm, learningRate, learner.tape, t.update);
      yield { ...t.report(), ...learner.metrics.losses(), gradNorm, learningRate };
    }
  })();
}

/** Returns the rows of the steps that were taken, written to `order`. */
function decidedRows(order: Int32Array, mask: Float32Array): Int32Array {
  let rows = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) order[rows++] = i;
  return order.subarray(0, rows);
}
