/**
 * The KL to a reference policy: estimators of KL(π‖π_ref) from samples of π, after Schulman's note "Approximating KL
 * divergence" (2020), as a loss and as a part of the reward. With d = ln π_ref − ln π of the token:
 *
 *   k1 = −d            unbiased, noisy, may be negative; as a loss the mean of its gradient is 0
 *   k2 = d²/2          biased; its gradient is that of the KL, which makes it the estimator to use in a loss
 *   k3 = e^d − 1 − d   unbiased, never negative; its gradient is that of KL(π_ref‖π)
 *
 * `categoricalKl` is the exact KL of logits.
 */
import type { Floats } from "../core/backend.ts";
import { checkFinite, checkInteger, checkLength, checkName, checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp, expm1 } from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { mul } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";
import type { LossTerm } from "./batch.ts";

export interface KlSettings {
  readonly estimator: "k1" | "k2" | "k3";
  /** Clamps d to ±inputClamp; no gradient passes beyond it. null: no clamp. */
  readonly inputClamp: number | null;
  /** Clamps the estimate to ±outputClamp; no gradient passes beyond it. null: no clamp. */
  readonly outputClamp: number | null;
  /**
   * true multiplies the estimate by π/stop(π), whose value is 1: the gradient gains k·∇ln π, so that the mean gradient
   * of k1 and k3 is that of KL(π‖π_ref). Default false.
   */
  readonly importance?: boolean;
  /**
   * With `importance`, the number that is clamped. "product" (default): π/stop(π) times the estimate, so that no
   * gradient passes beyond the clamp. "estimate": the estimate alone, so that the gradient k·∇ln π of π/stop(π) still
   * passes.
   */
  readonly clampOf?: "product" | "estimate";
}
export const klDefaults: KlSettings = Object.freeze({
  estimator: "k3",
  inputClamp: null,
  outputClamp: null,
});

/** Returns Σ w·k, []. Only `logProb` carries a gradient. All have its shape. */
export const klLoss = (
  logProb: Tensor,
  refLogProb: Tensor,
  weight: Tensor,
  settings: KlSettings = klDefaults,
): Tensor => apply(klOp, logProb, refLogProb, weight, 0, 0, settings);
const klOp: Op<"logProb" | "ref" | "w", { set: KlSettings }> = {
  name: "klLoss",
  inputs: ["logProb", "ref", "w"],
  shape({ logProb, ref, w, set }) {
    if (!sameShape(logProb, ref) || !sameShape(logProb, w)) {
      const got = [logProb, ref, w].map(show).join(", ");
      throw new ShapeError(
        `klLoss: expected logProb, refLogProb and weight of one shape, got ${got}`,
      );
    }
    checkKl("klLoss", set);
    return [];
  },
  saves: ({ logProb }) => sizeOf(logProb), // ∂loss/∂logProb
  forward({ y, logProb, ref, w, set: settings, saved: slope }) {
    const { estimator, importance = false, clampOf = "product" } = settings;
    const inLimit = settings.inputClamp ?? Infinity;
    const outLimit = settings.outputClamp ?? Infinity;
    let loss = 0;
    for (let i = 0; i < w.length; i++) {
      slope[i] = 0;
      if (w[i] === 0) continue;
      const d = ref[i] - logProb[i];
      const clamped = clamp(d, inLimit);
      const k = estimate(clamped, estimator);
      const bounded = clamp(k, outLimit);
      loss += w[i] * bounded;
      const ofWeight = importance ? w[i] * bounded : 0;
      if (clamped === d && bounded === k) slope[i] = w[i] * slopeOf(d, estimator) + ofWeight;
      else if (clampOf === "estimate") slope[i] = ofWeight; // the clamped estimate itself passes none
    }
    y[0] = loss;
  },
  backward({ dy, dlogProb, saved: slope }) {
    if (dlogProb) for (let i = 0; i < dlogProb.length; i++) dlogProb[i] += dy[0] * slope[i];
  },
};

/**
 * Returns Σ w·k3 of KL(old‖new), [], over actions of the old policy: k3 = ρ − 1 − ln ρ with ρ = exp(logProb −
 * oldLogProb). Only `logProb` carries a gradient. All have its shape.
 */
export const oldKlLoss = (logProb: Tensor, oldLogProb: Tensor, weight: Tensor): Tensor =>
  apply(oldKlOp, logProb, oldLogProb, weight);
const oldKlOp: Op<"logProb" | "old" | "w"> = {
  name: "oldKlLoss",
  inputs: ["logProb", "old", "w"],
  shape({ logProb, old, w }) {
    if (!sameShape(logProb, old) || !sameShape(logProb, w)) {
      const got = [logProb, old, w].map(show).join(", ");
      throw new ShapeError(
        `oldKlLoss: expected logProb, oldLogProb and weight of one shape, got ${got}`,
      );
    }
    return [];
  },
  forward({ y, logProb, old, w }) {
    let loss = 0;
    for (let i = 0; i < w.length; i++) if (w[i] !== 0) loss += w[i] * k3Of(logProb[i] - old[i]);
    y[0] = loss;
  },
  // ∂k3/∂ln π = ρ − 1
  backward({ dy, logProb, dlogProb, old, w }) {
    if (!dlogProb) return;
    for (let i = 0; i < w.length; i++)
      if (w[i] !== 0) dlogProb[i] += dy[0] * w[i] * expm1(logProb[i] - old[i]);
  },
};

