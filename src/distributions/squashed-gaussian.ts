/**
 * A Gaussian squashed into bounds, one pair or one pair per dimension: u from N(mean, σ²),
 * action = low + (tanh u + 1)/2·(high − low). The log-density is exact and does not saturate:
 *
 *   ln p(action) = ln N(u) − Σ [ln(1 − tanh²u) + ln((high − low)/2)],   ln(1 − tanh²u) = 2(ln 2 − u − softplus(−2u))
 *
 * Haarnoja et al. 2018, arXiv:1801.01290, appendix C, in the stable form.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { atanh, log, softplus, tanh } from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { checkLive } from "../core/slot.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, type Tensor } from "../core/tensor.ts";
import { neg, sub } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";
import { gaussianLogProb, gaussianRsample, gaussianSample } from "./gaussian.ts";

/** Finite bounds with low < high: one number for every dimension, or one number per dimension, [n]. */
export interface Bounds {
  readonly low: number | readonly number[];
  readonly high: number | readonly number[];
}
const unit: Bounds = Object.freeze({ low: -1, high: 1 });

/** Returns bounds from one number per dimension, as single numbers if all dimensions are equal. */
export function boundsOf(low: ArrayLike<number>, high: ArrayLike<number>): Bounds {
  const [lows, highs] = [Array.from(low), Array.from(high)];
  const equal = lows.every((x) => x === lows[0]) && highs.every((x) => x === highs[0]);
  return Object.freeze(equal ? { low: lows[0], high: highs[0] } : { low: lows, high: highs });
}

/** Returns the bounds of each of n dimensions. Throws RangeError unless low < high, and ShapeError for another n. */
function perDimension(op: string, { low, high }: Bounds, n: number) {
  const each = (name: string, x: number | readonly number[]): Float64Array => {
    if (typeof x === "number") return new Float64Array(n).fill(x);
    checkLength(op, `the ${name} bounds`, x, n);
    return Float64Array.from(x);
  };
  const [lows, highs] = [each("low", low), each("high", high)];
  const fit = lows.every((x, i) => Number.isFinite(highs[i] - x) && x < highs[i]);
  if (!fit) throw new RangeError(`${op}: expected finite low < high, got ${low} to ${high}`);
  return { low: lows, high: highs };
}
type Sides = ReturnType<typeof perDimension>;
const lastOf = (shape: Shape): number => shape[shape.length - 1] ?? 1;

/** ln p of the action that u is squashed to: mean, u [batch, n], logStd [batch, n] or [n] → [batch]. */
export const squashedLogProb = (
  mean: Tensor,
  logStd: Tensor,
  u: Tensor,
  bounds: Bounds = unit,
): Tensor =>
  sub(gaussianLogProb(mean, logStd, u), sum(apply(logSlopeOp, u, NONE, NONE, 0, 0, bounds), -1));

/** y = ln(1 − tanh²u) + ln((high − low)/2) */
const logSlopeOp: Op<"u", { set: Bounds; plan: Float64Array }> = {
  name: "squashedLogProb",
  inputs: ["u"],
  plan({ set }, shape) {
    const { low, high } = perDimension("squashedLogProb", set, lastOf(shape));
    return low.map((x, j) => log((high[j] - x) / 2));
  },
  forward({ y, u, plan: logHalf }) {
    for (let i = 0; i < y.length; i++)
      y[i] = 2 * (Math.LN2 - u[i] - softplus(-2 * u[i])) + logHalf[i % logHalf.length];
  },
  backward({ dy, u, du }) {
    if (!du) return;
    for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) du[i] -= dy[i] * 2 * tanh(u[i]);
  },
};

/**
 * ln p of an action strictly inside the bounds, by u = artanh of the action scaled to ±1. Throws RangeError at a bound,
 * where the density is not defined.
 */
export const squashedLogProbOfAction = (
  mean: Tensor,
  logStd: Tensor,
  action: Tensor,
  bounds: Bounds = unit,
): Tensor =>
  squashedLogProb(mean, logStd, apply(unsquashOp, action, NONE, NONE, 0, 0, bounds), bounds);
