/**
 * Causal self-attention as language models use it: Vaswani et al. 2017, arXiv:1706.03762, equation 1, with
 * queries, keys and values side by side, as one linear layer returns them. Heads are read by strides, so no
 * axis is moved. Over whole sequences for training, and one position at a time from a cache.
 */
import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import type { Op, RunOf } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, type Tensor } from "../core/tensor.ts";
import { isZero } from "./zero.ts";

/**
 * qkv [batch, T, 3·C], C split into `heads`, gives [batch, T, C]; position t attends to positions up to t.
 * `allowed` [batch, T, T] restricts that: 1 where row t may attend to column s. Every t must attend to itself.
 */
export const selfAttention = (qkv: Tensor, heads: number, allowed: Tensor = NONE): Tensor =>
  apply(selfAttentionOp, qkv, allowed, NONE, heads);

interface Sizes {
  readonly B: number;
  readonly T: number;
  readonly D: number;
}
export const selfAttentionOp: Op<"x" | "allowed?", { numbers: "heads"; plan: Sizes }> = {
  name: "selfAttention",
  inputs: ["x", "allowed?"],
  numbers: ["heads"],
  shape({ x, allowed, heads }) {
    checkInteger("selfAttention", "heads", heads, { min: 1 });
    const [B, T, width] = x;
    if (x.length !== 3 || width % (3 * heads) !== 0) {
      throw new ShapeError(`selfAttention: expected [batch, T, 3·${heads}·D], got ${show(x)}`);
    }
    if (allowed !== null && !sameShape(allowed, [B, T, T])) {
      throw new ShapeError(
        `selfAttention: expected allowed [${B}, ${T}, ${T}], got ${show(allowed)}`,
      );
    }
    return [B, T, width / 3];
  },
  plan: ({ x: [B, T, width], heads }) => ({ B, T, D: width / (3 * heads) }),
  // the weights, and room for one head's gradient with respect to them
  saves: ({ x: [B, T], heads }) => (B * heads + 1) * T * T,
  forward({ y, x, allowed, heads, plan: { B, T, D }, saved: w }) {
    const C = heads * D;
    const scale = 1 / Math.sqrt(D);
    y.fill(0);
    for (let row = 0, w0 = 0; row < B * heads * T; row++, w0 += T) {
      const t = row % T;
      const head = Math.floor(row / T) % heads;
      const first = Math.floor(row / (heads * T)) * T; // the sequence's first position
      const q = (first + t) * 3 * C + head * D;
      let max = -Infinity;
      for (let s = 0; s <= t; s++) {
        const k = (first + s) * 3 * C + C + head * D;
        let score = -Infinity;
        if (allowed === null || allowed[(first + t) * T + s] !== 0) {
          score = 0;
          for (let d = 0; d < D; d++) score += x[q + d] * x[k + d];
          score *= scale;
        }
        w[w0 + s] = score;
        max = Math.max(max, score);
      }
      let sum = 0;
      for (let s = 0; s <= t; s++) {
        w[w0 + s] = exp(w[w0 + s] - max);
        sum += w[w0 + s];
      }
      const to = (first + t) * C + head * D;
      for (let s = 0; s <= t; s++) {
        w[w0 + s] /= sum;
        if (w[w0 + s] === 0) continue;
        const v = (first + s) * 3 * C + 2 * C + head * D;
        for (let d = 0; d < D; d++) y[to + d] += w[w0 + s] * x[v + d];
      }
      for (let s = t + 1; s < T; s++) w[w0 + s] = 0;
    }
  },
  // dw = dy·vᵀ; dscore = w·(dw − Σ dw·w); then dq, dk through score = scale·q·kᵀ, and dv = wᵀ·dy
  backward({ dy, x, dx, heads, plan: { B, T, D }, saved: w }) {
    if (!dx) return;
    const C = heads * D;
    const scale = 1 / Math.sqrt(D);
    const dw = w.subarray(B * heads * T * T);
    for (let row = 0, w0 = 0; row < B * heads * T; row++, w0 += T) {
      const t = row % T;
      const head = Math.floor(row / T) % heads;
      const first = Math.floor(row / (heads * T)) * T;
      const q = (first + t) * 3 * C + head * D;
      const from = (first + t) * C + head * D;
      if (isZero(dy, from, from + D)) continue;
      let sum = 0;
      for (let s = 0; s <= t; s++) {
        if (w[w0 + s] === 0) continue;
        const v = (first + s) * 3 * C + 2 * C + head * D;
        let dot = 0;
        for (let d = 0; d < D; d++) {
          dot += dy[from + d] * x[v + d];
          dx[v + d] += w[w0 + s] * dy[from + d];
        }
        dw[s] = dot;
        sum += dot * w[w0 + s];
      }
      for (let s = 0; s <= t; s++) {
        if (w[w0 + s] === 0) continue;
        const dscore = scale * w[w0 + s] * (dw[s] - sum);
        const k = (first + s) * 3 * C + C + head * D;
        for (let d = 0; d < D; d++) {
          dx[q + d] += dscore * x[k + d];
          dx[k + d] += dscore * x[q + d];
        }
      }
    }
  },
};

