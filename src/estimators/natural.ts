/**
 * Natural gradient and trust region: Kakade 2001; Schulman et al. 2015, arXiv:1502.05477. Curvature only
 * through Fisher-vector products F·v; conjugate gradient solves F·x = g; a line search keeps the step honest.
 */
import type { Floats } from "../core/backend.ts";

/** Writes F·v (damping included by the caller) into `out`. */
export type FisherProduct = (out: Float64Array, v: Float64Array) => void;

export interface ConjugateGradientResult {
  readonly x: Float64Array;
  readonly iterations: number;
  /** ‖g − F·x‖² */
  readonly residual: number;
}

/** Solves F·x = g for symmetric positive definite F: Hestenes & Stiefel 1952. */
export function conjugateGradient(
  product: FisherProduct,
  g: ArrayLike<number>,
  iterations = 10,
  tolerance = 1e-10,
): ConjugateGradientResult {
  const x = new Float64Array(g.length);
  const r = Float64Array.from(g);
  const p = r.slice();
  const Fp = new Float64Array(g.length);
  let rr = dot(r, r);
  let n = 0;
  for (; n < iterations && rr > tolerance; n++) {
    product(Fp, p);
    const alpha = rr / dot(p, Fp);
    for (let i = 0; i < x.length; i++) {
      x[i] += alpha * p[i];
      r[i] -= alpha * Fp[i];
    }
    const next = dot(r, r);
    for (let i = 0; i < p.length; i++) p[i] = r[i] + (next / rr) * p[i];
    rr = next;
  }
  return { x, iterations: n, residual: rr };
}

/** √(2δ/xᵀFx): the length along x at which the quadratic model's KL is δ. 0 where x is. */
export function trustRegionScale(product: FisherProduct, x: Float64Array, maxKl: number): number {
  const Fx = new Float64Array(x.length);
  product(Fx, x);
  const curvature = dot(x, Fx);
  return curvature > 0 ? Math.sqrt((2 * maxKl) / curvature) : 0;
}

export interface LineSearchOptions {
  readonly maxKl: number;
  /** Step halvings tried. */
  readonly tries?: number;
  /** The loss must fall by this share of what the linear model expects. */
  readonly accept?: number;
}

/**
 * Moves `parameters` to parameters + fraction·step for the first of 1, ½, ¼, … at which the loss has
 * fallen and the KL is within its bound; puts them back where none is. Returns the fraction, 0 for none.
 * `evaluate` gives loss and KL at the parameters as they stand.
 */
export function lineSearch(
  parameters: Floats,
  step: ArrayLike<number>,
  slope: number,
  evaluate: () => { readonly loss: number; readonly kl: number },
  { maxKl, tries = 10, accept = 0 }: LineSearchOptions,
): number {
  const start = parameters.slice();
  const before = evaluate().loss;
  for (let n = 0, fraction = 1; n < tries; n++, fraction /= 2) {
    for (let i = 0; i < step.length; i++) parameters[i] = start[i] + fraction * step[i];
    const { loss, kl } = evaluate();
    const fell = before - loss;
    if (fell > 0 && fell >= accept * fraction * slope && kl <= maxKl) return fraction;
  }
  parameters.set(start);
  return 0;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
