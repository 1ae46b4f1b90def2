/**
 * The categorical distribution over logits [batch, actions], one distribution per row. A mask of the same shape (1 =
 * allowed) restricts it to the allowed actions; the others have probability 0 and gradient 0. A row without an allowed
 * action, or with logits of −Infinity alone, throws MaskError.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";
import type { Op } from "../core/op.ts";
import type { Random } from "../core/random.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { isZero } from "../ops/zero.ts";
import { allowed, largestOfRow, logSums, maskOf, rowsOf, sampleRow } from "./rows.ts";

/** Returns the batch shape of logits […, actions]. Throws ShapeError for a mask of another shape. */
function batchOf(op: string, logits: Shape, mask: Shape | null): Shape {
  if (logits.length < 1 || logits[logits.length - 1] < 1) {
    throw new ShapeError(`${op}: expected logits […, actions], got ${show(logits)}`);
  }
  if (mask !== null && !sameShape(mask, logits)) {
    throw new ShapeError(`${op}: expected a mask of ${show(logits)}, got ${show(mask)}`);
  }
  return logits.slice(0, -1);
}
/** ln π(action): logits [batch, actions], action [batch] → [batch]. −Infinity for a masked action. */
export const categoricalLogProb = (logits: Tensor, action: Tensor, mask: Tensor = NONE): Tensor =>
  apply(logProbOp, logits, action, mask);
const logProbOp: Op<"x" | "action" | "mask?"> = {
  name: "categoricalLogProb",
  inputs: ["x", "action", "mask?"],
  shape({ x, action, mask }) {
    const batch = batchOf("categoricalLogProb", x, mask);
    if (!sameShape(action, batch)) {
      throw new ShapeError(
        `categoricalLogProb: expected actions ${show(batch)}, got ${show(action)}`,
      );
    }
    return batch;
  },
  saves: ({ action }) => 2 * sizeOf(action), // log-sum of each row, in two parts
  forward({ y, x, action, mask, backend, saved: sums }) {
    const n = x.length / y.length;
    logSums("categoricalLogProb", backend, sums, x, mask, y.length);
    for (let row = 0; row < y.length; row++) {
      if (!(action[row] >= 0 && action[row] < n && Number.isInteger(action[row]))) {
        throw new RangeError(
          `categoricalLogProb: expected an action from 0 to ${n - 1}, got ${action[row]} in row ${row}`,
        );
      }
      const taken = row * n + action[row];
      y[row] = allowed(mask, taken) ? x[taken] - sums[2 * row] - sums[2 * row + 1] : -Infinity;
    }
  },
  // dx = dy·(1[taken] − π)
  backward({ dy, x, dx, action, mask, backend, saved: sums }) {
    if (!dx) return;
    const n = x.length / dy.length;
    const kernel = mask === null && n >= 8 && backend.accumulateExp !== undefined;
    if (kernel) backend.accumulateExp?.(dx, x, sums, dy, -1);
    for (let row = 0; row < dy.length; row++) {
      if (dy[row] === 0) continue;
      if (!kernel) {
        for (let i = row * n; i < (row + 1) * n; i++) {
          if (allowed(mask, i)) dx[i] -= dy[row] * exp(x[i] - sums[2 * row] - sums[2 * row + 1]);
        }
      }
      const taken = row * n + action[row];
      if (allowed(mask, taken)) dx[taken] += dy[row];
    }
  },
};

/** −Σ π ln π of each row, in nats: [batch, actions] → [batch]. */
export const categoricalEntropy = (logits: Tensor, mask: Tensor = NONE): Tensor =>
  apply(entropyOp, logits, mask);
const entropyOp: Op<"x" | "mask?"> = {
  name: "categoricalEntropy",
  inputs: ["x", "mask?"],
  shape: ({ x, mask }) => batchOf("categoricalEntropy", x, mask),
  saves: (_, shape) => 2 * sizeOf(shape),
  forward({ y, x, mask, backend, saved: sums }) {
    const n = x.length / y.length;
    logSums("categoricalEntropy", backend, sums, x, mask, y.length);
    for (let row = 0; row < y.length; row++) {
      let entropy = 0;
      for (let i = row * n; i < (row + 1) * n; i++) {
        const logP = x[i] - sums[2 * row] - sums[2 * row + 1];
        const p = allowed(mask, i) ? exp(logP) : 0;
        if (p > 0) entropy -= p * logP;
      }
      y[row] = entropy;
    }
  },
  // dx = −dy·π·(ln π + H)
  backward({ dy, y, x, dx, mask, saved: sums }) {
    if (!dx) return;
    const n = x.length / dy.length;
    for (let row = 0; row < dy.length; row++) {
      if (dy[row] === 0) continue;
      for (let i = row * n; i < (row + 1) * n; i++) {
        const logP = x[i] - sums[2 * row] - sums[2 * row + 1];
        const p = allowed(mask, i) ? exp(logP) : 0;
        if (p > 0) dx[i] -= dy[row] * p * (logP + y[row]);
      }
    }
  },
};

/** KL(P‖Q) = Σ p (ln p − ln q) of each row: logits of P and Q [batch, actions] → [batch]. */
export const categoricalKl = (p: Tensor, q: Tensor, mask: Tensor = NONE): Tensor =>
  apply(klOp, p, q, mask);
