/** Independent binary choices: logits and values (0 or 1) [batch, n]; results are summed over the last axis. */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { sigmoid, softplus } from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { checkLive } from "../core/slot.ts";
import { apply } from "../core/tape.ts";
import { type Shape, sameShape, show, type Tensor } from "../core/tensor.ts";
import { refuseNumber } from "./rows.ts";

/** Returns the batch shape of logits […, n] and of another tensor of their shape. */
function batchOf(op: string, logits: Shape, other = logits): Shape {
  if (logits.length < 1 || !sameShape(logits, other)) {
    throw new ShapeError(
      `${op}: expected two tensors […, n] of one shape, got ${show(logits)} and ${show(other)}`,
    );
  }
  return logits.slice(0, -1);
}

/** Σ value·x − softplus(x), for values 0 and 1: → [batch] */
export const bernoulliLogProb = (logits: Tensor, value: Tensor): Tensor =>
  apply(logProbOp, logits, value);
const logProbOp: Op<"x" | "value"> = {
  name: "bernoulliLogProb",
  inputs: ["x", "value"],
  shape: ({ x, value }) => batchOf("bernoulliLogProb", x, value),
  forward({ y, x, value }) {
    const n = x.length / y.length;
    for (let row = 0, i = 0; row < y.length; row++) {
      let sum = 0;
      // −softplus(−x) for 1 and −softplus(x) for 0: neither cancels, and one of weight 0 may be infinite
      for (let j = 0; j < n; j++, i++) {
        if (value[i] !== 0) sum -= value[i] * softplus(-x[i]);
        if (value[i] !== 1) sum -= (1 - value[i]) * softplus(x[i]);
      }
      y[row] = sum;
    }
  },
  backward({ dy, x, dx, value, dvalue }) {
    const n = x.length / dy.length;
    for (let row = 0, i = 0; row < dy.length; row++) {
      for (let j = 0; j < n; j++, i++) {
        if (dy[row] === 0) continue;
        if (dx) dx[i] += dy[row] * (value[i] - sigmoid(x[i]));
        if (dvalue) dvalue[i] += dy[row] * x[i];
      }
    }
  },
};

/** Σ softplus(x) − x·σ(x): → [batch] */
export const bernoulliEntropy = (logits: Tensor): Tensor => apply(entropyOp, logits);
const entropyOp: Op<"x"> = {
  name: "bernoulliEntropy",
  inputs: ["x"],
  shape: ({ x }) => batchOf("bernoulliEntropy", x),
  forward({ y, x }) {
    const n = x.length / y.length;
    for (let row = 0, i = 0; row < y.length; row++) {
      let sum = 0;
      for (let j = 0; j < n; j++, i++) {
        const a = Math.abs(x[i]); // the entropy is even in x; for a ≥ 0, softplus(−a) and σ(−a) vanish together
        if (a !== Infinity) sum += softplus(-a) + a * sigmoid(-a); // 0 where one value is certain
      }
      y[row] = sum;
    }
  },
  // dx = −x·σ(x)·σ(−x)
  backward({ dy, x, dx }) {
    if (!dx) return;
    const n = x.length / dy.length;
    for (let i = 0; i < dx.length; i++) {
      const d = dy[Math.floor(i / n)];
      if (d !== 0 && Math.abs(x[i]) !== Infinity)
        dx[i] -= d * x[i] * sigmoid(x[i]) * sigmoid(-x[i]);
    }
  },
};

/** Σ KL(P‖Q) = Σ softplus(q) − softplus(p) − σ(p)·(q − p): → [batch] */
export const bernoulliKl = (p: Tensor, q: Tensor): Tensor => apply(klOp, p, q);
const klOp: Op<"p" | "q"> = {
  name: "bernoulliKl",
  inputs: ["p", "q"],
  shape: ({ p, q }) => batchOf("bernoulliKl", p, q),
  forward({ y, p, q }) {
    const n = p.length / y.length;
    for (let row = 0, i = 0; row < y.length; row++) {
      let sum = 0;
      for (let j = 0; j < n; j++, i++) {
        if (p[i] !== -Infinity) sum += sigmoid(p[i]) * (softplus(-q[i]) - softplus(-p[i]));
        if (p[i] !== Infinity) sum += sigmoid(-p[i]) * (softplus(q[i]) - softplus(p[i]));
      }
      y[row] = sum;
    }
  },
  backward({ dy, p, dp, q, dq }) {
    const n = p.length / dy.length;
    for (let i = 0; i < p.length; i++) {
      const d = dy[Math.floor(i / n)];
      if (d === 0) continue;
      if (dp && Math.abs(p[i]) !== Infinity)
        dp[i] += d * sigmoid(p[i]) * sigmoid(-p[i]) * (p[i] - q[i]);
      if (dq) dq[i] += d * (sigmoid(q[i]) - sigmoid(p[i]));
    }
  },
};

/** Writes 1 where noise (uniform in [0, 1)) is below σ(x), else 0. */
export function bernoulliSample(value: Floats, logits: Tensor, noise: ArrayLike<number>): void {
  checkLive("bernoulliSample", logits);
  checkLength("bernoulliSample", "the values", value, logits.data.length);
  checkLength("bernoulliSample", "noise", noise, value.length);
  for (let i = 0; i < value.length; i++) {
    const p = sigmoid(logits.data[i]);
    if (Number.isNaN(p)) refuseNumber("bernoulliSample", "logits", p, i);
    value[i] = noise[i] < p ? 1 : 0;
  }
}

/** Writes 1 where 1 is likelier, else 0. */
export function bernoulliMode(value: Floats, logits: Tensor): void {
  checkLive("bernoulliMode", logits);
  checkLength("bernoulliMode", "the values", value, logits.data.length);
  for (let i = 0; i < value.length; i++) {
    const x = logits.data[i];
    if (Number.isNaN(x)) refuseNumber("bernoulliMode", "logits", x, i);
    value[i] = x > 0 ? 1 : 0;
  }
}
