/** The work that benches and peers do alike: a PPO minibatch update and acting, through the public API. */
import type { Backend } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input, type Parameter, Parameters, type Tensor } from "../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../src/distributions/categorical.ts";
import { gaussianEntropy, gaussianLogProb } from "../src/distributions/gaussian.ts";
import { surrogateLoss } from "../src/estimators/surrogate.ts";
import { valueLoss } from "../src/estimators/value.ts";
import { Mlp } from "../src/nn/mlp.ts";
import { add, mul } from "../src/ops/arithmetic.ts";
import { reshape } from "../src/ops/layout.ts";
import { sum } from "../src/ops/reduce.ts";
import { Adam } from "../src/optim/adam.ts";
import { clipGlobalNorm } from "../src/optim/clip.ts";

export interface UpdateSize {
  readonly observation: number;
  readonly hidden: number;
  readonly actions: number;
  readonly continuous: boolean;
  readonly batch: number;
}
/** What the benches time: a small discrete control task, and a continuous one of MuJoCo's size. */
export const updateSizes: Readonly<Record<string, UpdateSize>> = {
  "4-64-64-2 B=64": { observation: 4, hidden: 64, actions: 2, continuous: false, batch: 64 },
  "4-64-64-2 B=256": { observation: 4, hidden: 64, actions: 2, continuous: false, batch: 256 },
  "4-64-64-2 B=2048": { observation: 4, hidden: 64, actions: 2, continuous: false, batch: 2048 },
  "17-256-256-6 B=64": { observation: 17, hidden: 256, actions: 6, continuous: true, batch: 64 },
  "17-256-256-6 B=256": { observation: 17, hidden: 256, actions: 6, continuous: true, batch: 256 },
};

/** Parameters by name, and the batch, time after time the same. */
export interface UpdateData {
  readonly parameters: Readonly<Record<string, ArrayLike<number>>>;
  readonly observation: ArrayLike<number>;
  readonly action: ArrayLike<number>;
  readonly advantage: ArrayLike<number>;
  readonly oldLogProb: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

export interface Update {
  /** One update on the whole batch; returns its loss. */
  readonly step: () => number;
  readonly parameters: Parameters;
  /** The batch, advantages normalized. */
  readonly data: Omit<UpdateData, "parameters">;
}

const chunk = 128; // rows of one pass: activations of more leave the cache

/**
 * PPO on one minibatch: clipped surrogate (0.2) on advantages normalized over the minibatch, ½·mean squared
 * value error, entropy bonus 0.01, gradients clipped to norm 0.5, Adam with 2.5e-4 and eps 1e-5. Actor and
 * critic apart, tanh; a Gaussian's log-deviations are free.
 */
export function ppoUpdate(k: Backend, size: UpdateSize, data?: UpdateData): Update {
  const { observation: inputs, hidden, actions, continuous, batch } = size;
  const random = new Random(1);
  const parameters = new Parameters(k);
  const layers = [inputs, hidden, hidden];
  const actor = new Mlp(parameters, "actor", [...layers, actions], random, { outputGain: 0.01 });
  const critic = new Mlp(parameters, "critic", [...layers, 1], random);
  const logStd = continuous ? parameters.add("logStd", [actions]) : null;
  const adam = new Adam(parameters, { learningRate: 2.5e-4, eps: 1e-5 });
  for (const [name, values] of Object.entries(data?.parameters ?? {})) {
    (parameters.get(name) as Parameter).data.set(values);
  }

  const normal = (n: number): Float32Array => {
    const x = new Float32Array(n);
    random.fillNormal(x);
    return x;
  };
  const all = {
    observation: data?.observation ?? normal(batch * inputs),
    action:
      data?.action ??
      (continuous
        ? normal(batch * actions)
        : Float32Array.from({ length: batch }, (_, i) => i % 2)),
    advantage: normalized(data?.advantage ?? normal(batch)),
    oldLogProb:
      data?.oldLogProb ?? new Float32Array(batch).fill(continuous ? -1.4 * actions : -Math.LN2),
    target: data?.target ?? normal(batch),
  };

  const rows = Math.min(batch, chunk);
  const observation = input(k, [rows, inputs]);
  const action = input(k, continuous ? [rows, actions] : [rows]);
  const [advantage, oldLogProb, target] = [0, 1, 2].map(() => input(k, [rows]));
  const weight = input(k, [rows], new Float32Array(rows).fill(1 / batch));
  const tape = new Tape(k);
  const loss = (): Tensor => {
    const head = actor.forward(observation);
    const logProb =
      logStd === null ? categoricalLogProb(head, action) : gaussianLogProb(head, logStd, action);
    const entropy = logStd === null ? categoricalEntropy(head) : gaussianEntropy(head, logStd);
    const value = reshape(critic.forward(observation), [rows]);
    const policy = surrogateLoss(logProb, oldLogProb, advantage, weight);
    const bonus = mul(sum(mul(entropy, weight)), -0.01);
    return add(policy, add(bonus, mul(valueLoss(value, target, weight), 0.5)));
  };
  const fill = (to: Tensor, from: ArrayLike<number>, start: number): void => {
    const n = to.data.length / rows;
    for (let i = 0, j = start * n; i < to.data.length; i++, j++) to.data[i] = from[j];
  };
  return {
    parameters,
    data: all,
    step() {
      let total = 0;
      for (let start = 0; start < batch; start += rows) {
        fill(observation, all.observation, start);
        fill(action, all.action, start);
        fill(advantage, all.advantage, start);
        fill(oldLogProb, all.oldLogProb, start);
        fill(target, all.target, start);
        const l = tape.run(loss);
        tape.backward(l);
        total += l.data[0];
      }
      clipGlobalNorm(adam.runs, 0.5);
      adam.step();
      return total;
    },
  };
}

/** (x − mean)/(deviation + 1e-8), ddof 1. */
function normalized(x: ArrayLike<number>): Float32Array {
  const y = Float32Array.from(x);
  const mean = y.reduce((a, b) => a + b, 0) / y.length;
  const variance = y.reduce((a, b) => a + (b - mean) ** 2, 0) / (y.length - 1);
  return y.map((v) => (v - mean) / (Math.sqrt(variance) + 1e-8));
}