const klOp: Op<"xp" | "xq" | "mask?", { plan: number }> = {
  name: "categoricalKl",
  inputs: ["xp", "xq", "mask?"],
  shape({ xp, xq, mask }) {
    if (!sameShape(xp, xq)) {
      const got = `${show(xp)} and ${show(xq)}`;
      throw new ShapeError(`categoricalKl: expected logits of one shape, got ${got}`);
    }
    return batchOf("categoricalKl", xp, mask);
  },
  // the log-sums of P's rows, in two parts, then of Q's
  saves: (_, shape) => 4 * sizeOf(shape),
  plan: (_, shape) => 2 * sizeOf(shape),
  forward({ y, xp, xq, mask, backend, plan: q, saved: sums }) {
    const n = xp.length / y.length;
    logSums("categoricalKl", backend, sums, xq, mask, y.length);
    for (let i = 0; i < q; i++) sums[q + i] = sums[i];
    logSums("categoricalKl", backend, sums, xp, mask, y.length);
    for (let row = 0; row < y.length; row++) {
      let kl = 0;
      for (let i = row * n; i < (row + 1) * n; i++) {
        const logP = xp[i] - sums[2 * row] - sums[2 * row + 1];
        const logQ = xq[i] - sums[q + 2 * row] - sums[q + 2 * row + 1];
        const p = allowed(mask, i) ? exp(logP) : 0;
        if (p > 0) kl += p * (logP - logQ);
      }
      y[row] = kl;
    }
  },
  // dp = dy·p·(ln p − ln q − KL), dq = dy·(q − p)
  backward({ dy, y, xp, dxp, xq, dxq, mask, plan: q, saved: sums }) {
    const n = xp.length / dy.length;
    for (let row = 0; row < dy.length; row++) {
      if (dy[row] === 0) continue;
      for (let i = row * n; i < (row + 1) * n; i++) {
        if (!allowed(mask, i)) continue;
        const logP = xp[i] - sums[2 * row] - sums[2 * row + 1];
        const logQ = xq[i] - sums[q + 2 * row] - sums[q + 2 * row + 1];
        const p = exp(logP);
        if (dxp && p > 0) dxp[i] += dy[row] * p * (logP - logQ - y[row]);
        if (dxq) dxq[i] += dy[row] * (exp(logQ) - p);
      }
    }
  },
};

/** π of each row: exp(logits − log-sum); 0 where masked. */
export const categoricalProbs = (logits: Tensor, mask: Tensor = NONE): Tensor =>
  apply(probsOp, logits, mask);
const probsOp: Op<"x" | "mask?", { plan: number }> = {
  name: "categoricalProbs",
  inputs: ["x", "mask?"],
  shape({ x, mask }) {
    batchOf("categoricalProbs", x, mask);
    return x;
  },
  saves: (_, shape) => 2 * sizeOf(shape.slice(0, -1)),
  plan: ({ x }) => x[x.length - 1],
  forward({ y, x, mask, backend, plan: n, saved: sums }) {
    logSums("categoricalProbs", backend, sums, x, mask, x.length / n);
    for (let i = 0; i < x.length; i++) {
      const row = Math.floor(i / n);
      y[i] = allowed(mask, i) ? exp(x[i] - sums[2 * row] - sums[2 * row + 1]) : 0;
    }
  },
  // dx = π·(dy − Σ dy·π)
  backward({ dy, y, dx, plan: n }) {
    if (!dx) return;
    for (let row = 0; row < dy.length; row += n) {
      if (isZero(dy, row, row + n)) continue;
      let sum = 0;
      for (let i = row; i < row + n; i++) sum += dy[i] * y[i];
      for (let i = row; i < row + n; i++) dx[i] += y[i] * (dy[i] - sum);
    }
  },
};

/**
 * Writes one action per row by inverse CDF: the smallest k with u < Σ π₀…πₖ. `noise` is uniform in [0, 1),
 * [batch]. An action of probability 0 is never drawn.
 */
export function categoricalSample(
  action: Floats,
  logits: Tensor,
  noise: ArrayLike<number>,
  mask: Tensor = NONE,
): void {
  const n = logits.shape[logits.shape.length - 1];
  const rows = rowsOf("categoricalSample", logits, n, mask);
  checkLength("categoricalSample", "the actions", action, rows);
  checkLength("categoricalSample", "noise", noise, action.length);
  const m = maskOf(mask);
  for (let row = 0; row < action.length; row++) {
    action[row] = sampleRow("categoricalSample", logits.data, m, row * n, n, noise, row);
  }
}

/** Returns a standard Gumbel number: −ln(−ln u), u the middle of one of 2⁵² parts of (0, 1). */
export function gumbel(random: Random): number {
  const high = random.bits() >>> 6;
  return -log(-log((high * 2 ** 26 + (random.bits() >>> 6) + 0.5) * 2 ** -52));
}

/** Writes one action per row: argmax(logits + noise), a sample if `noise` [batch, actions] is Gumbel. */
export function categoricalGumbelArgmax(
  action: Floats,
  logits: Tensor,
  noise: ArrayLike<number> | null,
  mask: Tensor = NONE,
): void {
  const op = noise === null ? "categoricalMode" : "categoricalGumbelArgmax";
  const n = logits.shape[logits.shape.length - 1];
  checkLength(op, "the actions", action, rowsOf(op, logits, n, mask));
  if (noise !== null) checkLength(op, "noise", noise, logits.data.length);
  const m = maskOf(mask);
  for (let row = 0; row < action.length; row++) {
    action[row] = largestOfRow(op, logits.data, m, row * n, n, noise);
  }
}

/** Writes the likeliest action of each row, the first one of equals. */
export const categoricalMode = (action: Floats, logits: Tensor, mask: Tensor = NONE): void =>
  categoricalGumbelArgmax(action, logits, null, mask);