/** One layer's cache: keys and values of up to `context` positions for each of `sequences` sequences. */
export interface KeyValues {
  /** [sequences, heads, D, room]: transposed, so that scores of neighboring positions are contiguous. */
  readonly keys: Tensor;
  /** [sequences, heads, room, D] */
  readonly values: Tensor;
}

/**
 * qkv [rows, 3·C] gives [rows, C]. Row i belongs to sequence `sequence[i]` at `position[i]`: its key and
 * value are written to the cache, then it attends to its sequence's positions up to its own. So rows of
 * one call may follow each other in one sequence. No gradient.
 */
export const cachedAttention = (
  qkv: Tensor,
  heads: number,
  { keys, values }: KeyValues,
  rows: readonly [sequence: Tensor, position: Tensor],
): Tensor => apply(cachedAttentionOp, qkv, keys, values, heads, 0, undefined, rows);

interface CachedPlan {
  readonly D: number;
  readonly sequences: number;
  /** The number of positions that the cache holds per sequence. */
  readonly room: number;
}
type CachedInputs = "x" | "keys" | "values" | "sequence" | "position";
export const cachedAttentionOp: Op<CachedInputs, { numbers: "heads"; plan: CachedPlan }> = {
  name: "cachedAttention",
  inputs: ["x", "keys", "values", "sequence", "position"],
  numbers: ["heads"],
  shape({ x, keys, values, heads, sequence, position }) {
    checkInteger("cachedAttention", "heads", heads, { min: 1 });
    const [n, width] = x;
    const D = width / (3 * heads);
    const [sequences, , , room] = keys;
    const fits =
      x.length === 2 &&
      sameShape(keys, [sequences, heads, D, room]) &&
      sameShape(values, [sequences, heads, room, D]) &&
      sameShape(sequence, [n]) &&
      sameShape(position, [n]);
    if (!fits) {
      const got = [x, keys, values, sequence, position].map(show);
      throw new ShapeError(
        `cachedAttention: expected qkv [rows, 3·${heads}·D], keys [n, ${heads}, D, room], values [n, ${heads}, room, D] and two of [rows], got ${got.join(", ")}`,
      );
    }
    return [n, width / 3];
  },
  plan: ({ x: [, width], keys: [sequences, , , room], heads }) => ({
    D: width / (3 * heads),
    sequences,
    room,
  }),
  saves: ({ keys }) => keys[3], // one row's weights
  forward(run) {
    checkPlaces(run);
    const { y, x, keys, values, sequence, position, heads, plan } = run;
    const { D, room } = plan;
    const n = sequence.length;
    const C = heads * D;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < C; j++) {
        const head = sequence[i] * heads + Math.floor(j / D);
        keys[(head * D + (j % D)) * room + position[i]] = x[i * 3 * C + C + j];
        values[(head * room + position[i]) * D + (j % D)] = x[i * 3 * C + 2 * C + j];
      }
    }
    y.fill(0);
    for (let i = 0; i < n; i++) for (let h = 0; h < heads; h++) attend(run, i, h);
  },
};

/**
 * Attends with row i's query of head h to the sequence's positions up to its own. Rounds where `selfAttention` does,
 * so that a position has the same bits from the cache as from the whole sequence.
 */
function attend(run: RunOf<typeof cachedAttentionOp>, i: number, h: number): void {
  const { y, x, keys, values, sequence, position, heads, saved: w } = run;
  const { D, room } = run.plan;
  const head = (sequence[i] * heads + h) * D * room;
  const to = (i * heads + h) * D;
  const q = 3 * i * heads * D + h * D;
  const count = position[i] + 1;
  const scale = 1 / Math.sqrt(D);
  let max = -Infinity;
  for (let s = 0; s < count; s++) {
    let score = 0;
    for (let d = 0; d < D; d++) score += x[q + d] * keys[head + d * room + s];
    score *= scale;
    w[s] = score;
    max = Math.max(max, score);
  }
  let sum = 0;
  for (let s = 0; s < count; s++) {
    w[s] = exp(w[s] - max);
    sum += w[s];
  }
  for (let s = 0; s < count; s++) {
    w[s] /= sum;
    if (w[s] === 0) continue;
    for (let d = 0; d < D; d++) y[to + d] += w[s] * values[head + s * D + d];
  }
}

/** The places of rows in a cache. */
interface CachedRows {
  readonly sequence: Floats;
  readonly position: Floats;
  readonly plan: Pick<CachedPlan, "sequences" | "room">;
}

/** Throws RangeError for a row outside the cache, which a kernel would not notice. */
export function checkPlaces({ sequence, position, plan }: CachedRows): void {
  const { sequences, room } = plan;
  for (let i = 0; i < sequence.length; i++) {
    if (isBelow(sequence[i], sequences) && isBelow(position[i], room)) continue;
    throw new RangeError(
      `cachedAttention: expected a sequence below ${sequences} and a position below ${room}, got ${sequence[i]} and ${position[i]}`,
    );
  }
}
const isBelow = (x: number, n: number): boolean => x >= 0 && x < n && Number.isInteger(x);
