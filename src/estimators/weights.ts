/**
 * Aggregation of per-token losses [batch, steps] to one number. Each choice gives one weight per token, so that every
 * estimator is Σ w·ℓ over the tokens whose weight is not 0. Other tokens are masked out, and NaN there does not spread.
 * With the totals of a whole optimizer step, micro-batches add up to exactly the whole batch.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength, checkName, checkNumber } from "../core/check.ts";
import { checkRows } from "../returns/transitions.ts";

export type Aggregation =
  /** Mean over all tokens: 1/Σ mask (DAPO). */
  | "token"
  /** Mean over sequences of the mean over their tokens: 1/(B·|oᵢ|) (GRPO). */
  | "sequence"
  /** Mean over sequences of the sum over their tokens: 1/B (REINFORCE, RLOO). */
  | "sequenceSum"
  /** Sum over tokens by a constant length: 1/(B·maxLength) (Dr. GRPO). */
  | "constant"
  /** Plain sum. */
  | "sum";

export const aggregations = ["token", "sequence", "sequenceSum", "constant", "sum"];

export interface WeightOptions {
  readonly aggregation: Aggregation;
  /** Divisor of "constant". Default: the number of steps. */
  readonly maxLength?: number;
  /** Tokens of the whole optimizer step, if this is one micro-batch of it. Default: those of the mask. With 0, weights are 0. */
  readonly totalTokens?: number;
  /** Sequences of the whole optimizer step. Default: those of the mask. */
  readonly totalSequences?: number;
}

/**
 * Writes the weight of each token, [batch, steps], for a 0/1 mask of the same shape. A sequence without tokens has
 * weights 0 but still counts among the sequences.
 */
export function tokenWeights(
  weight: Floats,
  mask: ArrayLike<number>,
  steps: number,
  { aggregation, maxLength = steps, totalTokens, totalSequences }: WeightOptions,
): void {
  const where = "tokenWeights";
  checkName(where, "an aggregation", aggregation, aggregations);
  checkRows(where, steps, weight.length);
  checkLength(where, "the mask", mask, weight.length);
  checkNumber(where, "maxLength", maxLength, { min: 1 });
  if (totalTokens !== undefined) checkNumber(where, "totalTokens", totalTokens, { min: 0 });
  if (totalSequences !== undefined)
    checkNumber(where, "totalSequences", totalSequences, { min: 0 });
  const sequences = totalSequences ?? weight.length / steps;
  let tokens = totalTokens ?? 0;
  if (totalTokens === undefined) for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) tokens++;
  for (let start = 0; start < weight.length; start += steps) {
    let length = 0;
    for (let i = start; i < start + steps; i++) if (mask[i] !== 0) length++;
    const divisor =
      aggregation === "token"
        ? tokens
        : aggregation === "sequence"
          ? sequences * length
          : aggregation === "sequenceSum"
            ? sequences
            : aggregation === "constant"
              ? sequences * maxLength
              : 1;
    for (let i = start; i < start + steps; i++)
      weight[i] = mask[i] !== 0 && divisor > 0 ? 1 / divisor : 0;
  }
}

/**
 * Writes the weights of a mean over those of `rows` with mask 1: 1/Σ mask, and 0 where the mask is 0. Other rows do not
 * change. Returns `rows`.
 */
export function meanWeights<R extends ArrayLike<number>>(weight: Floats, mask: Floats, rows: R): R {
  let total = 0;
  for (let i = 0; i < rows.length; i++) total += mask[rows[i]];
  for (let i = 0; i < rows.length; i++)
    weight[rows[i]] = mask[rows[i]] === 0 ? 0 : mask[rows[i]] / total;
  return rows;
}
