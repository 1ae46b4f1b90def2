/**
 * Several categorical choices, independent given the state: logits [batch, Σ nvec] have one segment per choice, actions
 * are [batch, choices]. Log-probabilities, entropies and divergences are summed over the choices. A mask has the
 * logits' shape (1 = allowed).
 */
import type { Floats } from "../core/backend.ts";
import { checkIntegers, checkLength } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { allowed, largestOfRow, logSum, maskOf, rowsOf, sampleRow } from "./rows.ts";

const widthOf = (nvec: readonly number[]): number => {
  checkIntegers("multiCategorical", "the choices", nvec, { min: 1 });
  return nvec.reduce((sum, n) => sum + n, 0);
};

/** Returns the batch shape of logits […, Σ nvec]. Throws ShapeError for a mask of another shape. */
function batchOf(op: string, logits: Shape, mask: Shape | null, nvec: readonly number[]): Shape {
  const width = widthOf(nvec);
  if (logits.length < 1 || logits[logits.length - 1] !== width) {
    throw new ShapeError(
      `${op}: expected logits […, ${width}] for choices of ${show(nvec)}, got ${show(logits)}`,
    );
  }
  if (mask !== null && !sameShape(mask, logits)) {
    throw new ShapeError(`${op}: expected a mask of ${show(logits)}, got ${show(mask)}`);
  }
  return logits.slice(0, -1);
}

