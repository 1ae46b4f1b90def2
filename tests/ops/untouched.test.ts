/** What a loss does not depend on takes no part: no 0·∞ at a pole, whatever op stands there. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import * as ops from "../../src/ops/index.ts";
import { GradientError, gradCheck } from "../../src/oracle/grad-check.ts";

const unary: Record<string, (x: Tensor) => Tensor> = {
  abs: ops.abs,
  square: ops.square,
  exp: ops.exp,
  expm1: ops.expm1,
  log: ops.log,
  log1p: ops.log1p,
  sqrt: ops.sqrt,
  rsqrt: ops.rsqrt,
  reciprocal: ops.reciprocal,
  sin: ops.sin,
  cos: ops.cos,
  atanh: ops.atanh,
  erf: ops.erf,
  relu: ops.relu,
  leakyRelu: ops.leakyRelu,
  elu: ops.elu,
  tanh: ops.tanh,
  sigmoid: ops.sigmoid,
  logSigmoid: ops.logSigmoid,
  softplus: ops.softplus,
  silu: ops.silu,
  gelu: ops.gelu,
  "gelu by erf": (x) => ops.gelu(x, "erf"),
  clip: (x) => ops.clip(x, -5, 5),
  "pow of 2": (x) => ops.pow(x, 2),
  "pow of −1": (x) => ops.pow(x, -1),
};
const binary: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  pow: ops.pow,
  minimum: ops.minimum,
  maximum: ops.maximum,
  mse: (a, b) => ops.mse(a, b, "none"),
  l1: (a, b) => ops.l1(a, b, "none"),
  huber: (a, b) => ops.huber(a, b, 1, "none"),
  smoothL1: (a, b) => ops.smoothL1(a, b, 1, "none"),
  bceWithLogits: (a, b) => ops.bceWithLogits(a, b, "none"),
};
const poles = [0, -0, 1, -1, -2, 1e30, -1e30, Infinity, -Infinity, Number.NaN];

describe.each([loops(), simd({ memory: 2 ** 22 })])("on $name", (k) => {
  /** Gradients of Σ counts·f: `counts` is 1 for some elements, 0 for others. */
  const gradients = (
    inputs: Tensor[],
    f: (...x: Tensor[]) => Tensor,
    counts: number[],
  ): number[][] => {
    const tape = new Tape(k);
    const n = counts.length;
    const picked = counts.flatMap((c, i) => (c === 0 ? [] : [i]));
    const index = input(k, [picked.length], picked);
    const loss = tape.run(() => ops.sum(ops.embedding(ops.reshape(f(...inputs), [n, 1]), index)));
    tape.backward(loss);
    return inputs.map(({ grad }) => [...(grad ?? [])]);
  };
  test.each(Object.entries(unary))("%s", (_, f) => {
    const own = 0.3;
    for (const pole of poles) {
      const x = variable(k, [3], [pole, own, pole]);
      const [alone] = gradients([variable(k, [1], [own])], f, [1]);
      expect(gradients([x], f, [0, 1, 0])).toEqual([[0, alone[0], 0]]);
    }
  });
  test.each(Object.entries(binary))("%s", (_, f) => {
    for (const p of poles) {
      for (const q of poles) {
        const [a, b] = [variable(k, [3], [p, 0.3, p]), variable(k, [3], [q, 0.7, q])];
        const [da, db] = gradients([variable(k, [1], [0.3]), variable(k, [1], [0.7])], f, [1]);
        expect(gradients([a, b], f, [0, 1, 0])).toEqual([
          [0, da[0], 0],
          [0, db[0], 0],
        ]);
      }
    }
  });

  test("layer norm's gradients by its equation, with and without weight and bias", () => {
    const [rows, n, eps] = [3, 4, 1e-5];
    const value = (i: number): number => Math.sin(3 * i + 1);
    const data = Array.from({ length: rows * n }, (_, i) => value(i));
    const up = Array.from({ length: rows * n }, (_, i) => value(i + 50)); // dy
    for (const weighted of [true, false]) {
      const x = variable(k, [rows, n], data);
      const w = variable(k, [n], [1, -0.5, 2, 0.3]);
      const b = variable(k, [n], [0.1, 0.2, 0.3, 0.4]);
      const dy = input(k, [rows, n], up);
      const tape = new Tape(k);
      const loss = tape.run(() =>
        ops.sum(
          ops.mul(
            weighted ? ops.layerNorm(x, w, b, eps) : ops.layerNorm(x, undefined, undefined, eps),
            dy,
          ),
        ),
      );
      tape.backward(loss);
      const mean = (list: number[]): number => list.reduce((s, v) => s + v, 0) / list.length;
      const [dw, db] = [new Array(n).fill(0), new Array(n).fill(0)];
      for (let r = 0; r < rows; r++) {
        const row = data.slice(r * n, (r + 1) * n);
        const m = mean(row);
        const rstd = 1 / Math.sqrt(mean(row.map((v) => (v - m) ** 2)) + eps);
        const hat = row.map((v) => (v - m) * rstd);
        const g = hat.map((_, j) => up[r * n + j] * (weighted ? w.data[j] : 1));
        const [meanG, meanGX] = [mean(g), mean(g.map((v, j) => v * hat[j]))];
        for (let j = 0; j < n; j++) {
          expect(x.grad[r * n + j]).toBeCloseTo(rstd * (g[j] - meanG - hat[j] * meanGX), 5);
          dw[j] += up[r * n + j] * hat[j];
          db[j] += up[r * n + j];
        }
      }
      for (let j = 0; j < n; j++) {
        expect(w.grad[j]).toBeCloseTo(weighted ? dw[j] : 0, 5);
        expect(b.grad[j]).toBeCloseTo(weighted ? db[j] : 0, 5);
      }
    }
  });
});

