/** LSTM and GRU cells with PyTorch's weights and gate orders. The pointwise part of each is one op. */
import { checkShape } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { add } from "./arithmetic.ts";
import { stack } from "./join.ts";
import { reshape, rows } from "./layout.ts";
import { linear } from "./matmul.ts";

/** A cell's weights: wIh [gates·hidden, in], wHh [gates·hidden, hidden], biases [gates·hidden]. */
export interface CellWeights {
  readonly wIh: Tensor;
  readonly wHh: Tensor;
  readonly bIh: Tensor;
  readonly bHh: Tensor;
}

/**
 * Long short-term memory: returns the next h and c, for x [batch, in], h and c [batch, hidden].
 *
 *   c′ = σ(f)·c + σ(i)·tanh(g),   h′ = σ(o)·tanh(c′)     gates in the order i, f, g, o
 */
export function lstmCell(
  x: Tensor,
  h: Tensor,
  c: Tensor,
  w: CellWeights,
): { h: Tensor; c: Tensor } {
  return advance(linear(x, w.wIh, w.bIh), h, c, w);
}

/** Advances the cell, given x's contribution to the gates. */
function advance(fromX: Tensor, h: Tensor, c: Tensor, w: CellWeights): { h: Tensor; c: Tensor } {
  checkShape("lstmCell", "h", h, c.shape);
  const both = apply(lstmOp, add(fromX, linear(h, w.wHh, w.bHh)), c);
  return { h: half(both, 0), c: half(both, 1) };
}
const half = (both: Tensor, which: 0 | 1): Tensor =>
  reshape(rows(both, which, which + 1), both.shape.slice(1));

export const lstmOp: Op<"gates" | "c", { plan: number }> = {
  name: "lstmCell",
  inputs: ["gates", "c"],
  shape({ gates, c }) {
    if (c.length !== 2 || !sameShape(gates, [c[0], 4 * c[1]])) {
      throw new ShapeError(
        `lstmCell: expected gates [batch, 4·hidden] and c [batch, hidden], got ${show(gates)} and ${show(c)}`,
      );
    }
    return [2, ...c];
  },
  // σ(i), σ(f), tanh g, σ(o), tanh c′ of every cell
  saves: ({ c }) => 5 * sizeOf(c),
  plan: ({ c }) => c[1],
  forward({ y, gates, c, saved, plan: hidden }) {
    for (let at = 0; at < c.length; at++) {
      const g0 = Math.floor(at / hidden) * 4 * hidden + (at % hidden);
      const i = math.sigmoid(gates[g0]);
      const f = math.sigmoid(gates[g0 + hidden]);
      const g = math.tanh(gates[g0 + 2 * hidden]);
      const o = math.sigmoid(gates[g0 + 3 * hidden]);
      const next = f * c[at] + i * g;
      const t = math.tanh(next);
      y[at] = o * t;
      y[c.length + at] = next;
      saved[5 * at] = i;
      saved[5 * at + 1] = f;
      saved[5 * at + 2] = g;
      saved[5 * at + 3] = o;
      saved[5 * at + 4] = t;
    }
  },
  backward({ dy, dgates, c, dc, saved, plan: hidden }) {
    for (let at = 0; at < c.length; at++) {
      const g0 = Math.floor(at / hidden) * 4 * hidden + (at % hidden);
      const i = saved[5 * at];
      const f = saved[5 * at + 1];
      const g = saved[5 * at + 2];
      const o = saved[5 * at + 3];
      const t = saved[5 * at + 4];
      const dh = dy[at];
      if (dh === 0 && dy[c.length + at] === 0) continue;
      const dnext = dy[c.length + at] + dh * o * (1 - t * t);
      if (dc) dc[at] += dnext * f;
      if (!dgates) continue;
      dgates[g0] += dnext * g * i * (1 - i);
      dgates[g0 + hidden] += dnext * c[at] * f * (1 - f);
      dgates[g0 + 2 * hidden] += dnext * i * (1 - g * g);
      dgates[g0 + 3 * hidden] += dh * t * o * (1 - o);
    }
  },
};

/**
 * Gated recurrent unit: returns the next h, for x [batch, in] and h [batch, hidden].
 *
 *   n = tanh(Wx + b + σ(r)·(Uh + d)),   h′ = (1 − σ(z))·n + σ(z)·h     gates in the order r, z, n
 */
export const gruCell = (x: Tensor, h: Tensor, w: CellWeights): Tensor =>
  apply(gruOp, linear(x, w.wIh, w.bIh), linear(h, w.wHh, w.bHh), h);
