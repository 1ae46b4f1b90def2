/** An input's gradient is the same whichever of the others has one; and arguments at the edge of what is allowed. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { groupedAttention } from "../../src/ops/grouped-attention.ts";
import * as ops from "../../src/ops/index.ts";

type Case = readonly [readonly (readonly number[])[], (x: Tensor, y: Tensor, z: Tensor) => Tensor];
const same = [
  [2, 3],
  [2, 3],
] as const;
const row = [[2, 3], [3]] as const;
const cases: Readonly<Record<string, Case>> = {
  add: [same, ops.add],
  "add, broadcast": [row, ops.add],
  sub: [same, ops.sub],
  "sub, broadcast": [row, ops.sub],
  mul: [same, ops.mul],
  "mul, broadcast": [row, ops.mul],
  div: [same, ops.div],
  "div, broadcast": [row, ops.div],
  pow: [same, ops.pow],
  minimum: [same, ops.minimum],
  maximum: [same, ops.maximum],
  mse: [same, (x, y) => ops.mse(x, y)],
  l1: [same, (x, y) => ops.l1(x, y)],
  huber: [same, (x, y) => ops.huber(x, y, 0.2)],
  smoothL1: [same, (x, y) => ops.smoothL1(x, y, 0.2)],
  bceWithLogits: [same, (x, y) => ops.bceWithLogits(x, y)],
  quantileHuber: [
    [
      [2, 3],
      [2, 4],
    ],
    (x, y) => ops.quantileHuber(x, y),
  ],
  matmul: [
    [
      [2, 3],
      [3, 2],
    ],
    (x, y) => ops.matmul(x, y),
  ],
  linear: [[[2, 3], [4, 3], [4]], ops.linear],
  "linear and tanh": [[[2, 3], [4, 3], [4]], (x, w, b) => ops.linear(x, w, b, "tanh")],
  layerNorm: [[[2, 3], [3], [3]], ops.layerNorm],
  rmsNorm: [[[2, 3], [3]], (x, w) => ops.rmsNorm(x, w)],
  siluGate: [same, (x, y) => ops.siluGate(x, y)],
  groupedAttention: [
    [
      [2, 3, 8],
      [2, 3, 4],
      [2, 3, 4],
    ],
    (q, k, v) => groupedAttention([q, k, v], { heads: 4, window: 2 }),
  ],
  conv2d: [[[2, 1, 3, 3], [2, 1, 2, 2], [2]], ops.conv2d],
  attention: [
    [
      [2, 3, 4],
      [2, 3, 4],
      [2, 3, 2],
    ],
    ops.attention,
  ],
  concat: [same, (x, y) => ops.concat([x, y], 0)],
  stack: [same, (x, y) => ops.stack([x, y], 0)],
};

describe.each([loops(), simd({ memory: 2 ** 22 })])("on $name", (k) => {
  test.each(Object.entries(cases))("%s", (_, [shapes, f]) => {
    /** The gradients of Σ w·f, where input i has one if bit i of `which` is set. */
    const gradients = (which: number): (number[] | null)[] => {
      const inputs = shapes.map((shape, i) => {
        const n = shape.reduce((a, b) => a * b, 1);
        const data = Array.from({ length: n }, (_, j) => 0.6 + 0.5 * Math.sin(7 * j + 3 * i + 1));
        return (which & (1 << i)) !== 0 ? variable(k, shape, data) : input(k, shape, data);
      });
      const tape = new Tape(k);
      tape.backward(
        tape.run(() => {
          const [x, second, third] = inputs;
          const y = f(x, second, third);
          const n = y.data.length;
          const weights = Array.from({ length: n }, (_, j) => 1 + 0.3 * Math.cos(j));
          return ops.sum(ops.mul(y, input(k, y.shape, weights)));
        }),
      );
      return inputs.map(({ grad }) => (grad === null ? null : [...grad]));
    };
    const all = gradients((1 << shapes.length) - 1);
    for (const gradient of all) expect(gradient?.some((g) => g !== 0)).toBe(true);
    for (let which = 1; which < 1 << shapes.length; which++) {
      const some = gradients(which);
      for (const [i, gradient] of some.entries()) {
        if ((which & (1 << i)) === 0) expect(gradient).toBe(null);
        else
          for (const [j, g] of (gradient ?? []).entries())
            expect(g).toBeCloseTo(all[i]?.[j] ?? Number.NaN, 6);
      }
    }
  });

  test("labels that are a parameter get no gradient, and do not disturb", () => {
    for (const loss of [ops.crossEntropy, ops.nllLoss]) {
      const labels = variable(k, [2], [0, 2]);
      const tape = new Tape(k);
      tape.backward(tape.run(() => loss(input(k, [2, 3], [1, 2, 3, 4, 5, 6]), labels)));
      expect([...labels.grad]).toEqual([0, 0]);
    }
  });

  test("the exponent's gradient where the base is 0: 0 unless the exponent is negative", () => {
    const [x, e] = [input(k, [4], [0, 0, 0, 2]), variable(k, [4], [2, 0, -1, 3])];
    const tape = new Tape(k);
    tape.backward(tape.run(() => ops.sum(ops.pow(x, e))));
    expect([...e.grad.subarray(0, 3)]).toEqual([0, 0, -Infinity]);
    expect(e.grad[3]).toBeCloseTo(8 * Math.log(2), 5);
  });

  test("the deviation of equal numbers has gradient 0", () => {
    const x = variable(k, [2, 2], [3, 3, 1, 2]);
    const tape = new Tape(k);
    tape.backward(tape.run(() => ops.sum(ops.std(x, 1))));
    expect([...x.grad.subarray(0, 2)]).toEqual([0, 0]);
    expect(x.grad[3]).toBeCloseTo(Math.SQRT1_2, 6);
  });
});

test("arguments at and beyond the edge", () => {
  const k = loops();
  const run = (body: () => Tensor) => () => new Tape(k).run(body);
  const x = input(k, [2, 3]);
  for (const n of [2, 4])
    expect(run(() => ops.linear(x, input(k, [4, 3]), input(k, [n + 1])))).toThrow(
      `linear: expected x […, in], weight [out, in], bias [out], got [2, 3], [4, 3], [${n + 1}]`,
    );
  expect(run(() => ops.linear(x, input(k, [4, 3]), input(k, [4])))).not.toThrow();
  for (const op of [ops.std, ops.variance]) {
    expect(run(() => op(x, 1, false, 0))).not.toThrow();
    expect(run(() => op(x, 1, false, -1))).toThrow("ddof");
  }
  for (const [a, b] of [
    [0, 3],
    [3, 0],
  ])
    expect(run(() => ops.quantileHuber(input(k, [2, a]), input(k, [2, b])))).toThrow(ShapeError);
  expect(run(() => ops.quantileHuber(input(k, [2, 1]), input(k, [2, 1])))).not.toThrow();
});
