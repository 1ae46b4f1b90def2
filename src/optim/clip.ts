/** Gradient clipping, over a whole model's flat gradients. */
import type { Backend, Floats } from "../core/backend.ts";

/** Anything with gradients: a model's regions, an optimizer's runs, or parameters. */
export type Gradients = readonly { readonly grad: Floats; readonly backend?: Backend | null }[];

/** √Σ g² over all of them. */
export function globalNorm(gradients: Gradients): number {
  let sum = 0;
  for (const { grad, backend } of gradients) {
    if (backend?.sumOfSquares) sum += backend.sumOfSquares(grad);
    else for (let i = 0; i < grad.length; i++) sum += grad[i] * grad[i];
  }
  return Math.sqrt(sum);
}

/**
 * g ·= min(1, maxNorm/(norm + 1e-6)), PyTorch's form: Pascanu et al. 2013, arXiv:1211.5063. Returns the
 * norm before clipping.
 */
export function clipGlobalNorm(gradients: Gradients, maxNorm: number): number {
  const norm = globalNorm(gradients);
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
  for (const { grad } of gradients) {
    for (let i = 0; i < grad.length; i++) grad[i] = Math.min(Math.max(grad[i], -limit), limit);
  }
}
