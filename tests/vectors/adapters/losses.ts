/** Control losses and token losses: policy objectives from logits, with the parts the cases name. */
import { input, type Tensor } from "../../../src/core/tensor.ts";
import {
  categoricalEntropy,
  categoricalKl,
  categoricalLogProb,
} from "../../../src/distributions/categorical.ts";
import {
  adaptiveKlWeight,
  type KlSettings,
  klDefaults,
  klLoss,
  klOf,
  klShapedRewards,
} from "../../../src/estimators/kl.ts";
import {
  diagnostics,
  ratios,
  type SurrogateSettings,
  surrogateDefaults,
  surrogateLoss,
} from "../../../src/estimators/surrogate.ts";
import { valueLoss } from "../../../src/estimators/value.ts";
import { type Aggregation, tokenWeights } from "../../../src/estimators/weights.ts";
import * as o from "../../../src/ops/index.ts";
import { groupMean, groupStandardize, leaveOneOut } from "../../../src/returns/group.ts";
import { standardize } from "../../../src/returns/normalize.ts";
import { backendFor } from "../backend.ts";
import { decode } from "../compare.ts";
import { runGraph } from "../graph.ts";
import type { Adapter, Float, Output, VectorCase } from "../types.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes are whatever the file says
type Attrs = Record<string, any>;
type Inputs = Record<string, Tensor>;

/** A case's data that carries no gradient, as plain numbers; `hold` makes constants of the same backend. */
interface Held {
  readonly c: VectorCase;
  readonly a: Attrs;
  data(name: string): Float64Array;
  hold(shape: readonly number[], values: ArrayLike<number>): Tensor;
}

/** The loss's graph is rebuilt for each run, so its constants are made once, before. */
function lossAdapter(
  make: (h: Held) => (inputs: Inputs) => Inputs,
  after?: (h: Held, got: Record<string, Output>) => void,
): Adapter {
  return (c, float) => {
    const k = backendFor(float);
    const h: Held = {
      c,
      a: c.attrs ?? {},
      data: (name) => decode(c.inputs[name]),
      hold: (shape, values) => input(k, shape, values),
    };
    const got = runGraph(c, float, make(h), k);
    after?.(h, got);
    return got;
  };
}
const halfLog2Pi = 0.5 * Math.log(2 * Math.PI);
function gaussianLogProb(mean: Tensor, logStd: Tensor, value: Tensor): Tensor {
  const z = o.div(o.sub(value, mean), o.exp(logStd));
  return o.sum(o.neg(o.add(o.add(o.mul(o.square(z), 0.5), logStd), halfLog2Pi)), -1);
}
const gaussianEntropy = (mean: Tensor, logStd: Tensor): Tensor =>
  o.sum(o.add(o.add(logStd, o.mul(mean, 0)), halfLog2Pi + 0.5), -1);
const ones = (h: Held, shape: readonly number[], value: number): Tensor =>
  h.hold(shape, new Float64Array(shape.reduce((n, m) => n * m, 1)).fill(value));

/** ln π and entropy of a case's policy, categorical or diagonal normal. */
function policyOf(i: Inputs): { logProb: Tensor; entropy: Tensor } {
  if (i.logits !== undefined) {
    const action = i.actions ?? i.tokens;
    return { logProb: categoricalLogProb(i.logits, action), entropy: categoricalEntropy(i.logits) };
  }
  return {
    logProb: gaussianLogProb(i.mean, i.logStd, i.actions),
    entropy: gaussianEntropy(i.mean, i.logStd),
  };
}

const reinforceSettings: SurrogateSettings = { ...surrogateDefaults, form: "reinforce" };
const reinforce = (logProb: Tensor, advantage: Tensor, weight: Tensor): Tensor =>
  surrogateLoss(logProb, o.stopGradient(logProb), advantage, weight, reinforceSettings);

/** (x − mean)/(std + 1e-8), unbiased, where asked. */
function advantages(h: Held, values: Float64Array): Float64Array {
  if (h.a.normalizeAdvantage) standardize(values, values);
  return values;
}

