/** Each condition of an op's check of shapes, broken alone; and sums of many equal terms, which float32 would round. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Shape, type Tensor, variable } from "../../src/core/tensor.ts";
import {
  type CacheRows,
  cachedGroupedAttention,
  groupedAttention,
} from "../../src/ops/grouped-attention.ts";
import * as ops from "../../src/ops/index.ts";
import { cachedAttention, selfAttention } from "../../src/ops/self-attention.ts";

const k = loops();

type F = (...x: Tensor[]) => Tensor;
/** An op, shapes that fit, and by the broken condition the shapes that differ in it alone. */
type Case = readonly [
  f: F,
  fits: readonly Shape[],
  broken: Readonly<Record<string, readonly Shape[]>>,
];

const lstmStep: F = (x, h, c, wIh, wHh, bIh, bHh) =>
  ops.lstmCell(x, h, c, { wIh, wHh, bIh, bHh }).h;
const gruStep: F = (x, h, wIh, wHh, bIh, bHh) => ops.gruCell(x, h, { wIh, wHh, bIh, bHh });
const lstmCell = [[8, 3], [8, 2], [8], [8]];
const gruCell = [[6, 3], [6, 2], [6], [6]];
const lstmOver: F = (x, h, c, wIh, wHh, bIh, bHh, reset) =>
  ops.lstm(x, h, c, { wIh, wHh, bIh, bHh }, reset).ys;
const cached: F = (x, keys, values, sequence, position) =>
  cachedAttention(x, 2, { keys, values }, [sequence, position]);
const cachedFits = [[3, 12], [5, 2, 2, 8], [5, 2, 8, 2], [3], [3]];
const groupedFits = [
  [2, 3, 8],
  [2, 3, 4],
  [2, 3, 4],
  [2, 3, 3],
];
const cachedGrouped = [[3, 8], [3, 4], [3, 4], [5, 2, 2, 8], [5, 2, 8, 2], [3], [3]];
const rotateFits = [[3, 8], [3], [5, 4]];
/** `shapes` with the one at `at` replaced. */
const but = (shapes: readonly Shape[], at: number, shape: Shape): Shape[] =>
  shapes.map((s, i) => (i === at ? shape : s));