test("shapes that do not fit: attention, recurrent cells", () => {
  const k = loops();
  const x = (...shape: number[]): Tensor => input(k, shape);
  const run = (body: () => unknown) => () => new Tape(k).run(body);
  const fine = [x(2, 3, 4), x(2, 5, 4), x(2, 5, 6)] as const;
  expect(run(() => ops.attention(...fine))).not.toThrow();
  for (const [q, key, v] of [
    [x(2, 3, 4), x(2, 5, 3), x(2, 5, 6)], // depths
    [x(2, 3, 4), x(2, 5, 4), x(2, 6, 6)], // keys and values
    [x(2, 3, 4), x(3, 5, 4), x(2, 5, 6)], // heads of keys
    [x(2, 3, 4), x(2, 5, 4), x(3, 5, 6)], // heads of values
    [x(4), x(4), x(4)],
  ])
    expect(run(() => ops.attention(q, key, v))).toThrow(ShapeError);
  const cell = { wIh: x(8, 3), wHh: x(8, 2), bIh: x(8), bHh: x(8) };
  const step = (batch: number, size: number, hidden: number) =>
    run(() => ops.lstmCell(x(batch, size), x(batch, hidden), x(batch, hidden), cell));
  expect(step(4, 3, 2)).not.toThrow();
  expect(step(4, 2, 2)).toThrow(ShapeError);
  expect(step(4, 3, 3)).toThrow(ShapeError);
  expect(run(() => ops.lstmCell(x(4, 3), x(4, 2), x(5, 2), cell))).toThrow(ShapeError);
  expect(run(() => ops.lstmCell(x(4, 3), x(4, 2), x(4), cell))).toThrow(ShapeError);
  const over = (shape: number[], reset?: Tensor) =>
    run(() => ops.lstm(input(k, shape), x(4, 2), x(4, 2), cell, reset).ys);
  expect(over([5, 4, 3])).not.toThrow();
  expect(over([5, 4, 3], x(5, 4))).not.toThrow();
  expect(over([20, 3])).toThrow(ShapeError);
  expect(over([5, 4, 3], x(4, 5))).toThrow(/reset \[steps, batch\]/);
  expect(over([5, 4, 3], x(5))).toThrow(ShapeError);
});

test("a wrong gradient is told with its input, its direction of at most 2 each, and both numbers", () => {
  const wrong = (_: Tensor, x: Tensor): Tensor => ops.add(x, ops.stopGradient(x));
  const inputs = [
    { shape: [1], data: [1], grad: false },
    { shape: [200], data: new Array(200).fill(0.5) },
  ];
  let error: unknown;
  try {
    gradCheck(wrong, inputs);
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof GradientError)) throw new Error("a gradient of half the size passed");
  expect(error.input).toBe(1);
  expect(error.numeric).toBeCloseTo(2 * error.analytic, 5);
  const sizes = error.direction.map(Math.abs);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2);
  expect(new Set(sizes).size).toBeGreaterThan(150); // drawn, and hardly ever at the bound
  expect(() => gradCheck((_, x) => ops.mul(x, 2), inputs)).not.toThrow();
});

test("no rows at all are a view too; places beyond 2²⁴ are refused", { tags: ["deep"] }, () => {
  const k = loops();
  const run = (body: () => Tensor): Tensor => new Tape(k, { grads: false }).run(body);
  for (const at of [0, 1, 3])
    expect(run(() => ops.rows(input(k, [3, 2]), at, at)).shape).toEqual([0, 2]);
  const long = input(k, [2 ** 24 + 1]);
  expect(() => run(() => ops.argmax(long))).toThrow(
    "argmax: expected at most 2^24 numbers, got 16777217",
  );
  expect(() => run(() => ops.argmin(long))).toThrow("argmin: expected at most 2^24 numbers");
});

test("a norm's weight hears nothing of an element that does not count, NaN or not", () => {
  const k = loops();
  for (const norm of [ops.rmsNorm, ops.layerNorm]) {
    const x = variable(k, [2, 3], [1, 2, Number.NaN, 1, 2, 4]);
    const w = variable(k, [3], [1, 1, 1]);
    const tape = new Tape(k);
    const loss = tape.run(() => {
      const y = norm(x, w);
      return ops.sum(ops.embedding(ops.reshape(y, [6, 1]), input(k, [1], [4])));
    });
    tape.backward(loss);
    expect([...w.grad].map(Number.isNaN)).toEqual([false, false, false]);
    expect([...x.grad.subarray(0, 3)]).toEqual([0, 0, 0]);
    expect(w.grad[0]).toBe(0);
    const far = variable(k, [1, 3], [1, Infinity, 2]); // its own row: its weight alone is touched
    const own = tape.run(() =>
      ops.sum(ops.embedding(ops.reshape(norm(far, w), [3, 1]), input(k, [1], [0]))),
    );
    w.grad.fill(0);
    tape.backward(own);
    expect(w.grad[1]).toBe(0);
  }
});
