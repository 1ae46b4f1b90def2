/**
 * Causal attention whose queries, keys and values are three tensors, with fewer key heads than query heads (grouped
 * queries, Ainslie et al. 2023, arXiv:2305.13245) and an optional sliding window (Jiang et al. 2023,
 * arXiv:2310.06825, section 2). Over whole sequences for training, and one position at a time from a cache.
 * GPT-2's form, with all three in one tensor, is self-attention.ts.
 */
import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import type { GradRun, Op, Run } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { listOf, NONE, type Shape, sameShape, show, type Tensor } from "../core/tensor.ts";
import { checkPlaces } from "./self-attention.ts";
import { isZero } from "./zero.ts";

/** The number of query heads; and how many positions a query sees, its own included; 0 for all. */
export interface AttentionForm {
  readonly heads: number;
  readonly window: number;
}
export type Triple = readonly [q: Tensor, k: Tensor, v: Tensor];

/**
 * q [batch, T, heads·D], k and v [batch, T, keyHeads·D] give [batch, T, heads·D]. Query head h reads key head
 * floor(h·keyHeads/heads); position t sees positions s with t − window < s ≤ t. `allowed` [batch, T, T] restricts
 * that: 1 where row t may attend to column s. Every t must attend to itself.
 */
export const groupedAttention = (
  [q, k, v]: Triple,
  { heads, window }: AttentionForm,
  allowed: Tensor = NONE,
): Tensor => apply(groupedAttentionOp, q, k, v, heads, window, undefined, listOf(allowed));

interface Sizes {
  readonly B: number;
  readonly T: number;
  readonly D: number;
  readonly keyHeads: number;
}

/** The buffers of a call, and where one head of one row begins in each; the numbers change from row to row. */
interface Row {
  readonly y: Floats;
  readonly q: Floats;
  readonly keys: Floats;
  readonly values: Floats;
  readonly w: Floats;
  readonly allowed: Floats | null;
  readonly D: number;
  /** The distance between the keys of neighboring positions, between a key's elements, and between values. */
  readonly keyRow: number;
  readonly keyStep: number;
  readonly valueRow: number;
  /** The first element of the query and of the result; of the keys, values, weights and mask at position 0. */
  at: number;
  key: number;
  value: number;
  weight: number;
  mask: number;
  /** The positions that are visible: from `first` up to, but not including, `end`. */
  first: number;
  end: number;
}

/**
 * Attends with one query to its visible positions. Rounds at the same places from a cache as over whole sequences,
 * so that a position has the same bits.
 */
function attend(row: Row): void {
  const { y, q, keys, values, w, allowed, D, at, weight, first, end } = row;
  const scale = 1 / Math.sqrt(D);
  let max = -Infinity;
  for (let s = first; s < end; s++) {
    let score = -Infinity;
    if (allowed === null || allowed[row.mask + s] !== 0) {
      const key = row.key + s * row.keyRow;
      score = 0;
      for (let d = 0; d < D; d++) score += q[at + d] * keys[key + d * row.keyStep];
      score *= scale;
    }
    w[weight + s] = score;
    max = Math.max(max, w[weight + s]);
  }
  let sum = 0;
  for (let s = first; s < end; s++) {
    w[weight + s] = exp(w[weight + s] - max);
    sum += w[weight + s];
  }
  for (let d = 0; d < D; d++) y[at + d] = 0;
  for (let s = first; s < end; s++) {
    w[weight + s] /= sum;
    const p = w[weight + s];
    if (p === 0) continue;
    const value = row.value + s * row.valueRow;
    for (let d = 0; d < D; d++) y[at + d] += p * values[value + d];
  }
}

