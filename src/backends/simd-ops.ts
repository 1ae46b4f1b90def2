/**
 * Which ops the SIMD backend runs in kernels. Addresses are worked out when a slot is recorded, so a call
 * passes numbers only. An op, or a use of one, that is not here runs in its own loops.
 */
import type { Compiled, Floats } from "../core/backend.ts";
import type { Slot } from "../core/tape.ts";
import { NONE } from "../core/tensor.ts";
import { activationCode } from "./kernels/dense.ts";
import type { SimdBackend } from "./simd.ts";
import {
  attention,
  type Compile,
  cachedAttention,
  gradOf,
  selfAttention,
} from "./simd-attention.ts";
import { isDense } from "./simd-gemm.ts";

/** Code for the slot's op, or null for its own loops. */
export function compileOp(k: SimdBackend, slot: Slot): Compiled | null {
  if (slot.data.length === 0 || !Object.hasOwn(ops, slot.op.name)) return null;
  const buffers: Floats[] = [];
  const take = (size: number): Floats => {
    const buffer = k.alloc(size);
    buffers.push(buffer);
    return buffer;
  };
  try {
    const code = ops[slot.op.name](k, slot, take);
    return code === null ? null : { ...code, buffers };
  } catch (error) {
    for (const buffer of buffers) k.free(buffer);
    throw error;
  }
}

/** y = f(x) with dx += dy·slope(kept), kept being y or x. */
const map =
  (name: string, keeps: "y" | "x" = "y"): Compile =>
  (k, slot) => {
    const { [name]: forward, [`${name}Grad`]: backward } = k.kernels;
    const [y, x, dy, dx] = [
      k.address(slot.data),
      k.address(slot.a.data),
      gradOf(k, slot),
      gradOf(k, slot.a),
    ];
    const kept = keeps === "y" ? y : x;
    const n = slot.data.length;
    return {
      forward: () => void forward(y, x, n),
      backward: () => {
        if (dx !== 0) backward(dx, dy, kept, n);
      },
    };
  };

const add: Compile = (k, slot) => {
  if (slot.b === NONE) return null;
  const { kernels } = k;
  const [y, a, b] = [slot, slot.a, slot.b].map((t) => k.address(t.data));
  const [dy, da, db] = [slot, slot.a, slot.b].map((t) => gradOf(k, t));
  const n = slot.data.length;
  return {
    forward: () => void kernels.add(y, a, b, n),
    backward: () => {
      if (da !== 0) kernels.accumulate(da, dy, n);
      if (db !== 0) kernels.accumulate(db, dy, n);
    },
  };
};

const mul: Compile = (k, slot) => {
  const { kernels } = k;
  const n = slot.data.length;
  const [y, a, dy, da] = [
    k.address(slot.data),
    k.address(slot.a.data),
    gradOf(k, slot),
    gradOf(k, slot.a),
  ];
  if (slot.b === NONE) {
    const { p: by } = slot;
    return {
      forward: () => void kernels.scale(y, a, by, n),
      backward: () => {
        if (da !== 0) kernels.accumulateScaled(da, dy, by, n);
      },
    };
  }
  const b = k.address(slot.b.data);
  const db = gradOf(k, slot.b);
  return {
    forward: () => void kernels.mul(y, a, b, n),
    backward: () => {
      if (da !== 0) kernels.accumulateProduct(da, dy, b, n);
      if (db !== 0) kernels.accumulateProduct(db, dy, a, n);
    },
  };
};

const dropout: Compile = (k, slot) => {
  const { kernels } = k;
  const [y, x, keep] = [slot, slot.a, slot.b].map((t) => k.address(t.data));
  const [dy, dx] = [gradOf(k, slot), gradOf(k, slot.a)];
  const n = slot.data.length;
  const { p: scale } = slot;
  return {
    forward: () => void kernels.dropout(y, x, keep, scale, n),
    backward: () => {
      if (dx !== 0) kernels.dropoutGrad(dx, dy, keep, scale, n);
    },
  };
};

