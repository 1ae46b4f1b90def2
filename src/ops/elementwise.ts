/** Elementwise functions of one tensor. Each rule stands under its function. */
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import { apply, type Call, type Op } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, type Tensor } from "../core/tensor.ts";

const twoOverRootPi = 1.1283791670955126;
const likeInput = ({ a }: Call): Shape => a.shape;

/** y = |x|; the gradient at 0 is 0 */
export const abs = (x: Tensor): Tensor => apply(absOp, x);
const absOp: Op = {
  name: "abs",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.abs(x[i]);
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * Math.sign(x[i]);
  },
};

/** y = x² */
export const square = (x: Tensor): Tensor => apply(squareOp, x);
const squareOp: Op = {
  name: "square",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = x[i] * x[i];
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (2 * x[i]);
  },
};

/** y = eˣ */
export const exp = (x: Tensor): Tensor => apply(expOp, x);
const expOp: Op = {
  name: "exp",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.exp(x[i]);
  },
  backward({ grad: dy, data: y, a: { grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * y[i];
  },
};

/** y = eˣ − 1, exact near 0 */
export const expm1 = (x: Tensor): Tensor => apply(expm1Op, x);
const expm1Op: Op = {
  name: "expm1",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.expm1(x[i]);
  },
  backward({ grad: dy, data: y, a: { grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (y[i] + 1);
  },
};

/** y = ln x */
export const log = (x: Tensor): Tensor => apply(logOp, x);
const logOp: Op = {
  name: "log",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.log(x[i]);
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (1 / x[i]);
  },
};

/** y = ln(1 + x), exact near 0 */
export const log1p = (x: Tensor): Tensor => apply(log1pOp, x);
const log1pOp: Op = {
  name: "log1p",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.log1p(x[i]);
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (1 / (1 + x[i]));
  },
};

/** y = √x */
export const sqrt = (x: Tensor): Tensor => apply(sqrtOp, x);
const sqrtOp: Op = {
  name: "sqrt",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.sqrt(x[i]);
  },
  backward({ grad: dy, data: y, a: { grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (0.5 / y[i]);
  },
};

/** y = 1/√x */
export const rsqrt = (x: Tensor): Tensor => apply(rsqrtOp, x);
const rsqrtOp: Op = {
  name: "rsqrt",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = 1 / Math.sqrt(x[i]);
  },
  backward({ grad: dy, data: y, a: { data: x, grad: dx } }) {
    if (dx)
      for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * ((-0.5 * y[i]) / x[i]);
  },
};

/** y = 1/x */
export const reciprocal = (x: Tensor): Tensor => apply(reciprocalOp, x);
const reciprocalOp: Op = {
  name: "reciprocal",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = 1 / x[i];
  },
  backward({ grad: dy, data: y, a: { grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (-y[i] * y[i]);
  },
};

/** y = sin x */
export const sin = (x: Tensor): Tensor => apply(sinOp, x);
const sinOp: Op = {
  name: "sin",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.sin(x[i]);
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * math.cos(x[i]);
  },
};

/** y = cos x */
export const cos = (x: Tensor): Tensor => apply(cosOp, x);
const cosOp: Op = {
  name: "cos",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.cos(x[i]);
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * -math.sin(x[i]);
  },
};

/** y = artanh x */
export const atanh = (x: Tensor): Tensor => apply(atanhOp, x);
const atanhOp: Op = {
  name: "atanh",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.atanh(x[i]);
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx)
      for (let i = 0; i < dy.length; i++)
        if (dy[i] !== 0) dx[i] += dy[i] * (1 / ((1 - x[i]) * (1 + x[i])));
  },
};

/** y = erf x = 2/√π ∫₀ˣ e^(−t²) dt */
export const erf = (x: Tensor): Tensor => apply(erfOp, x);
const erfOp: Op = {
  name: "erf",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = math.erf(x[i]);
  },
  backward({ grad: dy, a: { data: x, grad: dx } }) {
    if (dx)
      for (let i = 0; i < dy.length; i++)
        if (dy[i] !== 0) dx[i] += dy[i] * (twoOverRootPi * math.exp(-x[i] * x[i]));
  },
};

/** y = −1, 0 or 1; its gradient is 0 */
export const sign = (x: Tensor): Tensor => apply(signOp, x);
const signOp: Op = {
  name: "sign",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.sign(x[i]);
  },
  backward() {}, // flat everywhere
};

/** y = ⌊x⌋; its gradient is 0 */
export const floor = (x: Tensor): Tensor => apply(floorOp, x);
const floorOp: Op = {
  name: "floor",
  shape: likeInput,
  forward({ data: y, a: { data: x } }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.floor(x[i]);
  },
  backward() {}, // flat everywhere
};

/**
 * y = x held to [min, max]; null or ±Infinity leaves a side open. The gradient passes at the bounds
 * themselves (PyTorch).
 */
export const clip = (x: Tensor, min: number | null, max: number | null): Tensor =>
  apply(clipOp, x, NONE, NONE, min ?? -Infinity, max ?? Infinity);
const clipOp: Op = {
  name: "clip",
  shape: likeInput,
  forward({ data: y, a: { data: x }, p: min, q: max }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.min(Math.max(x[i], min), max);
  },
  backward({ grad: dy, a: { data: x, grad: dx }, p: min, q: max }) {
    if (!dx) return;
    for (let i = 0; i < dy.length; i++) if (x[i] >= min && x[i] <= max) dx[i] += dy[i];
  },
};

/** y = x·keep/(1 − p): dropout with the 0/1 mask `keep` drawn by the caller; p is the share dropped. */
export function dropout(x: Tensor, keep: Tensor, p: number): Tensor {
  if (!(p >= 0 && p < 1)) throw new RangeError(`dropout: want 0 ≤ p < 1, got ${p}`);
  return apply(dropoutOp, x, keep, NONE, 1 / (1 - p));
}
const dropoutOp: Op = {
  name: "dropout",
  shape({ a, b }) {
    if (!sameShape(a.shape, b.shape)) {
      throw new ShapeError(`dropout: want keep of shape ${show(a.shape)}, got ${show(b.shape)}`);
    }
    return a.shape;
  },
  forward({ data: y, a: { data: x }, b: { data: keep }, p: scale }) {
    for (let i = 0; i < y.length; i++) y[i] = keep[i] !== 0 ? x[i] * scale : 0;
  },
  backward({ grad: dy, a: { grad: dx }, b: { data: keep }, p: scale }) {
    if (!dx) return;
    for (let i = 0; i < dy.length; i++) if (keep[i] !== 0) dx[i] += dy[i] * scale;
  },
};