const cases: Readonly<Record<string, Case>> = {
  add: [ops.add, [[2, 3], [3]], { "sizes that differ": [[2, 3], [2]] }],
  broadcastTo: [
    (x) => ops.broadcastTo(x, [2, 3]),
    [[1, 3]],
    { "larger than asked": [[2, 2, 3]], "more axes, of size 1": [[1, 2, 3]], "other size": [[2]] },
  ],
  "broadcastTo a size of 1": [(x) => ops.broadcastTo(x, [1, 3]), [[3]], { "a row more": [[2, 3]] }],
  "reshape, one size open": [
    (x) => ops.reshape(x, [2, -1]),
    [[6]],
    { "not whole": [[5]], "no axes": [[]] },
  ],
  "reshape, two sizes open": [(x) => ops.reshape(x, [-1, 2]), [[2]], { odd: [[3]] }],
  reshape: [(x) => ops.reshape(x, [2, 3]), [[6]], { "one more": [[7]], "one less": [[5]] }],
  rows: [(x) => ops.rows(x, 1, 3), [[3, 2]], { "too few": [[2, 2]], "no axis": [[]] }],
  tril: [(x) => ops.tril(x), [[2, 3]], { "one axis": [[3]] }],
  triu: [(x) => ops.triu(x), [[2, 3]], { "one axis": [[3]] }],
  pad: [
    (x) => ops.pad(x, [[1, 0]]),
    [[3]],
    { "an axis without a pair": [[3, 2]], "a pair without an axis": [[]] },
  ],
  slice: [
    (x) =>
      ops.slice(x, [
        [0, 1],
        [0, 1],
      ]),
    [[2, 3]],
    { "more ranges than axes": [[3]] },
  ],
  permute: [
    (x) => ops.permute(x, [1, 0]),
    [[2, 3]],
    { "an axis not named": [[2, 3, 4]], "an axis too many": [[3]] },
  ],
  dropout: [
    (x, keep) => ops.dropout(x, keep, 0.5),
    [
      [2, 3],
      [2, 3],
    ],
    { "another mask": [[2, 3], [3]] },
  ],
  matmul: [
    (a, b) => ops.matmul(a, b),
    [
      [5, 2, 3],
      [5, 3, 4],
    ],
    {
      "inner sizes": [
        [5, 2, 3],
        [5, 4, 4],
      ],
      "batch sizes": [
        [5, 2, 3],
        [4, 3, 4],
      ],
      "a number at the left": [[], [3, 4]],
      "a number at the right": [[2, 3], []],
    },
  ],
  "matmul, both transposed": [
    (a, b) => ops.matmul(a, b, true, true),
    [
      [3, 2],
      [4, 3],
    ],
    {
      "sizes that would fit untransposed": [
        [2, 3],
        [3, 4],
      ],
    },
  ],
  linear: [
    (x, w, b) => ops.linear(x, w, b),
    [[2, 3], [4, 3], [4]],
    {
      inputs: [[2, 2], [4, 3], [4]],
      "no axis": [[], [4, 3], [4]],
      "weight of three axes": [[2, 3], [4, 3, 1], [4]],
      "weight of one axis": [[2, 4], [4], [4]],
      bias: [[2, 3], [4, 3], [3]],
      "bias of two axes": [
        [2, 3],
        [4, 3],
        [4, 1],
      ],
    },
  ],
  layerNorm: [
    (x, w, b) => ops.layerNorm(x, w, b),
    [[2, 3], [3], [3]],
    { weight: [[2, 3], [2], [3]], bias: [[2, 3], [3], [2]], "no axis": [[], [], []] },
  ],
  rmsNorm: [
    (x, w) => ops.rmsNorm(x, w),
    [[2, 3], [3]],
    { weight: [[2, 3], [2]], "no axis": [[], []] },
  ],
  conv2d: [
    (x, w, b) => ops.conv2d(x, w, b),
    [[2, 3, 4, 5], [6, 3, 2, 2], [6]],
    {
      "x of three axes": [[2, 3, 4], [6, 3, 2, 2], [6]],
      "x of five axes": [[2, 3, 4, 5, 1], [6, 3, 2, 2], [6]],
      "weight of three axes": [[2, 3, 4, 5], [6, 3, 2], [6]],
      "weight of five axes": [[2, 3, 4, 5], [6, 3, 2, 2, 1], [6]],
      channels: [[2, 2, 4, 5], [6, 3, 2, 2], [6]],
      bias: [[2, 3, 4, 5], [6, 3, 2, 2], [5]],
      "too low for the window": [[2, 3, 1, 5], [6, 3, 2, 2], [6]],
      "too narrow for the window": [[2, 3, 4, 1], [6, 3, 2, 2], [6]],
    },
  ],
  maxPool2d: [
    (x) => ops.maxPool2d(x, 2),
    [[1, 1, 2, 2]],
    { "three axes": [[1, 2, 2]], low: [[1, 1, 1, 2]], narrow: [[1, 1, 2, 1]] },
  ],
  avgPool2d: [
    (x) => ops.avgPool2d(x, 2),
    [[1, 1, 2, 2]],
    { "three axes": [[1, 2, 2]], low: [[1, 1, 1, 2]], narrow: [[1, 1, 2, 1]] },
  ],
  attention: [
    (q, key, v) => ops.attention(q, key, v),
    [
      [2, 3, 4],
      [2, 5, 4],
      [2, 5, 6],
    ],
    {
      "heads of keys": [
        [2, 3, 4],
        [3, 5, 4],
        [2, 5, 6],
      ],
      "heads of values": [
        [2, 3, 4],
        [2, 5, 4],
        [3, 5, 6],
      ],
      depth: [
        [2, 3, 4],
        [2, 5, 3],
        [2, 5, 6],
      ],
      "keys and values": [
        [2, 3, 4],
        [2, 5, 4],
        [2, 6, 6],
      ],
      "one axis": [[4], [4], [4]],
    },
  ],
  groupedAttention: [
    (q, key, v, allowed) => groupedAttention([q, key, v], { heads: 4, window: 0 }, allowed),
    groupedFits,
    {
      "width of q": but(groupedFits, 0, [2, 3, 10]),
      "axes of q": but(groupedFits, 0, [2, 3, 8, 1]),
      "key heads that do not divide": [
        [2, 3, 8],
        [2, 3, 6],
        [2, 3, 6],
        [2, 3, 3],
      ],
      "part of a key head": [
        [2, 3, 8],
        [2, 3, 3],
        [2, 3, 3],
        [2, 3, 3],
      ],
      "more key heads": [
        [2, 3, 8],
        [2, 3, 16],
        [2, 3, 16],
        [2, 3, 3],
      ],
      "no key heads": [
        [2, 3, 8],
        [2, 3, 0],
        [2, 3, 0],
        [2, 3, 3],
      ],
      "other values": but(groupedFits, 2, [2, 3, 2]),
      "texts of keys": [
        [2, 3, 8],
        [1, 3, 4],
        [1, 3, 4],
        [2, 3, 3],
      ],
      "positions of keys": [
        [2, 3, 8],
        [2, 4, 4],
        [2, 4, 4],
        [2, 3, 3],
      ],
      "texts of the mask": but(groupedFits, 3, [1, 3, 3]),
      "queries of the mask": but(groupedFits, 3, [2, 2, 3]),
      "keys of the mask": but(groupedFits, 3, [2, 3, 4]),
    },
  ],
  cachedGroupedAttention: [
    (q, key, v, keys, values, sequence, position) =>
      cachedGroupedAttention([q, key, v], { heads: 4, window: 0 }, [
        ...[keys, values, sequence],
        position,
      ] as unknown as CacheRows),
    cachedGrouped,
    {
      "axes of q": but(cachedGrouped, 0, [3, 8, 1]),
      "rows of keys": [[3, 8], [2, 4], [2, 4], ...cachedGrouped.slice(3)],
      "heads of keys": but(cachedGrouped, 3, [5, 4, 2, 8]),
      "depth of keys": but(cachedGrouped, 3, [5, 2, 3, 8]),
      "sequences of values": but(cachedGrouped, 4, [4, 2, 8, 2]),
      "positions of values": but(cachedGrouped, 4, [5, 2, 4, 2]),
      sequence: but(cachedGrouped, 5, [2]),
      position: but(cachedGrouped, 6, [4]),
    },
  ],
  siluGate: [
    (x, y) => ops.siluGate(x, y),
    [
      [2, 3],
      [2, 3],
    ],
    { "another shape": [[2, 3], [3]] },
  ],
  rotate: [
    (x, positions, table) => ops.rotate(x, positions, table),
    rotateFits,
    {
      "part of a head": but(rotateFits, 0, [3, 6]),
      "an odd head": but(rotateFits, 2, [5, 1]),
      "a table of three axes": but(rotateFits, 2, [5, 4, 1]),
      "other positions": but(rotateFits, 1, [2]),
    },
  ],
  selfAttention: [
    (x, allowed) => selfAttention(x, 2, allowed),
    [
      [2, 3, 12],
      [2, 3, 3],
    ],
    {
      width: [
        [2, 3, 10],
        [2, 3, 3],
      ],
      "four axes": [
        [2, 3, 12, 1],
        [2, 3, 3],
      ],
      "texts of the mask": [
        [2, 3, 12],
        [1, 3, 3],
      ],
      "queries of the mask": [
        [2, 3, 12],
        [2, 2, 3],
      ],
      "keys of the mask": [
        [2, 3, 12],
        [2, 3, 4],
      ],
    },
  ],
  cachedAttention: [
    cached,
    cachedFits,
    {
      "x of three axes": but(cachedFits, 0, [3, 12, 1]),
      width: but(cachedFits, 0, [3, 11]),
      "heads of keys": but(cachedFits, 1, [5, 3, 2, 8]),
      "depth of keys": but(cachedFits, 1, [5, 2, 3, 8]),
      "keys of five axes": but(cachedFits, 1, [5, 2, 2, 8, 1]),
      "sequences of values": but(cachedFits, 2, [4, 2, 8, 2]),
      "heads of values": but(cachedFits, 2, [5, 3, 8, 2]),
      "positions of values": but(cachedFits, 2, [5, 2, 4, 2]),
      "depth of values": but(cachedFits, 2, [5, 2, 8, 3]),
      sequence: but(cachedFits, 3, [2]),
      "sequence of two axes": but(cachedFits, 3, [3, 1]),
      position: but(cachedFits, 4, [4]),
      "position of two axes": but(cachedFits, 4, [3, 1]),
    },
  ],
  gather: [
    (x, index) => ops.gather(x, index, 1),
    [
      [2, 3],
      [2, 5],
    ],
    {
      "more rows than x": [
        [2, 3],
        [3, 5],
      ],
      "another number of axes": [[2, 3], [2]],
    },
  ],
  scatterAdd: [
    (x, index, src) => ops.scatterAdd(x, index, src, 0),
    [
      [2, 3],
      [5, 3],
      [5, 3],
    ],
    {
      src: [
        [2, 3],
        [5, 3],
        [4, 3],
      ],
      "more columns than x": [
        [2, 3],
        [5, 4],
        [5, 4],
      ],
      "another number of axes": [[2, 3], [5], [5]],
    },
  ],
  indexSelect: [(x, i) => ops.indexSelect(x, i, 1), [[2, 3], [4]], { "no such axis": [[2], [4]] }],
  concat: [
    (a, b) => ops.concat([a, b], 0),
    [
      [2, 3],
      [4, 3],
    ],
    {
      "another axis": [
        [2, 3],
        [2, 4],
      ],
      "an axis more": [
        [2, 3],
        [2, 3, 1],
      ],
      "no such axis": [[], []],
    },
  ],
  stack: [(a, b) => ops.stack([a, b]), [[3], [3]], { sizes: [[3], [4]], axes: [[3], [3, 1]] }],
  max: [(x) => ops.max(x, 1), [[2, 3]], { "nothing to reduce": [[2, 0]], "no such axis": [[2]] }],
  "max of no rows": [(x) => ops.max(x, 1), [[0, 0]], {}],
  argmax: [(x) => ops.argmax(x, 1), [[2, 3]], { "nothing to reduce": [[2, 0]] }],
  softmax: [(x) => ops.softmax(x, 1), [[2, 3]], { "no such axis": [[2]] }],
  cumsum: [(x) => ops.cumsum(x, 1), [[2, 3]], { "no such axis": [[2]] }],
  crossEntropy: [
    (x, labels) => ops.crossEntropy(x, labels),
    [[2, 3], [2]],
    {
      rows: [[2, 3], [3]],
      "an axis more": [
        [2, 3],
        [2, 3],
      ],
      "an axis less": [[2, 3], []],
    },
  ],
  quantileHuber: [
    (x, t) => ops.quantileHuber(x, t),
    [
      [2, 3],
      [2, 4],
    ],
    {
      rows: [
        [2, 3],
        [3, 4],
      ],
      "no quantiles": [
        [2, 0],
        [2, 4],
      ],
      "no samples": [
        [2, 3],
        [2, 0],
      ],
      "no axes": [[], []],
      "a target without axes": [[3], []],
    },
  ],
  lstmCell: [
    lstmStep,
    [[4, 3], [4, 2], [4, 2], ...lstmCell],
    {
      inputs: [[4, 2], [4, 2], [4, 2], ...lstmCell],
      hidden: [[4, 3], [4, 3], [4, 3], ...lstmCell],
      "c of another batch": [[4, 3], [4, 2], [5, 2], ...lstmCell],
      "c and h of three axes": [[4, 3], [4, 2, 1], [4, 2, 1], ...lstmCell],
      "gates for another c": [[4, 3], [4, 2], [4, 2], [12, 3], [12, 2], [12], [12]],
    },
  ],
  gruCell: [
    gruStep,
    [[4, 3], [4, 2], ...gruCell],
    {
      inputs: [[4, 2], [4, 2], ...gruCell],
      hidden: [[4, 3], [4, 3], ...gruCell],
      "another batch": [[4, 3], [5, 2], ...gruCell],
      "gates of x": [[4, 3], [4, 2], [9, 3], [6, 2], [9], [6]],
      "gates of h": [[4, 3], [4, 2], [6, 3], [9, 2], [6], [9]],
      "three axes": [[1, 4, 3], [1, 4, 2], ...gruCell],
    },
  ],
  lstm: [
    lstmOver,
    [[5, 4, 3], [4, 2], [4, 2], ...lstmCell, [5, 4]],
    {
      "x of two axes": [[4, 3], [4, 2], [4, 2], ...lstmCell, [4, 3]],
      "x of four axes": [[5, 4, 3, 1], [4, 2], [4, 2], ...lstmCell, [5, 4]],
      "steps of reset": [[5, 4, 3], [4, 2], [4, 2], ...lstmCell, [4, 4]],
      "batch of reset": [[5, 4, 3], [4, 2], [4, 2], ...lstmCell, [5, 3]],
      "reset of three axes": [[5, 4, 3], [4, 2], [4, 2], ...lstmCell, [5, 4, 1]],
    },
  ],
};

