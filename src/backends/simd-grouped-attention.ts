/** Grouped attention on the SIMD backend: matrix products and row kernels, one query head after another. */
import type { RunOf } from "../core/op.ts";
import { type cachedGroupedAttentionOp, groupedAttentionOp } from "../ops/grouped-attention.ts";
import { checkPlaces } from "../ops/self-attention.ts";
import { skippingSums, whileFinite } from "./simd-attention.ts";
import { addressesOf, type Compile } from "./simd-backend.ts";

/** Addresses heads by strides: q, k, v and y are read and written in place. */
export const groupedAttention: Compile<RunOf<typeof groupedAttentionOp>> = (k, run) => {
  const { B, T, D, keyHeads } = run.plan;
  const { heads, window } = run;
  const { kernels } = k;
  const { allowed: mask, saved: w, ...at } = addressesOf(k, run);
  const dw = w + 4 * B * heads * T * T;
  const scale = 1 / Math.sqrt(D);
  const [head, row, wide] = [4 * D, 4 * heads * D, 4 * keyHeads * D]; // bytes of a head, a row of q, a row of k
  const side = 4 * T;
  const padded = (T + 3) & ~3;
  const group = heads / keyHeads;
  /** Runs `code` for each query head with the addresses of its weights, and its offsets in q and in k, in bytes. */
  const eachHead = (code: (weights: number, q: number, key: number, b: number) => void): void => {
    for (let b = 0, weights = w; b < B; b++)
      for (let h = 0; h < heads; h++, weights += T * side)
        code(weights, b * T * row + h * head, b * T * wide + Math.floor(h / group) * head, b);
  };
  /** Computes a head without the positions of weight 0. */
  const skipping = (weights: number, q: number, value: number): void => {
    const from = { weights: run.saved, w: (weights - w) / 4, values: run.v, v: value / 4 };
    const to = { y: run.y, to: q / 4, yRow: heads * D, vRow: keyHeads * D };
    skippingSums({ ...from, ...to, T, S: T, D, block: T });
  };
  return whileFinite(k, [run.q, run.k, run.v], groupedAttentionOp, {
    forward(finite) {
      const space = k.workspace(D * padded);
      eachHead((weights, q, key, b) => {
        const allowed = mask === 0 ? 0 : mask + b * T * side;
        kernels.transpose(space, 4 * padded, at.k + key, wide, T, D);
        kernels.gemm(weights, side, at.q + q, row, 4, space, 4 * padded, T, T, D, 0);
        kernels.attend(weights, allowed, T, T, 1, 1, window, scale);
        if (finite) kernels.gemm(at.y + q, row, weights, side, 4, at.v + key, wide, T, D, T, 0);
        else skipping(weights, q, key);
      });
    },
    backward() {
      const space = k.workspace(D * padded);
      const { q: x, dy, dq, dk, dv } = at;
      eachHead((weights, q, key) => {
        const from = dy + q;
        if (dv !== 0) kernels.gemm(dv + key, wide, weights, 4, side, from, row, T, D, T, 1);
        kernels.transpose(space, 4 * padded, at.v + key, wide, T, D);
        kernels.gemm(dw, side, from, row, 4, space, 4 * padded, T, T, D, 0);
        kernels.attendGrad(dw, weights, T, T, scale);
        if (dq !== 0) kernels.gemm(dq + q, row, dw, side, 4, at.k + key, wide, T, D, T, 1);
        if (dk !== 0) kernels.gemm(dk + key, wide, dw, 4, side, x + q, row, T, D, T, 1);
      });
    },
  });
};

type CachedRun = RunOf<typeof cachedGroupedAttentionOp>;
export const cachedGroupedAttention: Compile<CachedRun> = (k, run) => {
  const { D, room, keyHeads } = run.plan;
  const { heads, window } = run;
  const n = run.sequence.length;
  if (room % 4 !== 0) return null;
  const { kernels } = k;
  const { y, q, k: key, v, keys, values, sequence, position, saved: w } = addressesOf(k, run);
  const rows = [q, 4 * heads * D, key, v, 4 * keyHeads * D] as const;
  const cache = [keys, values, sequence, position, w] as const;
  const sizes = [n, keyHeads, heads / keyHeads, D, room, window] as const;
  const scale = 1 / Math.sqrt(D);
  return {
    forward(s: CachedRun) {
      checkPlaces(s);
      kernels.attendCached(y, ...rows, ...cache, ...sizes, scale);
    },
  };
};
