/**
 * The ops that the SIMD backend runs in kernels. Addresses are computed when a slot is recorded, so that a call
 * passes numbers only. Ops, and uses of ops, that are not here run in their own loops.
 */
import { type Compiled, type Floats, matrix } from "../core/backend.ts";
import type { AnyOp, RunOf } from "../core/op.ts";
import { geluTanhOp, reluOp, sigmoidOp, tanhOp } from "../ops/activations.ts";
import { addOp, mulNumberOp, mulOp } from "../ops/arithmetic.ts";
import { attentionOp } from "../ops/attention.ts";
import { dropoutOp, expOp } from "../ops/elementwise.ts";
import { siluGateOp } from "../ops/gates.ts";
import { cachedGroupedAttentionOp, groupedAttentionOp } from "../ops/grouped-attention.ts";
import { checkIndices, indexSelectOp } from "../ops/indexing.ts";
import { linearOp } from "../ops/matmul.ts";
import { layerNormOp, normalizeRow, rmsNormOp } from "../ops/normalization.ts";
import { lstmOp } from "../ops/recurrent.ts";
import { rotateOp } from "../ops/rotary.ts";
import { cachedAttentionOp, selfAttentionOp } from "../ops/self-attention.ts";
import { logSoftmaxOp, softmaxOp } from "../ops/softmax.ts";
import { activationCode } from "./kernels/dense.ts";
import { attention, cachedAttention, selfAttention } from "./simd-attention.ts";
import { addressesOf, type Compile, type SimdBackend } from "./simd-backend.ts";
import { depthBlock } from "./simd-gemm.ts";
import { cachedGroupedAttention, groupedAttention } from "./simd-grouped-attention.ts";
import { rmsNorm, rotate, siluGate } from "./simd-llama.ts";
import { longSum, rowBlock } from "./simd-long-sum.ts";

/** Returns whether the output or an input is empty. What an op saves is empty where it saves nothing. */
const hasNothing = (run: object): boolean =>
  Object.entries(run).some(
    ([name, x]) => name !== "saved" && x instanceof Float32Array && x.length === 0,
  );

/** Returns kernels for the op's run, or null for the op's own loops. */
export function compileOp(k: SimdBackend, op: object, run: never): Compiled | null {
  const compile = ops.get(op);
  if (compile === undefined || hasNothing(run)) return null;
  const buffers: Floats[] = [];
  const alloc = (size: number): Floats => {
    const buffer = k.alloc(size);
    buffers.push(buffer);
    return buffer;
  };
  try {
    const code = compile(k, run, alloc);
    return code === null ? null : { ...code, buffers };
  } catch (error) {
    for (const buffer of buffers) k.free(buffer);
    throw error;
  }
}

/** Compiles y = f(x) with dx += dy·slope(kept), where `kept` is y or x. */
const map =
  (name: string, keeps: "y" | "x" = "y"): Compile<RunOf<typeof tanhOp>> =>
  (k, run) => {
    const { [name]: forward, [`${name}Grad`]: backward } = k.kernels;
    const { y, x, dy, dx } = addressesOf(k, run);
    const kept = keeps === "y" ? y : x;
    const n = run.y.length;
    return {
      forward: () => void forward(y, x, n),
      backward: () => {
        if (dx !== 0) backward(dx, dy, kept, n);
      },
    };
  };

const add: Compile<RunOf<typeof addOp>> = (k, run) => {
  const { kernels } = k;
  const { y, a, b, dy, da, db } = addressesOf(k, run);
  const n = run.y.length;
  return {
    forward: () => void kernels.add(y, a, b, n),
    backward: () => {
      if (da !== 0) kernels.accumulate(da, dy, n);
      if (db !== 0) kernels.accumulate(db, dy, n);
    },
  };
};

const mulNumber: Compile<RunOf<typeof mulNumberOp>> = (k, run) => {
  const { kernels } = k;
  const { y, a, dy, da } = addressesOf(k, run);
  const { b } = run;
  const n = run.y.length;
  return {
    forward: () => void kernels.scale(y, a, b, n),
    backward: () => {
      if (da !== 0) kernels.accumulateScaled(da, dy, b, n);
    },
  };
};

