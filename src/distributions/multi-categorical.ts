/**
 * Several categorical choices at once, independent given the state: logits [batch, Σ nvec] hold one segment
 * for each choice, actions are [batch, choices]. Log-probabilities, entropies and divergences are summed
 * over the choices. A mask of the logits' shape (1 = allowed) works on each segment.
 */
import type { Floats } from "../core/backend.ts";
import { checkIntegers, checkLength } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import { apply, type Call, type Op } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { allowed, checkChoices, largestOfRow, logSum, maskData, sampleRow } from "./rows.ts";

const widthOf = (nvec: readonly number[]): number => {
  checkIntegers("multiCategorical", "the choices", nvec, { min: 1 });
  return nvec.reduce((sum, n) => sum + n, 0);
};

function batchOf(
  op: string,
  { a: { shape }, c: mask, settings: nvec }: Call<readonly number[]>,
): Shape {
  const width = widthOf(nvec);
  if (shape.length < 1 || shape[shape.length - 1] !== width) {
    throw new ShapeError(
      `${op}: want logits […, ${width}] for choices of ${show(nvec)}, got ${show(shape)}`,
    );
  }
  if (mask !== NONE && !sameShape(mask.shape, shape)) {
    throw new ShapeError(`${op}: want a mask of ${show(shape)}, got ${show(mask.shape)}`);
  }
  return shape.slice(0, -1);
}

/** Σ ln π(actionᵢ): → [batch] */
export const multiCategoricalLogProb = (
  logits: Tensor,
  action: Tensor,
  nvec: readonly number[],
  mask: Tensor = NONE,
): Tensor => apply(logProbOp, logits, action, mask, 0, 0, nvec);
const logProbOp: Op<readonly number[]> = {
  name: "multiCategoricalLogProb",
  shape(call) {
    const batch = batchOf("multiCategoricalLogProb", call);
    if (!sameShape(call.b.shape, [...batch, call.settings.length])) {
      throw new ShapeError(
        `multiCategoricalLogProb: want actions ${show([...batch, call.settings.length])}, got ${show(call.b.shape)}`,
      );
    }
    return batch;
  },
  scratch: ({ b }) => 2 * b.data.length, // each choice's log-sum, in two parts
  forward({ data: y, a: { data: x }, b: { data: action }, c, settings: nvec, scratch: sums }) {
    const mask = maskData(c);
    for (let row = 0, start = 0, i = 0; row < y.length; row++) {
      y[row] = 0;
      for (let j = 0; j < nvec.length; j++, i++) {
        const n = nvec[j];
        if (!(action[i] >= 0 && action[i] < n && Number.isInteger(action[i]))) {
          throw new RangeError(
            `multiCategoricalLogProb: want an action from 0 to ${n - 1}, got ${action[i]}`,
          );
        }
        logSum("multiCategoricalLogProb", sums, 2 * i, x, mask, start, n);
        const taken = start + action[i];
        y[row] += allowed(mask, taken) ? x[taken] - sums[2 * i] - sums[2 * i + 1] : -Infinity;
        start += n;
      }
    }
  },
  backward({
    grad: dy,
    a: { data: x, grad: dx },
    b: { data: action },
    c,
    settings: nvec,
    scratch: sums,
  }) {
    if (!dx) return;
    const mask = maskData(c);
    for (let row = 0, start = 0, i = 0; row < dy.length; row++) {
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i++) {
        if (dy[row] === 0) continue;
        for (let at = start; at < start + nvec[j]; at++) {
          if (allowed(mask, at)) dx[at] -= dy[row] * exp(x[at] - sums[2 * i] - sums[2 * i + 1]);
        }
        if (allowed(mask, start + action[i])) dx[start + action[i]] += dy[row];
      }
    }
  },
};

/** Σ H(πᵢ), in nats: → [batch] */
export const multiCategoricalEntropy = (
  logits: Tensor,
  nvec: readonly number[],
  mask: Tensor = NONE,
): Tensor => apply(entropyOp, logits, NONE, mask, 0, 0, nvec);
const entropyOp: Op<readonly number[]> = {
  name: "multiCategoricalEntropy",
  shape: (call) => batchOf("multiCategoricalEntropy", call),
  scratch: ({ settings: nvec }, shape) => 3 * nvec.length * sizeOf(shape), // log-sum in two parts, and H
  forward({ data: y, a: { data: x }, c, settings: nvec, scratch }) {
    const mask = maskData(c);
    for (let row = 0, start = 0, i = 0; row < y.length; row++) {
      y[row] = 0;
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 3) {
        logSum("multiCategoricalEntropy", scratch, i, x, mask, start, nvec[j]);
        let entropy = 0;
        for (let at = start; at < start + nvec[j]; at++) {
          const logP = x[at] - scratch[i] - scratch[i + 1];
          const p = allowed(mask, at) ? exp(logP) : 0;
          if (p > 0) entropy -= p * logP;
        }
        scratch[i + 2] = entropy;
        y[row] += entropy;
      }
    }
  },
  backward({ grad: dy, a: { data: x, grad: dx }, c, settings: nvec, scratch }) {
    if (!dx) return;
    const mask = maskData(c);
    for (let row = 0, start = 0, i = 0; row < dy.length; row++) {
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 3) {
        if (dy[row] === 0) continue;
        for (let at = start; at < start + nvec[j]; at++) {
          const logP = x[at] - scratch[i] - scratch[i + 1];
          const p = allowed(mask, at) ? exp(logP) : 0;
          if (p > 0) dx[at] -= dy[row] * p * (logP + scratch[i + 2]);
        }
      }
    }
  },
};

