/** Distributions. */
import { loops } from "../../../src/backends/loops.ts";
import * as math from "../../../src/core/math.ts";
import { input, NONE } from "../../../src/core/tensor.ts";
import * as d from "../../../src/distributions/categorical.ts";
import { decode } from "../compare.ts";
import { graph } from "../graph.ts";
import type { Adapter, Float, VectorCase } from "../types.ts";

const tensor = (c: VectorCase, name: string, float: Float) =>
  input(loops(float), c.inputs[name].shape, decode(c.inputs[name]));
const mask = (c: VectorCase, float: Float) =>
  c.inputs.mask === undefined ? NONE : tensor(c, "mask", float);
const rows = (c: VectorCase): Float64Array =>
  new Float64Array(c.inputs.logits.shape.slice(0, -1).reduce((n, m) => n * m, 1));

const logProb = graph(({ logits, value, mask }) => d.categoricalLogProb(logits, value, mask));
const entropy = graph(({ logits, mask }) => d.categoricalEntropy(logits, mask));
const kl = graph(({ logitsP, logitsQ, mask }) => d.categoricalKl(logitsP, logitsQ, mask));

export const categorical: Record<string, Adapter> = {
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
};
