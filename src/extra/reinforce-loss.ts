/** REINFORCE: Williams 1992. */
import { checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, type Tensor } from "../core/tensor.ts";

/**
 *   loss = −(1/N) Σ Âₜ·ln π(aₜ∣sₜ)       ∂loss/∂ln π(aₜ∣sₜ) = −Âₜ/N
 *
 * Returns a loss, [], whose gradient is minus an estimate of ∇J. `logProb` carries the gradient. `advantage` (a return,
 * or a return minus a baseline) has its shape. `normalizer` is N, by default their number; 1 gives the sum.
 */
export const reinforceLoss = (
  logProb: Tensor,
  advantage: Tensor,
  normalizer = Math.max(1, logProb.data.length),
): Tensor => apply(reinforceOp, logProb, advantage, NONE, normalizer);
const reinforceOp: Op<"logProb" | "advantage", { numbers: "n" }> = {
  name: "reinforceLoss",
  inputs: ["logProb", "advantage"],
  numbers: ["n"],
  shape({ logProb, advantage, n }) {
    if (!sameShape(logProb, advantage)) {
      const got = `${show(logProb)} and ${show(advantage)}`;
      throw new ShapeError(
        `reinforceLoss: expected logProb and advantage of one shape, got ${got}`,
      );
    }
    checkNumber("reinforceLoss", "the normalizer", n, { min: Number.MIN_VALUE });
    return [];
  },
  forward({ y: loss, logProb, advantage, n }) {
    let sum = 0;
    for (let i = 0; i < logProb.length; i++) {
      if (advantage[i] !== 0) sum -= advantage[i] * logProb[i]; // an advantage of 0 masks out the NaN of padding
    }
    loss[0] = sum / n;
  },
  backward({ dy, dlogProb, advantage, n }) {
    if (!dlogProb) return;
    const d = dy[0] / n;
    for (let i = 0; i < advantage.length; i++) dlogProb[i] -= d * advantage[i];
  },
};