describe.each(Object.entries(cases))("%s", (_, [f, fits, broken]) => {
  const run = (shapes: readonly Shape[]) => () =>
    new Tape(k).run(() => f(...shapes.map((shape) => input(k, shape))));
  test("takes shapes that fit", () => expect(run(fits)).not.toThrow());
  test.each(Object.entries(broken))("refuses %s", (_condition, shapes) => {
    expect(run(shapes)).toThrow(ShapeError);
    expect(run(shapes)).toThrow(/expected/);
  });
});

test("arguments that are not whole, one at a time", () => {
  const x = input(k, [4, 4]);
  const run = (f: () => Tensor) => () => new Tape(k).run(f);
  for (const f of [
    () => ops.rows(x, 0.5, 2),
    () => ops.rows(x, 0, 1.5),
    () => ops.rows(x, -1, 2),
    () => ops.rows(x, 2, 1),
    () => ops.slice(x, [[0.5, 2]]),
    () => ops.slice(x, [[0, 1.5]]),
    () => ops.slice(x, [[0, 2, 0]]),
    () => ops.slice(x, [[0, 2, 1.5]]),
    () => ops.layerNorm(x, undefined, undefined, 1e-5, 0),
    () => ops.layerNorm(x, undefined, undefined, 1e-5, 3),
    () => ops.layerNorm(x, undefined, undefined, 1e-5, 1.5),
    () => ops.sum(x, 0.5),
    () => ops.sum(x, -3),
    () => ops.sum(x, 2),
    () => ops.sum(x, [1, -1]),
  ]) {
    expect(run(f)).toThrow(ShapeError);
  }
  for (const bad of [-1, 4, 0.5, Number.NaN]) {
    const index = input(k, [1], [bad]);
    const places = input(k, [1, 4], [0, 0, 0, bad]);
    for (const f of [
      () => ops.indexSelect(x, index),
      () => ops.oneHot(index, 4),
      () => ops.gather(x, places),
      () => ops.gather(x, places, 0),
      () => ops.scatterAdd(x, places, input(k, [1, 4])),
      () => ops.crossEntropy(input(k, [1, 4]), index),
    ]) {
      expect(run(f)).toThrow(RangeError);
    }
  }
});

