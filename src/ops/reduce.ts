/**
 * Reductions over any axes. `axes` null means all; `keepdims` leaves the reduced axes with size 1.
 * The plan lists the elements of each output (axes.ts): y[r] reduces x[start[r] + offset[j]] over all j.
 * Sums are accumulated in float64.
 */
import { checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { Call, GradRun, Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, show, type Tensor } from "../core/tensor.ts";
import { type Axes, axesOf, type Rows, reducedShape, rowsOf } from "./axes.ts";

type Over = { numbers: "keepdims" | "ddof" | "p"; set: Axes; plan: Rows };
type ReduceOp = Op<"x", Over>;

const reduce = (op: ReduceOp, x: Tensor, axes: Axes, keepdims: boolean, q = 0): Tensor =>
  apply(op, x, NONE, NONE, keepdims ? 1 : 0, q, axes);

type Rules = Pick<ReduceOp, "forward" | "backward">;

/** Builds a reduction with the shared shape and plan. Calls are marked pure, so that bundlers drop unused ops. */
const overAxes = (name: string, rules: Rules, second?: "ddof" | "p"): ReduceOp => ({
  name,
  inputs: ["x"],
  numbers: second === undefined ? ["keepdims"] : ["keepdims", second],
  shape: ({ x, keepdims, set: axes }) => reducedShape(x, axesOf(name, axes, x), keepdims === 1),
  plan: ({ x, set: axes }) => rowsOf(x, axesOf(name, axes, x)),
  ...rules,
});

function filledRows(name: string, { x, set: axes }: Call<"x", Over>, shape: Shape): Rows {
  const rows = rowsOf(x, axesOf(name, axes, x));
  if (rows.offset.length === 0 && shape.every((n) => n > 0)) {
    throw new ShapeError(`${name}: expected at least one number to reduce, got ${show(x)}`);
  }
  return rows;
}

/** Builds a reduction that is undefined for zero elements. */
const overFilledAxes = (name: string, rules: Rules): ReduceOp => ({
  ...overAxes(name, rules),
  plan: (call, shape) => filledRows(name, call, shape),
});

/** Builds a reduction to a position, over at most 2²⁴ elements, which float32 counts exactly. */
const overCountedAxes = (name: string, rules: Rules): ReduceOp => ({
  ...overAxes(name, rules),
  plan(call, shape) {
    const rows = filledRows(name, call, shape);
    if (rows.offset.length > 2 ** 24) {
      throw new ShapeError(`${name}: expected at most 2^24 numbers, got ${rows.offset.length}`);
    }
    return rows;
  },
});

/** y = Σ x */
export const sum = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  reduce(sumOp, x, axes, keepdims);
const sumOp = /* @__PURE__ */ overAxes("sum", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < y.length; r++) {
      let total = 0;
      for (let j = 0; j < offset.length; j++) total += x[start[r] + offset[j]];
      y[r] = total;
    }
  },
  backward({ dy, dx, plan: { start, offset } }) {
    if (!dx) return;
    for (let r = 0; r < dy.length; r++) {
      if (dy[r] === 0) continue;
      for (let j = 0; j < offset.length; j++) dx[start[r] + offset[j]] += dy[r];
    }
  },
});

/** y = (1/n) Σ x; NaN for no numbers. */
export const mean = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  reduce(meanOp, x, axes, keepdims);
const meanOp = /* @__PURE__ */ overAxes("mean", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < y.length; r++) y[r] = meanOf(x, start[r], offset);
  },
  backward({ dy, dx, plan: { start, offset } }) {
    if (!dx) return;
    for (let r = 0; r < dy.length; r++) {
      if (dy[r] === 0) continue;
      const share = dy[r] / offset.length;
      for (let j = 0; j < offset.length; j++) dx[start[r] + offset[j]] += share;
    }
  },
});

function meanOf(x: ArrayLike<number>, start: number, offset: Int32Array): number {
  let total = 0;
  for (let j = 0; j < offset.length; j++) total += x[start + offset[j]];
  return total / offset.length;
}

/** Returns Σ(x − mean)², in two passes: a single pass over squares loses digits far from 0. */
function squaresAbout(
  x: ArrayLike<number>,
  start: number,
  offset: Int32Array,
  mean: number,
): number {
  let total = 0;
  for (let j = 0; j < offset.length; j++) {
    const d = x[start + offset[j]] - mean;
    total += d * d;
  }
  return total;
}

