/** Exports every op. */
export type { Shape, Tensor } from "../core/tensor.ts";
export {
  elu,
  gelu,
  leakyRelu,
  logSigmoid,
  relu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "./activations.ts";
export { add, addSame, div, maximum, minimum, mul, neg, pow, sub, where } from "./arithmetic.ts";
export { attention } from "./attention.ts";
export type { Axes } from "./axes.ts";
export { equal, greater, greaterEqual, less, lessEqual, notEqual } from "./compare.ts";
export { avgPool2d, conv2d, maxPool2d, type Pair } from "./conv.ts";
export { cumprod, cumsum } from "./cumulative.ts";
export {
  abs,
  atanh,
  clip,
  cos,
  dropout,
  erf,
  exp,
  expm1,
  floor,
  log,
  log1p,
  reciprocal,
  rsqrt,
  sign,
  sin,
  sqrt,
  square,
} from "./elementwise.ts";
export { siluGate } from "./gates.ts";
export { embedding, gather, indexSelect, oneHot, scatterAdd } from "./indexing.ts";
export { concat, stack } from "./join.ts";
export {
  broadcastTo,
  flip,
  pad,
  permute,
  type Range,
  reshape,
  rows,
  slice,
  stopGradient,
  swapAxes,
  tile,
  tril,
  triu,
} from "./layout.ts";
export {
  bceWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  huber,
  l1,
  mse,
  nllLoss,
  quantileHuber,
  type Reduction,
  smoothL1,
} from "./loss.ts";
export { linear, matmul } from "./matmul.ts";
export { layerNorm, rmsNorm } from "./normalization.ts";
export { type Recomputable, type RecomputedOptions, recomputed } from "./recomputed.ts";
export { type CellWeights, gruCell, lstm, lstmCell } from "./recurrent.ts";
export { argmax, argmin, max, mean, min, norm, prod, std, sum, variance } from "./reduce.ts";
export { rotate } from "./rotary.ts";
export { logSoftmax, logsumexp, softmax } from "./softmax.ts";