const mul: Compile<RunOf<typeof mulOp>> = (k, run) => {
  const { kernels } = k;
  const { y, a, b, dy, da, db } = addressesOf(k, run);
  const n = run.y.length;
  return {
    forward: () => void kernels.mul(y, a, b, n),
    backward: () => {
      if (da !== 0) kernels.accumulateProduct(da, dy, b, n);
      if (db !== 0) kernels.accumulateProduct(db, dy, a, n);
    },
  };
};

const dropout: Compile<RunOf<typeof dropoutOp>> = (k, run) => {
  const { kernels } = k;
  const { y, x, keep, dy, dx } = addressesOf(k, run);
  const { scale } = run;
  const n = run.y.length;
  return {
    forward: () => void kernels.dropout(y, x, keep, scale, n),
    backward: () => {
      if (dx !== 0) kernels.dropoutGrad(dx, dy, keep, scale, n);
    },
  };
};

/** Compiles softmax and log-softmax along the last axis. */
const rows =
  (name: string): Compile<RunOf<typeof softmaxOp>> =>
  (k, run) => {
    const { offset } = run.plan;
    const n = offset.length;
    if (offset[n - 1] !== n - 1) return null; // along another axis
    const { [name]: forward, [`${name}Grad`]: backward } = k.kernels;
    const { y, x, dy, dx } = addressesOf(k, run);
    const count = run.y.length / n;
    return {
      forward: () => void forward(y, x, count, n),
      backward: () => {
        if (dx !== 0) backward(dx, dy, y, count, n);
      },
    };
  };

