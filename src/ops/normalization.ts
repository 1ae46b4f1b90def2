/** Layer norm and RMS norm over the last axes. */
import type { Floats } from "../core/backend.ts";
import { checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import type { Op, RunOf } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { isZero } from "./zero.ts";

/** Returns the shape of the normalized axes. Throws ShapeError unless weight and bias, if given, have it. */
function inner(op: string, axes: number, x: Shape, ...affine: (Shape | null)[]): Shape {
  const shape = x.slice(x.length - axes);
  if (!(axes >= 1 && axes <= x.length && Number.isInteger(axes))) {
    throw new ShapeError(`${op}: expected 1 to ${x.length} axes of ${show(x)}, got ${axes}`);
  }
  for (const other of affine) {
    if (other !== null && !sameShape(other, shape)) {
      throw new ShapeError(`${op}: expected weight and bias of ${show(shape)}, got ${show(other)}`);
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
/** The length of a row, and room for sums over rows in float64. */
interface RowPlan {
  readonly n: number;
  readonly sums: Float64Array;
}
const rowPlan = (n: number): RowPlan => ({ n, sums: new Float64Array(2 * n) });

type LayerNorm = { numbers: "eps" | "axes"; plan: RowPlan };
export const layerNormOp: Op<"x" | "weight?" | "bias?", LayerNorm> = {
  name: "layerNorm",
  inputs: ["x", "weight?", "bias?"],
  numbers: ["eps", "axes"],
  shape({ x, weight, bias, eps, axes }) {
    checkNumber("layerNorm", "eps", eps, { min: 0 });
    inner("layerNorm", axes, x, weight, bias);
    return x;
  },
  plan: ({ x, axes }) => rowPlan(sizeOf(x.slice(x.length - axes))),
  saves: ({ x, axes }) => 2 * sizeOf(x.slice(0, x.length - axes)), // mean and 1/√(variance + eps) of each row
  forward(run) {
    const { x, plan } = run;
    for (let row = 0; row * plan.n < x.length; row++) normalizeRow(run, row);
  },
  // with g = dy·weight: dx = rstd·(g − mean(g) − x̂·mean(g·x̂))
  backward({ dy, x, dx, weight, dweight, dbias, plan: { n, sums }, saved: stats }) {
    for (let row = 0, s = 0; row < x.length; row += n, s += 2) {
      if (isZero(dy, row, row + n)) continue;
      const mean = stats[s];
      const rstd = stats[s + 1];
      let sumG = 0;
      let sumGX = 0;
      for (let j = 0; j < n; j++) {
        const hat = (x[row + j] - mean) * rstd;
        const g = weight === null ? dy[row + j] : dy[row + j] * weight[j];
        sumG += g;
        sumGX += g * hat;
        if (dy[row + j] !== 0) sums[j] += dy[row + j] * hat;
        sums[n + j] += dy[row + j];
      }
      if (!dx) continue;
      for (let j = 0; j < n; j++) {
        const hat = (x[row + j] - mean) * rstd;
        const g = weight === null ? dy[row + j] : dy[row + j] * weight[j];
        dx[row + j] += rstd * (g - sumG / n - (hat * sumGX) / n);
      }
    }
    addSums(dweight, sums, 0);
    addSums(dbias, sums, n);
    sums.fill(0);
  },
};

/** Normalizes one row, with sums in float64. */
export function normalizeRow(run: RunOf<typeof layerNormOp>, row: number): void {
  const { y, x, weight, bias, eps, plan, saved: stats } = run;
  const { n } = plan;
  const at = row * n;
  let sum = 0;
  for (let j = 0; j < n; j++) sum += x[at + j];
  const mean = sum / n;
  let squares = 0;
  for (let j = 0; j < n; j++) squares += (x[at + j] - mean) * (x[at + j] - mean);
  const rstd = 1 / Math.sqrt(squares / n + eps);
  stats[2 * row] = mean;
  stats[2 * row + 1] = rstd;
  for (let j = 0; j < n; j++) y[at + j] = (x[at + j] - mean) * rstd;
  if (weight !== null) for (let j = 0; j < n; j++) y[at + j] *= weight[j];
  if (bias !== null) for (let j = 0; j < n; j++) y[at + j] += bias[j];
}

/** y = x/√(mean x² + eps)·weight over the last axis: Zhang & Sennrich 2019, arXiv:1910.07467. */
export const rmsNorm = (x: Tensor, weight: Tensor = NONE, eps = 1e-5): Tensor =>
  apply(rmsNormOp, x, weight, NONE, eps);
export const rmsNormOp: Op<"x" | "weight?", { numbers: "eps"; plan: RowPlan }> = {
  name: "rmsNorm",
  inputs: ["x", "weight?"],
  numbers: ["eps"],
  shape({ x, weight, eps }) {
    checkNumber("rmsNorm", "eps", eps, { min: 0 });
    inner("rmsNorm", 1, x, weight);
    return x;
  },
  plan: ({ x }) => rowPlan(x[x.length - 1]),
  saves: ({ x }) => sizeOf(x.slice(0, -1)), // each row's scale
  forward(run) {
    const { x, plan } = run;
    for (let row = 0; row * plan.n < x.length; row++) scaleRow(run, row);
  },
  // with g = dy·weight and x̂ = x·scale: dx = scale·(g − x̂·mean(g·x̂))
  backward({ dy, x, dx, weight, dweight, plan: { n, sums }, saved }) {
    for (let row = 0, s = 0; row < x.length; row += n, s++) {
      if (isZero(dy, row, row + n)) continue;
      const scale = saved[s];
      let sumGX = 0;
      for (let j = 0; j < n; j++) {
        const hat = x[row + j] * scale;
        sumGX += (weight === null ? dy[row + j] : dy[row + j] * weight[j]) * hat;
        if (dy[row + j] !== 0) sums[j] += dy[row + j] * hat;
      }
      if (!dx) continue;
      for (let j = 0; j < n; j++) {
        const g = weight === null ? dy[row + j] : dy[row + j] * weight[j];
        dx[row + j] += scale * (g - (x[row + j] * scale * sumGX) / n);
      }
    }
    addSums(dweight, sums, 0);
    sums.fill(0);
  },
};

function addSums(dw: Floats | null, sums: Float64Array, from: number): void {
  if (dw) for (let j = 0; j < dw.length; j++) dw[j] += sums[from + j];
}

/** Scales one row to a root mean square of 1, with the sum in float64; then multiplies by the weight. */
export function scaleRow(run: RunOf<typeof rmsNormOp>, row: number): void {
  const { y, x, weight, eps, plan, saved } = run;
  const { n } = plan;
  const at = row * n;
  let squares = 0;
  for (let j = 0; j < n; j++) squares += x[at + j] * x[at + j];
  const scale = 1 / Math.sqrt(squares / n + eps);
  saved[row] = scale;
  for (let j = 0; j < n; j++) y[at + j] = x[at + j] * scale;
  if (weight !== null) for (let j = 0; j < n; j++) y[at + j] *= weight[j];
}
