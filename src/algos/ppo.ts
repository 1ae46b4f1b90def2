/**
 * Proximal policy optimization, clipped: Schulman et al. 2017, arXiv:1707.06347, algorithm 1.
 *
 * Differences from the paper, all of them common practice:
 *   1. advantages are standardized within each minibatch; a last minibatch of one row, which has no standard deviation,
 *      joins the one before it;
 *   2. policy and critic are two networks (or one body, `shared`) trained on one summed loss;
 *   3. gradients are clipped to a global norm; learning rate and clip range may be annealed;
 *   4. an episode cut short (truncated) bootstraps from the value of its final state;
 *   5. optional: value clipping, dual clip, an early end of the epochs at a KL, and beside the clip a KL penalty with
 *      adaptive weight (the paper's section 4, estimated from samples);
 *   6. a recurrent policy learns on whole sequences from stored start states, which are reset where an episode starts.
 */
import { SettingError } from "../core/errors.ts";
import { choice, flag, integer, real, settle, type Values } from "../core/settings.ts";
import { gaeAdvantages } from "../estimators/advantages.ts";
import { adaptiveKlWeight } from "../estimators/kl.ts";
import type { PolicyLossSettings } from "../estimators/policy-loss.ts";
import { type SurrogateSettings, surrogateDefaults } from "../estimators/surrogate.ts";
import { meanWeights } from "../estimators/weights.ts";
import { Adam } from "../optim/adam.ts";
import { Actor } from "../policies/actor.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import { explainedVariance, standardizeRows } from "../returns/normalize.ts";
import { Rollout } from "../rollout/rollout.ts";
import { minibatchEnd, RolloutChunks, shuffleRows } from "../rollout/rollout-chunks.ts";
import { improve, Learner } from "./improve.ts";
import {
  collected,
  keptNumber,
  mustHaveDeviation,
  popArtOf,
  type Report,
  type Training,
} from "./training.ts";

export const ppoSettings = {
  envs: integer(8, "environments side by side", { min: 1, max: 4096 }),
  rollout: integer(128, "steps per environment between updates", { min: 1, max: 100_000 }),
  epochs: integer(4, "passes over a rollout", { min: 1, max: 1000 }),
  minibatch: integer(256, "environment steps per optimizer step, at most a rollout's", {
    min: 1,
    max: 1_000_000,
  }),
  learningRate: real(3e-4, "Adam's step size", { min: 0, max: 10 }),
  anneal: flag(true, "anneal the learning rate linearly to 0"),
  gamma: real(0.99, "discount per step", { min: 0, max: 1 }),
  lambda: real(0.95, "GAE's trace decay", { min: 0, max: 1 }),
  clipRange: real(0.2, "ε of the clip", { min: 1e-6 }),
  annealClip: flag(false, "anneal ε linearly to 0 too"),
  dualClip: real(0, "c > 1 of the dual clip; 0 for none", { min: 0 }),
  valueClip: choice("none", ["none", "max", "single"], "clip the value loss about the old values"),
  standardize: flag(true, "standardize advantages within each minibatch"),
  entropyWeight: real(0, "weight of the entropy bonus", { min: 0, max: 100 }),
  valueWeight: real(0.5, "weight of the value loss", { min: 0, max: 100 }),
  popArt: real(0, "rate of PopArt's statistics of value targets; 0: targets as they are", {
    min: 0,
    max: 1,
  }),
  maxGradNorm: real(0.5, "gradients are clipped to this global norm", { min: 1e-9 }),
  stopKl: real(0, "end the epochs at 1.5 times this KL to the old policy; 0: never", { min: 0 }),
  klWeight: real(0, "weight of a KL penalty at the start; 0 for none", { min: 0 }),
  targetKl: real(0.01, "the KL that the penalty's weight is adapted to", { min: 1e-9 }),
};
export type PpoConfig = Values<typeof ppoSettings>;

export interface PpoReport extends Report {
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  /** KL(old‖new) in nats, mean over the last epoch. */
  readonly approximateKl: number;
  /** Fraction of ratios outside the clip range (`Metrics.outsideFraction`, SB3's clip_fraction). */
  readonly clipFraction: number;
  readonly explainedVariance: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Updates between the weights that the rollout was sampled with and its use; only where it was asked for ahead. */
  readonly staleness?: number;
}

/**
 * Sets up or resumes a training at once. Then trains for as long as the caller takes reports, one after each update.
 */
