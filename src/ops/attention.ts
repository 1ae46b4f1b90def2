/** Scaled dot-product attention: Vaswani et al. 2017, arXiv:1706.03762, equation 1. */
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { Call, Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { listOf, sameShape, show, type Tensor } from "../core/tensor.ts";
import { broadcastTo } from "./layout.ts";
import { isZero } from "./zero.ts";

/**
 * y = softmax(q·kᵀ·scale)·v for each leading index (batch, head): q […, T, D], k […, S, D],
 * v […, S, E] give […, T, E]. `causal` lets position t attend to positions up to t + S − T; `mask`, which
 * broadcasts to […, T, S], is 1 where attention is allowed. `scale` is 1/√D by default. A fully masked
 * query gets zeros.
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  causal = false,
  mask: Tensor | null = null,
  scale = 1 / Math.sqrt(q.shape[q.shape.length - 1]),
): Tensor {
  if (mask === null) return apply(attentionOp, q, k, v, scale, causal ? 1 : 0);
  const scores = [...q.shape.slice(0, -1), k.shape[k.shape.length - 2]];
  const wide = sameShape(mask.shape, scores) ? mask : broadcastTo(mask, scores);
  return apply(attentionOp, q, k, v, scale, causal ? 1 : 0, undefined, listOf(wide));
}

interface Sizes {
  readonly heads: number;
  readonly T: number;
  readonly S: number;
  readonly D: number;
  readonly E: number;
}
type Attention = { numbers: "scale" | "causal"; plan: Sizes };
type Inputs = "q" | "k" | "v" | "mask?";

function sizes({ q, k, v }: Call<Inputs, Attention>): Sizes {
  const rank = q.length;
  const lead = q.slice(0, -2);
  const fits =
    rank >= 2 &&
    sameShape(lead, k.slice(0, -2)) &&
    sameShape(lead, v.slice(0, -2)) &&
    q[rank - 1] === k[rank - 1] &&
    k[rank - 2] === v[rank - 2];
  if (!fits) {
    const got = `${show(q)}, ${show(k)}, ${show(v)}`;
    throw new ShapeError(`attention: expected q […, T, D], k […, S, D], v […, S, E], got ${got}`);
  }
  const heads = lead.reduce((n, m) => n * m, 1);
  return { heads, T: q[rank - 2], S: k[rank - 2], D: q[rank - 1], E: v[rank - 1] };
}

export const attentionOp: Op<Inputs, Attention> = {
  name: "attention",
  inputs: ["q", "k", "v", "mask?"],
  numbers: ["scale", "causal"],
  shape: (call) => [...call.q.slice(0, -1), sizes(call).E],
  plan: sizes,
  // the weights, and one row of their gradient
  saves: (call) => {
    const { heads, T, S } = sizes(call);
    return heads * T * S + S;
  },
  forward({ y, q, k, v, mask, scale, causal, plan, saved: w }) {
    const { heads, T, S, D, E } = plan;
    for (let row = 0; row < heads * T; row++) {
      const head = Math.floor(row / T);
      const seen = causal === 1 ? Math.min(S, Math.max(0, (row % T) + 1 + S - T)) : S;
      const w0 = row * S;
      let max = -Infinity;
      for (let j = 0; j < S; j++) {
        let score = -Infinity;
        if (j < seen && (mask === null || mask[w0 + j] !== 0)) {
          score = 0;
          for (let d = 0; d < D; d++) score += q[row * D + d] * k[(head * S + j) * D + d];
          score *= scale;
        }
        w[w0 + j] = score;
        max = Math.max(max, score);
      }
      let sum = 0;
      for (let j = 0; j < S; j++) {
        w[w0 + j] = max === -Infinity ? 0 : math.exp(w[w0 + j] - max);
        sum += w[w0 + j];
      }
      for (let e = 0; e < E; e++) y[row * E + e] = 0;
      if (max === -Infinity) continue;
      for (let j = 0; j < S; j++) {
        w[w0 + j] /= sum;
        if (w[w0 + j] === 0) continue;
        for (let e = 0; e < E; e++) y[row * E + e] += w[w0 + j] * v[(head * S + j) * E + e];
      }
    }
  },
  // dw = dy·vᵀ; dscore = w·(dw − Σ dw·w); then dq, dk through score = scale·q·kᵀ, and dv = wᵀ·dy
  backward({ dy, q, dq, k, dk, v, dv, scale, plan, saved: w }) {
    const { heads, T, S, D, E } = plan;
    const dw = w.subarray(heads * T * S);
    for (let row = 0; row < heads * T; row++) {
      const head = Math.floor(row / T);
      const w0 = row * S;
      if (isZero(dy, row * E, (row + 1) * E)) continue;
      let sum = 0;
      for (let j = 0; j < S; j++) {
        if (w[w0 + j] === 0) continue;
        const v0 = (head * S + j) * E;
        let dot = 0;
        for (let e = 0; e < E; e++) {
          dot += dy[row * E + e] * v[v0 + e];
          if (dv) dv[v0 + e] += w[w0 + j] * dy[row * E + e];
        }
        dw[j] = dot;
        sum += dot * w[w0 + j];
      }
      for (let j = 0; j < S; j++) {
        if (w[w0 + j] === 0) continue;
        const dscore = scale * w[w0 + j] * (dw[j] - sum);
        const k0 = (head * S + j) * D;
        for (let d = 0; d < D; d++) {
          if (dq) dq[row * D + d] += dscore * k[k0 + d];
          if (dk) dk[k0 + d] += dscore * q[row * D + d];
        }
      }
    }
  },
};