test("two open sizes are refused also where they would come out", () => {
  const x = input(k, [2]);
  expect(() => new Tape(k).run(() => ops.reshape(x, [-1, -1, 2]))).toThrow(ShapeError);
  expect(() => new Tape(k).run(() => ops.reshape(input(k, [6]), [4, -1]))).toThrow(
    "reshape: expected",
  );
});

test("a gradient that is summed from more terms than its input has numbers is summed in float64", () => {
  const n = 65;
  const index = input(k, [n]);
  const up = [2 ** 24, ...new Array<number>(n - 1).fill(1)]; // in float32 each 1 would be lost
  const sums: Readonly<Record<string, (x: Tensor) => Tensor>> = {
    broadcastTo: (x) => ops.broadcastTo(x, [n]),
    "broadcast by an op": (x) => ops.add(x, index),
    tile: (x) => ops.tile(x, [n]),
    gather: (x) => ops.gather(x, index),
    embedding: (x) => ops.embedding(x, index),
    matmul: (x) => ops.matmul(input(k, [n, 1], new Array(n).fill(1)), ops.reshape(x, [1, 1])),
    "weight of linear": (x) => ops.linear(ones(n, 1), ops.reshape(x, [1, 1])),
    "bias of linear": (x) => ops.linear(ones(n, 1), ones(1, 1), x),
    "bias of layerNorm": (x) => ops.layerNorm(ones(n, 1), ones(1), x),
    "bias of conv2d": (x) => ops.conv2d(ones(n, 1, 1, 1), ones(1, 1, 1, 1), x),
    "weight of conv2d": (x) => ops.conv2d(ones(n, 1, 1, 1), ops.reshape(x, [1, 1, 1, 1])),
  };
  for (const [name, f] of Object.entries(sums)) {
    const x = variable(k, [1], [1]);
    const tape = new Tape(k);
    const body = () => ops.sum(ops.mul(ops.reshape(f(x), [n]), input(k, [n], up)));
    for (let run = 1; run <= 2; run++) {
      x.grad.fill(0);
      tape.backward(tape.run(body));
      expect([name, run, x.grad[0]]).toEqual([name, run, 2 ** 24 + n - 1]);
    }
  }
  const y = new Tape(k).run(() => ops.scatterAdd(input(k, [1]), index, input(k, [n], up)));
  expect(y.data[0]).toBe(2 ** 24 + n - 1);
});

function ones(...shape: number[]): Tensor {
  const x = input(k, shape);
  x.data.fill(1);
  return x;
}