const unsquashOp: Op<"action", { set: Bounds; plan: Sides }> = {
  name: "squashedLogProbOfAction",
  inputs: ["action"],
  plan: ({ set }, shape) => perDimension("squashedLogProbOfAction", set, lastOf(shape)),
  forward({ y: u, action, plan }) {
    const n = plan.low.length;
    for (let i = 0; i < u.length; i++) {
      const [low, high] = [plan.low[i % n], plan.high[i % n]];
      if (!(action[i] > low && action[i] < high)) {
        throw new RangeError(
          `squashedLogProbOfAction: expected actions between ${low} and ${high}, got ${action[i]}`,
        );
      }
      u[i] = atanh((2 * (action[i] - low)) / (high - low) - 1);
    }
  },
  backward({ dy, action, daction, plan }) {
    if (!daction) return;
    const n = plan.low.length;
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const [low, high] = [plan.low[i % n], plan.high[i % n]];
      const a = (2 * (action[i] - low)) / (high - low) - 1;
      daction[i] += (dy[i] * 2) / ((high - low) * (1 - a) * (1 + a));
    }
  },
};

/** Returns the reparameterized sample and its log-probability, with pathwise gradients: noise [batch, n] is normal. */
export function squashedRsample(
  mean: Tensor,
  logStd: Tensor,
  noise: Tensor,
  bounds: Bounds = unit,
): { action: Tensor; logProb: Tensor } {
  const u = gaussianRsample(mean, logStd, noise);
  return { action: squash(u, bounds), logProb: squashedLogProb(mean, logStd, u, bounds) };
}

/**
 * Returns −ln p of the reparameterized sample, [batch]: an unbiased estimate of the entropy of the action, which has no
 * closed form, with an unbiased gradient. `noise` [batch, n] is normal.
 */
export const squashedEntropySample = (
  mean: Tensor,
  logStd: Tensor,
  noise: Tensor,
  bounds: Bounds = unit,
): Tensor => neg(squashedLogProb(mean, logStd, gaussianRsample(mean, logStd, noise), bounds));

/** low + (tanh u + 1)/2·(high − low) */
export const squash = (u: Tensor, bounds: Bounds = unit): Tensor =>
  apply(squashOp, u, NONE, NONE, 0, 0, bounds);
const squashOp: Op<"u", { set: Bounds; plan: Sides }> = {
  name: "squash",
  inputs: ["u"],
  plan: ({ set }, shape) => perDimension("squash", set, lastOf(shape)),
  forward({ y, u, plan: { low, high } }) {
    for (let i = 0, n = low.length; i < y.length; i++) y[i] = within(u[i], low[i % n], high[i % n]);
  },
  backward({ dy, u, du, plan: { low, high } }) {
    if (!du) return;
    for (let i = 0, n = low.length; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const t = tanh(u[i]);
      du[i] += ((dy[i] * (high[i % n] - low[i % n])) / 2) * (1 - t) * (1 + t);
    }
  },
};

const within = (u: number, low: number, high: number): number =>
  low + ((tanh(u) + 1) / 2) * (high - low);
const at = (bound: number | readonly number[], i: number): number =>
  typeof bound === "number" ? bound : bound[i % bound.length];

/** Writes u and the action for normal noise, all [batch, n]. The density needs u: the action may round to a bound. */
export function squashedSample(
  { action, u }: { readonly action: Floats; readonly u: Floats },
  mean: Tensor,
  logStd: Tensor,
  noise: ArrayLike<number>,
  bounds: Bounds = unit,
): void {
  gaussianSample(u, mean, logStd, noise);
  squashInto(action, u, bounds);
}

/** Writes the squashed mean: the median action, which a greedy policy takes. */
export function squashedMode(action: Floats, mean: Tensor, bounds: Bounds = unit): void {
  checkLive("squashedMode", mean);
  squashInto(action, mean.data, bounds);
}

/** Writes the action that u is squashed to. */
export function squashInto(
  action: Floats,
  u: ArrayLike<number>,
  { low, high }: Bounds = unit,
): void {
  checkLength("squash", "the actions", action, u.length);
  for (let i = 0; i < action.length; i++) action[i] = within(u[i], at(low, i), at(high, i));
}
