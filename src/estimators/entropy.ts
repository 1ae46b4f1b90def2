/** The entropy bonus, over all tokens or over those with the most entropy. */
import type { Floats } from "../core/backend.ts";
import { checkLength, checkNumber, checkShape } from "../core/check.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";

/**
 * Returns −Σ w·H, [], to be minimized. The entropy, from an op such as `categoricalEntropy`, has the weight's shape.
 */
export const entropyLoss = (entropy: Tensor, weight: Tensor): Tensor =>
  apply(entropyLossOp, entropy, weight);
const entropyLossOp: Op<"entropy" | "w"> = {
  name: "entropyLoss",
  inputs: ["entropy", "w"],
  shape({ entropy, w }) {
    checkShape("entropyLoss", "the weight", { shape: w }, entropy);
    return [];
  },
  forward({ y: loss, entropy, w }) {
    let sum = 0;
    for (let i = 0; i < w.length; i++) if (w[i] !== 0) sum -= w[i] * entropy[i];
    loss[0] = sum;
  },
  backward({ dy, entropy, dentropy, w, dw }) {
    for (let i = 0; i < w.length; i++) {
      if (dentropy) dentropy[i] -= dy[0] * w[i];
      if (dw) dw[i] -= dy[0] * entropy[i];
    }
  },
};

/**
 * Writes 1 for tokens with mask 1 whose entropy is at least the quantile q of all of them (linear between order
 * statistics), 0 elsewhere: Wang et al. 2025, arXiv:2506.01939. Sorts and allocates.
 */
export function topEntropyMask(
  top: Floats,
  entropy: ArrayLike<number>,
  mask: ArrayLike<number>,
  q: number,
): void {
  checkNumber("topEntropyMask", "the quantile", q, { min: 0, max: 1 });
  checkLength("topEntropyMask", "entropy", entropy, top.length);
  checkLength("topEntropyMask", "the mask", mask, top.length);
  const sorted = Float64Array.from(entropy)
    .filter((_, i) => mask[i] !== 0)
    .sort();
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const threshold = below + (at - Math.floor(at)) * (sorted[Math.ceil(at)] - below);
  for (let i = 0; i < top.length; i++) top[i] = mask[i] !== 0 && entropy[i] >= threshold ? 1 : 0;
}
