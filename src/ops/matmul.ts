/** Matrix products, plain and batched, with transposes; and the linear layer. */
import { type Floats, type Matrix, matrix, type Product, transpose } from "../core/backend.ts";
import { checkName } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { Call, Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { geluOf as gelu, geluSlopeOf as geluSlope } from "./activations.ts";
import { broadcastMap, broadcastShape } from "./axes.ts";
import { reshape } from "./layout.ts";

/**
 * y[…,m,n] = Σₖ a[…,m,k]·b[…,k,n]; leading axes broadcast. `transposeA` takes a as […,k,m],
 * `transposeB` takes b as […,n,k]. A vector counts as one row (a) or one column (b), whose axis is left
 * out of y.
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

type Factors = Call<"a" | "b", { numbers: "transposeA" | "transposeB" }>;

function sizes({ a, b, transposeA, transposeB }: Factors) {
  if (a.length < 2 || b.length < 2) {
    throw new ShapeError(`matmul: expected matrices, got ${show(a)} and ${show(b)}`);
  }
  const [m, k] = transposeA ? [a.at(-1), a.at(-2)] : [a.at(-2), a.at(-1)];
  const [k2, n] = transposeB ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)];
  if (k !== k2) {
    const flags = `${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`;
    throw new ShapeError(`matmul: expected equal inner sizes, got ${show(a)} · ${show(b)}${flags}`);
  }
  return { m: m as number, n: n as number, k: k as number };
}

/** The products of a batch: for y, and for the gradients that exist. */
interface Products {
  readonly y: readonly Product[];
  readonly da: readonly Product[];
  readonly db: readonly Product[];
}
/** The sizes of each product, and which matrices of a and b each product of the batch multiplies. */
interface Batch {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aMatrix: Int32Array;
  readonly bMatrix: Int32Array;
}
/** Returns a product with an untransposed result: yᵀ = bᵀ·aᵀ where y is stored transposed. */
const product = (y: Matrix, a: Matrix, b: Matrix): Product =>
  y.transposed ? { y: transpose(y), a: transpose(b), b: transpose(a) } : { y, a, b };

const matmulOp: Op<
  "a" | "b",
  { numbers: "transposeA" | "transposeB"; plan: Batch; bound: Products }
> = {
  name: "matmul",
  inputs: ["a", "b"],
  numbers: ["transposeA", "transposeB"],
  shape(call) {
    const { m, n } = sizes(call);
    const batch = broadcastShape("matmul", call.a.slice(0, -2), call.b.slice(0, -2));
    return [...batch, m, n];
  },
  plan(call, shape) {
    const batch = shape.slice(0, -2);
    const aMatrix = broadcastMap(call.a.slice(0, -2), batch);
    const bMatrix = broadcastMap(call.b.slice(0, -2), batch);
    return { ...sizes(call), aMatrix, bMatrix };
  },
  // dA = dY·Bᵀ, dB = Aᵀ·dY
  bind({ y, dy, a, da, b, db, transposeA, transposeB, plan }) {
    const { m, n, k, aMatrix, bMatrix } = plan;
    const batch = [...aMatrix.keys()];
    const yAt = (data: Floats, i: number) => matrix(data.subarray(i * m * n), m, n);
    const aAt = (data: Floats, i: number) =>
      matrix(data.subarray(aMatrix[i] * m * k), m, k, transposeA === 1);
    const bAt = (data: Floats, i: number) =>
      matrix(data.subarray(bMatrix[i] * k * n), k, n, transposeB === 1);
    return {
      y: batch.map((i) => product(yAt(y, i), aAt(a, i), bAt(b, i))),
      da: dy && da ? batch.map((i) => product(aAt(da, i), yAt(dy, i), transpose(bAt(b, i)))) : [],
      db: dy && db ? batch.map((i) => product(bAt(db, i), transpose(aAt(a, i)), yAt(dy, i))) : [],
    };
  },
  forward({ backend, bound }) {
    for (const product of bound.y) backend.gemm(product, false);
  },
  backward({ backend, bound }) {
    for (const product of bound.da) backend.gemm(product, true);
    for (const product of bound.db) backend.gemm(product, true);
  },
};

/** Activations of a linear layer, each with its slope as a function of what forward saves. */
const activations = {
  none: null,
  tanh: { value: math.tanh, slope: (_: number, y: number) => 1 - y * y },
  relu: { value: (z: number) => Math.max(z, 0), slope: (_: number, y: number) => (y > 0 ? 1 : 0) },
  gelu: { value: gelu, slope: geluSlope },
} as const;
export type Activation = keyof typeof activations;

/**
 * y[…,out] = activation(x[…,in]·weightᵀ + bias), with weight [out, in] and bias [out] (PyTorch's layout).
 * The activation is part of the op because networks spend most of their time here.
 */
export const linear = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor = NONE,
  activation: Activation = "none",
): Tensor => apply(linearOp, x, weight, bias, 0, 0, activation);
/** The sizes of a linear layer. */
interface Layer {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}
/** y = x·Wᵀ, and dx = dz·W and dW = dzᵀ·x where these gradients exist; dz = ∂loss/∂z. */
interface LayerProducts {
  readonly y: Product;
  readonly dz: Floats;
  readonly dx: Product | null;
  readonly dw: Product | null;
}
export const linearOp: Op<
  "x" | "weight" | "bias?",
  { set: Activation; plan: Layer; bound: LayerProducts }
