/**
 * Exact Fisher-vector products by two passes of the tape. For a policy with logits x(θ) and directions v,
 *
 *   F·v = (1/N) Σ Jᵀ·M·(J·v),   J = ∂x/∂θ,   M = diag(π) − π·πᵀ
 *
 * J·v is the tangent of the logits along v; its weighing by M, as a cotangent of the logits, makes one
 * backward pass. M is both the Fisher matrix and the KL's Hessian of a categorical.
 */
import type { Floats } from "../core/backend.ts";
import { exp } from "../core/math.ts";
import { apply, type Op } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";

/**
 * A scalar whose gradient with respect to what is behind `logits` is F·v, given `tangent` = J·v, both
 * [batch, actions]. Its value is ½·vᵀF·v.
 */
export const fisherForm = (logits: Tensor, tangent: Tensor): Tensor =>
  apply(fisherOp, logits, tangent);
const fisherOp: Op = {
  name: "fisherForm",
  shape: () => [],
  scratch: ({ a }) => a.data.length, // M·J·v/N
  forward({ data, a: { data: x, shape }, b: { data: tangent }, scratch }) {
    const n = shape[shape.length - 1];
    const batch = x.length / n;
    let form = 0;
    for (let row = 0; row < x.length; row += n) {
      const mean = probabilities(scratch, x, tangent, row, n);
      for (let i = row; i < row + n; i++) {
        scratch[i] *= (tangent[i] - mean) / batch;
        form += 0.5 * scratch[i] * tangent[i];
      }
    }
    data[0] = form;
  },
  backward({ grad: dy, a: { grad: dx }, scratch }) {
    if (dx) for (let i = 0; i < dx.length; i++) dx[i] += dy[0] * scratch[i];
  },
};

/** Writes the softmax of one row into `pi`, and returns Σ π·t. */
function probabilities(pi: Floats, x: Floats, t: Floats, row: number, n: number): number {
  let max = -Infinity;
  for (let i = row; i < row + n; i++) max = Math.max(max, x[i]);
  let sum = 0;
  for (let i = row; i < row + n; i++) {
    pi[i] = exp(x[i] - max);
    sum += pi[i];
  }
  let mean = 0;
  for (let i = row; i < row + n; i++) {
    pi[i] /= sum;
    mean += pi[i] * t[i];
  }
  return mean;
}