const gruOp: Op<"fromX" | "fromH" | "h", { plan: number }> = {
  name: "gruCell",
  inputs: ["fromX", "fromH", "h"],
  shape({ fromX, fromH, h }) {
    if (h.length !== 2 || !sameShape(fromX, [h[0], 3 * h[1]]) || !sameShape(fromH, fromX)) {
      throw new ShapeError(
        `gruCell: expected gates [batch, 3·hidden] and h [batch, hidden], got ${show(fromX)} and ${show(h)}`,
      );
    }
    return h;
  },
  saves: ({ h }) => 3 * sizeOf(h),
  plan: ({ h }) => h[1],
  forward({ y, fromX, fromH, h, saved, plan: hidden }) {
    for (let at = 0; at < h.length; at++) {
      const g0 = Math.floor(at / hidden) * 3 * hidden + (at % hidden);
      const r = math.sigmoid(fromX[g0] + fromH[g0]);
      const z = math.sigmoid(fromX[g0 + hidden] + fromH[g0 + hidden]);
      const n = math.tanh(fromX[g0 + 2 * hidden] + r * fromH[g0 + 2 * hidden]);
      y[at] = (1 - z) * n + z * h[at];
      saved[3 * at] = r;
      saved[3 * at + 1] = z;
      saved[3 * at + 2] = n;
    }
  },
  backward({ dy, dfromX, fromH, dfromH, h, dh, saved, plan: hidden }) {
    for (let at = 0; at < h.length; at++) {
      const g0 = Math.floor(at / hidden) * 3 * hidden + (at % hidden);
      const r = saved[3 * at];
      const z = saved[3 * at + 1];
      const n = saved[3 * at + 2];
      if (dy[at] === 0) continue;
      const dn = dy[at] * (1 - z) * (1 - n * n); // at the inside of tanh
      const dz = dy[at] * (h[at] - n) * z * (1 - z);
      const dr = dn * fromH[g0 + 2 * hidden] * r * (1 - r);
      if (dh) dh[at] += dy[at] * z;
      if (dfromX) {
        dfromX[g0] += dr;
        dfromX[g0 + hidden] += dz;
        dfromX[g0 + 2 * hidden] += dn;
      }
      if (dfromH) {
        dfromH[g0] += dr;
        dfromH[g0 + hidden] += dz;
        dfromH[g0 + 2 * hidden] += dn * r;
      }
    }
  },
};

/** y = x, with 0 in the rows whose flag is not 0, even where x is NaN. */
const resetOp: Op<"x" | "reset", { plan: number }> = {
  name: "lstm",
  inputs: ["x", "reset"],
  plan: ({ x }) => x[1],
  forward({ y, x, reset, plan: width }) {
    for (let i = 0; i < y.length; i++) y[i] = reset[Math.floor(i / width)] !== 0 ? 0 : x[i];
  },
  backward({ dy, dx, reset, plan: width }) {
    if (!dx) return;
    for (let i = 0; i < dy.length; i++) {
      if (reset[Math.floor(i / width)] === 0) dx[i] += dy[i];
    }
  },
};

/**
 * An LSTM over x [steps, batch, in] from h and c. Where `reset` [steps, batch] is 1, a new episode begins
 * and h and c are zeroed before that step. Returns all h as ys [steps, batch, hidden], and the last h and
 * c.
 */
export function lstm(
  x: Tensor,
  h: Tensor,
  c: Tensor,
  w: CellWeights,
  reset: Tensor = NONE,
): { ys: Tensor; h: Tensor; c: Tensor } {
  const [steps, n] = x.shape;
  if (x.shape.length !== 3 || (reset !== NONE && !sameShape(reset.shape, [steps, n]))) {
    throw new ShapeError(
      `lstm: expected x [steps, batch, in] and reset [steps, batch], got ${show(x.shape)} and ${show(reset.shape)}`,
    );
  }
  const gates = linear(x, w.wIh, w.bIh); // of all steps at once
  const shape = gates.shape.slice(1);
  let state = { h, c };
  const ys: Tensor[] = [];
  for (let t = 0; t < steps; t++) {
    if (reset !== NONE) {
      const now = rows(reset, t, t + 1);
      state = { h: apply(resetOp, state.h, now), c: apply(resetOp, state.c, now) };
    }
    state = advance(reshape(rows(gates, t, t + 1), shape), state.h, state.c, w);
    ys.push(state.h);
  }
  return { ys: stack(ys), ...state };
}