/** y = Σ(x − mean)²/(n − ddof): ddof 1 is the unbiased form (PyTorch's default), NaN for one number. */
export function variance(x: Tensor, axes: Axes = null, keepdims = false, ddof = 1): Tensor {
  checkNumber("variance", "ddof", ddof, { min: 0 });
  return reduce(varianceOp, x, axes, keepdims, ddof);
}
const varianceOp = /* @__PURE__ */ overAxes(
  "variance",
  {
    forward({ y, x, ddof, plan: { start, offset } }) {
      for (let r = 0; r < y.length; r++) {
        const mean = meanOf(x, start[r], offset);
        y[r] = squaresAbout(x, start[r], offset, mean) / Math.max(0, offset.length - ddof);
      }
    },
    backward({ dy, x, dx, ddof, plan: { start, offset } }) {
      if (!dx) return;
      for (let r = 0; r < dy.length; r++) {
        if (dy[r] === 0) continue;
        const mean = meanOf(x, start[r], offset);
        const factor = (2 * dy[r]) / Math.max(0, offset.length - ddof);
        for (let j = 0; j < offset.length; j++) {
          const i = start[r] + offset[j];
          dx[i] += factor * (x[i] - mean);
        }
      }
    },
  },
  "ddof",
);

/** y = √variance; the gradient at y = 0 is 0 (PyTorch). */
export function std(x: Tensor, axes: Axes = null, keepdims = false, ddof = 1): Tensor {
  checkNumber("std", "ddof", ddof, { min: 0 });
  return reduce(stdOp, x, axes, keepdims, ddof);
}
const stdOp = /* @__PURE__ */ overAxes(
  "std",
  {
    forward({ y, x, ddof, plan: { start, offset } }) {
      for (let r = 0; r < y.length; r++) {
        const mean = meanOf(x, start[r], offset);
        y[r] = Math.sqrt(
          squaresAbout(x, start[r], offset, mean) / Math.max(0, offset.length - ddof),
        );
      }
    },
    backward({ dy, y, x, dx, ddof, plan: { start, offset } }) {
      if (!dx) return;
      for (let r = 0; r < dy.length; r++) {
        if (dy[r] === 0 || y[r] === 0) continue;
        const mean = meanOf(x, start[r], offset);
        const factor = dy[r] / (y[r] * Math.max(0, offset.length - ddof));
        for (let j = 0; j < offset.length; j++) {
          const i = start[r] + offset[j];
          dx[i] += factor * (x[i] - mean);
        }
      }
    },
  },
  "ddof",
);

/** y = (Σ|x|ᵖ)^(1/p), p ≥ 1 or Infinity; the gradient at y = 0 is 0. */
export function norm(x: Tensor, axes: Axes = null, keepdims = false, p = 2): Tensor {
  checkNumber("norm", "p", p, { min: 1 });
  return reduce(normOp, x, axes, keepdims, p);
}
const normOp = /* @__PURE__ */ overAxes(
  "norm",
  {
    forward({ y, x, p, plan: { start, offset } }) {
      for (let r = 0; r < y.length; r++) {
        let max = 0; // divided out, so that squares neither overflow nor underflow
        for (let j = 0; j < offset.length; j++)
          max = Math.max(max, Math.abs(x[start[r] + offset[j]]));
        let total = 0;
        if (max > 0 && max < Infinity && p !== Infinity) {
          for (let j = 0; j < offset.length; j++) {
            const u = Math.abs(x[start[r] + offset[j]]) / max;
            total += p === 2 ? u * u : math.pow(u, p);
          }
          y[r] = max * (p === 2 ? Math.sqrt(total) : math.pow(total, 1 / p));
        } else y[r] = max;
      }
    },
    // dx = dy·sign(x)·(|x|/y)^(p−1); for p = Infinity, shared among the largest
    backward({ dy, y, x, dx, p, plan: { start, offset } }) {
      if (!dx) return;
      for (let r = 0; r < dy.length; r++) {
        if (dy[r] === 0 || y[r] === 0) continue;
        let ties = 0;
        for (let j = 0; j < offset.length; j++)
          if (Math.abs(x[start[r] + offset[j]]) === y[r]) ties++;
        for (let j = 0; j < offset.length; j++) {
          const i = start[r] + offset[j];
          const u = Math.abs(x[i]) / y[r];
          const slope =
            p === 2 ? u : p === Infinity ? (u === 1 ? 1 / ties : 0) : math.pow(u, p - 1);
          dx[i] += dy[r] * Math.sign(x[i]) * slope;
        }
      }
    },
  },
  "p",
);

