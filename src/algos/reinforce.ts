/**
 * REINFORCE, the article's method: play whole episodes with the policy, weigh each action's
 * log-probability by the return that followed, climb. Williams 1992; Sutton & Barto 2018, chapter 13.
 *
 * Differences from the textbook, each a setting:
 *   1. several episodes an update, the gradient averaged over their steps;
 *   2. a baseline: none, the batch's mean return, or a learned value (a network trained beside it);
 *   3. with a learned value, an episode cut short bootstraps from the value of its final state;
 *   4. advantages divided by their standard deviation; an entropy bonus; Adam with a clipped gradient.
 */
import { NumericError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { choice, flag, integer, real, sizes, type Values } from "../core/settings.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../distributions/categorical.ts";
import type { Dynamics } from "../envs/env.ts";
import { reinforceLoss } from "../estimators/reinforce.ts";
import { add, mul, sub } from "../ops/arithmetic.ts";
import { square } from "../ops/elementwise.ts";
import { sum } from "../ops/reduce.ts";
import { Adam } from "../optim/adam.ts";
import { clipGlobalNorm } from "../optim/clip.ts";
import { linear } from "../optim/schedule.ts";
import { Actor } from "../policies/actor.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import { discountedReturns } from "../returns/discounted.ts";
import { Episodes } from "../rollout/episodes.ts";

export const reinforceSettings = {
  hidden: sizes([32], "sizes of the hidden layers"),
  envs: integer(16, "episodes an update, played side by side", { min: 1, max: 4096 }),
  learningRate: real(0.01, "Adam's step size, annealed linearly to 0", { min: 0, max: 10 }),
  gamma: real(0.99, "discount a step", { min: 0, max: 1 }),
  baseline: choice("value", ["none", "mean", "value"], "what is taken off the return"),
  normalize: flag(true, "divide advantages by their standard deviation"),
  entropyWeight: real(0.01, "weight of the entropy bonus", { min: 0, max: 100 }),
  valueWeight: real(0.5, "weight of the value loss", { min: 0, max: 100 }),
  maxGradNorm: real(1, "gradients are clipped to this global norm", { min: 1e-9 }),
};
export type ReinforceConfig = Values<typeof reinforceSettings>;

export interface ReinforceReport {
  readonly update: number;
  readonly envSteps: number;
  readonly episodes: number;
  /** Mean undiscounted return of this update's episodes. */
  readonly meanReturn: number;
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  readonly gradNorm: number;
}

const chunk = 256; // rows of one pass forward and backward

/** Trains for as long as the caller takes reports, one after each update; anneals over `totalSteps`. */
export function* reinforce(
  model: ActorCritic,
  envs: readonly Dynamics[],
  c: ReinforceConfig,
  totalSteps: number,
  random: Random,
): Generator<ReinforceReport, never> {
  const k = model.parameters.backend;
  const adam = new Adam(model.parameters, { eps: 1e-5 });
  const learningRate = linear(c.learningRate, totalSteps);

  // ---- acting
  const actor = new Actor(model, envs.length);
  const episodes = new Episodes(envs);
  const size = episodes.observationSize;
  const n = episodes.steps * envs.length;
  const [value, nextValue, returns, advantage] = [0, 1, 2, 3].map(() => new Float32Array(n));
  const transitions = { ...episodes, value, nextValue };

  // ---- the loss of one chunk of steps; rows behind the last have weight 0
  const observation = input(k, [chunk, size]);
  const action = input(k, [chunk]);
  const weightedAdvantage = input(k, [chunk]);
  const target = input(k, [chunk]);
  const weight = input(k, [chunk]);
  const learning = new Tape(k);
  const judging = new Tape(k, { grads: false });
  const parts = { policy: 0, value: 0, entropy: 0 };
  const loss = (): Tensor => {
    const logits = model.logits(observation);
    const policyLoss = reinforceLoss(categoricalLogProb(logits, action), weightedAdvantage, 1);
    const entropy = sum(mul(categoricalEntropy(logits), weight));
    parts.policy += policyLoss.data[0];
    parts.entropy += entropy.data[0];
    const total = add(policyLoss, mul(entropy, -c.entropyWeight));
    const v = model.value(observation);
    if (v === null) return total;
    const valueLoss = sum(mul(square(sub(v, target)), weight));
    parts.value += valueLoss.data[0];
    return add(total, mul(valueLoss, c.valueWeight));
  };
  const judge = () => model.value(observation);

  /** Calls `pass` for each chunk of taken steps, its observations filled in; `at[row]` is its place. */
  const at = new Int32Array(chunk);
  function forEachChunk(pass: (rows: number) => void): void {
    let rows = 0;
    for (let i = 0; i < n; i++) {
      if (episodes.mask[i] === 0) continue;
      for (let j = 0; j < size; j++)
        observation.data[rows * size + j] = episodes.observation[i * size + j];
      at[rows++] = i;
      if (rows < chunk) continue;
      pass(rows);
      rows = 0;
    }
    if (rows > 0) pass(rows);
  }
  function judgeChunk(rows: number): void {
    const v = judging.run(judge) as Tensor;
    for (let row = 0; row < rows; row++) value[at[row]] = v.data[row];
  }
  let share = 0; // of one step in the mean
  function learnChunk(rows: number): void {
    for (const column of [action, weightedAdvantage, target, weight]) column.data.fill(0);
    for (let row = 0; row < rows; row++) {
      action.data[row] = episodes.action[at[row]];
      weightedAdvantage.data[row] = advantage[at[row]] * share;
      target.data[row] = returns[at[row]];
      weight.data[row] = share;
    }
    learning.backward(learning.run(loss));
  }

  // ---- sample, estimate, climb
  let envSteps = 0;
  for (let update = 1; ; update++) {
    const rate = learningRate(envSteps);
    const taken = episodes.collect(envs, actor, random);
    envSteps += taken;
    share = 1 / taken;
    if (c.baseline === "value") {
      forEachChunk(judgeChunk);
      fillNextValues();
    }
    discountedReturns(returns, transitions, c.gamma);
    for (let i = 0; i < n; i++) advantage[i] = returns[i] - value[i];
    center(advantage, episodes.mask, c.baseline === "mean", c.normalize);

    parts.policy = 0;
    parts.value = 0;
    parts.entropy = 0;
    forEachChunk(learnChunk);
    const gradNorm = clipGlobalNorm(adam.runs, c.maxGradNorm);
    if (!Number.isFinite(gradNorm)) {
      throw new NumericError(`reinforce: the gradient's norm is ${gradNorm} in update ${update}`);
    }
    adam.step(rate);
    yield {
      update,
      envSteps,
      episodes: update * envs.length,
      meanReturn: episodes.episodeReturn.reduce((total, r) => total + r, 0) / envs.length,
      policyLoss: parts.policy,
      valueLoss: parts.value,
      entropy: parts.entropy,
      gradNorm,
    };
  }

  /** V of the state after each step: the next row's, or at an episode's end that of its last state. */
  function fillNextValues(): void {
    nextValue.fill(0);
    for (let i = 0; i + envs.length < n; i++) nextValue[i] = value[i + envs.length];
    for (let first = 0; first < envs.length; first += chunk) {
      const rows = Math.min(chunk, envs.length - first);
      observation.data.set(episodes.finalObservation.subarray(first * size, (first + rows) * size));
      const v = judging.run(judge) as Tensor;
      for (let row = 0; row < rows; row++) {
        const e = first + row;
        nextValue[(episodes.length[e] - 1) * envs.length + e] = v.data[row];
      }
    }
  }
}

/** Takes the mean off the taken steps' numbers, and divides them by their deviation, where asked. */
function center(x: Float32Array, mask: Float32Array, mean: boolean, normalize: boolean): void {
  let count = 0;
  let total = 0;
  for (let i = 0; i < x.length; i++) {
    if (mask[i] === 0) continue;
    count++;
    total += x[i];
  }
  const m = total / count;
  let squares = 0;
  for (let i = 0; i < x.length; i++) if (mask[i] !== 0) squares += (x[i] - m) * (x[i] - m);
  const deviation = normalize && count > 1 ? Math.sqrt(squares / (count - 1)) : 1;
  const scale = 1 / (deviation + (normalize ? 1e-8 : 0));
  for (let i = 0; i < x.length; i++) x[i] = mask[i] === 0 ? 0 : (x[i] - (mean ? m : 0)) * scale;
}
