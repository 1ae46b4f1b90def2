/**
 * An actor-learner with V-trace: Espeholt et al. 2018 (IMPALA), arXiv:1802.01561. The actor plays with
 * weights that are up to `lag` updates old; V-trace corrects for the difference.
 *
 * Differences from the paper:
 *   1. one process: the lag is a setting, where the paper's comes from its machines;
 *   2. V of an episode's final state, where it was cut short, is the actor's;
 *   3. policy and critic are two networks (or one body, `shared`).
 */
import { exp } from "../core/math.ts";
import { integer, real, type Values } from "../core/settings.ts";
import { Tape } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";
import { valueDefaults } from "../estimators/value.ts";
import { meanWeights } from "../estimators/weights.ts";
import { Rmsprop } from "../optim/rmsprop.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import { vtrace } from "../returns/vtrace.ts";
import { Rollout } from "../rollout/rollout.ts";
import { RolloutChunks } from "../rollout/rollout-chunks.ts";
import { policyGradient } from "./a2c.ts";
import { Learner } from "./improve.ts";
import { descend, type Report, type Training, weightsOf } from "./training.ts";

export const impalaSettings = {
  envs: integer(8, "environments side by side", { min: 1, max: 4096 }),
  rollout: integer(20, "steps an environment takes between updates", { min: 1, max: 100_000 }),
  lag: integer(4, "updates after which the actor gets the learner's weights", { min: 1 }),
  learningRate: real(7e-4, "RMSprop's step size, annealed linearly to 0", { min: 0, max: 10 }),
  gamma: real(0.99, "discount a step", { min: 0, max: 1 }),
  lambda: real(1, "V-trace's trace decay", { min: 0, max: 1 }),
  rhoBar: real(1, "cap ρ̄ of the ratio in the errors", { min: 1e-6 }),
  cBar: real(1, "cap c̄ of the ratio in the traces", { min: 1e-6 }),
  entropyWeight: real(0.01, "weight of the entropy bonus", { min: 0, max: 100 }),
  valueWeight: real(0.5, "weight of the value loss", { min: 0, max: 100 }),
  maxGradNorm: real(0.5, "gradients are clipped to this global norm", { min: 1e-9 }),
};
export type ImpalaConfig = Values<typeof impalaSettings>;

export interface ImpalaReport extends Report {
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  /** Mean of ρ, and of ln ρ's square: how far actor and learner are apart. */
  readonly meanRatio: number;
  readonly meanSquaredLogRatio: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

/**
 * Sets up, or goes on where a saved training stood, at once; then trains for as long as the caller takes reports,
 * one after each update.
 */
export function impala(t: Training, c: ImpalaConfig): Generator<ImpalaReport, never> {
  const { model, env, random } = t;
  const { backend: k } = model.parameters;
  const size = c.envs * c.rollout;
  const optimizer = new Rmsprop(model.parameters, { alpha: 0.99, eps: 0.01, epsInsideRoot: true });

  // ---- acting, by a copy
  const masked = env.mask !== null;
  const behavior = new ActorCritic(k, model.options, random.split());
  const actor = new Actor(behavior, c.envs, { masked });
  const rollout = new Rollout(env, actor, c.rollout);
  const critic = new Actor(model, c.envs, { masked }); // its V of the states that the rollout ends in
  const [advantage, target, logProb, logRatio, value, nextValue, weight] = Array.from(
    { length: 7 },
    () => new Float32Array(size),
  );
  const judged = { ...rollout, value, nextValue };

  // ---- the learner's V and ln π of the rollout
  const chunks = new RolloutChunks(model, rollout, size, { masked, steps: c.rollout, whole: true });
  const order = Int32Array.from({ length: size }, (_, i) => i);
  const looking = new Tape(k, { grads: false });
  const look = (): void => {
    const evaluation = chunks.evaluate({ entropy: true });
    chunks.spill(evaluation.logProb, logProb);
    chunks.spill(evaluation.value as Tensor, value);
  };

  // ---- the loss of an update
  const learner = new Learner(
    chunks,
    { oldLogProb: rollout.logProb, advantage, weight, target, oldValue: rollout.value },
    {
      surrogate: policyGradient,
      value: valueDefaults,
      entropyWeight: c.entropyWeight,
      valueWeight: c.valueWeight,
    },
  );

  // ---- collect, estimate, improve
  t.restoreOrStart({ optimizer, actor, behavior: weightsOf(behavior.parameters) });
  return (function* (): Generator<ImpalaReport, never> {
    for (;;) {
      t.next();
      if ((t.update - 1) % c.lag === 0) {
        for (const [i, { data }] of behavior.parameters.list.entries()) {
          data.set(model.parameters.list[i].data);
        }
      }
      const learningRate = c.learningRate * t.left();
      rollout.collect(random);
      t.count(rollout);
      chunks.forEachChunk(order, 0, size, () => looking.run(look));
      for (let i = 0; i < size; i++) logRatio[i] = logProb[i] - rollout.logProb[i];
      critic.state.set(actor.state);
      const reached = critic.valuesOf(env.observation);
      for (let i = 0; i < size; i++) {
        const last = i + c.envs >= size;
        if (rollout.truncated[i] !== 0) nextValue[i] = rollout.nextValue[i];
        else nextValue[i] = last ? reached[i + c.envs - size] : value[i + c.envs];
      }
      vtrace(target, advantage, judged, logRatio, c.gamma, c);
      meanWeights(weight, rollout.mask, order);
      learner.metrics.clear();
      learner.accumulate(order, 0, size);
      const gradNorm = descend(optimizer, c.maxGradNorm, learningRate, learner.tape, t.update);
      yield {
        ...t.report(),
        ...learner.metrics.losses(),
        ...apart(logRatio),
        gradNorm,
        learningRate,
      };
    }
  })();
}

function apart(logRatio: Float32Array): { meanRatio: number; meanSquaredLogRatio: number } {
  let ratios = 0;
  let squares = 0;
  for (let i = 0; i < logRatio.length; i++) {
    ratios += exp(logRatio[i]);
    squares += logRatio[i] * logRatio[i];
  }
  return { meanRatio: ratios / logRatio.length, meanSquaredLogRatio: squares / logRatio.length };
}
