/** Distributions. */
import * as math from "../../../src/core/math.ts";
import { input, NONE } from "../../../src/core/tensor.ts";
import * as b from "../../../src/distributions/bernoulli.ts";
import * as d from "../../../src/distributions/categorical.ts";
import * as g from "../../../src/distributions/gaussian.ts";
import * as m from "../../../src/distributions/multi-categorical.ts";
import * as q from "../../../src/distributions/squashed-gaussian.ts";
import * as o from "../../../src/ops/index.ts";
import { backendFor } from "../backend.ts";
import { decode } from "../compare.ts";
import { graph } from "../graph.ts";
import type { Adapter, Float, VectorCase } from "../types.ts";

const tensor = (c: VectorCase, name: string, float: Float) =>
  input(backendFor(float), c.inputs[name].shape, decode(c.inputs[name]));
const mask = (c: VectorCase, float: Float) =>
  c.inputs.mask === undefined ? NONE : tensor(c, "mask", float);
const rows = (c: VectorCase): Float64Array =>
  new Float64Array(c.inputs.logits.shape.slice(0, -1).reduce((n, m) => n * m, 1));

const logProb = graph(({ logits, value, mask }) => d.categoricalLogProb(logits, value, mask));
const entropy = graph(({ logits, mask }) => d.categoricalEntropy(logits, mask));
const kl = graph(({ logitsP, logitsQ, mask }) => d.categoricalKl(logitsP, logitsQ, mask));

// biome-ignore lint/suspicious/noExplicitAny: attributes are whatever the file says
const bounds = ({ low = -1, high = 1 }: Record<string, any>) => ({ low, high });

export const distributions: Record<string, Adapter> = {
  "categorical.logProb": logProb,
  "categorical.entropy": entropy,
  "categorical.kl": kl,
  "categorical.masked.logProb": logProb,
  "categorical.masked.entropy": entropy,
  "categorical.masked.kl": kl,
  "categorical.probs": graph(({ logits, mask }) => d.categoricalProbs(logits, mask)),
  "categorical.mode": (c, float) => {
    const y = rows(c);
    d.categoricalMode(y, tensor(c, "logits", float), mask(c, float));
    return { y };
  },
  "categorical.gumbelArgmax": (c, float) => {
    const y = rows(c);
    const noise = decode(c.inputs.u).map((u) => -math.log(-math.log(u)));
    d.categoricalGumbelArgmax(y, tensor(c, "logits", float), noise, mask(c, float));
    return { y };
  },
  "categorical.inverseCdf": (c, float) => {
    const y = rows(c);
    d.categoricalSample(y, tensor(c, "logits", float), decode(c.inputs.u), mask(c, float));
    return { y };
  },

  "multiCategorical.logProb": graph(({ logits, value }, { nvec }) =>
    m.multiCategoricalLogProb(logits, value, nvec),
  ),
  "multiCategorical.entropy": graph(({ logits }, { nvec }) =>
    m.multiCategoricalEntropy(logits, nvec),
  ),
  "multiCategorical.kl": graph(({ logitsP, logitsQ }, { nvec }) =>
    m.multiCategoricalKl(logitsP, logitsQ, nvec),
  ),
  "bernoulli.logProb": graph(({ logits, value }) => b.bernoulliLogProb(logits, value)),
  "bernoulli.entropy": graph(({ logits }) => b.bernoulliEntropy(logits)),
  "bernoulli.kl": graph(({ logitsP, logitsQ }) => b.bernoulliKl(logitsP, logitsQ)),
  "normal.logProb": graph(({ mean, logStd, value }) => g.gaussianLogProb(mean, logStd, value)),
  "normal.entropy": graph(({ mean, logStd }) => g.gaussianEntropy(mean, logStd)),
  "normal.kl": graph(({ meanP, logStdP, meanQ, logStdQ }) =>
    g.gaussianKl(meanP, logStdP, meanQ, logStdQ),
  ),
  "normal.rsample": graph(({ mean, logStd, noise }) => g.gaussianRsample(mean, logStd, noise)),
  "squashedNormal.logProb": graph(({ mean, logStd, preTanh }, attrs) =>
    q.squashedLogProb(mean, logStd, preTanh, bounds(attrs)),
  ),
  "squashedNormal.logProbOfAction": graph(({ mean, logStd, action }, attrs) =>
    q.squashedLogProbOfAction(mean, logStd, action, bounds(attrs)),
  ),
  "squashedNormal.rsample": graph(({ mean, logStd, noise }, attrs) => ({
    ...q.squashedRsample(mean, logStd, noise, bounds(attrs)),
  })),
  "rlax.policyGradientLoss": graph(({ logits, actions, advantages, weights }) => ({
    loss: o.neg(o.mean(o.mul(d.categoricalLogProb(logits, actions), o.mul(advantages, weights)))),
  })),
  "rlax.entropyLoss": graph(({ logits, weights }) => ({
    loss: o.neg(o.mean(o.mul(d.categoricalEntropy(logits), weights))),
  })),
};