const actorCritic = lossAdapter((h) => {
  const n = h.c.inputs.returns.shape[0];
  const [returns, values] = [h.data("returns"), h.data("values")];
  const advantage = h.hold(
    [n],
    advantages(
      h,
      returns.map((r, i) => r - values[i]),
    ),
  );
  const [weight, target] = [ones(h, [n], 1 / n), h.hold([n], returns)];
  return (i) => {
    const { logProb, entropy } = policyOf(i);
    const policyLoss = reinforce(logProb, advantage, weight);
    const value = valueLoss(i.values, target, weight);
    const meanEntropy = o.mean(entropy);
    const loss = o.add(policyLoss, o.mul(value, h.a.valueCoef));
    return {
      loss: h.a.entropyCoef ? o.sub(loss, o.mul(meanEntropy, h.a.entropyCoef)) : loss,
      policyLoss,
      valueLoss: value,
      entropy: meanEntropy,
    };
  };
});

const ppo = lossAdapter((h) => {
  const n = h.c.inputs.advantages.shape[0];
  const advantage = h.hold([n], advantages(h, h.data("advantages")));
  const [weight, old] = [ones(h, [n], 1 / n), h.hold([n], h.data("oldLogProbs"))];
  const [target, oldValue] = [h.hold([n], h.data("returns")), h.hold([n], h.data("oldValues"))];
  const { clip, clipValue, dualClip, valueClip, valueCoef, entropyCoef } = h.a;
  const settings = { ...surrogateDefaults, clipLow: clip, clipHigh: clip, dualClip };
  const valueSettings = { clip: valueClip, clipRange: clipValue };
  return (i) => {
    const { logProb, entropy } = policyOf(i);
    const policyLoss = surrogateLoss(logProb, old, advantage, weight, settings);
    const value = valueLoss(i.values, target, weight, oldValue, valueSettings);
    const meanEntropy = o.mean(entropy);
    const d = diagnostics(policyLoss);
    return {
      loss: o.sub(o.add(policyLoss, o.mul(value, valueCoef)), o.mul(meanEntropy, entropyCoef)),
      policyLoss,
      valueLoss: value,
      entropy: meanEntropy,
      ratio: h.hold([n], ratios(policyLoss)),
      clipFraction: h.hold([], [d.outsideFraction]),
      approxKl: h.hold([], [d.approximateKl]),
      approxKlK1: h.hold([], [d.approximateKlK1]),
    };
  };
});

/** Token losses: the weights of a case's mask under its normalizer. */
function weightsOf(h: Held, aggregation: Aggregation): Tensor {
  const { shape } = h.c.inputs.mask;
  const weight = new Float64Array(shape[0] * shape[1]);
  tokenWeights(weight, h.data("mask"), shape[1], {
    aggregation,
    ...(h.a.maxLength ? { maxLength: h.a.maxLength } : {}),
  });
  return h.hold(shape, weight);
}

/** A/(std of all rewards + 1e-4), unbiased. */
function divideByDeviation(advantage: Float64Array, rewards: Float64Array): void {
  const mean = rewards.reduce((a, b) => a + b, 0) / rewards.length;
  const squares = rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (rewards.length - 1));
  for (let i = 0; i < advantage.length; i++) advantage[i] /= deviation + 1e-4;
}

const k3: KlSettings = klDefaults;

