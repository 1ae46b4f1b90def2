/** The schema's ops, mapped to ours. */
import * as o from "../../../src/ops/index.ts";
import { graph } from "../graph.ts";
import type { Adapter } from "../types.ts";

const unary = (f: (x: o.Tensor) => o.Tensor): Adapter => graph(({ x }) => f(x));
const binary = (f: (a: o.Tensor, b: o.Tensor) => o.Tensor): Adapter => graph(({ a, b }) => f(a, b));
const reducer = (f: (x: o.Tensor, axes: o.Axes, keepdims: boolean) => o.Tensor): Adapter =>
  graph(({ x }, { axis = null, keepdims = false }) => f(x, axis, keepdims));
/** x0, x1, … in order. */
const list = (inputs: Record<string, o.Tensor>): o.Tensor[] =>
  Object.keys(inputs).map((_, i) => inputs[`x${i}`]);

export const ops: Record<string, Adapter> = {
  neg: unary(o.neg),
  abs: unary(o.abs),
  square: unary(o.square),
  exp: unary(o.exp),
  expm1: unary(o.expm1),
  log: unary(o.log),
  log1p: unary(o.log1p),
  sqrt: unary(o.sqrt),
  rsqrt: unary(o.rsqrt),
  reciprocal: unary(o.reciprocal),
  sin: unary(o.sin),
  cos: unary(o.cos),
  tanh: unary(o.tanh),
  atanh: unary(o.atanh),
  sigmoid: unary(o.sigmoid),
  logSigmoid: unary(o.logSigmoid),
  relu: unary(o.relu),
  silu: unary(o.silu),
  softplus: unary(o.softplus),
  erf: unary(o.erf),
  sign: unary(o.sign),
  floor: unary(o.floor),
  gelu: graph(({ x }, { approximate }) => o.gelu(x, approximate)),
  elu: graph(({ x }, { alpha }) => o.elu(x, alpha)),
  leakyRelu: graph(({ x }, { slope }) => o.leakyRelu(x, slope)),
  pow: graph(({ x, exponent }, attrs) => o.pow(x, exponent ?? attrs.exponent)),
  clip: graph(({ x }, { min, max }) => o.clip(x, min ?? null, max ?? null)),
  add: binary(o.add),
  sub: binary(o.sub),
  mul: binary(o.mul),
  div: binary(o.div),
  minimum: binary(o.minimum),
  maximum: binary(o.maximum),
  less: binary(o.less),
  lessEqual: binary(o.lessEqual),
  greater: binary(o.greater),
  greaterEqual: binary(o.greaterEqual),
  equal: binary(o.equal),
  notEqual: binary(o.notEqual),
  where: graph(({ cond, a, b }) => o.where(cond, a, b)),

  sum: reducer(o.sum),
  mean: reducer(o.mean),
  max: reducer(o.max),
  min: reducer(o.min),
  prod: reducer(o.prod),
  argmax: reducer(o.argmax),
  argmin: reducer(o.argmin),
  logsumexp: reducer(o.logsumexp),
  var: graph(({ x }, { axis = null, keepdims = false, ddof }) =>
    o.variance(x, axis, keepdims, ddof),
  ),
  std: graph(({ x }, { axis = null, keepdims = false, ddof }) => o.std(x, axis, keepdims, ddof)),
  norm: graph(({ x }, { axis = null, keepdims = false, p }) => o.norm(x, axis, keepdims, p)),
  softmax: graph(({ x }, { axis }) => o.softmax(x, axis)),
  logSoftmax: graph(({ x }, { axis }) => o.logSoftmax(x, axis)),
  cumsum: graph(({ x }, { axis, reverse }) => o.cumsum(x, axis, reverse)),
  cumprod: graph(({ x }, { axis, reverse }) => o.cumprod(x, axis, reverse)),
  matmul: graph(({ a, b }, { transposeA, transposeB }) => o.matmul(a, b, transposeA, transposeB)),
  linear: graph(({ x, weight, bias }) => o.linear(x, weight, bias)),
  gather: graph(({ x, index }, { axis }) => o.gather(x, index, axis)),
  indexSelect: graph(({ x, index }, { axis }) => o.indexSelect(x, index, axis)),
  embedding: graph(({ weight, index }) => o.embedding(weight, index)),
  scatterAdd: graph(({ x, index, src }, { axis }) => o.scatterAdd(x, index, src, axis)),
  oneHot: graph(({ index }, { depth }) => o.oneHot(index, depth)),
  concat: graph((inputs, { axis }) => o.concat(list(inputs), axis)),
  stack: graph((inputs, { axis }) => o.stack(list(inputs), axis)),
  slice: graph(({ x }, { ranges }) => o.slice(x, ranges)),
  reshape: graph(({ x }, { newShape }) => o.reshape(x, newShape)),
  permute: graph(({ x }, { perm }) => o.permute(x, perm)),
  swapAxes: graph(({ x }, { axisA, axisB }) => o.swapAxes(x, axisA, axisB)),
  broadcastTo: graph(({ x }, { newShape }) => o.broadcastTo(x, newShape)),
  tile: graph(({ x }, { reps }) => o.tile(x, reps)),
  flip: graph(({ x }, { axis }) => o.flip(x, axis)),
  pad: graph(({ x }, { padding, value }) => o.pad(x, padding, value)),
  tril: graph(({ x }, { k }) => o.tril(x, k)),
  triu: graph(({ x }, { k }) => o.triu(x, k)),

  layerNorm: graph(({ x, weight, bias }, { eps, normAxes }) =>
    o.layerNorm(x, weight, bias, eps, normAxes),
  ),
  rmsNorm: graph(({ x, weight }, { eps }) => o.rmsNorm(x, weight, eps)),
  conv2d: graph(({ x, weight, bias }, { stride, padding, dilation }) =>
    o.conv2d(x, weight, bias, { stride, padding, dilation }),
  ),
  maxPool2d: graph(({ x }, { kernel, stride, padding }) => o.maxPool2d(x, kernel, stride, padding)),
  avgPool2d: graph(({ x }, { kernel, stride, padding }) => o.avgPool2d(x, kernel, stride, padding)),
  crossEntropy: graph(({ logits, labels }, attrs) => o.crossEntropy(logits, labels, attrs)),
  nllLoss: graph(({ logProbs, labels }, attrs) => o.nllLoss(logProbs, labels, attrs)),
  bceWithLogits: graph(({ logits, target }, { reduction }) =>
    o.bceWithLogits(logits, target, reduction),
  ),
  mse: graph(({ pred, target }, { reduction }) => o.mse(pred, target, reduction)),
  l1: graph(({ pred, target }, { reduction }) => o.l1(pred, target, reduction)),
  smoothL1: graph(({ pred, target }, { reduction, beta }) =>
    o.smoothL1(pred, target, beta, reduction),
  ),
  huber: graph(({ pred, target }, { reduction, delta }) => o.huber(pred, target, delta, reduction)),
  attention: graph(({ q, k, v, mask }, { causal, scale }) =>
    o.attention(q, k, v, causal, mask ?? null, scale),
  ),
  dropout: graph(({ x, keep }, { p }) => o.dropout(x, keep, p)),
  lstmCell: graph(({ x, h, c, ...w }) => o.lstmCell(x, h, c, weights(w))),
  gruCell: graph(({ x, h, ...w }) => o.gruCell(x, h, weights(w))),
  lstmUnroll: graph(({ x, h, c, done, ...w }) => o.lstm(x, h, c, weights(w), done)),

  graph: (c, float, shared) => {
    const formula = formulas[c.attrs?.formula];
    if (formula === undefined) throw new Error(`unknown formula ${c.attrs?.formula}`);
    return graph(formula)(c, float, shared);
  },
};

