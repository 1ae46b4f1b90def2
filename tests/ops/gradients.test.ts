/** Every op's backward against float64 differences, on random shapes with sizes 0 and 1. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as o from "../../src/ops/index.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { type Case, Draw } from "../support/cases.ts";
import { seed } from "../support/seed.ts";

const unary =
  (f: (x: o.Tensor) => o.Tensor) =>
  (d: Draw): Case => ({ f, inputs: [d.tensor(d.shape())] });
const positive =
  (f: (x: o.Tensor) => o.Tensor) =>
  (d: Draw): Case => ({ f, inputs: [d.positive(d.shape())] });
const binary =
  (f: (a: o.Tensor, b: o.Tensor) => o.Tensor) =>
  (d: Draw): Case => {
    const shape = d.shape();
    const pair = [d.tensor(shape), d.tensor(d.partner(shape))];
    return { f, inputs: d.flag() ? pair : [pair[1], pair[0]] };
  };
/** Two tensors whose elements differ by more than a difference reaches. */
const apart =
  (f: (a: o.Tensor, b: o.Tensor) => o.Tensor) =>
  (d: Draw): Case => {
    const shape = d.shape();
    const a = d.tensor(shape);
    const b = d.tensor(shape);
    const data = Array.from(b.data, (v, i) => (Math.abs(v - a.data[i]) < 0.01 ? v + 0.3 : v));
    return { f, inputs: [a, { shape, data }] };
  };
const reducer =
  (f: (x: o.Tensor, axes: o.Axes, keepdims: boolean) => o.Tensor, low = 0) =>
  (d: Draw): Case => {
    const shape = low > 0 ? d.filled() : d.shape();
    const axes = d.axes(shape);
    const keepdims = d.flag();
    return {
      f: (x) => f(x, axes, keepdims),
      inputs: [low > 0 ? d.distinct(shape) : d.tensor(shape)],
    };
  };
const alongAxis =
  (f: (x: o.Tensor, axis: number, flag: boolean) => o.Tensor) =>
  (d: Draw): Case => {
    const shape = d.shape(1);
    const axis = d.axis(shape);
    const flag = d.flag();
    return { f: (x) => f(x, axis, flag), inputs: [d.tensor(shape)] };
  };
const weighed =
  (f: (x: o.Tensor, t: o.Tensor, reduction: o.Reduction) => o.Tensor) =>
  (d: Draw): Case => {
    const shape = d.filled();
    const reduction = (["none", "mean", "sum"] as const)[d.below(3)];
    return { f: (x, t) => f(x, t, reduction), inputs: [d.tensor(shape), d.positive(shape)] };
  };

