/**
 * REINFORCE, the article's method: play whole episodes with the policy, weigh each action's
 * log-probability by the return that followed, climb. Williams 1992; Sutton & Barto 2018, chapter 13.
 *
 * Differences from the textbook, each a setting:
 *   1. several episodes an update, the gradient averaged over their steps;
 *   2. a baseline: none, the batch's mean return, or a learned value (a network trained beside it);
 *   3. with a learned value, an episode cut short bootstraps from the value of its final state;
 *   4. advantages divided by their standard deviation, 0 where all are equal; an entropy bonus; Adam with a clipped gradient.
 */
import { SettingError } from "../core/errors.ts";
import { choice, flag, integer, real, type Values } from "../core/settings.ts";
import { Tape } from "../core/tape.ts";
import { valueDefaults } from "../estimators/value.ts";
import { Adam } from "../optim/adam.ts";
import { Actor } from "../policies/actor.ts";
import { discountedReturns } from "../returns/discounted.ts";
import { scaleByDeviation, standardize, subtractMean } from "../returns/normalize.ts";
import { Minibatch } from "../rollout/minibatch.ts";
import { Rollout } from "../rollout/rollout.ts";
import { policyGradient } from "./a2c.ts";
import { actorCriticLoss, LossParts } from "./losses.ts";
import { mustHaveDeviation, type Report, type Training } from "./training.ts";

export const reinforceSettings = {
  envs: integer(16, "episodes an update, played side by side", { min: 1, max: 4096 }),
  learningRate: real(0.01, "Adam's step size", { min: 0, max: 10 }),
  anneal: flag(true, "anneal the learning rate linearly to 0"),
  gamma: real(0.99, "discount a step", { min: 0, max: 1 }),
  baseline: choice("value", ["none", "mean", "value"], "what is taken off the return"),
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
 * Sets up, or goes on where a saved training stood, at once; then trains for as long as the caller takes reports,
 * one after each update.
 */
export function reinforce(t: Training, c: ReinforceConfig): Generator<ReinforceReport, never> {
  const { model, env, random } = t;
  const steps = Math.max(...env.envs.map((e) => e.maxSteps));
  if (!Number.isFinite(steps)) {
    throw new SettingError(
      "reinforce: expected environments whose episodes end, got one without a step limit; " +
        "wrap it in TimeLimit, or give it maxSteps",
    );
  }
  if (c.standardize) mustHaveDeviation("reinforce", "an update", steps * c.envs);
  const adam = new Adam(model.parameters, { eps: 1e-5 });

  // ---- acting
  const masked = env.mask !== null;
  const actor = new Actor(model, c.envs, { masked });
  const rollout = new Rollout(env, actor, steps);
  const n = rollout.size;
  const advantage = new Float32Array(n);
  const returns = new Float32Array(n);

  // ---- the loss of an update; of a recurrent policy, of all episodes whole
  const { entropyWeight, valueWeight } = c;
  const settings = { surrogate: policyGradient, value: valueDefaults, klWeight: 0 };
  const parts = new LossParts();
  const batch = new Minibatch(model, n, { masked, steps: rollout.steps });
  const learning = new Tape(model.parameters.backend);
  const loss = actorCriticLoss(model, batch, { ...settings, entropyWeight, valueWeight }, parts);
  const pass = (): void => learning.backward(learning.run(loss));
  const order = new Int32Array(n);
  const rescale = rescalingOf(c);
  const counted = { mask: rollout.taken };

  // ---- sample, estimate, climb
  t.begin({ adam });
  return (function* (): Generator<ReinforceReport, never> {
    for (;;) {
      t.next();
      const learningRate = c.learningRate * (c.anneal ? t.left() : 1);
      env.start();
      rollout.collect(random);
      t.count(rollout);
      discountedReturns(returns, rollout, c.gamma);
      for (let i = 0; i < n; i++) advantage[i] = returns[i] - rollout.value[i];
      rescale(advantage, counted);
      const rows = model.memorySize > 0 ? everyRow(order) : takenRows(order, rollout.taken);
      parts.clear();
      batch.forEachPart(rollout, { advantage, target: returns }, order, 0, rows, pass);
      const gradNorm = t.descend(adam, c.maxGradNorm, learningRate, learning);
      const { policyLoss, valueLoss, entropy } = parts;
      yield { ...t.report(), policyLoss, valueLoss, entropy, gradNorm, learningRate };
    }
  })();
}

/** Every row, time first. */
function everyRow(order: Int32Array): number {
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.length;
}

/** The rows of steps that were taken, first in `order`; returns how many. */
function takenRows(order: Int32Array, taken: Float32Array): number {
  let rows = 0;
  for (let i = 0; i < taken.length; i++) if (taken[i] !== 0) order[rows++] = i;
  return rows;
}

type Rescaling = (advantage: Float32Array, taken: { readonly mask: Float32Array }) => void;

/** What the settings do to the advantages of the steps taken: subtract their mean, divide by their deviation. */
function rescalingOf({ baseline, standardize: divides }: ReinforceConfig): Rescaling {
  if (baseline === "mean") {
    return divides
      ? (a, taken) => standardize(a, a, taken)
      : (a, { mask }) => subtractMean(a, a, mask);
  }
  return divides
    ? (a, taken) => scaleByDeviation(a, a, taken)
    : (a, { mask }) => {
        for (let i = 0; i < a.length; i++) if (mask[i] === 0) a[i] = 0;
      };
}
