/** Matrix products: plain and batched, with transposes, and the linear layer. */

import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import { apply, type Call, type Op } from "../core/tape.ts";
import { NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { geluOf as gelu, geluSlopeOf as geluSlope } from "./activations.ts";
import { broadcastMap, broadcastShape } from "./axes.ts";
import { reshape } from "./layout.ts";

/**
 * y[…,m,n] = Σₖ a[…,m,k]·b[…,k,n]; leading axes broadcast. `transposeA` takes a as […,k,m],
 * `transposeB` takes b as […,n,k]. A vector counts as one row (a) or one column (b), and its axis is
 * left out of y.
 */
export function matmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  const row = a.shape.length === 1;
  const column = b.shape.length === 1;
  const y = apply(
    matmulOp,
    row ? reshape(a, [1, a.shape[0]]) : a,
    column ? reshape(b, [b.shape[0], 1]) : b,
    NONE,
    transposeA && !row ? 1 : 0,
    transposeB && !column ? 1 : 0,
  );
  if (!row && !column) return y;
  const batch = y.shape.slice(0, -2);
  const [m, n] = y.shape.slice(-2);
  return reshape(y, [...batch, ...(row ? [] : [m]), ...(column ? [] : [n])]);
}

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** For each product of the batch, which matrix of a and which of b. */
  readonly aMatrix: Int32Array;
  readonly bMatrix: Int32Array;
}

function sizes({ a: { shape: a }, b: { shape: b }, p: transposeA, q: transposeB }: Call) {
  if (a.length < 2 || b.length < 2) {
    throw new ShapeError(`matmul: want matrices, got ${show(a)} and ${show(b)}`);
  }
  const [m, k] = transposeA ? [a.at(-1), a.at(-2)] : [a.at(-2), a.at(-1)];
  const [k2, n] = transposeB ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)];
  if (k !== k2) {
    const flags = `${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`;
    throw new ShapeError(`matmul: want equal inner sizes, got ${show(a)} · ${show(b)}${flags}`);
  }
  return { m: m as number, n: n as number, k: k as number };
}

const matmulOp: Op<unknown, Product> = {
  name: "matmul",
  shape(call) {
    const { m, n } = sizes(call);
    const batch = broadcastShape("matmul", call.a.shape.slice(0, -2), call.b.shape.slice(0, -2));
    return [...batch, m, n];
  },
  plan(call, shape) {
    const batch = shape.slice(0, -2);
    const aMatrix = broadcastMap(call.a.shape.slice(0, -2), batch);
    const bMatrix = broadcastMap(call.b.shape.slice(0, -2), batch);
    return { ...sizes(call), aMatrix, bMatrix };
  },
  forward({ data: y, a: { data: a }, b: { data: b }, p, q, k: backend, plan }) {
    const { m, n, k, aMatrix, bMatrix } = plan;
    for (let i = 0; i < aMatrix.length; i++) {
      const aAt = aMatrix[i] * m * k;
      const bAt = bMatrix[i] * k * n;
      backend.gemm(y, i * m * n, a, aAt, b, bAt, m, n, k, p === 1, q === 1, false);
    }
  },
  // A and B as multiplied: dA = dY·Bᵀ, dB = Aᵀ·dY; where one is stored transposed, so is its gradient
  backward({ grad: dy, a, b, p, q, k: backend, plan }) {
    const { m, n, k, aMatrix, bMatrix } = plan;
    for (let i = 0; i < aMatrix.length; i++) {
      const y0 = i * m * n;
      const a0 = aMatrix[i] * m * k;
      const b0 = bMatrix[i] * k * n;
      if (a.grad) {
        if (p === 0) backend.gemm(a.grad, a0, dy, y0, b.data, b0, m, k, n, false, q === 0, true);
        else backend.gemm(a.grad, a0, b.data, b0, dy, y0, k, m, n, q === 1, true, true);
      }
      if (b.grad) {
        if (q === 0) backend.gemm(b.grad, b0, a.data, a0, dy, y0, k, n, m, p === 0, false, true);
        else backend.gemm(b.grad, b0, dy, y0, a.data, a0, n, k, m, true, p === 1, true);
      }
    }
  },
};

