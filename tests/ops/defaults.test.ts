/** What an argument left out means; bounds of arguments; rows that do not count, in every op that works by rows. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, NONE, type Shape, type Tensor, variable } from "../../src/core/tensor.ts";
import * as ops from "../../src/ops/index.ts";

const k = loops();
const filled = (shape: Shape, seed = 1): number[] =>
  Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(5 * i + seed));
const tensor = (shape: Shape, seed = 1): Tensor => input(k, shape, filled(shape, seed));
const run = (f: () => Tensor): Tensor => new Tape(k).run(f);

const x = tensor([3, 4]);
const y = tensor([3, 4], 2);
const image = tensor([1, 2, 5, 5]);
const filter = tensor([3, 2, 2, 2]);
const places = input(k, [3, 4], [0, 1, 2, 3, 3, 2, 1, 0, 1, 1, 2, 2]);
const labels = input(k, [3], [0, 3, 1]);
const [q, key, v] = [1, 2, 3].map((seed) => tensor([2, 3, 4], seed));

type Pair = readonly [omitted: () => Tensor, given: () => Tensor];
type Reduction = (x: Tensor, axes?: number | null, keepdims?: boolean) => Tensor;
const { sum, mean, prod, max, min, argmax, argmin, logsumexp, variance, std, norm } = ops;
const reductions: Readonly<Record<string, Reduction>> = {
  sum,
  mean,
  prod,
  max,
  min,
  argmax,
  argmin,
  logsumexp,
  variance,
  std,
  norm,
};
const pairs: Readonly<Record<string, Pair>> = {
  ...Object.fromEntries(
    Object.entries(reductions).flatMap(([name, f]): [string, Pair][] => [
      [`${name} of all`, [() => f(x), () => f(x, null, false)]],
      [`${name} along an axis`, [() => f(x, 1), () => f(x, 1, false)]],
    ]),
  ),
  variance: [() => ops.variance(x), () => ops.variance(x, null, false, 1)],
  std: [() => ops.std(x), () => ops.std(x, null, false, 1)],
  norm: [() => ops.norm(x), () => ops.norm(x, null, false, 2)],
  softmax: [() => ops.softmax(x), () => ops.softmax(x, 1)],
  logSoftmax: [() => ops.logSoftmax(x), () => ops.logSoftmax(x, 1)],
  cumsum: [() => ops.cumsum(x), () => ops.cumsum(x, 1, false)],
  cumprod: [() => ops.cumprod(x), () => ops.cumprod(x, 1, false)],
  concat: [() => ops.concat([x, y]), () => ops.concat([x, y], 0)],
  stack: [() => ops.stack([x, y]), () => ops.stack([x, y], 0)],
  gather: [() => ops.gather(x, places), () => ops.gather(x, places, 1)],
  scatterAdd: [() => ops.scatterAdd(x, places, y), () => ops.scatterAdd(x, places, y, 1)],
  indexSelect: [() => ops.indexSelect(x, labelsOf3()), () => ops.indexSelect(x, labelsOf3(), 0)],
  tril: [() => ops.tril(x), () => ops.tril(x, 0)],
  triu: [() => ops.triu(x), () => ops.triu(x, 0)],
  swapAxes: [() => ops.swapAxes(q), () => ops.swapAxes(q, 1, 2)],
  "swapAxes, one given": [() => ops.swapAxes(q, 0), () => ops.swapAxes(q, 0, 2)],
  pad: [
    () =>
      ops.pad(x, [
        [1, 0],
        [0, 1],
      ]),
    () =>
      ops.pad(
        x,
        [
          [1, 0],
          [0, 1],
        ],
        0,
      ),
  ],
  "slice, the step": [
    () => ops.slice(x, [[0, 3]]),
    () =>
      ops.slice(x, [
        [0, 3, 1],
        [0, 4, 1],
      ]),
  ],
  leakyRelu: [() => ops.leakyRelu(x), () => ops.leakyRelu(x, 0.01)],
  elu: [() => ops.elu(x), () => ops.elu(x, 1)],
  gelu: [() => ops.gelu(x), () => ops.gelu(x, "tanh")],
  layerNorm: [() => ops.layerNorm(x), () => ops.layerNorm(x, NONE, NONE, 1e-5, 1)],
  rmsNorm: [() => ops.rmsNorm(x), () => ops.rmsNorm(x, NONE, 1e-5)],
  matmul: [() => ops.matmul(x, tensor([4, 3])), () => ops.matmul(x, tensor([4, 3]), false, false)],
  linear: [() => ops.linear(x, y), () => ops.linear(x, y, NONE, "none")],
  attention: [
    () => ops.attention(q, key, v),
    () => ops.attention(q, key, v, false, null, 1 / Math.sqrt(4)),
  ],
  conv2d: [
    () => ops.conv2d(image, filter),
    () => ops.conv2d(image, filter, NONE, { stride: 1, padding: 0, dilation: 1 }),
  ],
  "conv2d, one option": [
    () => ops.conv2d(image, filter, NONE, { stride: 2 }),
    () => ops.conv2d(image, filter, NONE, { stride: [2, 2], padding: [0, 0], dilation: [1, 1] }),
  ],
  maxPool2d: [() => ops.maxPool2d(image, 2), () => ops.maxPool2d(image, 2, 2, 0)],
  avgPool2d: [() => ops.avgPool2d(image, 2), () => ops.avgPool2d(image, 2, 2, 0)],
  mse: [() => ops.mse(x, y), () => ops.mse(x, y, "mean")],
  l1: [() => ops.l1(x, y), () => ops.l1(x, y, "mean")],
  huber: [() => ops.huber(x, y), () => ops.huber(x, y, 1, "mean")],
  smoothL1: [() => ops.smoothL1(x, y), () => ops.smoothL1(x, y, 1, "mean")],
  quantileHuber: [() => ops.quantileHuber(x, y), () => ops.quantileHuber(x, y, 1, "mean")],
  bceWithLogits: [() => ops.bceWithLogits(x, y), () => ops.bceWithLogits(x, y, "mean")],
  crossEntropy: [
    () => ops.crossEntropy(x, labels),
    () => ops.crossEntropy(x, labels, { reduction: "mean", labelSmoothing: 0 }),
  ],
  nllLoss: [
    () => ops.nllLoss(x, labels),
    () => ops.nllLoss(x, labels, { reduction: "mean", labelSmoothing: 0 }),
  ],
};
function labelsOf3(): Tensor {
  return input(k, [2], [2, 0]);
}

test.each(Object.entries(pairs))("%s: an argument left out", (_, [omitted, given]) => {
  const [got, wanted] = [run(omitted), run(given)];
  expect(got.shape).toEqual(wanted.shape);
  expect([...got.data]).toEqual([...wanted.data]);
});

test("reductions leave out an axis unless it is kept", () => {
  for (const f of Object.values(reductions)) {
    expect(run(() => f(x)).shape).toEqual([]);
    expect(run(() => f(x, null, true)).shape).toEqual([1, 1]);
    expect(run(() => f(x, 0)).shape).toEqual([4]);
    expect(run(() => f(x, 0, true)).shape).toEqual([1, 4]);
  }
});

test("arguments at their bounds, and just beyond", () => {
  const takes: readonly (() => Tensor)[] = [
    () => ops.dropout(x, y, 0),
    () => ops.dropout(x, y, 1 - 2 ** -20),
    () => ops.norm(x, null, false, 1),
    () => ops.norm(x, null, false, Infinity),
    () => ops.variance(x, null, false, 0),
    () => ops.layerNorm(x, NONE, NONE, 0),
    () => ops.rmsNorm(x, NONE, 0),
    () => ops.tile(x, [0, 1]),
    () => ops.huber(x, y, Number.MIN_VALUE),
    () => ops.smoothL1(x, y, 0),
    () => ops.crossEntropy(x, labels, { labelSmoothing: 1 }),
    () => ops.oneHot(labels, 4),
    () => ops.conv2d(image, filter, NONE, { stride: 1, padding: 0, dilation: 1 }),
    () => ops.maxPool2d(image, 5),
    () => ops.conv2d(image, filter, NONE, { dilation: 4 }),
  ];
  for (const f of takes) expect(() => run(f)).not.toThrow();
  const refuses: readonly (() => Tensor)[] = [
    () => ops.dropout(x, y, 1),
    () => ops.dropout(x, y, -1e-9),
    () => ops.dropout(x, y, Number.NaN),
    () => ops.norm(x, null, false, 0.9),
    () => ops.variance(x, null, false, -1),
    () => ops.std(x, null, false, -1),
    () => ops.layerNorm(x, NONE, NONE, -1e-9),
    () => ops.rmsNorm(x, NONE, -1e-9),
    () => ops.tile(x, [-1, 1]),
    () => ops.tile(x, [0.5, 1]),
    () => ops.huber(x, y, 0),
    () => ops.huber(x, y, Infinity),
    () => ops.smoothL1(x, y, -1e-9),
    () => ops.quantileHuber(x, y, 0),
    () => ops.crossEntropy(x, labels, { labelSmoothing: 1.01 }),
    () => ops.crossEntropy(x, labels, { labelSmoothing: -0.01 }),
    () => ops.crossEntropy(x, labels, { ignoreIndex: 0.5 }),
    () => ops.crossEntropy(x, labels, { reduction: "all" as "sum" }),
    () => ops.mse(x, y, "all" as "sum"),
    () => ops.quantileHuber(x, y, 1, "all" as "sum"),
    () => ops.linear(x, y, NONE, "sine" as "tanh"),
    () => ops.oneHot(labels, 3),
    () => ops.conv2d(image, filter, NONE, { padding: -1 }),
    () => ops.conv2d(image, filter, NONE, { padding: [0, -1] }),
    () => ops.conv2d(image, filter, NONE, { stride: 0 }),
    () => ops.conv2d(image, filter, NONE, { stride: [1, 0] }),
    () => ops.conv2d(image, filter, NONE, { dilation: 0 }),
    () => ops.conv2d(image, filter, NONE, { stride: 1.5 }),
    () => ops.conv2d(image, filter, NONE, { dilation: 5 }),
    () => ops.maxPool2d(image, 0),
    () => ops.maxPool2d(image, 2, 0),
    () => ops.maxPool2d(image, 2, 2, -1),
    () => ops.maxPool2d(image, 6),
    () =>
      ops.pad(x, [
        [0.5, 0],
        [0, 0],
      ]),
    () => ops.tril(x, 0.5),
    () => ops.triu(x, 0.5),
    () => ops.clip(x, Number.NaN, 1),
    () => ops.concat([]),
    () => ops.stack([]),
  ];
  for (const f of refuses) expect(() => run(f), String(f)).toThrow(/want|expected/);
});

const weights = {
  wIh: tensor([8, 4]),
  wHh: tensor([8, 2], 2),
  bIh: tensor([8], 3),
  bHh: tensor([8], 4),
};
const gates = {
  wIh: tensor([6, 4]),
  wHh: tensor([6, 2], 2),
  bIh: tensor([6], 3),
  bHh: tensor([6], 4),
};
/** Ops of rows [2, 4], each row's result its own. */
const rowwise: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  sum: (x) => ops.sum(x, 1),
  mean: (x) => ops.mean(x, 1),
  variance: (x) => ops.variance(x, 1),
  std: (x) => ops.std(x, 1),
  "norm of 1": (x) => ops.norm(x, 1, false, 1),
  norm: (x) => ops.norm(x, 1),
  "norm of 3": (x) => ops.norm(x, 1, false, 3),
  "largest norm": (x) => ops.norm(x, 1, false, Infinity),
  prod: (x) => ops.prod(x, 1),
  max: (x) => ops.max(x, 1),
  min: (x) => ops.min(x, 1),
  logsumexp: (x) => ops.logsumexp(x, 1),
  softmax: (x) => ops.softmax(x),
  logSoftmax: (x) => ops.logSoftmax(x),
  cumsum: (x) => ops.cumsum(x),
  cumprod: (x) => ops.cumprod(x),
  layerNorm: (x) => ops.layerNorm(x),
  rmsNorm: (x) => ops.rmsNorm(x),
  crossEntropy: (x) => ops.crossEntropy(x, input(k, [2], [3, 0]), { reduction: "none" }),
  quantileHuber: (x) => ops.quantileHuber(x, tensor([2, 3]), 1, "none"),
};
describe.each(Object.entries(rowwise))("%s", (_, f) => {
  /** The gradient to x of the first `rows` rows' results. */
  const gradient = (data: readonly number[], rows = 1): number[] => {
    const x = variable(k, [data.length / 4, 4], data);
    const tape = new Tape(k);
    tape.backward(tape.run(() => ops.sum(ops.square(ops.rows(f(x), 0, rows)))));
    return [...x.grad];
  };
  const own = [0.3, -0.7, 0.9, 0.2];
  test("a row that does not count gets no gradient, and gives none to the other, whatever it holds", () => {
    const alone = gradient([...own, ...own]).slice(0, 4);
    for (const pole of [0, 1e30, Infinity, -Infinity, Number.NaN]) {
      expect(gradient([...own, pole, pole, pole, pole])).toEqual([...alone, 0, 0, 0, 0]);
    }
  });
  test("the first row's gradient does not depend on whether the second counts", () => {
    const other = [-0.5, 0.4, 0.8, -0.1];
    expect(gradient([...own, ...other], 2).slice(0, 4)).toEqual(
      gradient([...own, ...other], 1).slice(0, 4),
    );
    expect(gradient([...own, ...other], 1).some((d) => d !== 0)).toBe(true);
  });
});

