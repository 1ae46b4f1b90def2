/** The entropy bonus: of every token, or only of those with the most entropy. */
import type { Floats } from "../core/backend.ts";
import type { Tensor } from "../core/tensor.ts";
import { mul } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";

/** −Σ w·H: an entropy op's result (`categoricalEntropy` …) of the weight's shape, to be minimized. */
export const entropyLoss = (entropy: Tensor, weight: Tensor): Tensor =>
  mul(sum(mul(entropy, weight)), -1);

/**
 * Writes 1 for the kept tokens whose entropy reaches the quantile q of all kept tokens (linear between
 * order statistics), 0 elsewhere: Wang et al. 2025, arXiv:2506.01939. Not for the hot path: it sorts.
 */
export function topEntropyMask(
  top: Floats,
  entropy: ArrayLike<number>,
  mask: ArrayLike<number>,
  q: number,
): void {
  if (!(q >= 0 && q <= 1))
    throw new RangeError(`topEntropyMask: want a quantile from 0 to 1, got ${q}`);
  const sorted = Float64Array.from(entropy)
    .filter((_, i) => mask[i] !== 0)
    .sort();
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const threshold = below + (at - Math.floor(at)) * (sorted[Math.ceil(at)] - below);
  for (let i = 0; i < top.length; i++) top[i] = mask[i] !== 0 && entropy[i] >= threshold ? 1 : 0;
}