/** Softmax and log-softmax along a last axis. */
const rows =
  (name: string): Compile =>
  (k, slot) => {
    const { offset } = slot.plan as { offset: Int32Array };
    const n = offset.length;
    if (offset[n - 1] !== n - 1) return null; // along another axis
    const { [name]: forward, [`${name}Grad`]: backward } = k.kernels;
    const [y, x, dy, dx] = [
      k.address(slot.data),
      k.address(slot.a.data),
      gradOf(k, slot),
      gradOf(k, slot.a),
    ];
    const count = slot.data.length / n;
    return {
      forward: () => void forward(y, x, count, n),
      backward: () => {
        if (dx !== 0) backward(dx, dy, y, count, n);
      },
    };
  };

/** Rows after which sums over rows are added up without loss: float32 sums of more lose digits. */
const rowBlock = 256;

const layerNorm: Compile = (k, slot, take) => {
  if (slot.b === NONE || slot.c === NONE) return null;
  const { n } = slot.plan as { n: number };
  const { kernels } = k;
  const [y, x, weight, bias] = [slot, slot.a, slot.b, slot.c].map((t) => k.address(t.data));
  const [dy, dx, dweight, dbias] = [slot, slot.a, slot.b, slot.c].map((t) => gradOf(k, t));
  if (slot.grad !== null && (dx === 0 || dweight === 0 || dbias === 0)) return null;
  const stats = k.address(slot.scratch);
  const count = slot.data.length / n;
  const eps = slot.p;
  const perElement = 1 / n; // here: a number worked out at a call is boxed
  const grad = (dw: number, db: number, row: number, rows: number): void => {
    const [at, dAt, sAt] = [x + 4 * row * n, 4 * row * n, stats + 8 * row];
    kernels.layerNormGrad(dx + dAt, dw, db, dy + dAt, at, weight, sAt, rows, n, perElement);
  };
  const many = slot.grad !== null && count > rowBlock;
  const sums = many ? [dweight, dbias].map((to) => longSum(k, take, to, n)) : [];
  return {
    forward(s) {
      const overflow = kernels.layerNorm(y, x, weight, bias, stats, count, n, eps, perElement);
      if (overflow !== 0) s.op.forward?.(s); // in float64
    },
    backward() {
      if (!many) return grad(dweight, dbias, 0, count);
      const [ofWeight, ofBias] = sums;
      for (let row = 0; row < count; row += rowBlock) {
        grad(ofWeight.next(), ofBias.next(), row, Math.min(rowBlock, count - row));
      }
      for (const sum of sums) sum.finish();
    },
  };
};

/** A vector summed in blocks: `next` gives the address for one more block's sums, `finish` adds all to `to`. */
function longSum(k: SimdBackend, take: (size: number) => Floats, to: number, n: number) {
  const [total, lost, part] = [take(n), take(n), take(n)];
  const add = (): void =>
    void k.kernels.addCompensated(k.address(total), k.address(lost), k.address(part), n);
  return {
    next(): number {
      add();
      part.fill(0);
      return k.address(part);
    },
    finish(): void {
      add();
      k.kernels.accumulate(to, k.address(total), n);
      for (const x of [total, lost, part]) x.fill(0); // for the next backward
    },
  };
}