const weights = (w: Record<string, o.Tensor>): o.CellWeights => w as unknown as o.CellWeights;

type Formula = (t: Record<string, o.Tensor>) => o.Tensor | Record<string, o.Tensor>;
const formulas: Record<string, Formula> = {
  "x*x + x": ({ x }) => o.add(o.mul(x, x), x),
  "h = 0.5*x; exp(h)*tanh(h) + h": ({ x }) => {
    const h = o.mul(x, 0.5);
    return o.add(o.mul(o.exp(h), o.tanh(h)), h);
  },
  "100 times h = tanh(1.05*h + 0.01)": ({ x }) => {
    let h = x;
    for (let i = 0; i < 100; i++) h = o.tanh(o.add(o.mul(h, 1.05), 0.01));
    return h;
  },
  "x * stopGradient(w*x)": ({ x, w }) => o.mul(x, o.stopGradient(o.mul(w, x))),
  "p = softmax(x); q = sum(x^2, -1); both get a gradOut and the gradients add up": ({ x }) => ({
    p: o.softmax(x),
    q: o.sum(o.square(x), -1),
  }),
  "tanh(x@w1+b1)@w2+b2": ({ x, w1, b1, w2, b2 }) =>
    o.add(o.matmul(o.tanh(o.add(o.matmul(x, w1), b1)), w2), b2),
  "reshape(permute(x,[2,0,1]),[4,6]) * w": ({ x, w }) =>
    o.mul(o.reshape(o.permute(x, [2, 0, 1]), [4, 6]), w),
  "exp(gather(logSoftmax(x,-1), a)) * sum(x)": ({ x, a }) =>
    o.mul(o.exp(o.gather(o.logSoftmax(x, -1), a, -1)), o.sum(x)),
};
