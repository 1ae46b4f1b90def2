/** Softmax, log-softmax and log-sum-exp along any axes; each row's maximum is subtracted before exp. */
import type { Floats } from "../core/backend.ts";
import * as math from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sizeOf, type Tensor } from "../core/tensor.ts";
import { type Axes, axesOf, type Rows, reducedShape, rowsOf } from "./axes.ts";

type RowOp = Op<"x", { numbers: "keepdims"; set: Axes; plan: Rows }>;
const along = (name: string, rules: Partial<RowOp>): RowOp => ({
  name,
  inputs: ["x"],
  plan: ({ x, set: axes }) => rowsOf(x, axesOf(name, axes, x)),
  ...rules,
});

/** Returns whether all of a row's gradient is 0. Such a row adds nothing, even if it holds NaN. */
function isZero(dy: Floats, start: number, offset: Int32Array): boolean {
  for (let j = 0; j < offset.length; j++) if (dy[start + offset[j]] !== 0) return false;
  return true;
}

/** y = exp x / Σ exp x along `axis`. A row of only −Infinity gives NaN (PyTorch). */
export const softmax = (x: Tensor, axis: Axes = -1): Tensor =>
  apply(softmaxOp, x, NONE, NONE, 0, 0, axis);
export const softmaxOp = /* @__PURE__ */ along("softmax", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < start.length; r++) {
      const s = start[r];
      let max = -Infinity;
      for (let j = 0; j < offset.length; j++) max = Math.max(max, x[s + offset[j]]);
      let sum = 0;
      for (let j = 0; j < offset.length; j++) {
        const i = s + offset[j];
        y[i] = math.exp(x[i] - max);
        sum += y[i];
      }
      for (let j = 0; j < offset.length; j++) y[s + offset[j]] /= sum;
    }
  },
  // dx = y·(dy − Σ dy·y)
  backward({ dy, y, dx, plan: { start, offset } }) {
    if (!dx) return;
    for (let r = 0; r < start.length; r++) {
      const s = start[r];
      if (isZero(dy, s, offset)) continue;
      let sum = 0;
      for (let j = 0; j < offset.length; j++) sum += dy[s + offset[j]] * y[s + offset[j]];
      for (let j = 0; j < offset.length; j++) {
        const i = s + offset[j];
        dx[i] += y[i] * (dy[i] - sum);
      }
    }
  },
});

/** y = x − ln Σ exp x along `axis`. */
export const logSoftmax = (x: Tensor, axis: Axes = -1): Tensor =>
  apply(logSoftmaxOp, x, NONE, NONE, 0, 0, axis);
export const logSoftmaxOp = /* @__PURE__ */ along("logSoftmax", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < start.length; r++) {
      const s = start[r];
      let max = -Infinity;
      for (let j = 0; j < offset.length; j++) max = Math.max(max, x[s + offset[j]]);
      let sum = 0;
      for (let j = 0; j < offset.length; j++) sum += math.exp(x[s + offset[j]] - max);
      const logSum = math.log(sum); // subtracted separately: beside a large max, max + logSum would lose it
      for (let j = 0; j < offset.length; j++) y[s + offset[j]] = x[s + offset[j]] - max - logSum;
    }
  },
  // dx = dy − exp(y)·Σ dy
  backward({ dy, y, dx, plan: { start, offset } }) {
    if (!dx) return;
    for (let r = 0; r < start.length; r++) {
      const s = start[r];
      if (isZero(dy, s, offset)) continue;
      let sum = 0;
      for (let j = 0; j < offset.length; j++) sum += dy[s + offset[j]];
      for (let j = 0; j < offset.length; j++) {
        const i = s + offset[j];
        dx[i] += dy[i] - math.exp(y[i]) * sum;
      }
    }
  },
});

/** y = ln Σ exp x over `axes`; −Infinity for zero elements. */
export const logsumexp = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  apply(logsumexpOp, x, NONE, NONE, keepdims ? 1 : 0, 0, axes);
const logsumexpOp = /* @__PURE__ */ along("logsumexp", {
  numbers: ["keepdims"],
  shape: ({ x, keepdims, set: axes }) =>
    reducedShape(x, axesOf("logsumexp", axes, x), keepdims === 1),
  // each row's maximum and ln Σ exp(x − maximum): in float32 their sum would lose the latter beside a large maximum
  saves: (_, shape) => 2 * sizeOf(shape),
  forward({ y, x, plan: { start, offset }, saved: sums }) {
    for (let r = 0; r < y.length; r++) {
      let max = -Infinity;
      for (let j = 0; j < offset.length; j++) max = Math.max(max, x[start[r] + offset[j]]);
      let sum = 0;
      const finite = max !== Infinity && max !== -Infinity;
      if (finite) {
        for (let j = 0; j < offset.length; j++) sum += math.exp(x[start[r] + offset[j]] - max);
      }
      sums[2 * r] = max;
      sums[2 * r + 1] = finite ? math.log(sum) : 0;
      y[r] = sums[2 * r] + sums[2 * r + 1];
    }
  },
  // dx = dy·exp(x − y), y in float64
  backward({ dy, x, dx, plan: { start, offset }, saved: sums }) {
    if (!dx) return;
    for (let r = 0; r < dy.length; r++) {
      if (dy[r] === 0) continue;
      for (let j = 0; j < offset.length; j++) {
        const i = start[r] + offset[j];
        dx[i] += dy[r] * math.exp(x[i] - (sums[2 * r] + sums[2 * r + 1]));
      }
    }
  },
});
