/** Whole updates of an actor-critic, PPO's and A2C's, through the trainers' own loss, minibatches and step. */

import { Learner } from "../../../src/algos/improve.ts";
import { policyGradient } from "../../../src/algos/policy-gradient.ts";
import { descend } from "../../../src/algos/training.ts";
import { Random } from "../../../src/core/random.ts";
import { box, discrete } from "../../../src/envs/space.ts";
import type { PolicyLossSettings } from "../../../src/estimators/policy-loss.ts";
import { surrogateDefaults } from "../../../src/estimators/surrogate.ts";
import { meanWeights } from "../../../src/estimators/weights.ts";
import { Adam } from "../../../src/optim/adam.ts";
import { Rmsprop } from "../../../src/optim/rmsprop.ts";
import { ActorCritic } from "../../../src/policies/actor-critic.ts";
import { standardizeRows } from "../../../src/returns/normalize.ts";
import { RolloutChunks } from "../../../src/rollout/rollout-chunks.ts";
import { backendFor } from "../backend.ts";
import { close, decode } from "../compare.ts";
import type { VectorTensor, WholeCase } from "../types.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes and cases have whatever form the file gives
type Any = any;
type Tensors = Record<string, VectorTensor>;

const ours = (theirs: string): string =>
  theirs === "logStd" ? "policy.logStd" : theirs.replace(/^actor\./, "policy.");

function modelOf(c: Any): ActorCritic {
  const initial: Tensors = c.initial;
  const hidden = Object.keys(initial)
    .filter((name) => /^actor\.\d+\.weight$/.test(name))
    .map((name) => initial[name].shape[0]);
  const [outputs] = initial["actor.head.weight"].shape;
  const continuous = initial.logStd !== undefined;
  const model = new ActorCritic(
    backendFor(Float32Array),
    {
      observation: box(-Infinity, Infinity, [c.inputs.obs.shape[1]]),
      action: continuous ? box(-Infinity, Infinity, [outputs]) : discrete(outputs),
      hidden,
      critic: true,
    },
    new Random(0),
  );
  for (const [name, tensor] of Object.entries(initial)) {
    const parameter = model.parameters.get(ours(name));
    if (parameter === undefined) throw new Error(`no parameter ${ours(name)}`);
    parameter.data.set(decode(tensor));
  }
  return model;
}

function settingsOf(op: string, a: Any): PolicyLossSettings {
  const clip = a.clip ?? 0.2;
  return {
    surrogate:
      op === "a2cUpdate"
        ? policyGradient
        : { ...surrogateDefaults, clipLow: clip, clipHigh: clip, dualClip: a.dualClip ?? null },
    value: { clip: a.valueClip ?? "none", clipRange: a.valueClipRange ?? clip },
    entropyWeight: a.entropyCoef,
    valueWeight: a.valueCoef,
    klWeight: 0,
  };
}

function optimizerOf(model: ActorCritic, a: Any) {
  if (a.optimizer === "RMSprop") {
    return new Rmsprop(model.parameters, { learningRate: a.lr, alpha: a.alpha, eps: a.eps });
  }
  const [beta1, beta2] = a.betas;
  return new Adam(model.parameters, { learningRate: a.lr, beta1, beta2, eps: a.eps });
}

function* update(c: Any): Generator<string | null> {
  const { attrs: a, inputs, tol, expected } = c;
  const model = modelOf(c);
  const optimizer = optimizerOf(model, a);
  const n = inputs.obs.shape[0];
  const standardizes = a.normalizeAdvantage !== "no" && a.normalizeAdvantage !== false;
  const near = (what: string, got: ArrayLike<number>, want: VectorTensor | number[]) => {
    const numbers = Array.isArray(want) ? want : decode(want, false);
    const wrong = close(got, numbers, tol);
    return wrong === null ? null : `${what}${wrong}`;
  };
  const source = {
    envs: 1,
    observation: Float32Array.from(decode(inputs.obs)),
    action: Float32Array.from(decode(inputs.actions)),
    actionMask: new Float32Array(0),
    reset: new Float32Array(n),
    noise: new Float32Array(0),
    startState: new Float32Array(0),
  };
  const advantage = Float32Array.from(decode(inputs.advantages));
  const target = Float32Array.from(decode(inputs.returns));
  const scaled = advantage.slice();
  const weight = new Float32Array(n);
  const mask = new Float32Array(n).fill(1);
  const columns = {
    oldLogProb: Float32Array.from(decode(inputs.oldLogProbs)),
    oldValue: Float32Array.from(decode(inputs.oldValues)),
    advantage: scaled,
    target,
    weight,
  };
  const learner = new Learner(
    new RolloutChunks(model, source, a.batchSize),
    columns,
    settingsOf(c.op, a),
  );
  let step = 0;
  for (const permutation of c.permutations) {
    const order = Int32Array.from(permutation as number[]);
    for (let first = 0; first + a.batchSize <= n; first += a.batchSize, step++) {
      const end = first + a.batchSize;
      if (standardizes) standardizeRows(scaled, advantage, order.slice(first, end));
      learner.metrics.clear();
      learner.metrics.beginStep(1);
      meanWeights(weight, mask, order.subarray(first, end));
      learner.accumulate(order, first, end);
      if (step === 0) {
        for (const [name, want] of Object.entries(expected.firstMinibatch.grads as Tensors)) {
          yield near(`grad ${name}`, model.parameters.get(ours(name))?.grad ?? [], want);
        }
      }
      const norm = descend(optimizer, a.maxGradNorm, a.lr, learner.tape, 1);
      const { policyLoss, valueLoss, entropy } = learner.metrics.losses();
      const { outsideFraction: clipFraction, approximateKl } = learner.metrics;
      const total = policyLoss + a.valueCoef * valueLoss - a.entropyCoef * entropy;
      const figures = { loss: total, policyLoss, valueLoss, entropy, gradNormBeforeClip: norm };
      // A2C forms no ratio, and the file says 0 there
      const ratios = c.op === "a2cUpdate" ? [0, 0] : [clipFraction, approximateKl];
      const all: Record<string, number> = {
        ...figures,
        clipFraction: ratios[0],
        approxKl: ratios[1],
      };
      for (const [name, want] of Object.entries(
        expected.perMinibatch as Record<string, number[]>,
      )) {
        yield near(`minibatch ${step} ${name}`, [all[name]], [want[step]]);
      }
    }
  }
  for (const [name, want] of Object.entries(expected.final as Tensors)) {
    yield near(`final ${name}`, model.parameters.get(ours(name))?.data ?? [], want);
  }
}

const whole: WholeCase = (c) => {
  for (const complaint of update(c)) if (complaint !== null) return complaint;
  return null;
};

export const networksMlp: Record<string, WholeCase> = { ppoUpdate: whole, a2cUpdate: whole };