/** Σ KL(Pᵢ‖Qᵢ): → [batch] */
export const multiCategoricalKl = (
  p: Tensor,
  q: Tensor,
  nvec: readonly number[],
  mask: Tensor = NONE,
): Tensor => apply(klOp, p, q, mask, 0, 0, nvec);
const klOp: Op<readonly number[]> = {
  name: "multiCategoricalKl",
  shape(call) {
    if (!sameShape(call.a.shape, call.b.shape)) {
      throw new ShapeError(
        `multiCategoricalKl: want logits of one shape, got ${show(call.a.shape)} and ${show(call.b.shape)}`,
      );
    }
    return batchOf("multiCategoricalKl", call);
  },
  scratch: ({ settings: nvec }, shape) => 5 * nvec.length * sizeOf(shape), // log-sums in two parts, KL
  forward({ data: y, a: { data: xp }, b: { data: xq }, c, settings: nvec, scratch }) {
    const mask = maskData(c);
    for (let row = 0, start = 0, i = 0; row < y.length; row++) {
      y[row] = 0;
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 5) {
        logSum("multiCategoricalKl", scratch, i, xp, mask, start, nvec[j]);
        logSum("multiCategoricalKl", scratch, i + 2, xq, mask, start, nvec[j]);
        let kl = 0;
        for (let at = start; at < start + nvec[j]; at++) {
          const logP = xp[at] - scratch[i] - scratch[i + 1];
          const logQ = xq[at] - scratch[i + 2] - scratch[i + 3];
          const p = allowed(mask, at) ? exp(logP) : 0;
          if (p > 0) kl += p * (logP - logQ);
        }
        scratch[i + 4] = kl;
        y[row] += kl;
      }
    }
  },
  backward({
    grad: dy,
    a: { data: xp, grad: dp },
    b: { data: xq, grad: dq },
    c,
    settings: nvec,
    scratch,
  }) {
    const mask = maskData(c);
    for (let row = 0, start = 0, i = 0; row < dy.length; row++) {
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 5) {
        if (dy[row] === 0) continue;
        for (let at = start; at < start + nvec[j]; at++) {
          if (!allowed(mask, at)) continue;
          const logP = xp[at] - scratch[i] - scratch[i + 1];
          const logQ = xq[at] - scratch[i + 2] - scratch[i + 3];
          const p = exp(logP);
          if (dp && p > 0) dp[at] += dy[row] * p * (logP - logQ - scratch[i + 4]);
          if (dq) dq[at] += dy[row] * (exp(logQ) - p);
        }
      }
    }
  },
};

/** Writes one action a choice by inverse CDF; action and noise (uniform) are [batch, choices]. */
export function multiCategoricalSample(
  action: Floats,
  logits: Tensor,
  noise: ArrayLike<number>,
  nvec: readonly number[],
  mask: Tensor = NONE,
): void {
  checkChoices("multiCategoricalSample", action, logits, nvec.length, widthOf(nvec), mask);
  checkLength("multiCategoricalSample", "noise", noise, action.length);
  const m = maskData(mask);
  for (let i = 0, start = 0; i < action.length; i++) {
    const n = nvec[i % nvec.length];
    action[i] = sampleRow("multiCategoricalSample", logits.data, m, start, n, noise, i);
    start += n;
  }
}

/** Writes the likeliest action of each choice, the first of equals. */
export function multiCategoricalMode(
  action: Floats,
  logits: Tensor,
  nvec: readonly number[],
  mask: Tensor = NONE,
): void {
  checkChoices("multiCategoricalMode", action, logits, nvec.length, widthOf(nvec), mask);
  const m = maskData(mask);
  for (let i = 0, start = 0; i < action.length; i++) {
    const n = nvec[i % nvec.length];
    action[i] = largestOfRow("multiCategoricalMode", logits.data, m, start, n, null);
    start += n;
  }
}