export const klEstimators = ["k1", "k2", "k3"];
export const clampTargets = ["product", "estimate"];

/** Throws RangeError for an estimator that does not exist, or a clamp that is not a number ≥ 0. */
function checkKl(where: string, settings: KlSettings): void {
  const { estimator, inputClamp, outputClamp, clampOf = "product" } = settings;
  checkName(where, "a clampOf", clampOf, clampTargets);
  checkName(where, "an estimator", estimator, klEstimators);
  if (inputClamp !== null) checkNumber(where, "inputClamp", inputClamp, { min: 0 });
  if (outputClamp !== null) checkNumber(where, "outputClamp", outputClamp, { min: 0 });
}

const clamp = (x: number, limit: number): number => Math.min(Math.max(x, -limit), limit);

function estimate(d: number, estimator: KlSettings["estimator"]): number {
  return estimator === "k1" ? -d : estimator === "k2" ? 0.5 * d * d : k3Of(d);
}

/** Returns e^d − 1 − d, by its series near 0, where the difference would lose its digits. Never negative. */
export function k3Of(d: number): number {
  if (!(d > -0.1 && d < 0.1)) return exp(d) - 1 - d;
  return d * d * (1 / 2 + d * (1 / 6 + d * (1 / 24 + d * (1 / 120 + d * (1 / 720 + d / 5040)))));
}

/** ∂k/∂ln π = −∂k/∂d */
function slopeOf(d: number, estimator: KlSettings["estimator"]): number {
  return estimator === "k1" ? 1 : estimator === "k2" ? -d : -expm1(d);
}

/** Returns the estimate of one token. */
export function klOf(logProb: number, refLogProb: number, s: KlSettings = klDefaults): number {
  const d = clamp(refLogProb - logProb, s.inputClamp ?? Infinity);
  return clamp(estimate(d, s.estimator), s.outputClamp ?? Infinity);
}

/** Columns that `klShapedRewards` reads: `score` is [batch], the others are [batch, steps]. */
export interface ScoredTokens {
  readonly score: ArrayLike<number>;
  readonly logProb: ArrayLike<number>;
  readonly refLogProb: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
}

/**
 * KL in the reward: writes the reward of each token, [batch, steps]: −klWeight·k, plus the sequence's score at its last
 * kept token; 0 where masked.
 */
export function klShapedRewards(
  reward: Floats,
  { score, logProb, refLogProb, mask }: ScoredTokens,
  klWeight: number,
  settings: KlSettings = { ...klDefaults, estimator: "k1" },
): void {
  const where = "klShapedRewards";
  checkFinite(where, "klWeight", klWeight);
  const steps = stepsOf(where, reward, score.length);
  checkLength(where, "logProb", logProb, reward.length);
  checkLength(where, "refLogProb", refLogProb, reward.length);
  checkLength(where, "mask", mask, reward.length);
  checkKl(where, settings);
  for (let row = 0; row < score.length; row++) {
    let last = -1;
    for (let i = row * steps; i < (row + 1) * steps; i++) {
      reward[i] =
        mask[i] === 0 || klWeight === 0 ? 0 : -klWeight * klOf(logProb[i], refLogProb[i], settings);
      if (mask[i] !== 0) last = i;
    }
    if (last >= 0) reward[last] += score[row];
  }
}

/**
 * Returns the steps per sequence of an array [batch, steps]. Throws ShapeError unless its length is a multiple of
 * `batch`.
 */
export function stepsOf(where: string, x: ArrayLike<number>, batch: number): number {
  if (batch === 0 ? x.length > 0 : x.length % batch !== 0) {
    throw new ShapeError(
      `${where}: expected whole rows of ${batch} sequences, got ${x.length} numbers`,
    );
  }
  return batch === 0 ? 0 : x.length / batch;
}

/** Returns the loss term weight·Σ w·k. The weight, [1], may change without recording again. */
export const referenceKlTerm =
  (settings: KlSettings, weight: Tensor): LossTerm =>
  (logProb, columns) =>
    sum(mul(klLoss(logProb, columns.refLogProb, columns.weight, settings), weight));

/**
 * Returns the weight halved if the KL is below target/1.5, doubled if above target·1.5: Schulman et al. 2017, section
 * 4.
 */
export function adaptiveKlWeight(weight: number, kl: number, target: number): number {
  checkFinite("adaptiveKlWeight", "the weight", weight, { min: 0 });
  checkFinite("adaptiveKlWeight", "the KL", kl);
  checkFinite("adaptiveKlWeight", "the target", target, { min: 0 });
  return kl < target / 1.5 ? weight / 2 : kl > target * 1.5 ? weight * 2 : weight;
}

/** Returns weight·(1 + clip(kl/target − 1, ±0.2)·n/horizon) after n samples: Ziegler et al. 2019, arXiv:1909.08593. */
export function proportionalKlWeight(
  weight: number,
  kl: number,
  target: number,
  samples: number,
  horizon: number,
): number {
  checkFinite("proportionalKlWeight", "the weight", weight, { min: 0 });
  checkFinite("proportionalKlWeight", "the KL", kl);
  checkFinite("proportionalKlWeight", "the target", target, { min: Number.MIN_VALUE });
  checkInteger("proportionalKlWeight", "the samples", samples, { min: 0 });
  checkFinite("proportionalKlWeight", "the horizon", horizon, { min: Number.MIN_VALUE });
  return weight * (1 + (clamp(kl / target - 1, 0.2) * samples) / horizon);
}