test("norms and deviations of equal numbers have a gradient of 0 at 0", () => {
  for (const p of [1, 1.5, 2, 3, Infinity]) {
    const x = variable(k, [2, 3]);
    const tape = new Tape(k);
    tape.backward(tape.run(() => ops.sum(ops.norm(x, 1, false, p))));
    expect([...x.grad]).toEqual([0, 0, 0, 0, 0, 0]);
  }
  const x = variable(k, [1, 3], [2, 2, 2]);
  const tape = new Tape(k);
  tape.backward(tape.run(() => ops.sum(ops.std(x, 1))));
  expect([...x.grad]).toEqual([0, 0, 0]);
});

test("a recurrent cell's gradients add up from its two results, and stop at rows that do not count", () => {
  const data = filled([2, 4]);
  /** Gradients to gates and cell of the results with these weights. */
  const gradients = (ofH: number, ofC: number): number[] => {
    const [x, h, c] = [
      variable(k, [2, 4], data),
      variable(k, [2, 2], filled([2, 2])),
      variable(k, [2, 2], filled([2, 2], 5)),
    ];
    const tape = new Tape(k);
    tape.backward(
      tape.run(() => {
        const next = ops.lstmCell(x, h, c, weights);
        return ops.add(ops.mul(ops.sum(next.h), ofH), ops.mul(ops.sum(next.c), ofC));
      }),
    );
    return [...x.grad, ...h.grad, ...c.grad];
  };
  const [h, c, both] = [gradients(1, 0), gradients(0, 1), gradients(1, 1)];
  both.forEach((d, i) => {
    expect(d).toBeCloseTo(h[i] + c[i], 5);
  });
  expect(c.some((d) => d !== 0)).toBe(true);
});