type GroupedInputs = "q" | "k" | "v" | "allowed?";
interface GroupedHas {
  numbers: "heads" | "window";
  plan: Sizes;
  bound: Row;
}
export const groupedAttentionOp: Op<GroupedInputs, GroupedHas> = {
  name: "groupedAttention",
  inputs: ["q", "k", "v", "allowed?"],
  numbers: ["heads", "window"],
  shape({ q, k, v, allowed, heads, window }) {
    checkHeads("groupedAttention", [q, k, v], 3, { heads, window });
    const [B, T] = q;
    if (!sameShape(q.slice(0, 2), k.slice(0, 2)))
      throw new ShapeError(`groupedAttention: expected k [${B}, ${T}, …], got ${show(k)}`);
    if (allowed !== null && !sameShape(allowed, [B, T, T])) {
      throw new ShapeError(
        `groupedAttention: expected allowed [${B}, ${T}, ${T}], got ${show(allowed)}`,
      );
    }
    return q;
  },
  plan({ q: [B, T, width], k, heads }) {
    const D = width / heads;
    return { B, T, D, keyHeads: k[2] / D };
  },
  // the weights, and room for one head's gradient with respect to them
  saves: ({ q: [B, T], heads }) => (B * heads + 1) * T * T,
  bind({ y, q, k, v, allowed, saved, plan: { D, keyHeads } }) {
    const strides = { D, keyRow: keyHeads * D, keyStep: 1, valueRow: keyHeads * D };
    return { y, q, keys: k, values: v, w: saved, allowed, ...strides, ...start };
  },
  forward(run) {
    const { bound: row, heads, plan } = run;
    for (let i = 0; i < plan.B * heads * plan.T; i++) {
      moveTo(run, i);
      attend(row);
    }
  },
  // dw = dy·vᵀ; dscore = w·(dw − Σ dw·w); then dq, dk through score = scale·q·kᵀ, and dv = wᵀ·dy
  backward(run) {
    const { heads, plan, bound: row, dy } = run;
    for (let i = 0; i < plan.B * heads * plan.T; i++) {
      moveTo(run, i);
      if (!isZero(dy, row.at, row.at + plan.D)) attendGrad(run);
    }
  },
};
const start = { at: 0, key: 0, value: 0, weight: 0, mask: 0, first: 0, end: 0 };

/** Moves to the i-th of the weights' rows [B, heads, T]. */
function moveTo({ bound: row, heads, window, plan }: Run<GroupedInputs, GroupedHas>, i: number) {
  const { T, D, keyHeads } = plan;
  const t = i % T;
  const head = Math.floor(i / T) % heads;
  const first = Math.floor(i / (heads * T)) * T; // the sequence's first position
  const keyHead = Math.floor((head * keyHeads) / heads);
  row.at = ((first + t) * heads + head) * D;
  row.key = row.value = (first * keyHeads + keyHead) * D;
  row.weight = i * T;
  row.mask = (first + t) * T;
  row.first = window === 0 ? 0 : Math.max(0, t + 1 - window);
  row.end = t + 1;
}

/** Adds the gradients of one query's attention. */
function attendGrad(run: GradRun<GroupedInputs, GroupedHas>): void {
  const { dy, q, dq, k, dk, v, dv, saved: w, plan, heads, bound: row } = run;
  const { B, T, D } = plan;
  const { at, weight, first, end } = row;
  const dw = w.subarray(B * heads * T * T);
  const scale = 1 / Math.sqrt(D);
  let sum = 0;
  for (let s = first; s < end; s++) {
    if (w[weight + s] === 0) continue;
    const value = row.value + s * row.valueRow;
    let dot = 0;
    for (let d = 0; d < D; d++) {
      dot += dy[at + d] * v[value + d];
      if (dv) dv[value + d] += w[weight + s] * dy[at + d];
    }
    dw[s] = dot;
    sum += dot * w[weight + s];
  }
  for (let s = first; s < end; s++) {
    if (w[weight + s] === 0) continue;
    const dscore = scale * w[weight + s] * (dw[s] - sum);
    const key = row.key + s * row.keyRow;
    for (let d = 0; d < D; d++) {
      if (dq) dq[at + d] += dscore * k[key + d];
      if (dk) dk[key + d] += dscore * q[at + d];
    }
  }
}

/** Throws ShapeError unless q is [..., heads·D] and k, v are [..., keyHeads·D] of `rank` axes. */
function checkHeads(
  op: string,
  [q, k, v]: readonly Shape[],
  rank: number,
  { heads, window }: AttentionForm,
): void {
  checkInteger(op, "heads", heads, { min: 1 });
  checkInteger(op, "window", window, { min: 0 });
  const D = (q.at(-1) ?? 0) / heads;
  const keyHeads = (k.at(-1) ?? 0) / D;
  const whole = Number.isInteger(D) && Number.isInteger(keyHeads) && keyHeads >= 1;
  if (q.length === rank && sameShape(k, v) && whole && heads % keyHeads === 0) return;
  const got = [q, k, v].map(show).join(", ");
  throw new ShapeError(
    `${op}: expected q […, ${heads}·D] of ${rank} axes, k and v […, keyHeads·D] with keyHeads a divisor of ${heads}, got ${got}`,
  );
}

