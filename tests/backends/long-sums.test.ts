// @module-tag deep
/** Ten million equal numbers: every reduction, norm and gradient that adds them stays within 1e-5 of the exact sum. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { Tape } from "../../src/core/tape.ts";
import { free, input, type Tensor, variable } from "../../src/core/tensor.ts";
import { gaussianLogProb } from "../../src/distributions/gaussian.ts";
import * as ops from "../../src/ops/index.ts";
import { clipGlobalNorm, globalNorm } from "../../src/optim/clip.ts";

const n = 1e7;
const x0 = Math.fround(0.1);
const within = (got: number, want: number): void =>
  expect(Math.abs(got / want - 1), `${got} for ${want}`).toBeLessThan(1e-5);

describe.each([
  { k: loops(), tags: ["long"] },
  { k: simd({ memory: 2 ** 29 }), tags: [] },
])("$k.name", ({ k, tags }) => {
  const equal = (shape: readonly number[]): Tensor => {
    const x = input(k, shape);
    x.data.fill(0.1);
    return x;
  };
  const run = (body: () => Tensor): number => {
    const tape = new Tape(k);
    const y = tape.run(body);
    if (y.grad !== null) tape.backward(y);
    const first = y.data[0];
    tape.drop();
    return first;
  };

  test("reductions", { tags }, () => {
    const x = equal([n]);
    within(
      run(() => ops.sum(x)),
      n * x0,
    );
    within(
      run(() => ops.mean(x)),
      x0,
    );
    within(
      run(() => ops.norm(x)),
      x0 * Math.sqrt(n),
    );
    within(
      run(() => ops.logsumexp(x)),
      x0 + Math.log(n),
    );
    within(
      run(() => ops.softmax(x)),
      1 / n,
    );
    within(
      run(() => ops.logSoftmax(x)),
      -Math.log(n),
    );
    free(x);
  });

  test("a product of depth 10⁷", { tags }, () => {
    const [x, w] = [equal([1, n]), equal([n, 1])];
    within(
      run(() => ops.matmul(x, w)),
      n * x0 * x0,
    );
    within(
      run(() => ops.linear(x, ops.reshape(w, [1, n]))),
      n * x0 * x0,
    );
    free(x, w);
  });

  test("weight and bias gradients of a linear layer, of 10⁷ rows and of many sizes", {
    tags: ["long"],
  }, () => {
    const many: [number, number, number][] = [
      [n, 1, 1],
      [3e4, 40, 70],
      [2e5, 3, 5],
      [9000, 300, 64],
    ];
    for (const [rows, ins, outs] of many) {
      const [w, b] = [variable(k, [outs, ins]), variable(k, [outs])];
      const [x, d] = [equal([rows, ins]), equal([rows, outs])];
      run(() => ops.sum(ops.mul(ops.linear(x, w, b), d)));
      for (const g of w.grad) within(g, rows * x0 * x0);
      for (const g of b.grad) within(g, rows * x0);
      free(w, b, x, d);
    }
  });

  test("gradients of what is broadcast, and of layer norm's weight and bias", {
    tags: ["long"],
  }, () => {
    const [w, b] = [variable(k, [2], [0.1, 0.1]), variable(k, [2])];
    const x = equal([n / 2, 2]);
    for (let i = 0; i < x.data.length; i += 2) x.data[i] = -0.1; // rows −0.1, 0.1: x̂ = ∓1
    run(() => ops.sum(ops.layerNorm(x, w, b, 0)));
    within(w.grad[1], n / 2);
    within(b.grad[0], n / 2);
    for (const { grad } of [w, b]) grad.fill(0);
    run(() => ops.sum(ops.mul(ops.add(x, w), x0)));
    within(w.grad[0], (n / 2) * x0);
    free(w, b, x);
  });

  test("the gradient of a Gaussian's shared ln σ, and of a convolution", { tags: ["long"] }, () => {
    const logStd = variable(k, [1]);
    const mean = equal([n, 1]);
    const value = input(k, [n, 1]);
    run(() => ops.sum(gaussianLogProb(mean, logStd, value)));
    within(logStd.grad[0], n * (x0 * x0 - 1));
    free(logStd, mean, value);
    const [w, b] = [variable(k, [1, 1, 2, 2]), variable(k, [1])];
    const images = equal([5e5, 1, 3, 3]);
    run(() => ops.sum(ops.mul(ops.conv2d(images, w, b), x0)));
    within(w.grad[0], 5e5 * 4 * x0 * x0);
    within(b.grad[0], 5e5 * 4 * x0);
    free(w, b, images);
  });

  test("what is scattered: an embedding's gradient, gather's, and scatterAdd", {
    tags: ["long"],
  }, () => {
    const w = variable(k, [2, 1]);
    const index = input(k, [n]);
    const d = equal([n, 1]);
    run(() => ops.sum(ops.mul(ops.embedding(w, index), d)));
    within(w.grad[0], n * x0);
    expect(w.grad[1]).toBe(0);
    w.grad.fill(0);
    run(() => ops.sum(ops.mul(ops.gather(w, ops.reshape(index, [n, 1]), 0), d)));
    within(w.grad[0], n * x0);
    within(
      run(() => ops.sum(ops.scatterAdd(w, ops.reshape(index, [n, 1]), d, 0))),
      n * x0,
    );
    free(w, index, d);
  });

  test("global norms: long, overflowing, vanishing", { tags }, () => {
    const w = variable(k, [n]);
    w.grad.fill(0.1);
    const model = [{ ...w, backend: k }];
    within(globalNorm(model), x0 * Math.sqrt(n));
    for (const size of [1e20, 3e38, 1e-25, 1e-44]) {
      w.grad.fill(0).fill(size, 0, 4);
      const g = w.grad[0];
      within(clipGlobalNorm(model, 0.5), 2 * g);
      within(w.grad[0], Math.min(1, 0.5 / (2 * g)) * g);
    }
    free(w);
  });

  test("a norm of layers whose squares overflow float32", { tags }, () => {
    const x = input(k, [2, 4], [1e20, -1e20, 1e20, -1e20, 1, 2, 3, 4]);
    const [w, b] = [input(k, [4], [1, 1, 1, 1]), input(k, [4])];
    const tape = new Tape(k);
    const y = tape.run(() => ops.layerNorm(x, w, b, 0));
    for (const i of [0, 2]) within(y.data[i], 1);
    for (const i of [1, 3]) within(y.data[i], -1);
    within(y.data[4], -1.5 / Math.sqrt(1.25));
  });
});