export function ppo(t: Training, given: Partial<PpoConfig>): Generator<PpoReport, never> {
  const c = settle(ppoSettings, given);
  const { model, env, random } = t;
  const size = env.envs.length * c.rollout;
  const minibatch = Math.min(c.minibatch, size);
  checkConfig(model, c, size, minibatch);
  const adam = new Adam(model.parameters, { eps: 1e-5 });
  const masked = env.mask !== null;
  const actor = new Actor(model, env.envs.length, { masked });
  const rollout = new Rollout(env, actor, c.rollout);
  const [advantage, target, standardized, weight] = [0, 1, 2, 3].map(() => new Float32Array(size));
  const settings = lossSettings(model, c);
  const learner = new Learner(
    new RolloutChunks(model, rollout, minibatch, { masked, steps: c.rollout }),
    {
      oldLogProb: rollout.logProb,
      advantage: c.standardize ? standardized : advantage,
      weight,
      target,
      oldValue: rollout.value,
    },
    settings,
    t.team,
  );
  t.learned = { rollout, advantage: c.standardize ? standardized : advantage };
  const order = new Int32Array(size);
  const scratch = new Float64Array(minibatch + 1);
  const recurrent = model.memorySize > 0;
  const sequences = recurrent ? { steps: c.rollout, envs: env.envs.length, size: minibatch } : null;
  const least = c.standardize ? 2 : 1; // one row alone has no standard deviation

  t.restoreOrStart({ adam, actor, klWeight: keptNumber(settings, "klWeight"), ...popArtOf(model) });
  return (function* (): Generator<PpoReport, never> {
    for (;;) {
      t.next();
      const learningRate = c.learningRate * (c.anneal ? t.left() : 1);
      if (c.annealClip) settings.surrogate = clipped(c, Math.max(c.clipRange * t.left(), 1e-6));
      yield* collected(rollout, random);
      t.count(rollout);
      gaeAdvantages({ advantage, target }, rollout, c.gamma, c.lambda);
      model.popArt?.update(target, c.popArt);

      const gradNorm = improve(t, learner, adam, order, {
        ...c,
        learningRate,
        shuffle: () => shuffleRows(order, random, sequences),
        minibatchEnd: (first) => minibatchEnd(first, minibatch, size, least),
        prepare(_, first, end) {
          const rows = order.subarray(first, end);
          if (c.standardize) standardizeRows(standardized, advantage, rows, scratch);
          return meanWeights(weight, rollout.mask, rows);
        },
      });
      const { approximateKl, outsideFraction: clipFraction } = learner.metrics;
      if (settings.klWeight > 0)
        settings.klWeight = adaptiveKlWeight(settings.klWeight, approximateKl, c.targetKl);

      yield {
        ...t.report(),
        ...learner.metrics.losses(),
        approximateKl,
        clipFraction,
        explainedVariance: explainedVariance(rollout.value, target),
        gradNorm,
        learningRate,
      };
    }
  })();
}

/** Throws SettingError for settings that do not go together. */
function checkConfig(model: ActorCritic, c: PpoConfig, size: number, minibatch: number): void {
  if (model.memorySize > 0 && (minibatch % c.rollout !== 0 || size % minibatch !== 0)) {
    throw new SettingError(
      `ppo: expected minibatches of whole sequences for a recurrent policy: a multiple of rollout ` +
        `${c.rollout} that divides ${size}, got ${minibatch}`,
    );
  }
  if (model.popArt !== null && c.valueClip !== "none") {
    throw new SettingError(
      `ppo: expected valueClip=none with popArt, whose units change, got ${c.valueClip}`,
    );
  }
  if (c.dualClip > 0 && c.dualClip <= 1)
    throw new SettingError(`ppo: expected dualClip above 1, or 0 for none, got ${c.dualClip}`);
  if (c.standardize) mustHaveDeviation("ppo", "a minibatch", minibatch);
}

/** Returns the settings of the loss; the surrogate and the KL's weight change between updates. */
const lossSettings = (
  model: ActorCritic,
  c: PpoConfig,
): PolicyLossSettings & { klWeight: number } => ({
  surrogate: clipped(c, c.clipRange),
  value: Object.freeze({ clip: c.valueClip, clipRange: c.clipRange }),
  entropyWeight: c.entropyWeight,
  valueWeight: c.valueWeight,
  valueScale: model.popArt?.inverseVariance,
  klWeight: c.klWeight,
});

const clipped = ({ dualClip }: PpoConfig, clip: number): SurrogateSettings =>
  Object.freeze({
    ...surrogateDefaults,
    clipLow: clip,
    clipHigh: clip,
    dualClip: dualClip || null,
  });
