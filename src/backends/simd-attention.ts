/** Attention on the SIMD backend: matrix products and row kernels, one head after another. */
import { type Compiled, type Floats, type Matrix, matrix, transpose } from "../core/backend.ts";
import type { AnyOp, RunOf } from "../core/op.ts";
import { attentionOp } from "../ops/attention.ts";
import { type cachedAttentionOp, checkPlaces, selfAttentionOp } from "../ops/self-attention.ts";
import { addressesOf, type Compile, type SimdBackend } from "./simd-backend.ts";
import { depthBlock } from "./simd-gemm.ts";

/** Code whose weighted sums of values skip weights of 0 unless all inputs are `finite`. */
interface Guarded {
  readonly forward: (finite: boolean) => void;
  readonly backward: () => void;
}

/**
 * Returns code that looks first whether all of `tensors` is finite. A matrix product would multiply masked-out
 * values by 0, and 0·∞ is NaN. The op's own loops skip them, and take over the gradient.
 */
export function whileFinite(
  { kernels, address }: SimdBackend,
  tensors: readonly Floats[],
  op: AnyOp,
  code: Guarded,
): Compiled {
  const runs = tensors.map((x) => [address(x), x.length] as const);
  let finite = true;
  return {
    forward() {
      finite = true;
      for (const [at, n] of runs) finite &&= kernels.anyNotFinite(at, n) === 0;
      code.forward(finite);
    },
    backward(run) {
      if (finite) code.backward();
      else op.backward?.(run);
    },
  };
}

/** Rows of weights [T, S] at `w`, and of values and results with the floats from one row to the next. */
interface WeightedSums {
  readonly weights: Floats;
  readonly w: number;
  readonly T: number;
  readonly S: number;
  readonly values: Floats;
  readonly v: number;
  readonly vRow: number;
  readonly y: Floats;
  readonly to: number;
  readonly yRow: number;
  readonly D: number;
  /** The positions of one sum, as in the product that this replaces. */
  readonly block: number;
}

/**
 * Computes y = weights·values without the positions of weight 0. Rounds like the products, so that a text has the same
 * bits beside one that is not finite. A row with a NaN weight becomes NaN.
 */
export function skippingSums(s: WeightedSums): void {
  const { weights, values, y, T, S, D } = s;
  for (let t = 0; t < T; t++) {
    const row = weights.subarray(s.w + t * S, s.w + (t + 1) * S);
    if (row.some(Number.isNaN)) row.fill(Number.NaN);
    for (let d = 0; d < D; d++) {
      let total = 0;
      for (let start = 0; start < S; start += s.block) {
        let sum = 0;
        for (let j = start; j < Math.min(S, start + s.block); j++) {
          if (row[j] === 0) continue;
          sum = Math.fround(sum + Math.fround(row[j] * values[s.v + j * s.vRow + d]));
        }
        total = start === 0 ? sum : Math.fround(total + sum);
      }
      y[s.to + t * s.yRow + d] = total;
    }
  }
}

export const attention: Compile<RunOf<typeof attentionOp>> = (k, run, alloc) => {
  const { heads, T, S, D, E } = run.plan;
  const { kernels } = k;
  const { scale, causal } = run;
  const seen = causal === 1 ? S - T + 1 : S;
  const grow = causal === 1 ? 1 : 0;
  const dw = run.dy === null ? null : alloc(T * S);
  const side = 4 * T * S; // bytes of a head's weights
  const { mask, saved: weights } = addressesOf(k, run);
  const dwAt = dw === null ? 0 : k.address(dw);
  /** Returns the matrix [rows, columns] of head h in data [heads, rows, columns]. */
  const of = (data: Floats, h: number, rows: number, columns: number): Matrix =>
    matrix(data.subarray(h * rows * columns), rows, columns);
  const inputs = Array.from({ length: heads }, (_, h) => ({
    q: of(run.q, h, T, D),
    key: of(run.k, h, S, D),
    v: of(run.v, h, S, E),
    w: of(run.saved, h, T, S),
  }));
  const products = inputs.map(({ q, key, v, w }, h) => ({
    scores: { y: w, a: q, b: transpose(key) },
    y: { y: of(run.y, h, T, E), a: w, b: v },
  }));
  const { dy, dq, dk, dv } = run;
  const gradients = inputs.map(({ q, key, v, w }, h) => {
    if (dy === null || dw === null) return null;
    const [to, from] = [matrix(dw, T, S), of(dy, h, T, E)];
    return {
      dv: dv && { y: of(dv, h, S, E), a: transpose(w), b: from },
      dw: { y: to, a: from, b: transpose(v) },
      dq: dq && { y: of(dq, h, T, D), a: to, b: key },
      dk: dk && { y: of(dk, h, S, D), a: transpose(to), b: q },
    };
  });
  return whileFinite(k, [run.q, run.k, run.v], attentionOp, {
    forward(finite) {
      for (let h = 0; h < heads; h++) {
        k.gemm(products[h].scores, false);
        kernels.attend(weights + h * side, mask && mask + h * side, T, S, seen, grow, 0, scale);
        if (finite) k.gemm(products[h].y, false);
        else {
          const from = { weights: run.saved, w: h * T * S, values: run.v, v: h * S * E, vRow: E };
          const to = { y: run.y, to: h * T * E, yRow: E };
          skippingSums({ ...from, ...to, T, S, D: E, block: depthBlock });
        }
      }
    },
    backward() {
      for (let h = 0; h < heads; h++) {
        const of = gradients[h];
        if (of === null) return;
        if (of.dv) k.gemm(of.dv, true);
        k.gemm(of.dw, false);
        kernels.attendGrad(dwAt, weights + h * side, T, S, scale);
        if (of.dq) k.gemm(of.dq, true);
        if (of.dk) k.gemm(of.dk, true);
      }
    },
  });
};

