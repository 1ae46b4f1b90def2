/**
 * Elementwise functions of one tensor. Ops that trainers use have their own loops; the others pass a function and
 * its slope to a shared loop, which costs 13 to 17 ns per element against 0.9.
 */
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, type Tensor } from "../core/tensor.ts";
import { unary } from "./unary.ts";

const twoOverRootPi = 1.1283791670955126;

/** y = |x|; the gradient at 0 is 0 */
export const abs = (x: Tensor): Tensor => apply(absOp, x);
const absOp = /* @__PURE__ */ unary("abs", Math.abs, Math.sign);

/** y = x² */
export const square = (x: Tensor): Tensor => apply(squareOp, x);
const squareOp: Op<"x"> = {
  name: "square",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = x[i] * x[i];
  },
  backward({ dy, x, dx }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (2 * x[i]);
  },
};

/** y = eˣ */
export const exp = (x: Tensor): Tensor => apply(expOp, x);
export const expOp: Op<"x"> = {
  name: "exp",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = math.exp(x[i]);
  },
  backward({ dy, y, dx }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * y[i];
  },
};

/** y = eˣ − 1, exact near 0 */
export const expm1 = (x: Tensor): Tensor => apply(expm1Op, x);
const expm1Op = /* @__PURE__ */ unary("expm1", math.expm1, (_, y) => y + 1);

/** y = ln x */
export const log = (x: Tensor): Tensor => apply(logOp, x);
const logOp: Op<"x"> = {
  name: "log",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = math.log(x[i]);
  },
  backward({ dy, x, dx }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (1 / x[i]);
  },
};

/** y = ln(1 + x), exact near 0 */
export const log1p = (x: Tensor): Tensor => apply(log1pOp, x);
const log1pOp = /* @__PURE__ */ unary("log1p", math.log1p, (x) => 1 / (1 + x));

/** y = √x */
export const sqrt = (x: Tensor): Tensor => apply(sqrtOp, x);
const sqrtOp = /* @__PURE__ */ unary("sqrt", Math.sqrt, (_, y) => 0.5 / y);

/** y = 1/√x */
export const rsqrt = (x: Tensor): Tensor => apply(rsqrtOp, x);
const rsqrtOp = /* @__PURE__ */ unary(
  "rsqrt",
  (x) => 1 / Math.sqrt(x),
  (x, y) => (-0.5 * y) / x,
);

/** y = 1/x */
export const reciprocal = (x: Tensor): Tensor => apply(reciprocalOp, x);
const reciprocalOp = /* @__PURE__ */ unary(
  "reciprocal",
  (x) => 1 / x,
  (_, y) => -y * y,
);

/** y = sin x */
export const sin = (x: Tensor): Tensor => apply(sinOp, x);
const sinOp = /* @__PURE__ */ unary("sin", math.sin, math.cos);

/** y = cos x */
export const cos = (x: Tensor): Tensor => apply(cosOp, x);
const cosOp = /* @__PURE__ */ unary("cos", math.cos, (x) => -math.sin(x));

/** y = artanh x */
export const atanh = (x: Tensor): Tensor => apply(atanhOp, x);
const atanhOp = /* @__PURE__ */ unary("atanh", math.atanh, (x) => 1 / ((1 - x) * (1 + x)));

/** y = erf x = 2/√π ∫₀ˣ e^(−t²) dt */
export const erf = (x: Tensor): Tensor => apply(erfOp, x);
const erfOp = /* @__PURE__ */ unary("erf", math.erf, (x) => twoOverRootPi * math.exp(-x * x));

/** y = −1, 0 or 1; its gradient is 0 */
export const sign = (x: Tensor): Tensor => apply(signOp, x);
const signOp = /* @__PURE__ */ unary("sign", Math.sign, null);

/** y = ⌊x⌋; its gradient is 0 */
export const floor = (x: Tensor): Tensor => apply(floorOp, x);
const floorOp = /* @__PURE__ */ unary("floor", Math.floor, null);

/**
 * y = x clipped to [min, max]; null or ±Infinity leaves a side open. The gradient passes at the bounds
 * themselves (PyTorch).
 */
export const clip = (x: Tensor, min: number | null, max: number | null): Tensor =>
  apply(clipOp, x, NONE, NONE, min ?? -Infinity, max ?? Infinity);
const clipOp: Op<"x", { numbers: "min" | "max" }> = {
  name: "clip",
  inputs: ["x"],
  numbers: ["min", "max"],
  forward({ y, x, min, max }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.min(Math.max(x[i], min), max);
  },
  backward({ dy, x, dx, min, max }) {
    if (!dx) return;
    for (let i = 0; i < dy.length; i++) if (x[i] >= min && x[i] <= max) dx[i] += dy[i];
  },
};

/** y = x·keep/(1 − p): dropout with the 0/1 mask `keep` drawn by the caller; p is the dropped share. */
export function dropout(x: Tensor, keep: Tensor, p: number): Tensor {
  if (!(p >= 0 && p < 1)) throw new RangeError(`dropout: expected 0 ≤ p < 1, got ${p}`);
  return apply(dropoutOp, x, keep, NONE, 1 / (1 - p));
}
export const dropoutOp: Op<"x" | "keep", { numbers: "scale" }> = {
  name: "dropout",
  inputs: ["x", "keep"],
  numbers: ["scale"],
  shape({ x, keep }) {
    if (!sameShape(x, keep)) {
      throw new ShapeError(`dropout: expected keep of shape ${show(x)}, got ${show(keep)}`);
    }
    return x;
  },
  forward({ y, x, keep, scale }) {
    for (let i = 0; i < y.length; i++) y[i] = keep[i] !== 0 ? x[i] * scale : 0;
  },
  backward({ dy, dx, keep, scale }) {
    if (!dx) return;
    for (let i = 0; i < dy.length; i++) if (keep[i] !== 0) dx[i] += dy[i] * scale;
  },
};