/** y = Π x */
export const prod = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  reduce(prodOp, x, axes, keepdims);
const prodOp = /* @__PURE__ */ overAxes("prod", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < y.length; r++) {
      let product = 1;
      for (let j = 0; j < offset.length; j++) product *= x[start[r] + offset[j]];
      y[r] = product;
    }
  },
  // dxᵢ = dy·Π of the others: with one zero only that element has a gradient, with two none has
  backward({ dy, x, dx, plan: { start, offset } }) {
    if (!dx) return;
    for (let r = 0; r < dy.length; r++) {
      if (dy[r] === 0) continue;
      let product = 1;
      let zeros = 0;
      for (let j = 0; j < offset.length; j++) {
        const value = x[start[r] + offset[j]];
        if (value === 0) zeros++;
        else product *= value;
      }
      if (zeros > 1) continue;
      for (let j = 0; j < offset.length; j++) {
        const i = start[r] + offset[j];
        if (zeros === 0) dx[i] += (dy[r] * product) / x[i];
        else if (x[i] === 0) dx[i] += dy[r] * product;
      }
    }
  },
});

/** y = the maximum, NaN if there is one; ties share the gradient evenly (PyTorch's amax). */
export const max = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  reduce(maxOp, x, axes, keepdims);
const maxOp = /* @__PURE__ */ overFilledAxes("max", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < y.length; r++) {
      let best = -Infinity;
      for (let j = 0; j < offset.length; j++) best = Math.max(best, x[start[r] + offset[j]]);
      y[r] = best;
    }
  },
  backward: shareAmongEqual,
});

/** y = the minimum, NaN if there is one; ties share the gradient evenly (PyTorch's amin). */
export const min = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  reduce(minOp, x, axes, keepdims);
const minOp = /* @__PURE__ */ overFilledAxes("min", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < y.length; r++) {
      let best = Infinity;
      for (let j = 0; j < offset.length; j++) best = Math.min(best, x[start[r] + offset[j]]);
      y[r] = best;
    }
  },
  backward: shareAmongEqual,
});

function shareAmongEqual({ dy, y, x, dx, plan: { start, offset } }: GradRun<"x", Over>) {
  if (!dx) return;
  for (let r = 0; r < dy.length; r++) {
    if (dy[r] === 0) continue;
    let ties = 0;
    for (let j = 0; j < offset.length; j++) if (isSame(x[start[r] + offset[j]], y[r])) ties++;
    for (let j = 0; j < offset.length; j++) {
      const i = start[r] + offset[j];
      if (isSame(x[i], y[r])) dx[i] += dy[r] / ties;
    }
  }
}

/** Returns whether numbers are equal, as 0 and −0 are; two NaN are equal, too. */
const isSame = (a: number, b: number): boolean => a === b || Object.is(a, b);

/** The index of the maximum along the reduced axes; the first of equals, the first NaN if there is one. */
export const argmax = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  reduce(argmaxOp, x, axes, keepdims);
const argmaxOp = /* @__PURE__ */ overCountedAxes("argmax", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < y.length; r++) {
      let best = 0;
      for (let j = 1; j < offset.length; j++) {
        if (!(x[start[r] + offset[j]] <= x[start[r] + offset[best]])) {
          if (Number.isNaN(x[start[r] + offset[best]])) break;
          best = j;
        }
      }
      y[r] = best;
    }
  },
});

/** The index of the minimum along the reduced axes; the first of equals, the first NaN if there is one. */
export const argmin = (x: Tensor, axes: Axes = null, keepdims = false): Tensor =>
  reduce(argminOp, x, axes, keepdims);
const argminOp = /* @__PURE__ */ overCountedAxes("argmin", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < y.length; r++) {
      let best = 0;
      for (let j = 1; j < offset.length; j++) {
        if (!(x[start[r] + offset[j]] >= x[start[r] + offset[best]])) {
          if (Number.isNaN(x[start[r] + offset[best]])) break;
          best = j;
        }
      }
      y[r] = best;
    }
  },
});