/** Σ ln π(actionᵢ): → [batch] */
export const multiCategoricalLogProb = (
  logits: Tensor,
  action: Tensor,
  nvec: readonly number[],
  mask: Tensor = NONE,
): Tensor => apply(logProbOp, logits, action, mask, 0, 0, nvec);
const logProbOp: Op<"x" | "action" | "mask?", { set: readonly number[] }> = {
  name: "multiCategoricalLogProb",
  inputs: ["x", "action", "mask?"],
  shape({ x, action, mask, set: nvec }) {
    const batch = batchOf("multiCategoricalLogProb", x, mask, nvec);
    const wanted = [...batch, nvec.length];
    if (!sameShape(action, wanted)) {
      throw new ShapeError(
        `multiCategoricalLogProb: expected actions ${show(wanted)}, got ${show(action)}`,
      );
    }
    return batch;
  },
  saves: ({ action }) => 2 * sizeOf(action), // log-sum of each choice, in two parts
  forward({ y, x, action, mask, set: nvec, saved: sums }) {
    for (let row = 0, start = 0, i = 0; row < y.length; row++) {
      y[row] = 0;
      for (let j = 0; j < nvec.length; j++, i++) {
        const n = nvec[j];
        if (!(action[i] >= 0 && action[i] < n && Number.isInteger(action[i]))) {
          throw new RangeError(
            `multiCategoricalLogProb: expected an action from 0 to ${n - 1}, got ${action[i]}`,
          );
        }
        logSum("multiCategoricalLogProb", sums, 2 * i, x, mask, start, n);
        const taken = start + action[i];
        y[row] += allowed(mask, taken) ? x[taken] - sums[2 * i] - sums[2 * i + 1] : -Infinity;
        start += n;
      }
    }
  },
  backward({ dy, x, dx, action, mask, set: nvec, saved: sums }) {
    if (!dx) return;
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
): Tensor => apply(entropyOp, logits, mask, NONE, 0, 0, nvec);
const entropyOp: Op<"x" | "mask?", { set: readonly number[] }> = {
  name: "multiCategoricalEntropy",
  inputs: ["x", "mask?"],
  shape: ({ x, mask, set: nvec }) => batchOf("multiCategoricalEntropy", x, mask, nvec),
  saves: ({ set: nvec }, shape) => 3 * nvec.length * sizeOf(shape), // log-sum in two parts, and H
  forward({ y, x, mask, set: nvec, saved }) {
    for (let row = 0, start = 0, i = 0; row < y.length; row++) {
      y[row] = 0;
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 3) {
        logSum("multiCategoricalEntropy", saved, i, x, mask, start, nvec[j]);
        let entropy = 0;
        for (let at = start; at < start + nvec[j]; at++) {
          const logP = x[at] - saved[i] - saved[i + 1];
          const p = allowed(mask, at) ? exp(logP) : 0;
          if (p > 0) entropy -= p * logP;
        }
        saved[i + 2] = entropy;
        y[row] += entropy;
      }
    }
  },
  backward({ dy, x, dx, mask, set: nvec, saved }) {
    if (!dx) return;
    for (let row = 0, start = 0, i = 0; row < dy.length; row++) {
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 3) {
        if (dy[row] === 0) continue;
        for (let at = start; at < start + nvec[j]; at++) {
          const logP = x[at] - saved[i] - saved[i + 1];
          const p = allowed(mask, at) ? exp(logP) : 0;
          if (p > 0) dx[at] -= dy[row] * p * (logP + saved[i + 2]);
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
const klOp: Op<"xp" | "xq" | "mask?", { set: readonly number[] }> = {
  name: "multiCategoricalKl",
  inputs: ["xp", "xq", "mask?"],
  shape({ xp, xq, mask, set: nvec }) {
    if (!sameShape(xp, xq)) {
      throw new ShapeError(
        `multiCategoricalKl: expected logits of one shape, got ${show(xp)} and ${show(xq)}`,
      );
    }
    return batchOf("multiCategoricalKl", xp, mask, nvec);
  },
  saves: ({ set: nvec }, shape) => 5 * nvec.length * sizeOf(shape), // log-sums in two parts, KL
  forward({ y, xp, xq, mask, set: nvec, saved }) {
    for (let row = 0, start = 0, i = 0; row < y.length; row++) {
      y[row] = 0;
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 5) {
        logSum("multiCategoricalKl", saved, i, xp, mask, start, nvec[j]);
        logSum("multiCategoricalKl", saved, i + 2, xq, mask, start, nvec[j]);
        let kl = 0;
        for (let at = start; at < start + nvec[j]; at++) {
          const logP = xp[at] - saved[i] - saved[i + 1];
          const logQ = xq[at] - saved[i + 2] - saved[i + 3];
          const p = allowed(mask, at) ? exp(logP) : 0;
          if (p > 0) kl += p * (logP - logQ);
        }
        saved[i + 4] = kl;
        y[row] += kl;
      }
    }
  },
  backward({ dy, xp, dxp, xq, dxq, mask, set: nvec, saved }) {
    for (let row = 0, start = 0, i = 0; row < dy.length; row++) {
      for (let j = 0; j < nvec.length; start += nvec[j], j++, i += 5) {
        if (dy[row] === 0) continue;
        for (let at = start; at < start + nvec[j]; at++) {
          if (!allowed(mask, at)) continue;
          const logP = xp[at] - saved[i] - saved[i + 1];
          const logQ = xq[at] - saved[i + 2] - saved[i + 3];
          const p = exp(logP);
          if (dxp && p > 0) dxp[at] += dy[row] * p * (logP - logQ - saved[i + 4]);
          if (dxq) dxq[at] += dy[row] * (exp(logQ) - p);
        }
      }
    }
  },
};

/** Writes one action per choice by inverse CDF; action and noise (uniform) are [batch, choices]. */
export function multiCategoricalSample(
  action: Floats,
  logits: Tensor,
  noise: ArrayLike<number>,
  nvec: readonly number[],
  mask: Tensor = NONE,
): void {
  const rows = rowsOf("multiCategoricalSample", logits, widthOf(nvec), mask);
  checkLength("multiCategoricalSample", "the actions", action, rows * nvec.length);
  checkLength("multiCategoricalSample", "noise", noise, action.length);
  const m = maskOf(mask);
  for (let i = 0, start = 0; i < action.length; i++) {
    const n = nvec[i % nvec.length];
    action[i] = sampleRow("multiCategoricalSample", logits.data, m, start, n, noise, i);
    start += n;
  }
}

/** Writes the likeliest action of each choice, the first one of equals. */
export function multiCategoricalMode(
  action: Floats,
  logits: Tensor,
  nvec: readonly number[],
  mask: Tensor = NONE,
): void {
  const rows = rowsOf("multiCategoricalMode", logits, widthOf(nvec), mask);
  checkLength("multiCategoricalMode", "the actions", action, rows * nvec.length);
  const m = maskOf(mask);
  for (let i = 0, start = 0; i < action.length; i++) {
    const n = nvec[i % nvec.length];
    action[i] = largestOfRow("multiCategoricalMode", logits.data, m, start, n, null);
    start += n;
  }
}
