/** Layer norm and RMS norm over the last axes, each row with its own mean and deviation. */
import type { Floats } from "../core/backend.ts";
import { checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { apply, type Call, type Op } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { isZero } from "./zero.ts";

/** The normalized axes' shape; weight and bias, where given, must have it. */
function inner(op: string, axes: number, x: Shape, ...affine: Tensor[]): Shape {
  const shape = x.slice(x.length - axes);
  if (!(axes >= 1 && axes <= x.length && Number.isInteger(axes))) {
    throw new ShapeError(`${op}: want 1 to ${x.length} axes of ${show(x)}, got ${axes}`);
  }
  for (const tensor of affine) {
    if (tensor !== NONE && !sameShape(tensor.shape, shape)) {
      throw new ShapeError(
        `${op}: want weight and bias of ${show(shape)}, got ${show(tensor.shape)}`,
      );
    }
  }
  return shape;
}

/**
 * y = x̂·weight + bias, x̂ = (x − mean)/√(variance + eps) over the last `axes` axes (variance with
 * ddof 0): Ba et al. 2016, arXiv:1607.06450.
 */
export const layerNorm = (
  x: Tensor,
  weight: Tensor = NONE,
  bias: Tensor = NONE,
  eps = 1e-5,
  axes = 1,
): Tensor => apply(layerNormOp, x, weight, bias, eps, axes);
/** The length of a row, and room to sum over rows in float64. */
interface RowPlan {
  readonly n: number;
  readonly sums: Float64Array;
}
const rowPlan = (n: number): RowPlan => ({ n, sums: new Float64Array(2 * n) });

const layerNormOp: Op<unknown, RowPlan> = {
  name: "layerNorm",
  shape({ a: { shape }, b, c, p: eps, q: axes }) {
    checkNumber("layerNorm", "eps", eps, { min: 0 });
    inner("layerNorm", axes, shape, b, c);
    return shape;
  },
  plan: ({ a: { shape }, q: axes }: Call) => rowPlan(sizeOf(shape.slice(shape.length - axes))),
  scratch: ({ a: { shape }, q: axes }) => 2 * sizeOf(shape.slice(0, shape.length - axes)),
  forward({ data: y, a: { data: x }, b: weight, c: bias, p: eps, plan: { n }, scratch: stats }) {
    for (let row = 0, s = 0; row < x.length; row += n, s += 2) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += x[row + j];
      const mean = sum / n;
      let squares = 0;
      for (let j = 0; j < n; j++) squares += (x[row + j] - mean) * (x[row + j] - mean);
      const rstd = 1 / Math.sqrt(squares / n + eps);
      stats[s] = mean;
      stats[s + 1] = rstd;
      for (let j = 0; j < n; j++) y[row + j] = (x[row + j] - mean) * rstd;
    }
    if (weight !== NONE) scaleRows(y, weight.data);
    if (bias !== NONE) shiftRows(y, bias.data);
  },
  // with g = dy·weight: dx = rstd·(g − mean(g) − x̂·mean(g·x̂))
  backward({ grad: dy, a: { data: x, grad: dx }, b, c, plan: { n, sums }, scratch: stats }) {
    const { data: w } = b;
    for (let row = 0, s = 0; row < x.length; row += n, s += 2) {
      if (isZero(dy, row, row + n)) continue;
      const mean = stats[s];
      const rstd = stats[s + 1];
      let sumG = 0;
      let sumGX = 0;
      for (let j = 0; j < n; j++) {
        const hat = (x[row + j] - mean) * rstd;
        const g = b === NONE ? dy[row + j] : dy[row + j] * w[j];
        sumG += g;
        sumGX += g * hat;
        if (dy[row + j] !== 0) sums[j] += dy[row + j] * hat;
        sums[n + j] += dy[row + j];
      }
      if (!dx) continue;
      for (let j = 0; j < n; j++) {
        const hat = (x[row + j] - mean) * rstd;
        const g = b === NONE ? dy[row + j] : dy[row + j] * w[j];
        dx[row + j] += rstd * (g - sumG / n - (hat * sumGX) / n);
      }
    }
    addSums(b.grad, sums, 0);
    addSums(c.grad, sums, n);
    sums.fill(0);
  },
};

/** y = x/√(mean x² + eps)·weight over the last axis: Zhang & Sennrich 2019, arXiv:1910.07467. */
export const rmsNorm = (x: Tensor, weight: Tensor = NONE, eps = 1e-5): Tensor =>
  apply(rmsNormOp, x, weight, NONE, eps);
const rmsNormOp: Op<unknown, RowPlan> = {
  name: "rmsNorm",
  shape({ a: { shape }, b, p: eps }) {
    checkNumber("rmsNorm", "eps", eps, { min: 0 });
    inner("rmsNorm", 1, shape, b);
    return shape;
  },
  plan: ({ a: { shape } }: Call) => rowPlan(shape[shape.length - 1]),
  scratch: ({ a: { shape } }) => sizeOf(shape.slice(0, -1)),
  forward({ data: y, a: { data: x }, b: weight, p: eps, plan: { n }, scratch }) {
    for (let row = 0, s = 0; row < x.length; row += n, s++) {
      let squares = 0;
      for (let j = 0; j < n; j++) squares += x[row + j] * x[row + j];
      const scale = 1 / Math.sqrt(squares / n + eps);
      scratch[s] = scale;
      for (let j = 0; j < n; j++) y[row + j] = x[row + j] * scale;
    }
    if (weight !== NONE) scaleRows(y, weight.data);
  },
  // with g = dy·weight and x̂ = x·scale: dx = scale·(g − x̂·mean(g·x̂))
  backward({ grad: dy, a: { data: x, grad: dx }, b, plan: { n, sums }, scratch }) {
    const { data: w } = b;
    for (let row = 0, s = 0; row < x.length; row += n, s++) {
      if (isZero(dy, row, row + n)) continue;
      const scale = scratch[s];
      let sumGX = 0;
      for (let j = 0; j < n; j++) {
        const hat = x[row + j] * scale;
        sumGX += (b === NONE ? dy[row + j] : dy[row + j] * w[j]) * hat;
        if (dy[row + j] !== 0) sums[j] += dy[row + j] * hat;
      }
      if (!dx) continue;
      for (let j = 0; j < n; j++) {
        const g = b === NONE ? dy[row + j] : dy[row + j] * w[j];
        dx[row + j] += scale * (g - (x[row + j] * scale * sumGX) / n);
      }
    }
    addSums(b.grad, sums, 0);
    sums.fill(0);
  },
};

function addSums(dw: Floats | null, sums: Float64Array, from: number): void {
  if (dw) for (let j = 0; j < dw.length; j++) dw[j] += sums[from + j];
}

function scaleRows(y: { [i: number]: number; length: number }, w: ArrayLike<number>): void {
  for (let i = 0, j = 0; i < y.length; i++) {
    y[i] *= w[j];
    if (++j === w.length) j = 0;
  }
}

function shiftRows(y: { [i: number]: number; length: number }, b: ArrayLike<number>): void {
  for (let i = 0, j = 0; i < y.length; i++) {
    y[i] += b[j];
    if (++j === b.length) j = 0;
  }
}
