/** Gradient clipping by global norm or by value. */
import type { Backend, Floats } from "../core/backend.ts";
import { checkNumber, kindOf } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { square } from "../core/math.ts";

/** Anything with gradients: the regions of a model or of an optimizer, or parameters. */
export type Gradients = readonly { readonly grad: Floats; readonly backend?: Backend | null }[];

/** Sums of squares between these have neither overflowed nor lost digits in float32. */
const least = 1e-30;
const most = 1e38;

function checkGradients(where: string, gradients: Gradients): void {
  if (Array.isArray(gradients) && gradients.every((part) => ArrayBuffer.isView(part?.grad))) return;
  const got = kindOf(gradients);
  throw new ShapeError(`${where}: expected a list of parts with a grad array each, got ${got}`);
}

/** Returns √Σ g² over all gradients. If the squares overflow or vanish, g is first divided by the largest |g|. */
export function globalNorm(gradients: Gradients): number {
  checkGradients("globalNorm", gradients);
  return normOf(gradients);
}

function normOf(gradients: Gradients): number {
  let sum = 0;
  for (const { grad, backend } of gradients) {
    if (backend?.sumOfSquares) sum += backend.sumOfSquares(grad);
    else for (let i = 0; i < grad.length; i++) sum += grad[i] * grad[i];
  }
  return sum > least && sum < most ? Math.sqrt(sum) : scaledNorm(gradients);
}

function scaledNorm(gradients: Gradients): number {
  let largest = 0;
  for (const { grad } of gradients) {
    for (let i = 0; i < grad.length; i++) largest = Math.max(largest, Math.abs(grad[i]));
  }
  if (!(largest > 0 && largest < Infinity)) return largest;
  let sum = 0;
  for (const { grad } of gradients) {
    for (let i = 0; i < grad.length; i++) sum += square(grad[i] / largest);
  }
  return largest * Math.sqrt(sum);
}

/**
 * Multiplies gradients by min(1, maxNorm/(norm + 1e-6)), PyTorch's form: Pascanu et al. 2013, arXiv:1211.5063. Returns
 * the norm before clipping.
 */
export function clipGlobalNorm(gradients: Gradients, maxNorm: number): number {
  checkNumber("clipGlobalNorm", "maxNorm", maxNorm, { min: 0 });
  checkGradients("clipGlobalNorm", gradients);
  const norm = normOf(gradients);
  const scale = maxNorm / (norm + 1e-6);
  if (scale < 1) {
    for (const { grad, backend } of gradients) {
      if (backend?.scale) backend.scale(grad, scale);
      else for (let i = 0; i < grad.length; i++) grad[i] *= scale;
    }
  }
  return norm;
}

/** Clamps every gradient element to [−limit, limit]. */
export function clipValue(gradients: Gradients, limit: number): void {
  checkNumber("clipValue", "the limit", limit, { min: 0 });
  checkGradients("clipValue", gradients);
  for (const { grad } of gradients) {
    for (let i = 0; i < grad.length; i++) grad[i] = Math.min(Math.max(grad[i], -limit), limit);
  }
}