const grpo = lossAdapter((h) => {
  const { shape } = h.c.inputs.mask;
  const mask = h.data("mask");
  const advantage = new Float64Array(shape[0]);
  const rewards = h.data("rewards");
  if (h.a.scaleRewards === "group") groupStandardize(advantage, rewards, h.a.groupSize);
  else groupMean(advantage, rewards, h.a.groupSize);
  if (h.a.scaleRewards === "batch") divideByDeviation(advantage, rewards);
  const [weight, A, old] = [
    weightsOf(h, h.a.normalizer),
    h.hold([shape[0]], advantage),
    h.hold(shape, h.data("oldLogProbs")),
  ];
  const ref = h.c.inputs.refLogProbs === undefined ? null : h.hold(shape, h.data("refLogProbs"));
  const tokenMean = new Float64Array(mask.length);
  tokenWeights(tokenMean, mask, shape[1], { aggregation: "token" });
  const perToken = h.hold(shape, tokenMean);
  const { form, ratioLevel, clipLow, clipHigh, delta, beta, entropyCoef } = h.a;
  // the peer's CISPO has one bound, on the ratio itself
  const clip =
    form === "cispo" ? { clipLow: Infinity, clipHigh: clipHigh - 1 } : { clipLow, clipHigh };
  const settings: SurrogateSettings = { form, ratioLevel, ...clip, delta, dualClip: null };
  // its clip fraction counts by PPO's rule, whatever the form
  const counted = (policy: Tensor, logProb: Tensor): Tensor =>
    form === "cispo"
      ? surrogateLoss(logProb, old, A, weight, { ...surrogateDefaults, clipLow, clipHigh })
      : policy;
  return (i) => {
    const { logProb, entropy } = policyOf(i);
    const policy = surrogateLoss(logProb, old, A, weight, settings);
    const r = ratios(policy);
    const sequence = ratioLevel === "sequence";
    let loss = policy;
    const more: Inputs = {};
    if (ref !== null && beta !== 0) {
      loss = o.add(loss, o.mul(klLoss(logProb, ref, weight, k3), beta));
      more.kl = klLoss(logProb, ref, perToken, k3);
    }
    if (entropyCoef !== 0) {
      more.entropy = o.sum(o.mul(entropy, perToken));
      loss = o.sub(loss, o.mul(more.entropy, entropyCoef));
    }
    return {
      loss,
      advantages: A,
      ratio: sequence
        ? h.hold(
            [shape[0], 1],
            Array.from({ length: shape[0] }, (_, row) => r[row * shape[1]]),
          )
        : ratioLevel === "token"
          ? o.exp(o.sub(logProb, old)) // the peer shows masked positions too
          : h.hold(shape, r),
      clipFraction: h.hold([], [diagnostics(counted(policy, logProb)).clipFraction]),
      ...more,
    };
  };
});

const rloo = lossAdapter((h) => {
  const { shape } = h.c.inputs.mask;
  const advantage = new Float64Array(shape[0]);
  leaveOneOut(advantage, h.data("rewards"), h.a.groupSize);
  if (h.a.normalizeAdvantage) standardize(advantage, advantage, { ddof: 1, eps: 1e-4 });
  const A = h.hold([shape[0]], advantage);
  const mask = h.data("mask");
  if (h.a.form !== "clip") {
    const weight = weightsOf(h, h.a.form === "reinforce" ? "sequenceSum" : "token");
    return (i) => ({ loss: reinforce(policyOf(i).logProb, A, weight), advantages: A });
  }
  // one ratio a sequence: its old log-probability is given as a sum, put here on the first kept token
  const oldSums = h.data("oldSequenceLogProbs");
  const old = new Float64Array(mask.length);
  for (let row = 0; row < shape[0]; row++) {
    const first = mask.subarray(row * shape[1], (row + 1) * shape[1]).findIndex((m) => m !== 0);
    if (first >= 0) old[row * shape[1] + first] = oldSums[row];
  }
  // each sequence counts once: its weight is shared by its tokens
  const weight = weightsOf(h, "sequence");
  const oldLogProb = h.hold(shape, old);
  const settings: SurrogateSettings = {
    ...surrogateDefaults,
    ratioLevel: "sequenceSum",
    clipLow: h.a.clipLow,
    clipHigh: h.a.clipHigh,
  };
  return (i) => ({
    loss: surrogateLoss(policyOf(i).logProb, oldLogProb, A, weight, settings),
    advantages: A,
  });
});