type LayerNormRun = RunOf<typeof layerNormOp>;
const layerNorm: Compile<LayerNormRun> = (k, run, alloc) => {
  const { kernels } = k;
  const { y, x, weight, bias, dy, dx, dweight, dbias, saved: stats } = addressesOf(k, run);
  if (weight === 0 || bias === 0) return null;
  const trains = run.dy !== null;
  if (trains && (dx === 0 || dweight === 0 || dbias === 0)) return null;
  const { n } = run.plan;
  const count = run.y.length / n;
  const { eps } = run;
  const perElement = 1 / n; // computed here, because a number computed per call is boxed
  const grad = (dw: number, db: number, row: number, rows: number): void => {
    const [at, dAt, sAt] = [x + 4 * row * n, 4 * row * n, stats + 8 * row];
    kernels.layerNormGrad(dx + dAt, dw, db, dy + dAt, at, weight, sAt, rows, n, perElement);
  };
  const many = trains && count > rowBlock;
  const sums = many ? [dweight, dbias].map((to) => longSum(k, alloc, to, n)) : [];
  return {
    forward(s: LayerNormRun) {
      const overflow = kernels.layerNorm(y, x, weight, bias, stats, count, n, eps, perElement);
      if (overflow === 0) return;
      for (let row = 0; row < count; row++) {
        if (!(s.saved[2 * row + 1] > 0)) normalizeRow(s, row); // squares that overflow float32, in float64
      }
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

const linear: Compile<RunOf<typeof linearOp>> = (k, run) => {
  const { rows, inputs, outputs } = run.plan;
  const { set: activation, bound } = run;
  const { kernels } = k;
  const { y, x, weight, bias, dy, dbias, saved } = addressesOf(k, run);
  const size = rows * outputs;
  const z = activation === "none" ? 0 : saved;
  const dz = run.dy === null ? 0 : k.address(bound.dz);
  const code = activationCode[activation];
  const gelu = activation === "gelu";
  // a pass with gradients keeps GELU's input
  const separate = gelu && run.dy !== null;
  const outAt = gelu ? z : y;
  const out = gelu ? { ...bound.y, y: matrix(run.saved, rows, outputs) } : bound.y;
  const row = 4 * inputs;
  const activate = kernels[activation];
  const slope = kernels[`${activation}Slope`];
  const { dx, dw } = bound;
  const deep = inputs > depthBlock; // chosen by the depth alone: a row's bits do not depend on the number of rows
  const at = separate ? z : y;
  const once = separate ? 0 : code;
  return {
    forward: deep
      ? () => {
          if (bias !== 0) kernels.repeatRow(outAt, bias, rows, outputs);
          k.gemm(out, bias !== 0);
          if (code !== 0) activate(y, outAt, size);
        }
      : () => {
          kernels.dense(at, 4 * outputs, x, row, weight, row, bias, rows, outputs, inputs, once, 0);
          if (separate) activate(y, z, size);
        },
    backward: () => {
      if (code !== 0) slope(dz, dy, outAt, size);
      if (dx) k.gemm(dx, true);
      if (dw) k.gemm(dw, true);
      if (dbias !== 0) kernels.sumRows(dbias, dz, rows, outputs);
    },
  };
};

/** Gradients of more rows are summed in float64: if all indices were equal, float32 would lose digits. */
const longRows = 256;

/** Rows of an embedding. */
type IndexRun = RunOf<typeof indexSelectOp>;
const indexSelect: Compile<IndexRun> = (k, run) => {
  const { outer, inner } = run.plan;
  if (outer !== 1) return null;
  const { kernels } = k;
  const { y, x, index, dy, dx } = addressesOf(k, run);
  const count = run.index.length;
  return {
    forward(s: IndexRun) {
      checkIndices(s);
      kernels.gatherRows(y, x, index, count, inner);
    },
    backward(s: never) {
      if (count > longRows)
        indexSelectOp.backward?.(s); // in float64
      else if (dx !== 0) kernels.scatterRows(dx, dy, index, count, inner);
    },
  };
};

/** Computes the gates' functions in vectors, and the rest, sums and products, as the op's own loops do. */
const lstmCell: Compile<RunOf<typeof lstmOp>> = (k, run, alloc) => {
  const { kernels, address } = k;
  const { y, gates, c, saved, plan: hidden } = run;
  const size = c.length;
  const n = size / hidden;
  const [sigmoids, tanhs, tanhNext] = [alloc(4 * size), alloc(4 * size), alloc(size)];
  return {
    forward() {
      kernels.sigmoid(address(sigmoids), address(gates), 4 * size);
      kernels.tanh(address(tanhs), address(gates), 4 * size);
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
          saved[5 * at] = sigmoids[j];
          saved[5 * at + 1] = sigmoids[j + hidden];
          saved[5 * at + 2] = tanhs[j + 2 * hidden];
          saved[5 * at + 3] = o;
          saved[5 * at + 4] = t;
        }
      }
    },
    backward: (s: never) => lstmOp.backward?.(s),
  };
};

/** Pairs an op with its kernels, whose run has the op's own names. */
const kernel = <O extends AnyOp>(op: O, compile: Compile<RunOf<O>>) =>
  [op, compile as Compile<never>] as const;

const ops: ReadonlyMap<object, Compile<never>> = new Map<object, Compile<never>>([
  kernel(expOp, map("exp")),
  kernel(tanhOp, map("tanh")),
  kernel(sigmoidOp, map("sigmoid")),
  kernel(reluOp, map("relu")),
  kernel(geluTanhOp, map("gelu", "x")),
  kernel(addOp, add),
  kernel(mulNumberOp, mulNumber),
  kernel(mulOp, mul),
  kernel(dropoutOp, dropout),
  kernel(softmaxOp, rows("softmax")),
  kernel(logSoftmaxOp, rows("logSoftmax")),
  kernel(layerNormOp, layerNorm),
  kernel(rmsNormOp, rmsNorm),
  kernel(siluGateOp, siluGate),
  kernel(rotateOp, rotate),
  kernel(groupedAttentionOp, groupedAttention),
  kernel(cachedGroupedAttentionOp, cachedGroupedAttention),
  kernel(linearOp, linear),
  kernel(attentionOp, attention),
  kernel(selfAttentionOp, selfAttention),
  kernel(cachedAttentionOp, cachedAttention),
  kernel(indexSelectOp, indexSelect),
  kernel(lstmOp, lstmCell),
]);