const cases: Record<string, (d: Draw) => Case> = {
  neg: unary(o.neg),
  abs: unary(o.abs),
  square: unary(o.square),
  exp: unary(o.exp),
  expm1: unary(o.expm1),
  log: positive(o.log),
  log1p: positive(o.log1p),
  sqrt: positive(o.sqrt),
  rsqrt: positive(o.rsqrt),
  reciprocal: positive(o.reciprocal),
  sin: unary(o.sin),
  cos: unary(o.cos),
  atanh: (d) => ({ f: (x) => o.atanh(o.mul(x, 0.4)), inputs: [d.tensor(d.shape())] }),
  erf: unary(o.erf),
  sign: unary((x) => o.mul(o.sign(x), x)),
  floor: unary((x) => o.mul(o.floor(x), x)),
  clip: unary((x) => o.clip(x, -0.5, 1)),
  tanh: unary(o.tanh),
  sigmoid: unary(o.sigmoid),
  logSigmoid: unary(o.logSigmoid),
  relu: unary(o.relu),
  leakyRelu: unary((x) => o.leakyRelu(x, 0.2)),
  elu: unary((x) => o.elu(x, 0.7)),
  silu: unary(o.silu),
  softplus: unary(o.softplus),
  "gelu tanh": unary((x) => o.gelu(x, "tanh")),
  "gelu erf": unary((x) => o.gelu(x, "erf")),
  "add a number": unary((x) => o.add(x, 1.5)),
  "mul a number": unary((x) => o.mul(x, -2.5)),
  "pow 3": unary((x) => o.pow(x, 3)),
  "pow 1.5": positive((x) => o.pow(x, 1.5)),
  "mul by itself": unary((x) => o.mul(x, x)),
  add: binary(o.add),
  addSame: (d) => {
    const shape = d.shape();
    return { f: o.addSame, inputs: [d.tensor(shape), d.tensor(shape)] };
  },
  sub: binary(o.sub),
  mul: binary(o.mul),
  div: (d) => {
    const shape = d.shape();
    return { f: o.div, inputs: [d.tensor(shape), d.positive(d.partner(shape))] };
  },
  pow: (d) => {
    const shape = d.shape();
    return { f: (a, b) => o.pow(a, b), inputs: [d.positive(shape), d.tensor(d.partner(shape))] };
  },
  minimum: apart(o.minimum),
  maximum: apart(o.maximum),
  where: (d) => {
    const shape = d.shape();
    const inputs = [d.index(d.partner(shape), 2), d.tensor(shape), d.tensor(d.partner(shape))];
    return { f: o.where, inputs };
  },
  dropout: (d) => {
    const shape = d.shape();
    return {
      f: (x, keep) => o.dropout(x, keep, 0.3),
      inputs: [d.tensor(shape), d.index(shape, 2)],
    };
  },
  sum: reducer(o.sum),
  mean: reducer((x, axes, keepdims) => o.mean(x, axes, keepdims), 1),
  variance: (d) => {
    const shape = [2 + d.below(3), ...d.filled()];
    return { f: (x) => o.variance(x, 0, false, 1), inputs: [d.tensor(shape)] };
  },
  "variance, ddof 0": reducer((x, axes, keepdims) => o.variance(x, axes, keepdims, 0), 1),
  std: (d) => {
    const shape = [2 + d.below(3), ...d.filled()];
    return { f: (x) => o.std(x, 0, false, 1), inputs: [d.distinct(shape)] };
  },
  "norm 2": (d) => ({ f: (x) => o.norm(x, -1), inputs: [d.positive(d.filled(1))] }),
  "norm 1": (d) => ({ f: (x) => o.norm(x, -1, true, 1), inputs: [d.tensor(d.filled(1))] }),
  "norm 3": (d) => ({ f: (x) => o.norm(x, null, false, 3), inputs: [d.positive(d.filled())] }),
  "norm ∞": (d) => ({
    f: (x) => o.norm(x, 0, false, Infinity),
    inputs: [d.distinct([3 + d.below(3)])],
  }),
  prod: reducer(o.prod),
  "prod with zeros": (d) => ({
    f: (x) => o.prod(x, 1),
    inputs: [{ shape: [3, 3], data: [0, d.some(), 2, 0, 0, 3, 1, 2, d.some()] }],
  }),
  max: reducer(o.max, 1),
  min: reducer(o.min, 1),
  logsumexp: reducer(o.logsumexp, 1),
  softmax: alongAxis(o.softmax),
  logSoftmax: alongAxis(o.logSoftmax),
  cumsum: alongAxis(o.cumsum),
  cumprod: alongAxis(o.cumprod),
  matmul: (d) => {
    const [m, k, n] = [d.size(), d.size(), d.size()];
    const lead = d.shape().slice(0, 2);
    const [ta, tb] = [d.flag(), d.flag()];
    const a = [...lead, ...(ta ? [k, m] : [m, k])];
    const b = [...d.partner(lead), ...(tb ? [n, k] : [k, n])];
    return { f: (a, b) => o.matmul(a, b, ta, tb), inputs: [d.tensor(a), d.tensor(b)] };
  },
  "matmul, wide": (d) => {
    const [m, k, n] = [1 + d.below(9), 1 + d.below(9), 1 + d.below(9)];
    return { f: (a, b) => o.matmul(a, b), inputs: [d.tensor([m, k]), d.tensor([k, n])] };
  },
  "matmul, vectors": (d) => {
    const k = d.size();
    return {
      f: (a, b) => o.matmul(a, b),
      inputs: [d.tensor([k]), d.tensor(d.flag() ? [k] : [k, 3])],
    };
  },
  linear: (d) => {
    const [m, n] = [d.size(), d.size()];
    return {
      f: (x, w, b) => o.linear(x, w, b),
      inputs: [d.tensor([...d.shape(), m]), d.tensor([n, m]), d.tensor([n])],
    };
  },
  "linear with an activation": (d) => {
    const [m, n] = [d.some(), d.some()];
    const activation = (["tanh", "gelu"] as const)[d.below(2)];
    return {
      f: (x, w, b) => o.linear(x, w, b, activation),
      inputs: [d.tensor([d.some(), m]), d.tensor([n, m]), d.tensor([n])],
    };
  },
  "linear without bias": (d) => {
    const [m, n] = [d.size(), d.size()];
    return { f: (x, w) => o.linear(x, w), inputs: [d.tensor([d.size(), m]), d.tensor([n, m])] };
  },
  gather: (d) => {
    const [n, m] = [d.some(), d.some()];
    const axis = d.below(2);
    const shape = axis === 0 ? [d.size(), m] : [n, d.size()];
    return {
      f: (x, index) => o.gather(x, index, axis),
      inputs: [d.tensor([n, m]), d.index(shape, axis === 0 ? n : m)],
    };
  },
  scatterAdd: (d) => {
    const [n, m, k] = [d.some(), d.some(), d.size()];
    return {
      f: (x, index, src) => o.scatterAdd(x, index, src, 1),
      inputs: [d.tensor([n, m]), d.index([n, k], m), d.tensor([n, k])],
    };
  },
  indexSelect: (d) => {
    const shape = [d.size(), d.some(), d.size()];
    return {
      f: (x, i) => o.indexSelect(x, i, 1),
      inputs: [d.tensor(shape), d.index([d.size()], shape[1])],
    };
  },
  embedding: (d) => {
    const vocab = d.some();
    return { f: o.embedding, inputs: [d.tensor([vocab, d.size()]), d.index(d.shape(), vocab)] };
  },
  concat: (d) => {
    const shape = d.shape(1);
    const axis = d.below(shape.length);
    const other = shape.map((n, i) => (i === axis ? d.size() : n));
    return { f: (a, b) => o.concat([a, b, a], axis), inputs: [d.tensor(shape), d.tensor(other)] };
  },
  stack: (d) => {
    const shape = d.shape();
    const axis = d.below(shape.length + 1);
    return { f: (a, b) => o.stack([a, b], axis), inputs: [d.tensor(shape), d.tensor(shape)] };
  },
  slice: (d) => {
    const ranges: o.Range[] = [
      [d.below(2), -1 - d.below(2)],
      [0, 9, 2],
    ];
    return {
      f: (x) => o.slice(x, ranges),
      inputs: [d.tensor([3 + d.below(3), d.size(), d.size()])],
    };
  },
  recomputed: (d) => {
    const shape = d.shape(1);
    const parameter = shape.slice(1);
    const rows = d.some();
    const f: Case["f"] = (x, y, w) =>
      o.recomputed(([x, y]) => o.mul(o.mul(o.square(x), y), w), [x, y], { parameters: [w], rows });
    return { f, inputs: [d.tensor(shape), d.tensor(shape), d.tensor(parameter)] };
  },
  rows: (d) => ({ f: (x) => o.square(o.rows(x, 1, 3)), inputs: [d.tensor([4, ...d.shape()])] }),
  reshape: (d) => ({ f: (x) => o.square(o.reshape(x, [-1])), inputs: [d.tensor(d.filled())] }),
  permute: (d) => ({
    f: (x) => o.permute(x, [2, 0, 1]),
    inputs: [d.tensor([d.size(), d.size(), d.size()])],
  }),
  swapAxes: (d) => ({ f: (x) => o.swapAxes(x), inputs: [d.tensor(d.shape(2))] }),
  broadcastTo: (d) => {
    const shape = d.shape();
    return { f: (x) => o.broadcastTo(x, shape), inputs: [d.tensor(d.partner(shape))] };
  },
  tile: (d) => ({ f: (x) => o.tile(x, [2, 1, 3]), inputs: [d.tensor(d.shape())] }),
  flip: (d) => {
    const shape = d.shape(1);
    const axis = d.axis(shape);
    return { f: (x) => o.flip(x, axis), inputs: [d.tensor(shape)] };
  },
  pad: (d) => ({
    f: (x) =>
      o.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        7,
      ),
    inputs: [d.tensor([d.size(), d.size()])],
  }),
  tril: (d) => {
    const k = d.below(3) - 1;
    return { f: (x) => o.tril(x, k), inputs: [d.tensor(d.shape(2))] };
  },
  triu: (d) => {
    const k = d.below(3) - 1;
    return { f: (x) => o.triu(x, k), inputs: [d.tensor(d.shape(2))] };
  },
  layerNorm: (d) => {
    const inner = [2 + d.below(4)];
    const inputs = [
      d.distinct([...d.shape().slice(0, 2), ...inner]),
      d.tensor(inner),
      d.tensor(inner),
    ];
    return { f: (x, w, b) => o.layerNorm(x, w, b), inputs };
  },
  "layerNorm over two axes": (d) => ({
    f: (x) => o.layerNorm(x, undefined, undefined, 1e-6, 2),
    inputs: [d.distinct([d.size(), 2, 1 + d.below(3)])],
  }),
  rmsNorm: (d) => {
    const inner = [d.some()];
    return {
      f: (x, w) => o.rmsNorm(x, w),
      inputs: [d.positive([...d.shape(), ...inner]), d.tensor(inner)],
    };
  },
  siluGate: (d) => {
    const shape = d.shape();
    return { f: o.siluGate, inputs: [d.tensor(shape), d.tensor(shape)] };
  },
  rotate: (d) => {
    const [shape, heads, half] = [d.shape().slice(0, 2), d.some(), d.some()];
    const table = { ...d.tensor([3, 2 * half]), grad: false };
    const inputs = [d.tensor([...shape, 2 * heads * half]), d.index(shape, 3), table];
    return { f: o.rotate, inputs };
  },
  conv2d: (d) => {
    const [channels, outputs] = [d.some(), d.some()];
    const options = {
      stride: [1 + d.below(2), 1] as const,
      padding: d.below(2),
      dilation: 1 + d.below(2),
    };
    const inputs = [
      d.tensor([d.size(), channels, 4, 5]),
      d.tensor([outputs, channels, 2, 3]),
      d.tensor([outputs]),
    ];
    return { f: (x, w, b) => o.conv2d(x, w, b, options), inputs };
  },
  maxPool2d: (d) => {
    const [stride, padding] = [1 + d.below(2), d.below(2)];
    return {
      f: (x) => o.maxPool2d(x, 2, stride, padding),
      inputs: [d.distinct([1, d.some(), 3, 4])],
    };
  },
  avgPool2d: (d) => {
    const padding = d.below(2);
    const inputs = [d.tensor([d.size(), d.some(), 3, 4])];
    return { f: (x) => o.avgPool2d(x, [2, 3], 2, padding), inputs };
  },
  mse: weighed(o.mse),
  l1: weighed((x, t, r) => o.l1(o.add(x, 5), t, r)),
  huber: weighed((x, t, r) => o.huber(o.mul(x, 0.2), o.mul(t, 3.3), 0.9, r)),
  "huber, quadratic": weighed((x, t, r) => o.huber(o.mul(x, 0.1), o.mul(t, 0.1), 0.9, r)),
  smoothL1: weighed((x, t, r) => o.smoothL1(o.mul(x, 0.1), o.mul(t, 0.1), 0.8, r)),
  quantileHuber: (d) => {
    const rows = d.shape();
    const reduction = (["none", "mean", "sum"] as const)[d.below(3)];
    const wide = d.flag() ? 5 : 0.1; // beyond kappa or within it
    return {
      f: (x, t) => o.quantileHuber(x, o.mul(t, wide), 0.7, reduction),
      inputs: [d.tensor([...rows, d.some()]), d.positive([...rows, d.some()])],
    };
  },
  bceWithLogits: weighed((x, t, r) => o.bceWithLogits(x, o.mul(t, 0.4), r)),
  crossEntropy: (d) => {
    const [rows, classes] = [d.some(), d.some()];
    const options = {
      reduction: (["none", "mean", "sum"] as const)[d.below(3)],
      labelSmoothing: d.below(2) * 0.2,
      ignoreIndex: d.flag() && rows > 1 && classes > 2 ? 0 : -1,
    };
    const labels = d.index([rows], classes);
    const data = [...Array.from(labels.data).slice(1), classes - 1]; // at least one is kept
    return {
      f: (x, t) => o.crossEntropy(x, t, options),
      inputs: [d.tensor([rows, classes]), { ...labels, data }],
    };
  },
  nllLoss: (d) => {
    const classes = d.some();
    const inputs = [d.tensor([3, classes]), d.index([3], classes)];
    return { f: (x, t) => o.nllLoss(x, t, { labelSmoothing: 0.1 }), inputs };
  },
  attention: (d) => {
    const [lead, T, S, D, E] = [d.shape().slice(0, 2), d.size(), d.some(), d.some(), d.size()];
    const causal = d.flag() && S >= T;
    const mask = d.flag();
    const inputs = [
      d.tensor([...lead, T, D]),
      d.tensor([...lead, S, D]),
      d.tensor([...lead, S, E]),
    ];
    const f: Case["f"] = (q, k, v, m) => o.attention(q, k, v, causal, mask ? m : null);
    return { f, inputs: [...inputs, d.index([T, S], 2)] };
  },
  lstm: (d) => {
    const [steps, batch, n, h] = [d.some(), d.some(), d.some(), d.some()];
    const w = [d.tensor([4 * h, n]), d.tensor([4 * h, h]), d.tensor([4 * h]), d.tensor([4 * h])];
    const state = [d.tensor([batch, h]), d.tensor([batch, h])];
    const inputs = [d.tensor([steps, batch, n]), ...state, ...w, d.index([steps, batch], 2)];
    const f: Case["f"] = (x, h0, c0, wIh, wHh, bIh, bHh, reset) => {
      const { ys, c } = o.lstm(x, h0, c0, { wIh, wHh, bIh, bHh }, reset);
      return o.concat([o.reshape(ys, [-1]), o.reshape(c, [-1])]);
    };
    return { f, inputs };
  },
  gruCell: (d) => {
    const [batch, n, h] = [d.some(), d.some(), d.some()];
    const w = [d.tensor([3 * h, n]), d.tensor([3 * h, h]), d.tensor([3 * h]), d.tensor([3 * h])];
    const f: Case["f"] = (x, h0, wIh, wHh, bIh, bHh) => o.gruCell(x, h0, { wIh, wHh, bIh, bHh });
    return { f, inputs: [d.tensor([batch, n]), d.tensor([batch, h]), ...w] };
  },
};

