/** Gradients of random expression graphs: ops in any order, values used more than once, views among them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import * as o from "../../src/ops/index.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { Draw } from "../support/cases.ts";
import { seed } from "../support/seed.ts";

/** Ops from [m, n] tensors to an [m, n] tensor, smooth where the values are. */
const steps: ((x: o.Tensor, y: o.Tensor, w: o.Tensor) => o.Tensor)[] = [
  (x) => o.tanh(x),
  (x) => o.sigmoid(x),
  (x) => o.sin(x),
  (x) => o.softplus(x),
  (x) => o.gelu(x),
  (x) => o.silu(x),
  (x) => o.softmax(x),
  (x) => o.mul(o.logSoftmax(x, 0), 0.3),
  (x) => o.mul(o.cumsum(x, -1, true), 0.4),
  (x) => o.rmsNorm(x),
  (x) => o.exp(o.mul(o.tanh(x), 0.5)),
  (x) => o.log(o.add(o.square(x), 1)),
  (x) => o.sqrt(o.add(o.square(x), 1)),
  (x) => o.swapAxes(o.swapAxes(x)),
  (x) => o.reshape(o.reshape(x, [-1]), x.shape),
  (x) => o.flip(x, 0),
  (x, y) => o.add(x, y),
  (x, y) => o.sub(x, y),
  (x, y) => o.mul(x, y),
  (x, y) => o.div(x, o.add(o.square(y), 1)),
  (x, y) => o.mul(o.sum(x, -1, true), o.tanh(y)),
  (x, y) => o.sub(x, o.mean(y, 0, true)),
  (x, y) => o.add(x, o.logsumexp(y, null)),
  (x, y) => o.slice(o.concat([x, y], 0), [[1, 1 + x.shape[0]]]),
  (x, y) => o.mul(x, o.stopGradient(o.mul(y, 0))),
  (x, _, w) => o.linear(x, w),
  (x, _, w) => o.matmul(x, w, false, true),
];

const graphs = 2000;

test(`${graphs} random expression graphs pass the gradient check`, () => {
  let checked = 0;
  const property = fc.property(fc.nat(), (at) => {
    const d = new Draw(at);
    const [m, n] = [d.some(), d.some()];
    const plan = Array.from({ length: 1 + d.below(8) }, () => [
      d.below(steps.length),
      d.below(99),
      d.below(99),
    ]);
    const graph = (x: o.Tensor, y: o.Tensor, w: o.Tensor): o.Tensor => {
      const values = [x, y];
      for (const [step, i, j] of plan) {
        values.push(steps[step](values[i % values.length], values[j % values.length], w));
      }
      return o.add(values[values.length - 1], values[values.length >> 1]);
    };
    const inputs = [d.tensor([m, n]), d.tensor([m, n]), d.tensor([n, n])];
    gradCheck(graph, inputs, { seed: at, directions: 1, tolerance: 1e-6 });
    checked++;
  });
  fc.assert(property, { numRuns: graphs, seed });
  expect(checked).toBe(graphs);
});
