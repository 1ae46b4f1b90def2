/**
 * Corrections for a sampler whose probabilities differ from the trainer's: importance weights π_trainer/π_sampler that
 * multiply the tokens' weights. They carry no gradient. Truncated weights (TIS) cap the ratio; masked weights (as in
 * IcePop) drop tokens whose ratio is outside the bounds.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength, checkName, checkNumber } from "../core/check.ts";
import { exp } from "../core/math.ts";
import { stepsOf } from "../estimators/kl.ts";
import { checkRows } from "../returns/transitions.ts";

export interface CorrectionSettings {
  /** One ratio per token, or per sequence: exp of the sum of its log-ratios, or of their mean. */
  readonly level: "token" | "sequence" | "sequenceMean";
  /**
   * "truncate": the ratio clamped to [low, high]. "mask": the ratio inside, 0 outside. "drop": as "mask", and one token
   * outside drops its whole sequence.
   */
  readonly mode: "truncate" | "mask" | "drop";
  readonly low: number;
  readonly high: number;
}

/** Columns of sampled tokens, [batch, steps]. */
export interface SampledTokens {
  readonly logProb: ArrayLike<number>;
  readonly samplerLogProb: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
}

/** Fractions of the tokens with mask 1. */
export interface CorrectionFractions {
  /** Ratio, by `level`, below `low`. */
  readonly below: number;
  /** Ratio above `high`. */
  readonly above: number;
  /** Weight set to 0. */
  readonly dropped: number;
}

/**
 * Writes the importance weight of each token, [batch, steps]; 0 where masked. Returns the fractions of tokens that the
 * bounds changed; large ones show that sampler and trainer differ much.
 */
export function importanceWeights(
  out: Floats,
  { logProb, samplerLogProb, mask, steps }: SampledTokens & { readonly steps: number },
  { level, mode, low, high }: CorrectionSettings,
): CorrectionFractions {
  const where = "importanceWeights";
  checkName(where, "a level", level, ["token", "sequence", "sequenceMean"]);
  checkName(where, "a mode", mode, ["truncate", "mask", "drop"]);
  checkRows(where, steps, out.length);
  checkLength(where, "logProb", logProb, out.length);
  checkLength(where, "samplerLogProb", samplerLogProb, out.length);
  checkLength(where, "mask", mask, out.length);
  checkNumber(where, "low", low, { max: high });
  checkNumber(where, "high", high, { min: low });
  let [tokens, below, above, dropped] = [0, 0, 0, 0];
  const bounded = (ratio: number): number => {
    if (mode === "truncate") return Math.min(Math.max(ratio, low), high);
    return ratio >= low && ratio <= high ? ratio : 0;
  };
  for (let start = 0; start < out.length; start += steps) {
    let sum = 0;
    let count = 0;
    let outside = false;
    for (let i = start; i < start + steps; i++) {
      if (mask[i] === 0) continue;
      const logRatio = logProb[i] - samplerLogProb[i];
      sum += logRatio;
      count++;
      if (bounded(exp(logRatio)) === 0) outside = true;
    }
    const sequence = exp(level === "sequenceMean" && count > 0 ? sum / count : sum);
    for (let i = start; i < start + steps; i++) {
      out[i] = 0;
      if (mask[i] === 0) continue;
      const ratio = level === "token" ? exp(logProb[i] - samplerLogProb[i]) : sequence;
      tokens++;
      if (ratio < low) below++;
      if (ratio > high) above++;
      if (!(mode === "drop" && outside)) out[i] = bounded(ratio);
      if (out[i] === 0) dropped++;
    }
  }
  const per = tokens === 0 ? 0 : 1 / tokens;
  return { below: below * per, above: above * per, dropped: dropped * per };
}

/**
 * Writes 0 for each sequence with an advantage below 0 whose mean k1 from sampler to trainer,
 * −mean ln(π_trainer/π_sampler), is above `threshold`, and 1 for the others: off-policy sequence masking,
 * DeepSeek-V3.2. `keep` and `advantage` are [batch].
 */
export function offPolicySequenceMask(
  keep: Floats,
  advantage: ArrayLike<number>,
  { logProb, samplerLogProb, mask }: SampledTokens,
  threshold: number,
): void {
  const where = "offPolicySequenceMask";
  checkNumber(where, "the threshold", threshold);
  const steps = stepsOf(where, mask, keep.length);
  checkLength(where, "advantage", advantage, keep.length);
  checkLength(where, "logProb", logProb, mask.length);
  checkLength(where, "samplerLogProb", samplerLogProb, mask.length);
  for (let row = 0; row < keep.length; row++) {
    let sum = 0;
    let count = 0;
    for (let i = row * steps; i < (row + 1) * steps; i++) {
      if (mask[i] === 0) continue;
      sum += samplerLogProb[i] - logProb[i];
      count++;
    }
    keep[row] = advantage[row] < 0 && count > 0 && sum / count > threshold ? 0 : 1;
  }
}
