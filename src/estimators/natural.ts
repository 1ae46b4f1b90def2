/**
 * Natural gradient and trust region: Kakade 2001; Schulman et al. 2015, arXiv:1502.05477. The curvature enters only
 * through Fisher-vector products F·v. Conjugate gradient solves F·x = g, and a line search checks the step.
 */
import type { Floats } from "../core/backend.ts";
import { checkInteger, checkLength, checkNumber } from "../core/check.ts";

/** Writes F·v to `out`; damping is the caller's. */
export type FisherProduct = (out: Float64Array, v: Float64Array) => void;

export interface ConjugateGradientResult {
  readonly x: Float64Array;
  readonly iterations: number;
  /** ‖g − F·x‖² */
  readonly residual: number;
}

/**
 * Solves F·x = g for symmetric positive definite F: Hestenes & Stiefel 1952. Stops after `iterations`, once ‖g − F·x‖²
 * is at most tolerance·‖g‖², or if F has no curvature along the next direction; returns the last x.
 */
export function conjugateGradient(
  product: FisherProduct,
  g: ArrayLike<number>,
  iterations = 10,
  tolerance = 1e-10,
): ConjugateGradientResult {
  checkInteger("conjugateGradient", "iterations", iterations, { min: 0 });
  checkNumber("conjugateGradient", "tolerance", tolerance, { min: 0 });
  const x = new Float64Array(g.length);
  const r = Float64Array.from(g);
  const p = r.slice();
  const Fp = new Float64Array(g.length);
  let rr = dot(r, r);
  const enough = tolerance * rr;
  let n = 0;
  for (; n < iterations && rr > enough; n++) {
    product(Fp, p);
    const curvature = dot(p, Fp);
    if (!(curvature > 0)) break;
    const alpha = rr / curvature;
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

/** Returns √(2δ/xᵀFx), the multiple of x at which the quadratic model of the KL is δ = maxKl; 0 for x = 0. */
export function trustRegionScale(product: FisherProduct, x: Float64Array, maxKl: number): number {
  checkNumber("trustRegionScale", "maxKl", maxKl, { min: 0 });
  const Fx = new Float64Array(x.length);
  product(Fx, x);
  const curvature = dot(x, Fx);
  return curvature > 0 ? Math.sqrt((2 * maxKl) / curvature) : 0;
}

export interface LineSearchOptions {
  readonly maxKl: number;
  /** Most step sizes to try. Default 10. */
  readonly tries?: number;
  /** Smallest decrease of the loss, as a fraction of the linear model's. Default 0. */
  readonly accept?: number;
}

/**
 * Moves `parameters` to parameters + fraction·step for the first fraction of 1, ½, ¼, … at which the loss has fallen
 * and the KL is within its bound; restores them if there is none. Returns the fraction, or 0. `slope` is the decrease
 * of the loss that the linear model expects from the full step. `evaluate` returns loss and KL at the current
 * parameters.
 */
export function lineSearch(
  parameters: Floats,
  step: ArrayLike<number>,
  slope: number,
  evaluate: () => { readonly loss: number; readonly kl: number },
  { maxKl, tries = 10, accept = 0 }: LineSearchOptions,
): number {
  checkLength("lineSearch", "the step", step, parameters.length);
  checkNumber("lineSearch", "maxKl", maxKl, { min: 0 });
  checkInteger("lineSearch", "tries", tries, { min: 0 });
  checkNumber("lineSearch", "accept", accept);
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