test("a cell's state has a gradient where its input has none, and the other way around", () => {
  const cells: Readonly<Record<string, (x: Tensor, h: Tensor, c: Tensor) => Tensor>> = {
    lstmCell: (x, h, c) => ops.lstmCell(x, h, c, weights).h,
    gruCell: (x, h) => ops.gruCell(x, h, gates),
    scatterAdd: (x, h) => ops.scatterAdd(h, input(k, [2, 4], [0, 1, 0, 1, 1, 1, 0, 0]), x),
    where: (x, h) =>
      ops.where(input(k, [2, 1], [1, 0]), x, ops.reshape(ops.stack([h, h], 2), [2, 4])),
    rmsNorm: (x, h) => ops.rmsNorm(x, ops.reshape(h, [4])),
  };
  for (const [name, f] of Object.entries(cells)) {
    const gradients = (which: number): (number[] | null)[] => {
      const shapes = [
        [2, 4],
        [2, 2],
        [2, 2],
      ];
      const inputs = shapes.map((shape, i) =>
        (which >> i) & 1 ? variable(k, shape, filled(shape, i)) : input(k, shape, filled(shape, i)),
      );
      const tape = new Tape(k);
      const [x, h, c] = inputs;
      tape.backward(tape.run(() => ops.sum(ops.square(f(x, h, c)))));
      return inputs.map(({ grad }) => (grad === null ? null : [...grad]));
    };
    const all = gradients(7);
    expect(all[0]?.some((d) => d !== 0) && all[1]?.some((d) => d !== 0)).toBe(true);
    for (const which of [1, 2, 3]) {
      gradients(which).forEach((grad, i) => {
        expect([name, which, i, grad]).toEqual([name, which, i, (which >> i) & 1 ? all[i] : null]);
      });
    }
  }
});

test("the place of the largest and smallest, with NaN at every place of every row", () => {
  const [rows, n] = [3, 4];
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < n; at++) {
      for (let nan = -1; nan < n; nan++) {
        const data = new Array<number>(rows * n).fill(0);
        data[row * n + at] = 1;
        if (nan >= 0) data[row * n + nan] = Number.NaN;
        const wanted = Array.from({ length: rows }, (_, r) =>
          r === row ? (nan >= 0 ? nan : at) : 0,
        );
        const x = input(k, [rows, n], data);
        expect([...run(() => ops.argmax(x, 1)).data]).toEqual(wanted);
        expect([...run(() => ops.argmin(ops.neg(x), 1)).data]).toEqual(wanted);
        const columns = run(() => ops.swapAxes(x));
        const y = input(k, [n, rows], Array.from(columns.data));
        expect([...run(() => ops.argmax(y, 0)).data]).toEqual(wanted);
        expect([...run(() => ops.argmin(ops.neg(y), 0)).data]).toEqual(wanted);
      }
    }
  }
});
