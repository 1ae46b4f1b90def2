/**
 * An actor-learner with V-trace: Espeholt et al. 2018 (IMPALA), arXiv:1802.01561. The actor plays with weights that are
 * up to `lag` updates old. V-trace corrects for the difference.
 *
 * Differences from the paper:
 *   1. one process: the lag is a setting; in the paper it results from the machines;
 *   2. V of the final state of a truncated episode is the actor's;
 *   3. policy and critic are two networks (or one body, `shared`).
 */
import { exp } from "../core/math.ts";
import { integer, real, settle, type Values } from "../core/settings.ts";
import { Tape } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";
import { Rmsprop } from "../optim/rmsprop.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import type { Transitions } from "../returns/transitions.ts";
import { vtrace } from "../returns/vtrace.ts";
import { Rollout } from "../rollout/rollout.ts";
import { RolloutGradient } from "./policy-gradient.ts";
import { collected, descend, type Report, type Training, weightsOf } from "./training.ts";

export const impalaSettings = {
  envs: integer(8, "environments side by side", { min: 1, max: 4096 }),
  rollout: integer(20, "steps per environment between updates", { min: 1, max: 100_000 }),
  lag: integer(4, "updates after which the actor gets the learner's weights", { min: 1 }),
  learningRate: real(7e-4, "RMSprop's step size, annealed linearly to 0", { min: 0, max: 10 }),
  gamma: real(0.99, "discount per step", { min: 0, max: 1 }),
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
  /** Mean of ρ, the learner's π over the actor's. */
  readonly meanRatio: number;
  /** Mean of ln²ρ. */
  readonly meanSquaredLogRatio: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Updates between the weights that the rollout was sampled with and its use; only where it was asked for ahead. */
  readonly staleness?: number;
}

/**
 * Sets up or resumes a training at once. Then trains for as long as the caller takes reports, one after each update.
 */
export function impala(t: Training, given: Partial<ImpalaConfig>): Generator<ImpalaReport, never> {
  const c = settle(impalaSettings, given);
  const { model, env, random } = t;
  const optimizer = new Rmsprop(model.parameters, { alpha: 0.99, eps: 0.01, epsInsideRoot: true });
  const masked = env.mask !== null;
  const behavior = new ActorCritic(model.parameters.backend, model.options, random.split());
  const actor = new Actor(behavior, t.env.envs.length, { masked });
  const rollout = new Rollout(env, actor, c.rollout);
  const critic = new Actor(model, env.envs.length, { masked }); // evaluates the states that the rollout ends in
  const gradient = new RolloutGradient(model, rollout, { ...c, whole: true });
  const { learner } = gradient;
  const learned = new LearnersEvaluation(rollout, gradient);

  t.learned = { rollout, advantage: gradient.advantage };
  t.restoreOrStart({ optimizer, actor, behavior: weightsOf(behavior.parameters) });
  return (function* (): Generator<ImpalaReport, never> {
    for (;;) {
      t.next();
      if ((t.update - 1) % c.lag === 0) copyWeights(behavior, model);
      const learningRate = c.learningRate * t.left();
      yield* collected(rollout, random);
      t.count(rollout);
      critic.state.set(actor.state);
      learned.evaluate(critic.valuesOf(env.observation));
      vtrace(gradient, learned.transitions, learned.logRatio, c.gamma, c);
      gradient.accumulate();
      const gradNorm = descend(optimizer, c.maxGradNorm, learningRate, learner.tape, t.update);
      yield {
        ...t.report(),
        ...learner.metrics.losses(),
        ...ratioMetrics(learned.logRatio),
        gradNorm,
        learningRate,
      };
    }
  })();
}

function copyWeights(to: ActorCritic, from: ActorCritic): void {
  for (const [i, { data }] of to.parameters.list.entries()) data.set(from.parameters.list[i].data);
}

/** The learner's ln π and V of a rollout that the actor played. */
class LearnersEvaluation {
  /** ln π of the learner less that of the actor, [steps, envs]. */
  readonly logRatio: Float32Array;
  /** The rollout's transitions with the learner's values. */
  readonly transitions: Transitions;
  private readonly value: Float32Array;
  private readonly nextValue: Float32Array;
  private readonly logProb: Float32Array;
  private readonly rollout: Rollout;
  private readonly gradient: RolloutGradient;
  private readonly tape: Tape;

  constructor(rollout: Rollout, gradient: RolloutGradient) {
    const [logRatio, value, nextValue, logProb] = [0, 1, 2, 3].map(
      () => new Float32Array(rollout.size),
    );
    this.logRatio = logRatio;
    this.value = value;
    this.nextValue = nextValue;
    this.logProb = logProb;
    this.transitions = { ...rollout, value, nextValue };
    this.rollout = rollout;
    this.gradient = gradient;
    this.tape = new Tape(gradient.chunks.parameters.backend, { grads: false });
  }

  /** Evaluates the rollout; `lastValue`, [envs], is V of the states that follow its last row. */
  evaluate(lastValue: ArrayLike<number>): void {
    const { rollout, logRatio, logProb, value, nextValue, tape } = this;
    const { chunks, rows } = this.gradient;
    const { size, envs } = rollout;
    const pass = (): void => {
      const outputs = chunks.evaluate({ entropy: true });
      chunks.spill(outputs.logProb, logProb);
      chunks.spill(outputs.value as Tensor, value);
    };
    chunks.forEachChunk(rows, 0, size, () => tape.run(pass));
    for (let i = 0; i < size; i++) {
      logRatio[i] = logProb[i] - rollout.logProb[i];
      const next = i + envs;
      if (rollout.truncated[i] !== 0) nextValue[i] = rollout.nextValue[i];
      else nextValue[i] = next < size ? value[next] : lastValue[next - size];
    }
  }
}

/** Returns the means of ρ and of ln²ρ. */
function ratioMetrics(logRatio: Float32Array): {
  meanRatio: number;
  meanSquaredLogRatio: number;
} {
  let ratios = 0;
  let squares = 0;
  for (let i = 0; i < logRatio.length; i++) {
    ratios += exp(logRatio[i]);
    squares += logRatio[i] * logRatio[i];
  }
  return { meanRatio: ratios / logRatio.length, meanSquaredLogRatio: squares / logRatio.length };
}