> = {
  name: "linear",
  inputs: ["x", "weight", "bias?"],
  shape({ x, weight, bias, set: activation }) {
    const [outputs, inputs] = weight;
    const fits = weight.length === 2 && x[x.length - 1] === inputs;
    if (!fits || (bias !== null && !sameShape(bias, [outputs]))) {
      const got = [x, weight, ...(bias ? [bias] : [])].map(show).join(", ");
      throw new ShapeError(`linear: expected x […, in], weight [out, in], bias [out], got ${got}`);
    }
    checkName("linear", "an activation", activation, Object.keys(activations));
    return [...x.slice(0, -1), outputs];
  },
  plan: ({ x, weight: [outputs, inputs] }) => ({ rows: sizeOf(x.slice(0, -1)), inputs, outputs }),
  // z = x·Wᵀ + bias, and dz
  saves: ({ set: activation }, shape) => (activation === "none" ? 0 : 2 * sizeOf(shape)),
  bind({ y, dy, x, dx, weight, dweight, saved, set: activation, plan }) {
    const { rows, inputs, outputs } = plan;
    const a = matrix(x, rows, inputs);
    const dz = activation === "none" && dy ? dy : saved.subarray(y.length);
    return {
      y: { y: matrix(y, rows, outputs), a, b: matrix(weight, inputs, outputs, true) },
      dz,
      dx: dx && {
        y: matrix(dx, rows, inputs),
        a: matrix(dz, rows, outputs),
        b: matrix(weight, outputs, inputs),
      },
      dw: dweight && {
        y: matrix(dweight, outputs, inputs),
        a: matrix(dz, outputs, rows, true),
        b: a,
      },
    };
  },
  forward({ y, bias, backend, plan, bound, set: activation, saved: z }) {
    if (bias !== null) for (let at = 0; at < y.length; at += plan.outputs) y.set(bias, at);
    backend.gemm(bound.y, bias !== null);
    const f = activations[activation];
    if (f === null) return;
    z.set(y);
    for (let i = 0; i < y.length; i++) y[i] = f.value(z[i]);
  },
  // dz = dy·slope; dbias = Σ over rows of dz
  backward({ dy, y, dbias, backend, plan: { outputs }, bound, set: activation, saved: z }) {
    const { dz, dx, dw } = bound;
    const f = activations[activation];
    if (f !== null) {
      for (let i = 0; i < dy.length; i++) dz[i] = dy[i] === 0 ? 0 : dy[i] * f.slope(z[i], y[i]);
    }
    if (dx) backend.gemm(dx, true);
    if (dw) backend.gemm(dw, true);
    if (!dbias) return;
    for (let j = 0; j < outputs; j++) {
      let sum = 0;
      for (let at = j; at < dz.length; at += outputs) sum += dz[at];
      dbias[j] += sum;
    }
  },
};