export const losses: Record<string, Adapter> = {
  reinforce: lossAdapter((h) => {
    const n = h.c.inputs.returns.shape[0];
    const weight = ones(h, [n], h.a.reduction === "sum" ? 1 : 1 / n);
    const returns = h.hold([n], h.data("returns"));
    return (i) => ({ loss: reinforce(policyOf(i).logProb, returns, weight) });
  }),
  reinforceBaseline: actorCritic,
  a2c: actorCritic,
  "reinforce.masked": lossAdapter((h) => {
    const { shape } = h.c.inputs.mask;
    const weight = weightsOf(h, h.a.normalizer === "trajectories" ? "sequenceSum" : "token");
    const returns = h.hold(shape, h.data("returns"));
    return (i) => ({ loss: reinforce(policyOf(i).logProb, returns, weight) });
  }),
  entropyBonus: lossAdapter((h) => {
    const weight = weightsOf(h, "token");
    return (i) => ({
      loss: o.mul(o.sum(o.mul(categoricalEntropy(i.logits), weight)), -h.a.entropyCoef),
    });
  }),
  ppoClip: ppo,
  ppoKlPenalty: lossAdapter((h) => {
    const n = h.c.inputs.advantages.shape[0];
    const [weight, A] = [ones(h, [n], 1 / n), h.hold([n], h.data("advantages"))];
    return (i) => {
      const old = o.stopGradient(categoricalLogProb(i.oldLogits, i.actions));
      const policyLoss = surrogateLoss(categoricalLogProb(i.logits, i.actions), old, A, weight, {
        ...surrogateDefaults,
        form: "ratio",
      });
      const kl = o.mean(categoricalKl(o.stopGradient(i.oldLogits), i.logits));
      return { loss: o.add(policyLoss, o.mul(kl, h.a.beta)), policyLoss, kl };
    };
  }),
  adaptiveKlBeta: (c) => {
    let beta: number = c.attrs?.initial;
    const betas: number[] = [];
    for (const kl of decode(c.inputs.kls)) {
      beta = adaptiveKlWeight(beta, kl, c.attrs?.target);
      betas.push(beta);
    }
    return { betas };
  },
  "rlax.clippedSurrogate": lossAdapter((h) => {
    const n = h.c.inputs.advantages.shape[0];
    const [weight, A] = [ones(h, [n], 1 / n), h.hold([n], h.data("advantages"))];
    const settings = { ...surrogateDefaults, clipLow: h.a.clip, clipHigh: h.a.clip };
    return (i) => {
      const old = o.stopGradient(categoricalLogProb(i.oldLogits, i.actions));
      return {
        loss: surrogateLoss(categoricalLogProb(i.logits, i.actions), old, A, weight, settings),
      };
    };
  }),

  klEstimator: lossAdapter((h) => {
    const { shape } = h.c.inputs.mask;
    const [weight, ref] = [weightsOf(h, "token"), h.hold(shape, h.data("refLogProbs"))];
    const settings = { ...klDefaults, estimator: h.a.estimator };
    const [logProb, refData] = [h.data("logProbs"), h.data("refLogProbs")];
    return (i) => ({
      loss: klLoss(i.logProbs, ref, weight, settings),
      perToken: h.hold(
        shape,
        logProb.map((x, j) => klOf(x, refData[j], settings)),
      ),
    });
  }),
  grpo,
  rloo,
  maskedNll: lossAdapter((h) => {
    const weight = weightsOf(h, h.a.normalizer);
    const one = ones(h, [h.c.inputs.mask.shape[0]], 1);
    return (i) => ({ loss: reinforce(policyOf(i).logProb, one, weight) });
  }),
  klShapedRewards: (c, float: Float) => {
    const [logProb, ref, mask] = ["logProbs", "refLogProbs", "mask"].map((n) =>
      decode(c.inputs[n]),
    );
    const rewards = new float(mask.length);
    klShapedRewards(
      rewards,
      { score: decode(c.inputs.scores), logProb, refLogProb: ref, mask },
      c.attrs?.klCoef,
    );
    return { rewards };
  },
};
