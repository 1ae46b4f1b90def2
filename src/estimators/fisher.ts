/**
 * Exact Fisher-vector products by two passes of the tape. For a policy with logits x(θ) and directions v,
 *
 *   F·v = (1/N) Σ Jᵀ·M·(J·v),   J = ∂x/∂θ,   M = diag(π) − π·πᵀ
 *
 * J·v is the tangent of the logits along v. M·(J·v) is a cotangent of the logits, so that one backward pass gives F·v.
 * M is the Fisher matrix of a categorical distribution, and the Hessian of its KL.
 */
import { checkRank, checkShape } from "../core/check.ts";
import { exp } from "../core/math.ts";
import type { Op, RunOf } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sizeOf, type Tensor } from "../core/tensor.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { exp as expOf } from "../ops/elementwise.ts";
import { stopGradient } from "../ops/layout.ts";
import { sum as sumOf } from "../ops/reduce.ts";

/**
 * Returns ½·vᵀF·v, [], whose gradient with respect to the parameters of `logits` is F·v, given `tangent` = J·v, both
 * [batch, actions]. `mask` [batch, actions] has 1 where an action is allowed.
 */
export const fisherForm = (logits: Tensor, tangent: Tensor, mask: Tensor = NONE): Tensor =>
  apply(fisherOp, logits, tangent, mask);
const fisherOp: Op<"x" | "tangent" | "mask?", { plan: number }> = {
  name: "fisherForm",
  inputs: ["x", "tangent", "mask?"],
  shape({ x, tangent, mask }) {
    checkRank("fisherForm", "logits", { shape: x }, 2);
    checkShape("fisherForm", "the tangent", { shape: tangent }, x);
    if (mask !== null) checkShape("fisherForm", "the mask", { shape: mask }, x);
    return [];
  },
  saves: ({ x }) => sizeOf(x), // M·J·v/N
  plan: ({ x }) => x[x.length - 1],
  forward(run) {
    const { y, x, tangent, saved, plan: n } = run;
    const batch = x.length / n;
    let form = 0;
    for (let row = 0; row < x.length; row += n) {
      const mean = meanTangent(run, row);
      for (let i = row; i < row + n; i++) {
        if (saved[i] === 0) continue;
        saved[i] *= (tangent[i] - mean) / batch;
        form += 0.5 * saved[i] * tangent[i];
      }
    }
    y[0] = form;
  },
  backward({ dy, dx, saved }) {
    if (dx) for (let i = 0; i < dx.length; i++) dx[i] += dy[0] * saved[i];
  },
};

/** Writes π of the row that starts at `row` to `saved`. Returns Σ π·tangent. */
function meanTangent(
  { x, tangent: t, mask, saved: pi, plan: n }: RunOf<typeof fisherOp>,
  row: number,
): number {
  let max = -Infinity;
  for (let i = row; i < row + n; i++) if (mask?.[i] !== 0) max = Math.max(max, x[i]);
  let sum = 0;
  for (let i = row; i < row + n; i++) {
    pi[i] = mask?.[i] === 0 ? 0 : exp(x[i] - max);
    sum += pi[i];
  }
  let mean = 0;
  for (let i = row; i < row + n; i++) {
    pi[i] /= sum;
    if (pi[i] !== 0) mean += pi[i] * t[i];
  }
  return mean;
}

/**
 * Returns the form of `fisherForm` for a Gaussian with ln σ as parameters: F = diag(1/σ²) over the means, 2 over each
 * ln σ. Takes the means' tangent [batch, n] and the direction of ln σ [n].
 */
export function gaussianFisherForm(
  mean: Tensor,
  logStd: Tensor,
  tangent: Tensor,
  logStdTangent: Tensor,
): Tensor {
  checkRank("gaussianFisherForm", "the mean", mean, 2);
  checkShape("gaussianFisherForm", "the tangent", tangent, mean.shape);
  checkShape("gaussianFisherForm", "ln σ", logStd, mean.shape.slice(1));
  checkShape("gaussianFisherForm", "the tangent of ln σ", logStdTangent, logStd.shape);
  const precision = expOf(mul(logStd, -2));
  const ofMean = sumOf(mul(mean, stopGradient(mul(tangent, precision))));
  return add(
    mul(ofMean, 1 / mean.shape[0]),
    mul(sumOf(mul(logStd, stopGradient(logStdTangent))), 2),
  );
}