/** Addresses heads by strides: q, k, v and y are read and written in place. */
export const selfAttention: Compile<RunOf<typeof selfAttentionOp>> = (k, run) => {
  const { B, T, D } = run.plan;
  const { heads } = run;
  const { kernels } = k;
  const { y, x, dy, dx, allowed: mask, saved: w } = addressesOf(k, run);
  const dw = w + 4 * B * heads * T * T;
  const scale = 1 / Math.sqrt(D);
  const [head, row, wide] = [4 * D, 4 * heads * D, 12 * heads * D]; // bytes of a head, of a row of y, and of qkv
  const side = 4 * T;
  const padded = (T + 3) & ~3;
  /** Computes sequence b's head h without the positions of weight 0. */
  const skipping = (b: number, h: number): void => {
    const C = heads * D;
    const from = { weights: run.saved, w: (b * heads + h) * T * T, values: run.x };
    const place = { v: b * T * 3 * C + 2 * C + h * D, vRow: 3 * C };
    const to = { y: run.y, to: b * T * C + h * D, yRow: C };
    skippingSums({ ...from, ...place, ...to, T, S: T, D, block: T });
  };
  return whileFinite(k, [run.x], selfAttentionOp, {
    forward(finite) {
      const space = k.workspace(D * padded);
      for (let b = 0, weights = w; b < B; b++) {
        const allowed = mask === 0 ? 0 : mask + b * T * side;
        for (let h = 0; h < heads; h++, weights += T * side) {
          const q = x + b * T * wide + h * head;
          const key = q + row;
          const value = key + row;
          kernels.transpose(space, 4 * padded, key, wide, T, D);
          kernels.gemm(weights, side, q, wide, 4, space, 4 * padded, T, T, D, 0);
          kernels.attend(weights, allowed, T, T, 1, 1, 0, scale);
          const to = y + b * T * row + h * head;
          if (finite) kernels.gemm(to, row, weights, side, 4, value, wide, T, D, T, 0);
          else skipping(b, h);
        }
      }
    },
    backward() {
      const space = k.workspace(D * padded);
      for (let b = 0, weights = w; b < B; b++) {
        for (let h = 0; h < heads; h++, weights += T * side) {
          const q = x + b * T * wide + h * head;
          const dq = dx + b * T * wide + h * head;
          const key = q + row;
          const value = key + row;
          const from = dy + b * T * row + h * head;
          kernels.gemm(dq + 2 * row, wide, weights, 4, side, from, row, T, D, T, 1);
          kernels.transpose(space, 4 * padded, value, wide, T, D);
          kernels.gemm(dw, side, from, row, 4, space, 4 * padded, T, T, D, 0);
          kernels.attendGrad(dw, weights, T, T, scale);
          kernels.gemm(dq, wide, dw, side, 4, key, wide, T, D, T, 1);
          kernels.gemm(dq + row, wide, dw, 4, side, q, wide, T, D, T, 1);
        }
      }
    },
  });
};

type CachedRun = RunOf<typeof cachedAttentionOp>;
export const cachedAttention: Compile<CachedRun> = (k, run) => {
  const { D, room } = run.plan;
  const { heads } = run;
  const n = run.sequence.length;
  if (room % 4 !== 0) return null;
  const { kernels } = k;
  const { y, x, keys, values, sequence, position, saved: w } = addressesOf(k, run);
  const scale = 1 / Math.sqrt(D);
  const row = 4 * heads * D; // bytes of the queries, keys or values of a row
  const rows = [x, 3 * row, x + row, x + 2 * row, 3 * row] as const;
  const cache = [keys, values, sequence, position, w] as const;
  return {
    forward(s: CachedRun) {
      checkPlaces(s);
      kernels.attendCached(y, ...rows, ...cache, n, heads, 1, D, room, 0, scale);
    },
  };
};