/** A layer's cache and the rows that enter it: keys, values, sequence [rows] and position [rows]. */
export type CacheRows = readonly [keys: Tensor, values: Tensor, sequence: Tensor, position: Tensor];

/**
 * q [rows, heads·D], k and v [rows, keyHeads·D] give [rows, heads·D]. Row i belongs to sequence `sequence[i]` at
 * `position[i]`: its key and value are written to the cache (keys [n, keyHeads, D, room], values [n, keyHeads, room,
 * D]), then it attends to its sequence's visible positions. No gradient.
 */
export const cachedGroupedAttention = (
  [q, k, v]: Triple,
  { heads, window }: AttentionForm,
  cache: CacheRows,
): Tensor => apply(cachedGroupedAttentionOp, q, k, v, heads, window, undefined, cache);

interface CachedPlan {
  readonly D: number;
  readonly keyHeads: number;
  readonly sequences: number;
  readonly room: number;
}
type CachedInputs = "q" | "k" | "v" | "keys" | "values" | "sequence" | "position";
interface CachedHas {
  numbers: "heads" | "window";
  plan: CachedPlan;
  bound: Row;
}
export const cachedGroupedAttentionOp: Op<CachedInputs, CachedHas> = {
  name: "cachedGroupedAttention",
  inputs: ["q", "k", "v", "keys", "values", "sequence", "position"],
  numbers: ["heads", "window"],
  shape({ q, k, v, keys, values, sequence, position, heads, window }) {
    const op = "cachedGroupedAttention";
    checkHeads(op, [q, k, v], 2, { heads, window });
    const [n, D] = [q[0], q[1] / heads];
    const keyHeads = k[1] / D;
    const [sequences, , , room] = keys;
    const fits =
      k[0] === n &&
      sameShape(keys, [sequences, keyHeads, D, room]) &&
      sameShape(values, [sequences, keyHeads, room, D]) &&
      sameShape(sequence, [n]) &&
      sameShape(position, [n]);
    if (fits) return q;
    const got = [k, keys, values, sequence, position].map(show).join(", ");
    throw new ShapeError(
      `${op}: expected k [${n}, ${k[1]}], keys [n, ${keyHeads}, ${D}, room], values [n, ${keyHeads}, room, ${D}] and two of [${n}], got ${got}`,
    );
  },
  plan({ q: [, width], k, keys: [sequences, , , room], heads }) {
    const D = width / heads;
    return { D, keyHeads: k[1] / D, sequences, room };
  },
  saves: ({ keys }) => keys[3], // one row's weights
  bind({ y, q, keys, values, saved, plan: { D, room } }) {
    const strides = { D, keyRow: 1, keyStep: room, valueRow: D };
    return { y, q, keys, values, w: saved, allowed: null, ...strides, ...start };
  },
  forward(run) {
    checkPlaces(run);
    writeToCache(run);
    const { sequence, position, heads, window, plan, bound: row } = run;
    const { D, room, keyHeads } = plan;
    for (let i = 0; i < sequence.length * heads; i++) {
      const at = Math.floor(i / heads);
      const keyHead = Math.floor(((i % heads) * keyHeads) / heads);
      row.at = i * D;
      row.key = row.value = (sequence[at] * keyHeads + keyHead) * D * room;
      row.end = position[at] + 1;
      row.first = window === 0 ? 0 : Math.max(0, row.end - window);
      attend(row);
    }
  },
};

function writeToCache(run: Run<CachedInputs, CachedHas>): void {
  const { k, v, keys, values, sequence, position } = run;
  const { D, room, keyHeads } = run.plan;
  const C = keyHeads * D;
  for (let i = 0; i < sequence.length; i++) {
    for (let j = 0; j < C; j++) {
      const head = sequence[i] * keyHeads + Math.floor(j / D);
      keys[(head * D + (j % D)) * room + position[i]] = k[i * C + j];
      values[(head * room + position[i]) * D + (j % D)] = v[i * C + j];
    }
  }
}
