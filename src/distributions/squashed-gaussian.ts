/**
 * A Gaussian squashed into bounds: u from N(mean, σ²), action = low + (tanh u + 1)/2·(high − low). The
 * log-density is exact and does not saturate:
 *
 *   ln p(action) = ln N(u) − Σ [ln(1 − tanh²u) + ln((high − low)/2)],   ln(1 − tanh²u) = 2(ln 2 − u − softplus(−2u))
 *
 * Haarnoja et al. 2018, arXiv:1801.01290, appendix C, in the stable form.
 */
import type { Floats } from "../core/backend.ts";
import { atanh, exp, log, softplus, tanh } from "../core/math.ts";
import { apply, type Op } from "../core/tape.ts";
import { NONE, type Tensor } from "../core/tensor.ts";
import * as activations from "../ops/activations.ts";
import { add, mul, sub } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";
import { gaussianLogProb, gaussianRsample } from "./gaussian.ts";

/** Bounds of every dimension; −1 and 1 by default. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}
const unit: Bounds = { low: -1, high: 1 };

/** ln p of the action that u stands for: mean, u [batch, n], logStd [batch, n] or [n] → [batch]. */
export const squashedLogProb = (
  mean: Tensor,
  logStd: Tensor,
  u: Tensor,
  { low, high } = unit,
): Tensor =>
  sub(
    gaussianLogProb(mean, logStd, u),
    sum(apply(logSlopeOp, u, NONE, NONE, log((high - low) / 2)), -1),
  );

/** y = ln(1 − tanh²u) + p */
const logSlopeOp: Op = {
  name: "squashedLogProb",
  shape: ({ a }) => a.shape,
  forward({ data: y, a: { data: u }, p }) {
    for (let i = 0; i < y.length; i++) y[i] = 2 * (Math.LN2 - u[i] - softplus(-2 * u[i])) + p;
  },
  backward({ grad: dy, a: { data: u, grad: du } }) {
    if (!du) return;
    for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) du[i] -= dy[i] * 2 * tanh(u[i]);
  },
};

/**
 * ln p of an action strictly inside the bounds, where u was not kept: u = artanh of it. Throws RangeError at
 * a bound, where the density has no value.
 */
export const squashedLogProbOfAction = (
  mean: Tensor,
  logStd: Tensor,
  action: Tensor,
  bounds = unit,
): Tensor =>
  squashedLogProb(
    mean,
    logStd,
    apply(unsquashOp, action, NONE, NONE, bounds.low, bounds.high),
    bounds,
  );
const unsquashOp: Op = {
  name: "squashedLogProbOfAction",
  shape: ({ a }) => a.shape,
  forward({ data: u, a: { data: action }, p: low, q: high }) {
    for (let i = 0; i < u.length; i++) {
      if (!(action[i] > low && action[i] < high)) {
        throw new RangeError(
          `squashedLogProbOfAction: want actions between ${low} and ${high}, got ${action[i]}`,
        );
      }
      u[i] = atanh((2 * (action[i] - low)) / (high - low) - 1);
    }
  },
  backward({ grad: dy, a: { data: action, grad: daction }, p: low, q: high }) {
    if (!daction) return;
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const a = (2 * (action[i] - low)) / (high - low) - 1;
      daction[i] += (dy[i] * 2) / ((high - low) * (1 - a) * (1 + a));
    }
  },
};

/** The reparameterized sample and its log-probability, with pathwise gradients: noise [batch, n] is normal. */
export function squashedRsample(
  mean: Tensor,
  logStd: Tensor,
  noise: Tensor,
  bounds = unit,
): { action: Tensor; logProb: Tensor } {
  const u = gaussianRsample(mean, logStd, noise);
  return { action: squash(u, bounds), logProb: squashedLogProb(mean, logStd, u, bounds) };
}

/** low + (tanh u + 1)/2·(high − low) */
export const squash = (u: Tensor, { low, high } = unit): Tensor =>
  add(mul(activations.tanh(u), (high - low) / 2), (high + low) / 2);

/** Writes u and the action for normal noise, all [batch, n]. Keep u: the action may round to a bound. */
export function squashedSample(
  action: Floats,
  u: Floats,
  mean: Tensor,
  logStd: Tensor,
  noise: ArrayLike<number>,
  { low, high } = unit,
): void {
  const l = logStd.data;
  for (let i = 0; i < u.length; i++) {
    u[i] = mean.data[i] + exp(l[i % l.length]) * noise[i];
    action[i] = low + ((tanh(u[i]) + 1) / 2) * (high - low);
  }
}

/** Writes the squashed mean: the median action, what a greedy policy does. */
export const squashedMode = (action: Floats, mean: Tensor, bounds = unit): void =>
  squashInto(action, mean.data, bounds);

/** Writes the action that u stands for. */
export function squashInto(action: Floats, u: ArrayLike<number>, { low, high } = unit): void {
  for (let i = 0; i < action.length; i++) {
    action[i] = low + ((tanh(u[i]) + 1) / 2) * (high - low);
  }
}
