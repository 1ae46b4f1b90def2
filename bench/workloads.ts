/** Workloads shared by benches and peers: a PPO minibatch update and acting, through the public API. */
import type { Backend } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input, Parameters, type Tensor } from "../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../src/distributions/categorical.ts";
import { gaussianEntropy, gaussianLogProb } from "../src/distributions/gaussian.ts";
import { surrogateLoss } from "../src/estimators/surrogate.ts";
import { type ValueSettings, valueLoss } from "../src/estimators/value.ts";
import { Mlp } from "../src/nn/mlp.ts";
import { add, mul } from "../src/ops/arithmetic.ts";
import { reshape } from "../src/ops/layout.ts";
import { sum } from "../src/ops/reduce.ts";
import { Adam } from "../src/optim/adam.ts";
import { clipGlobalNorm } from "../src/optim/clip.ts";
import { standardize } from "../src/returns/normalize.ts";

export interface UpdateSize {
  readonly observation: number;
  readonly hidden: number;
  readonly actions: number;
  readonly continuous: boolean;
  readonly batch: number;
}
/** The sizes to time: a small discrete control task, and a continuous one of MuJoCo's size. */
export const updateSizes: Readonly<Record<string, UpdateSize>> = {
  "4-64-64-2 B=64": { observation: 4, hidden: 64, actions: 2, continuous: false, batch: 64 },
  "4-64-64-2 B=256": { observation: 4, hidden: 64, actions: 2, continuous: false, batch: 256 },
  "4-64-64-2 B=2048": { observation: 4, hidden: 64, actions: 2, continuous: false, batch: 2048 },
  "17-256-256-6 B=64": { observation: 17, hidden: 256, actions: 6, continuous: true, batch: 64 },
  "17-256-256-6 B=256": { observation: 17, hidden: 256, actions: 6, continuous: true, batch: 256 },
};

export interface UpdateBatch {
  readonly observation: Float32Array;
  readonly action: Float32Array;
  readonly advantage: Float32Array;
  readonly oldLogProb: Float32Array;
  readonly oldValue: Float32Array;
  readonly target: Float32Array;
}

export interface Update {
  /** Runs one update on the whole batch; returns its loss. */
  readonly step: () => number;
  readonly parameters: Parameters;
  /** The batch; advantages are not normalized yet. */
  readonly data: UpdateBatch;
}

export const adamOptions = { learningRate: 2.5e-4, eps: 1e-5 };
const chunk = 128; // rows per pass: activations of more exceed the cache

/** Forward and backward on rows of the batch; gradients are added to the parameters. */
export interface UpdatePart {
  readonly parameters: Parameters;
  readonly run: (first: number, end: number) => number;
}

const clippedValue: ValueSettings = Object.freeze({ clip: "max", clipRange: 0.2 });

/**
 * Returns PPO's loss on rows of a minibatch with normalized advantages: surrogate and value clipped (0.2), half
 * the squared value error weighted by ½, entropy bonus 0.01. Separate actor and critic, tanh; a Gaussian's
 * log-deviations are parameters.
 */
export function ppoPart(k: Backend, size: UpdateSize, batch: UpdateBatch): UpdatePart {
  const { observation: inputs, hidden, actions, continuous, batch: total } = size;
  const random = new Random(1);
  const parameters = new Parameters(k);
  const layers = [inputs, hidden, hidden];
  const actor = new Mlp(parameters, "actor", [...layers, actions], random, { outputGain: 0.01 });
  const critic = new Mlp(parameters, "critic", [...layers, 1], random);
  const logStd = continuous ? parameters.add("logStd", [actions]) : null;

  const rows = Math.min(total, chunk);
  const observation = input(k, [rows, inputs]);
  const action = input(k, continuous ? [rows, actions] : [rows]);
  const [advantage, oldLogProb, oldValue, target, weight] = Array.from({ length: 5 }, () =>
    input(k, [rows]),
  );
  const tape = new Tape(k);
  const flat = Object.freeze([rows]);
  const loss = (): Tensor => {
    const head = actor.forward(observation);
    const logProb =
      logStd === null ? categoricalLogProb(head, action) : gaussianLogProb(head, logStd, action);
    const entropy = logStd === null ? categoricalEntropy(head) : gaussianEntropy(head, logStd);
    const value = reshape(critic.forward(observation), flat);
    const policy = surrogateLoss(logProb, oldLogProb, advantage, weight);
    const bonus = mul(sum(mul(entropy, weight)), -0.01);
    const error = valueLoss(value, target, weight, oldValue, clippedValue);
    return add(policy, add(bonus, mul(error, 0.25)));
  };
  const fill = (to: Tensor, from: Float32Array, start: number, count: number): void => {
    const n = to.data.length / rows;
    for (let i = 0, j = start * n; i < count * n; i++, j++) to.data[i] = from[j];
  };
  const run = (first: number, end: number): number => {
    let sumOfLosses = 0;
    for (let start = first; start < end; start += rows) {
      const count = Math.min(rows, end - start);
      fill(observation, batch.observation, start, count);
      fill(action, batch.action, start, count);
      fill(advantage, batch.advantage, start, count);
      fill(oldLogProb, batch.oldLogProb, start, count);
      fill(oldValue, batch.oldValue, start, count);
      fill(target, batch.target, start, count);
      for (let i = 0; i < rows; i++) weight.data[i] = i < count ? 1 / total : 0;
      const l = tape.run(loss);
      tape.backward(l);
      sumOfLosses += l.data[0];
    }
    return sumOfLosses;
  };
  return { parameters, run };
}

/** Returns a batch from a fixed seed. */
export function updateBatch(size: UpdateSize): UpdateBatch {
  const { observation, actions, continuous, batch } = size;
  const random = new Random(2);
  const normal = (n: number): Float32Array => {
    const x = new Float32Array(n);
    random.fillNormal(x);
    return x;
  };
  return {
    observation: normal(batch * observation),
    action: continuous
      ? normal(batch * actions)
      : Float32Array.from({ length: batch }, (_, i) => i % actions),
    advantage: normal(batch),
    oldLogProb: new Float32Array(batch).fill(continuous ? -1.4 * actions : -Math.LN2),
    oldValue: normal(batch),
    target: normal(batch),
  };
}

/** Returns the whole update: normalized advantages, the loss on all rows, gradients clipped to norm 0.5, Adam. */
export function ppoUpdate(k: Backend, size: UpdateSize): Update {
  const data = updateBatch(size);
  const advantage = new Float32Array(size.batch);
  const { parameters, run } = ppoPart(k, size, { ...data, advantage });
  const adam = new Adam(parameters, adamOptions);
  return {
    parameters,
    data,
    step() {
      standardize(advantage, data.advantage);
      const loss = run(0, size.batch);
      clipGlobalNorm(adam.regions, 0.5);
      adam.step();
      return loss;
    },
  };
}
