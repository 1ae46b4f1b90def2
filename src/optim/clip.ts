/** Gradient clipping, over a whole model's flat gradients. */
import type { Backend, Floats } from "../core/backend.ts";
import { checkNumber, kindOf } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { square } from "../core/math.ts";

/** Anything with gradients: a model's regions, an optimizer's runs, or parameters. */
export type Gradients = readonly { readonly grad: Floats; readonly backend?: Backend | null }[];

/** Squares of float32 numbers that neither overflow nor lose digits sum to between these. */
const least = 1e-30;
const most = 1e38;

function checkGradients(where: string, gradients: Gradients): void {
  if (Array.isArray(gradients) && gradients.every((part) => ArrayBuffer.isView(part?.grad))) return;
  const got = kindOf(gradients);
  throw new ShapeError(`${where}: expected a list of parts with a grad array each, got ${got}`);
}

/** √Σ g² over all of them; where squares overflow or vanish, of g over the largest. */
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
 * g ·= min(1, maxNorm/(norm + 1e-6)), PyTorch's form: Pascanu et al. 2013, arXiv:1211.5063. Returns the
 * norm before clipping.
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

/** Holds every gradient element to [−limit, limit]. */
export function clipValue(gradients: Gradients, limit: number): void {
  checkNumber("clipValue", "the limit", limit, { min: 0 });
  checkGradients("clipValue", gradients);
  for (const { grad } of gradients) {
    for (let i = 0; i < grad.length; i++) grad[i] = Math.min(Math.max(grad[i], -limit), limit);
  }
}
