/**
 * The categorical distribution over logits [batch, actions], one row a distribution. A mask of the same
 * shape (1 = allowed) restricts it to the allowed actions: the others have probability 0 and gradient 0.
 * A row with nothing allowed, or with logits of −Infinity alone, throws MaskError.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import { apply, type Call, type Op } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { isZero } from "../ops/zero.ts";
import { allowed, checkChoices, largestOfRow, logSums, maskData, sampleRow } from "./rows.ts";

function batchOf(op: string, { a: { shape: logits }, c: mask }: Call): Shape {
  if (logits.length < 1 || logits[logits.length - 1] < 1) {
    throw new ShapeError(`${op}: want logits […, actions], got ${show(logits)}`);
  }
  if (mask !== NONE && !sameShape(mask.shape, logits)) {
    throw new ShapeError(`${op}: want a mask of ${show(logits)}, got ${show(mask.shape)}`);
  }
  return logits.slice(0, -1);
}
/** ln π(action): logits [batch, actions], action [batch] → [batch]. −Infinity for a masked action. */
export const categoricalLogProb = (logits: Tensor, action: Tensor, mask: Tensor = NONE): Tensor =>
  apply(logProbOp, logits, action, mask);
const logProbOp: Op = {
  name: "categoricalLogProb",
  shape(call) {
    const batch = batchOf("categoricalLogProb", call);
    if (!sameShape(call.b.shape, batch)) {
      throw new ShapeError(
        `categoricalLogProb: want actions ${show(batch)}, got ${show(call.b.shape)}`,
      );
    }
    return batch;
  },
  scratch: ({ b: action }) => 2 * action.data.length, // each row's log-sum, in two parts
  forward({ data: y, a: { data: x }, b: { data: action }, c, k, scratch: sums }) {
    const n = x.length / y.length;
    const mask = maskData(c);
    logSums("categoricalLogProb", k, sums, x, mask, y.length);
    for (let row = 0; row < y.length; row++) {
      if (!(action[row] >= 0 && action[row] < n && Number.isInteger(action[row]))) {
        throw new RangeError(
          `categoricalLogProb: want an action from 0 to ${n - 1}, got ${action[row]} in row ${row}`,
        );
      }
      const taken = row * n + action[row];
      y[row] = allowed(mask, taken) ? x[taken] - sums[2 * row] - sums[2 * row + 1] : -Infinity;
    }
  },
  // dx = dy·(1[taken] − π)
  backward({ grad: dy, a: { data: x, grad: dx }, b: { data: action }, c, k, scratch: sums }) {
    if (!dx) return;
    const n = x.length / dy.length;
    const mask = maskData(c);
    const kernel = mask === null && n >= 8 && k.accumulateExp !== undefined;
    if (kernel) k.accumulateExp?.(dx, x, sums, dy, 0, -1, dy.length);
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
  apply(entropyOp, logits, NONE, mask);
const entropyOp: Op = {
  name: "categoricalEntropy",
  shape: (call) => batchOf("categoricalEntropy", call),
  scratch: (_, shape) => 2 * sizeOf(shape),
  forward({ data: y, a: { data: x }, c, k, scratch: sums }) {
    const n = x.length / y.length;
    const mask = maskData(c);
    logSums("categoricalEntropy", k, sums, x, mask, y.length);
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
  backward({ grad: dy, data: y, a: { data: x, grad: dx }, c, scratch: sums }) {
    if (!dx) return;
    const n = x.length / dy.length;
    const mask = maskData(c);
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
const klOp: Op<unknown, number> = {
  name: "categoricalKl",
  shape(call) {
    if (!sameShape(call.a.shape, call.b.shape)) {
      const got = `${show(call.a.shape)} and ${show(call.b.shape)}`;
      throw new ShapeError(`categoricalKl: want logits of one shape, got ${got}`);
    }
    return batchOf("categoricalKl", call);
  },
  // the log-sums of P's rows, in two parts, then of Q's
  scratch: (_, shape) => 4 * sizeOf(shape),
  plan: (_, shape) => 2 * sizeOf(shape),
  forward({ data: y, a: { data: xp }, b: { data: xq }, c, k, plan: q, scratch: sums }) {
    const n = xp.length / y.length;
    const mask = maskData(c);
    logSums("categoricalKl", k, sums, xq, mask, y.length);
    for (let i = 0; i < q; i++) sums[q + i] = sums[i];
    logSums("categoricalKl", k, sums, xp, mask, y.length);
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
  backward({
    grad: dy,
    data: y,
    a: { data: xp, grad: dp },
    b: { data: xq, grad: dq },
    c,
    plan: q,
    scratch: sums,
  }) {
    const n = xp.length / dy.length;
    const mask = maskData(c);
    for (let row = 0; row < dy.length; row++) {
      if (dy[row] === 0) continue;
      for (let i = row * n; i < (row + 1) * n; i++) {
        if (!allowed(mask, i)) continue;
        const logP = xp[i] - sums[2 * row] - sums[2 * row + 1];
        const logQ = xq[i] - sums[q + 2 * row] - sums[q + 2 * row + 1];
        const p = exp(logP);
        if (dp && p > 0) dp[i] += dy[row] * p * (logP - logQ - y[row]);
        if (dq) dq[i] += dy[row] * (exp(logQ) - p);
      }
    }
  },
};

/** π of each row: exp(logits − log-sum); 0 where masked. */
export const categoricalProbs = (logits: Tensor, mask: Tensor = NONE): Tensor =>
  apply(probsOp, logits, NONE, mask);
const probsOp: Op = {
  name: "categoricalProbs",
  shape(call) {
    batchOf("categoricalProbs", call);
    return call.a.shape;
  },
  scratch: (_, shape) => 2 * sizeOf(shape.slice(0, -1)),
  forward({ data: y, a: { data: x, shape }, c, k, scratch: sums }) {
    const n = shape[shape.length - 1];
    const mask = maskData(c);
    logSums("categoricalProbs", k, sums, x, mask, x.length / n);
    for (let i = 0; i < x.length; i++) {
      const row = Math.floor(i / n);
      y[i] = allowed(mask, i) ? exp(x[i] - sums[2 * row] - sums[2 * row + 1]) : 0;
    }
  },
  // dx = π·(dy − Σ dy·π)
  backward({ grad: dy, data: y, a: { grad: dx, shape } }) {
    if (!dx) return;
    const n = shape[shape.length - 1];
    for (let row = 0; row < dy.length; row += n) {
      if (isZero(dy, row, row + n)) continue;
      let sum = 0;
      for (let i = row; i < row + n; i++) sum += dy[i] * y[i];
      for (let i = row; i < row + n; i++) dx[i] += y[i] * (dy[i] - sum);
    }
  },
};

/**
 * Writes one action a row by inverse CDF: the smallest k with u < Σ π₀…πₖ. `noise` is uniform in [0, 1),
 * [batch]. An action of probability 0 is never drawn.
 */
export function categoricalSample(
  action: Floats,
  logits: Tensor,
  noise: ArrayLike<number>,
  mask: Tensor = NONE,
): void {
  const n = logits.shape[logits.shape.length - 1];
  checkChoices("categoricalSample", action, logits, 1, n, mask);
  checkLength("categoricalSample", "noise", noise, action.length);
  const m = maskData(mask);
  for (let row = 0; row < action.length; row++) {
    action[row] = sampleRow("categoricalSample", logits.data, m, row * n, n, noise, row);
  }
}

/** Writes one action a row: argmax(logits + noise), a sample where `noise` [batch, actions] is Gumbel. */
export function categoricalGumbelArgmax(
  action: Floats,
  logits: Tensor,
  noise: ArrayLike<number> | null,
  mask: Tensor = NONE,
): void {
  const op = noise === null ? "categoricalMode" : "categoricalGumbelArgmax";
  const n = logits.shape[logits.shape.length - 1];
  checkChoices(op, action, logits, 1, n, mask);
  if (noise !== null) checkLength(op, "noise", noise, logits.data.length);
  const m = maskData(mask);
  for (let row = 0; row < action.length; row++) {
    action[row] = largestOfRow(op, logits.data, m, row * n, n, noise);
  }
}

/** Writes the likeliest action of each row, the first of equals. */
export const categoricalMode = (action: Floats, logits: Tensor, mask: Tensor = NONE): void =>
  categoricalGumbelArgmax(action, logits, null, mask);