/** What may follow a linear layer in the same op, and its slope, by what forward keeps. */
const activations = {
  none: null,
  tanh: { value: math.tanh, slope: (_: number, y: number) => 1 - y * y },
  relu: { value: (z: number) => Math.max(z, 0), slope: (_: number, y: number) => (y > 0 ? 1 : 0) },
  gelu: { value: gelu, slope: geluSlope },
} as const;
export type Activation = keyof typeof activations;

/**
 * y[…,out] = activation(x[…,in]·weightᵀ + bias), with weight [out, in] and bias [out] (PyTorch's layout).
 * The activation is one op with the layer because a network spends its time here.
 */
export const linear = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor = NONE,
  activation: Activation = "none",
): Tensor => apply(linearOp, x, weight, bias, 0, 0, activation);
const linearOp: Op<Activation, { rows: number; inputs: number; outputs: number }> = {
  name: "linear",
  shape({ a: { shape: x }, b: { shape: weight }, c: bias, settings: activation }) {
    const [outputs, inputs] = weight;
    const fits = weight.length === 2 && x.length >= 1 && x[x.length - 1] === inputs;
    if (!fits || (bias !== NONE && !sameShape(bias.shape, [outputs]))) {
      const got = `${show(x)}, ${show(weight)}${bias === NONE ? "" : `, ${show(bias.shape)}`}`;
      throw new ShapeError(`linear: want x […, in], weight [out, in], bias [out], got ${got}`);
    }
    if (!Object.hasOwn(activations, activation)) {
      const names = Object.keys(activations).join(", ");
      throw new RangeError(`linear: want an activation of ${names}, got ${activation}`);
    }
    return [...x.slice(0, -1), outputs];
  },
  plan: ({ a: { shape: x }, b: { shape: weight } }) => ({
    rows: sizeOf(x.slice(0, -1)),
    inputs: weight[1],
    outputs: weight[0],
  }),
  // z = x·Wᵀ + b, and ∂loss/∂z
  scratch: ({ settings: activation }, shape) => (activation === "none" ? 0 : 2 * sizeOf(shape)),
  forward(slot) {
    const { data: y, a, b, c, k, plan, settings: activation, scratch: z } = slot;
    const { rows, inputs, outputs } = plan;
    if (c !== NONE) for (let at = 0; at < y.length; at += outputs) y.set(c.data, at);
    k.gemm(y, 0, a.data, 0, b.data, 0, rows, outputs, inputs, false, true, c !== NONE);
    const f = activations[activation];
    if (f === null) return;
    z.set(y);
    for (let i = 0; i < y.length; i++) y[i] = f.value(z[i]);
  },
  // dz = dy·slope; dx = dz·W, dW = dzᵀ·x, dbias = Σ over rows of dz
  backward({ grad: dy, data: y, a, b, c, k, plan, settings: activation, scratch: z }) {
    const { rows, inputs, outputs } = plan;
    const f = activations[activation];
    const dz = f === null ? dy : z;
    const dz0 = f === null ? 0 : y.length;
    if (f !== null) {
      for (let i = 0; i < dy.length; i++)
        dz[dz0 + i] = dy[i] === 0 ? 0 : dy[i] * f.slope(z[i], y[i]);
    }
    if (a.grad) k.gemm(a.grad, 0, dz, dz0, b.data, 0, rows, inputs, outputs, false, false, true);
    if (b.grad) k.gemm(b.grad, 0, dz, dz0, a.data, 0, outputs, inputs, rows, true, false, true);
    if (!c.grad) return;
    for (let j = 0; j < outputs; j++) {
      let sum = 0;
      for (let at = dz0 + j; at < dz0 + dy.length; at += outputs) sum += dz[at];
      c.grad[j] += sum;
    }
  },
};
