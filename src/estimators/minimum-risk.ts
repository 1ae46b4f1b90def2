/**
 * Minimum-risk training: Shen et al. 2016, arXiv:1512.02433. Over the K candidates of a prompt,
 *
 *   loss = Σ Q(o)·cost(o),   Q(o) = π(o)^α / Σ π(o′)^α          ∂loss/∂ln π(o) = α·Q(o)·(cost(o) − loss)
 *
 * Q is the policy restricted to the candidates, sharpened by α. −reward is a cost.
 */

import type { Floats } from "../core/backend.ts";
import { checkFinite } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";
import type { LossTerm } from "./batch.ts";

/**
 * Returns the loss, [], mean over prompts. `sequenceLogProb` and `cost` are [prompts·size]; the candidates of a prompt
 * are neighbors. They should differ: a repeated one counts twice.
 */
export const minimumRiskLoss = (
  sequenceLogProb: Tensor,
  cost: Tensor,
  size: number,
  alpha = 1,
): Tensor => apply(minimumRiskOp, sequenceLogProb, cost, NONE, size, alpha);
const minimumRiskOp: Op<"logProb" | "cost", { numbers: "size" | "alpha" }> = {
  name: "minimumRiskLoss",
  inputs: ["logProb", "cost"],
  numbers: ["size", "alpha"],
  shape({ logProb, cost, size, alpha }) {
    if (
      !sameShape(logProb, cost) ||
      logProb.length !== 1 ||
      !(size >= 1 && Number.isInteger(size)) ||
      logProb[0] % size !== 0
    ) {
      const got = `${show(logProb)} and ${show(cost)}`;
      throw new ShapeError(
        `minimumRiskLoss: expected [prompts·${size}] log-probabilities and costs, got ${got}`,
      );
    }
    checkFinite("minimumRiskLoss", "alpha", alpha, { min: 0 });
    return [];
  },
  saves: ({ logProb }) => sizeOf(logProb), // ∂loss/∂ln π
  forward({ y, logProb, cost, size, alpha, saved: slope }) {
    const prompts = logProb.length / size;
    let total = 0;
    for (let start = 0; start < logProb.length; start += size) {
      let max = -Infinity;
      for (let i = start; i < start + size; i++) max = Math.max(max, alpha * logProb[i]);
      let sum = 0;
      for (let i = start; i < start + size; i++) {
        slope[i] = exp(alpha * logProb[i] - max);
        sum += slope[i];
      }
      let risk = 0;
      for (let i = start; i < start + size; i++) {
        slope[i] /= sum;
        risk += slope[i] * cost[i];
      }
      for (let i = start; i < start + size; i++) slope[i] *= (alpha * (cost[i] - risk)) / prompts;
      total += risk;
    }
    y[0] = total / prompts;
  },
  backward({ dy, dlogProb, saved: slope }) {
    if (dlogProb) for (let i = 0; i < dlogProb.length; i++) dlogProb[i] += dy[0] * slope[i];
  },
};

/**
 * Writes the cost of each sample, −reward, [samples]. Samples with `counts` 0 get the mean cost of their group's
 * others (groups of `size` neighbors), so that they contribute no gradient.
 */
export function sampleCosts(cost: Floats, reward: Floats, counts: Floats, size: number): void {
  for (let first = 0; first < cost.length; first += size) {
    let sum = 0;
    let n = 0;
    for (let i = first; i < first + size; i++) {
      if (counts[i] === 0) continue;
      cost[i] = -reward[i];
      sum += cost[i];
      n++;
    }
    for (let i = first; i < first + size; i++) if (counts[i] === 0) cost[i] = n === 0 ? 0 : sum / n;
  }
}

/** Returns minimum risk as the policy term of a loss whose chunks are whole groups of `groupSize` sequences. */
export const minimumRiskTerm =
  (groupSize: number, alpha: number): LossTerm =>
  (logProb, { mask, cost, excluded, chunkFraction }) => {
    const sequence = add(sum(mul(logProb, mask), -1), excluded);
    return sum(mul(minimumRiskLoss(sequence, cost, groupSize, alpha), chunkFraction));
  };