const linear: Compile = (k, slot) => {
  const {
    rows: m,
    inputs,
    outputs: n,
  } = slot.plan as {
    rows: number;
    inputs: number;
    outputs: number;
  };
  const activation = slot.settings as keyof typeof activationCode;
  const { kernels } = k;
  const [y, x, w] = [slot, slot.a, slot.b].map((t) => k.address(t.data));
  const [dy, dx, dw, dbias] = [slot, slot.a, slot.b, slot.c].map((t) => gradOf(k, t));
  const bias = slot.c === NONE ? 0 : k.address(slot.c.data);
  const size = m * n;
  const z = activation === "none" ? 0 : k.address(slot.scratch);
  const dz = activation === "none" ? dy : z + 4 * size;
  const code = activationCode[activation];
  const gelu = activation === "gelu";
  const few = isDense(m, inputs) && !(gelu && slot.grad !== null);
  const out = gelu && !few ? z : y;
  const activate = kernels[activation];
  const slope = kernels[`${activation}Slope`];
  return {
    forward: few
      ? () => void kernels.dense(y, x, w, bias, m, n, inputs, code, 0)
      : () => {
          if (bias !== 0) kernels.repeatRow(out, bias, m, n);
          k.multiply(out, x, w, m, n, inputs, false, true, bias !== 0);
          if (code !== 0) activate(y, out, size);
        },
    backward: () => {
      if (code !== 0) slope(dz, dy, gelu ? z : y, size);
      if (dx !== 0) k.multiply(dx, dz, w, m, inputs, n, false, false, true);
      if (dw !== 0) k.multiply(dw, dz, x, n, inputs, m, true, false, true);
      if (dbias !== 0) kernels.sumRows(dbias, dz, m, n);
    },
  };
};

interface Rows {
  readonly outer: number;
  readonly inner: number;
  /** Throws for an index that is none: the kernel would read elsewhere. */
  readonly check: (slot: Slot) => void;
}
/** Rows from which on a gradient summed in float32 would lose digits, were all indices the same. */
const longRows = 256;

/** Rows of an embedding. */
const indexSelect: Compile = (k, slot) => {
  const { outer, inner, check } = slot.plan as Rows;
  if (outer !== 1) return null;
  const { kernels } = k;
  const [y, x, index] = [slot, slot.a, slot.b].map((t) => k.address(t.data));
  const count = slot.b.data.length;
  const [dy, dx] = [gradOf(k, slot), gradOf(k, slot.a)];
  return {
    forward(s) {
      check(s);
      kernels.gatherRows(y, x, index, count, inner);
    },
    backward(s) {
      if (count > longRows)
        s.op.backward?.(s); // in float64
      else if (dx !== 0) kernels.scatterRows(dx, dy, index, count, inner);
    },
  };
};

/** The gates' functions a vector at a time; what is left is sums and products, as the op's own loops have them. */
const lstmCell: Compile = (k, slot, take) => {
  const { kernels, address } = k;
  const { data: y, a: gates, b: cell, scratch } = slot;
  const [n, hidden] = cell.shape;
  const size = n * hidden;
  const [sigmoids, tanhs, tanhNext] = [take(4 * size), take(4 * size), take(size)];
  return {
    forward() {
      const c = cell.data;
      kernels.sigmoid(address(sigmoids), address(gates.data), 4 * size);
      kernels.tanh(address(tanhs), address(gates.data), 4 * size);
      for (let row = 0, at = 0; row < n; row++) {
        for (let j = 4 * row * hidden; at < (row + 1) * hidden; j++, at++) {
          y[size + at] = sigmoids[j + hidden] * c[at] + sigmoids[j] * tanhs[j + 2 * hidden];
        }
      }
      kernels.tanh(address(tanhNext), address(y) + 4 * size, size);
      for (let row = 0, at = 0; row < n; row++) {
        for (let j = 4 * row * hidden; at < (row + 1) * hidden; j++, at++) {
          const o = sigmoids[j + 3 * hidden];
          const t = tanhNext[at];
          y[at] = o * t;
          scratch[5 * at] = sigmoids[j];
          scratch[5 * at + 1] = sigmoids[j + hidden];
          scratch[5 * at + 2] = tanhs[j + 2 * hidden];
          scratch[5 * at + 3] = o;
          scratch[5 * at + 4] = t;
        }
      }
    },
    backward: (s) => slot.op.backward?.(s),
  };
};

const ops: Readonly<Record<string, Compile>> = {
  exp: map("exp"),
  tanh: map("tanh"),
  sigmoid: map("sigmoid"),
  relu: map("relu"),
  geluTanh: map("gelu", "x"),
  add,
  mul,
  dropout,
  softmax: rows("softmax"),
  logSoftmax: rows("logSoftmax"),
  layerNorm,
  linear,
  attention,
  selfAttention,
  cachedAttention,
  indexSelect,
  lstmCell,
};
