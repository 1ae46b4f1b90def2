/**
 * The diagonal Gaussian: mean [batch, n]; logStd [batch, n], or [n] if it does not depend on the state.
 * Log-probabilities, entropies and divergences are summed over the last axis. Its mode is the mean.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { checkLive } from "../core/slot.ts";
import { apply } from "../core/tape.ts";
import { listOf, type Shape, sameShape, show, type Tensor } from "../core/tensor.ts";
import { refuseNumber } from "./rows.ts";

const halfLog2Pi = 0.9189385332046727;

const lastOf = (shape: Shape): number => shape[shape.length - 1];

/** Returns the batch shape. Throws ShapeError unless logStd has the mean's shape or its last axis. */
function batchOf(op: string, mean: Shape, logStd: Shape, ...others: Shape[]): Shape {
  const n = mean[mean.length - 1];
  const fits = mean.length >= 1 && (sameShape(logStd, mean) || sameShape(logStd, [n]));
  if (!fits || !others.every((shape) => sameShape(shape, mean))) {
    const got = [mean, logStd, ...others].map(show).join(", ");
    throw new ShapeError(
      `${op}: expected mean […, n], logStd […, n] or [n], and the rest as mean, got ${got}`,
    );
  }
  return mean.slice(0, -1);
}

/** Σ −½z² − ln σ − ½ln 2π, z = (value − mean)/σ: → [batch]. Gradients to all three. */
export const gaussianLogProb = (mean: Tensor, logStd: Tensor, value: Tensor): Tensor =>
  apply(logProbOp, mean, logStd, value);
const logProbOp: Op<"mean" | "logStd" | "value"> = {
  name: "gaussianLogProb",
  inputs: ["mean", "logStd", "value"],
  shape: ({ mean, logStd, value }) => batchOf("gaussianLogProb", mean, logStd, value),
  forward({ y, mean, logStd, value }) {
    const n = mean.length / y.length;
    for (let row = 0, i = 0; row < y.length; row++) {
      let sum = 0;
      for (let j = 0; j < n; j++, i++) {
        const l = logStd[i % logStd.length];
        const z = (value[i] - mean[i]) * exp(-l);
        sum -= 0.5 * z * z + l + halfLog2Pi;
      }
      y[row] = sum;
    }
  },
  backward({ dy, mean, dmean, logStd, dlogStd, value, dvalue }) {
    const n = mean.length / dy.length;
    for (let j = 0; j < n; j++) {
      let sum = 0; // in float64, for a ln σ that rows share
      for (let i = j; i < mean.length; i += n) {
        const d = dy[Math.floor(i / n)];
        if (d === 0) continue;
        const inverse = exp(-logStd[i % logStd.length]);
        const z = (value[i] - mean[i]) * inverse;
        if (dmean) dmean[i] += d * z * inverse;
        if (dvalue) dvalue[i] -= d * z * inverse;
        if (dlogStd && dlogStd.length > n) dlogStd[i] += d * (z * z - 1);
        else sum += d * (z * z - 1);
      }
      if (dlogStd) dlogStd[j] += sum;
    }
  },
};

/** Σ ln σ + ½ + ½ln 2π: → [batch]; of `mean` only the shape is read. */
export const gaussianEntropy = (mean: Tensor, logStd: Tensor): Tensor =>
  apply(entropyOp, logStd, mean);
const entropyOp: Op<"logStd" | "mean", { plan: number }> = {
  name: "gaussianEntropy",
  inputs: ["logStd", "mean"],
  shape: ({ logStd, mean }) => batchOf("gaussianEntropy", mean, logStd),
  plan: ({ mean }) => lastOf(mean),
  forward({ y, logStd, plan: n }) {
    for (let row = 0, i = 0; row < y.length; row++) {
      let sum = 0;
      for (let j = 0; j < n; j++, i++) sum += logStd[i % logStd.length] + 0.5 + halfLog2Pi;
      y[row] = sum;
    }
  },
  backward({ dy, logStd, dlogStd, plan: n }) {
    if (!dlogStd) return;
    const shared = logStd.length === n;
    let sum = 0;
    for (let row = 0; row < dy.length; row++) {
      if (shared) sum += dy[row];
      else for (let i = row * n; i < (row + 1) * n; i++) dlogStd[i] += dy[row];
    }
    if (shared) for (let j = 0; j < n; j++) dlogStd[j] += sum;
  },
};