describe("gradients in float64, 30 random shapes an op", () => {
  for (const [name, make] of Object.entries(cases)) {
    test(name, () => {
      const property = fc.property(fc.nat(), (at) => {
        const { f, inputs } = make(new Draw(at));
        gradCheck(f, inputs, { seed: at, tolerance: 1e-6 });
      });
      fc.assert(property, { numRuns: 30, seed });
    });
  }

  test("every op of the public list that has a gradient is here", () => {
    const without =
      /^(argm|oneHot|less|greater|equal|notEqual|stopGradient|gradCheck|GradientError)/;
    const inside = ["lstmCell"]; // checked within lstm
    const missing = Object.keys(o).filter(
      (name) =>
        !without.test(name) &&
        !inside.includes(name) &&
        !Object.keys(cases).some((c) => c.startsWith(name)),
    );
    expect(missing).toEqual([]);
  });

  test("a wrong gradient is caught, and the input and the direction are named", () => {
    const wrong = (x: o.Tensor, w: o.Tensor): o.Tensor => o.mul(x, o.stopGradient(w)); // w gets none
    const inputs = [1, 2].map((v) => ({ shape: [2], data: [v, v + 0.5] }));
    expect(() => gradCheck(wrong, inputs)).toThrow(
      /input 1 along \[.*backward gives 0, differences/,
    );
  });
});
