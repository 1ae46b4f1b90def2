/**
 * Sampler and trainer disagree: importance weights π_trainer/π_sampler that multiply the tokens' weights.
 * They carry no gradient. Truncated weights (TIS) cap the ratio; masked ones (as in IcePop) drop what is
 * outside the bounds.
 */
import type { Floats } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";

export interface CorrectionSettings {
  /** One ratio a token, or one a sequence: of the sum of its log-ratios, or of their mean. */
  readonly level: "token" | "sequence" | "sequenceMean";
  /** "truncate": the ratio held to [low, high]. "mask": 0 outside, the ratio inside. */
  readonly mode: "truncate" | "mask";
  readonly low: number;
  readonly high: number;
}

/** Writes each token's importance weight, [batch, steps]; 0 where masked, whatever is there. */
export function importanceWeights(
  out: Floats,
  logProb: ArrayLike<number>,
  samplerLogProb: ArrayLike<number>,
  mask: ArrayLike<number>,
  steps: number,
  { level, mode, low, high }: CorrectionSettings,
): void {
  if (
    ![logProb, samplerLogProb, mask].every((x) => x.length === out.length) ||
    out.length % steps !== 0
  ) {
    throw new ShapeError(
      `importanceWeights: want four arrays [batch, ${steps}], got ${out.length} numbers and others`,
    );
  }
  const bounded = (ratio: number): number => {
    if (mode === "truncate") return Math.min(Math.max(ratio, low), high);
    return ratio >= low && ratio <= high ? ratio : 0;
  };
  for (let start = 0; start < out.length; start += steps) {
    let sum = 0;
    let count = 0;
    for (let i = start; i < start + steps; i++) {
      if (mask[i] === 0) continue;
      sum += logProb[i] - samplerLogProb[i];
      count++;
    }
    const sequence = exp(level === "sequenceMean" && count > 0 ? sum / count : sum);
    for (let i = start; i < start + steps; i++) {
      if (mask[i] === 0) out[i] = 0;
      else out[i] = bounded(level === "token" ? exp(logProb[i] - samplerLogProb[i]) : sequence);
    }
  }
}