/** Σ KL(P‖Q) = Σ ln σ_q − ln σ_p + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − ½: → [batch] */
export const gaussianKl = (
  meanP: Tensor,
  logStdP: Tensor,
  meanQ: Tensor,
  logStdQ: Tensor,
): Tensor => apply(klOp, meanP, logStdP, meanQ, 0, 0, undefined, listOf(logStdQ));
const klOp: Op<"mp" | "lp" | "mq" | "lq"> = {
  name: "gaussianKl",
  inputs: ["mp", "lp", "mq", "lq"],
  shape({ mp, lp, mq, lq }) {
    batchOf("gaussianKl", mq, lq);
    return batchOf("gaussianKl", mp, lp, mq);
  },
  forward({ y, mp, lp, mq, lq }) {
    const n = mp.length / y.length;
    for (let row = 0, i = 0; row < y.length; row++) {
      let sum = 0;
      for (let j = 0; j < n; j++, i++) {
        const l = lp[i % lp.length] - lq[i % lq.length];
        const z = (mp[i] - mq[i]) * exp(-lq[i % lq.length]);
        sum += 0.5 * (exp(2 * l) + z * z - 1) - l;
      }
      y[row] = sum;
    }
  },
  backward({ dy, mp, dmp, lp, dlp, mq, dmq, lq, dlq }) {
    const n = mp.length / dy.length;
    for (let j = 0; j < n; j++) {
      let sumP = 0; // in float64, for a ln σ that rows share
      let sumQ = 0;
      for (let i = j; i < mp.length; i += n) {
        const kp = i % lp.length;
        const kq = i % lq.length;
        const d = dy[Math.floor(i / n)];
        if (d === 0) continue;
        const inverse = exp(-lq[kq]);
        const z = (mp[i] - mq[i]) * inverse;
        const ratio = exp(2 * (lp[kp] - lq[kq]));
        if (dmp) dmp[i] += d * z * inverse;
        if (dmq) dmq[i] -= d * z * inverse;
        if (dlp && dlp.length > n) dlp[i] += d * (ratio - 1);
        else sumP += d * (ratio - 1);
        if (dlq && dlq.length > n) dlq[i] += d * (1 - ratio - z * z);
        else sumQ += d * (1 - ratio - z * z);
      }
      if (dlp) dlp[j] += sumP;
      if (dlq) dlq[j] += sumQ;
    }
  },
};

/** mean + σ·noise, with gradients through both (the reparameterized sample): → [batch, n] */
export const gaussianRsample = (mean: Tensor, logStd: Tensor, noise: Tensor): Tensor =>
  apply(rsampleOp, mean, logStd, noise);
const rsampleOp: Op<"mean" | "logStd" | "noise", { plan: number }> = {
  name: "gaussianRsample",
  inputs: ["mean", "logStd", "noise"],
  shape({ mean, logStd, noise }) {
    batchOf("gaussianRsample", mean, logStd, noise);
    return mean;
  },
  plan: ({ mean }) => lastOf(mean),
  forward({ y, mean, logStd, noise }) {
    for (let i = 0; i < y.length; i++) y[i] = mean[i] + exp(logStd[i % logStd.length]) * noise[i];
  },
  backward({ dy, dmean, logStd, dlogStd, noise, dnoise, plan: n }) {
    for (let j = 0; j < n; j++) {
      let sum = 0; // in float64, for a ln σ that rows share
      for (let i = j; i < dy.length; i += n) {
        if (dy[i] === 0) continue;
        const std = exp(logStd[i % logStd.length]);
        if (dmean) dmean[i] += dy[i];
        if (dlogStd && dlogStd.length > n) dlogStd[i] += dy[i] * std * noise[i];
        else sum += dy[i] * std * noise[i];
        if (dnoise) dnoise[i] += dy[i] * std;
      }
      if (dlogStd) dlogStd[j] += sum;
    }
  },
};

/** Writes mean + σ·noise for normal noise, all [batch, n]. */
export function gaussianSample(
  value: Floats,
  mean: Tensor,
  logStd: Tensor,
  noise: ArrayLike<number>,
): void {
  checkLive("gaussianSample", mean);
  checkLive("gaussianSample", logStd);
  batchOf("gaussianSample", mean.shape, logStd.shape);
  checkLength("gaussianSample", "the values", value, mean.data.length);
  checkLength("gaussianSample", "noise", noise, value.length);
  const l = logStd.data;
  for (let i = 0; i < value.length; i++) {
    value[i] = mean.data[i] + exp(l[i % l.length]) * noise[i];
    if (Number.isNaN(value[i])) refuseNumber("gaussianSample", "mean, ln σ and noise", value[i], i);
  }
}
