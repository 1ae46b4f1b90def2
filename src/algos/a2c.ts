/**
 * Advantage actor-critic, the synchronous form of A3C: Mnih et al. 2016, arXiv:1602.01783, algorithm S3.
 *
 * Differences from the paper:
 *   1. the environments step together, and one optimizer step learns from all of them, in place of workers;
 *   2. policy and critic are two networks (or one body, `shared`);
 *   3. GAE with λ, which at 1 is the paper's n-step advantage;
 *   4. an episode cut short (truncated) bootstraps from the value of its final state.
 */
import { choice, flag, integer, real, settle, type Values } from "../core/settings.ts";
import { gaeAdvantages } from "../estimators/advantages.ts";
import { Adam } from "../optim/adam.ts";
import { Rmsprop } from "../optim/rmsprop.ts";
import { Actor } from "../policies/actor.ts";
import { explainedVariance, standardize } from "../returns/normalize.ts";
import { Rollout } from "../rollout/rollout.ts";
import { RolloutGradient } from "./policy-gradient.ts";
import {
  collected,
  descend,
  mustHaveDeviation,
  popArtOf,
  type Report,
  type Training,
} from "./training.ts";

export const a2cSettings = {
  envs: integer(8, "environments side by side", { min: 1, max: 4096 }),
  rollout: integer(5, "steps per environment between updates", { min: 1, max: 100_000 }),
  optimizer: choice("rmsprop", ["rmsprop", "adam"], "optimizer"),
  learningRate: real(7e-4, "step size", { min: 0, max: 10 }),
  anneal: flag(true, "anneal the learning rate linearly to 0"),
  gamma: real(0.99, "discount per step", { min: 0, max: 1 }),
  lambda: real(1, "GAE's trace decay", { min: 0, max: 1 }),
  standardize: flag(false, "standardize advantages within each update"),
  entropyWeight: real(0, "weight of the entropy bonus", { min: 0, max: 100 }),
  valueWeight: real(0.5, "weight of the value loss", { min: 0, max: 100 }),
  popArt: real(0, "rate of PopArt's statistics of value targets; 0: targets as they are", {
    min: 0,
    max: 1,
  }),
  maxGradNorm: real(0.5, "gradients are clipped to this global norm", { min: 1e-9 }),
};
export type A2cConfig = Values<typeof a2cSettings>;

export interface A2cReport extends Report {
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  readonly explainedVariance: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

/**
 * Sets up or resumes a training at once. Then trains for as long as the caller takes reports, one after each update.
 */
export function a2c(t: Training, given: Partial<A2cConfig>): Generator<A2cReport, never> {
  const c = settle(a2cSettings, given);
  const { model, env, random } = t;
  const size = env.envs.length * c.rollout;
  if (c.standardize) mustHaveDeviation("a2c", "an update", size);
  const optimizer =
    c.optimizer === "adam"
      ? new Adam(model.parameters, { eps: 1e-5 })
      : new Rmsprop(model.parameters, { alpha: 0.99, eps: 1e-5 });

  const actor = new Actor(model, env.envs.length, { masked: env.mask !== null });
  const rollout = new Rollout(env, actor, c.rollout);
  const gradient = new RolloutGradient(model, rollout, c);
  const { advantage, target, learner } = gradient;

  t.learned = { rollout, advantage: gradient.advantage };
  t.restoreOrStart({ optimizer, actor, ...popArtOf(model) });
  return (function* (): Generator<A2cReport, never> {
    for (;;) {
      t.next();
      const learningRate = c.learningRate * (c.anneal ? t.left() : 1);
      yield* collected(rollout, random);
      t.count(rollout);
      gaeAdvantages(gradient, rollout, c.gamma, c.lambda);
      model.popArt?.update(target, c.popArt);
      if (c.standardize) standardize(advantage, advantage);
      gradient.accumulate();
      const gradNorm = descend(optimizer, c.maxGradNorm, learningRate, learner.tape, t.update);
      yield {
        ...t.report(),
        ...learner.metrics.losses(),
        explainedVariance: explainedVariance(rollout.value, target),
        gradNorm,
        learningRate,
      };
    }
  })();
}
