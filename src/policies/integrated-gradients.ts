/**
 * Integrated gradients: Sundararajan, Taly and Yan 2017, arXiv:1703.01365, eq. 1. The attribution of input i to f is
 *
 *   aᵢ = (xᵢ − x⁰ᵢ)·∫₀¹ ∂f/∂xᵢ(x⁰ + α·(x − x⁰)) dα
 *
 * for a baseline x⁰. Attributions are complete: they sum to f(x) − f(x⁰).
 *
 * Difference from the paper: the integral is not a sum of equal steps. Completeness holds on each part of the path,
 * too, so each part is halved until two-point Gauss quadrature satisfies it there.
 */
import { checkFinite, checkInteger, checkLength } from "../core/check.ts";
import type { Scalar } from "./scalar.ts";

export interface IntegratedGradients {
  /** aᵢ, as many as x has numbers. */
  readonly attributions: Float64Array;
  /** f(x⁰) and f(x). */
  readonly from: number;
  readonly to: number;
  /** Σ aᵢ − (f(x) − f(x⁰)) */
  readonly gap: number;
  /** The largest |gap| that counts as complete: tolerance × max(1, |f(x) − f(x⁰)|). */
  readonly allowed: number;
  /** Gradients that were computed. */
  readonly gradients: number;
}

export interface IntegrateOptions {
  /** Default 1e-3. */
  readonly tolerance?: number;
  /** Most gradients to compute; then the rest of the path is taken as it is. Default 20,000. */
  readonly most?: number;
}

const firstParts = 8;
const node = Math.sqrt(1 / 3); // of two-point Gauss quadrature on [−1, 1], weights 1

/** Returns the attributions of f at x against a baseline. Throws ShapeError for a baseline of another length. */
export function integratedGradients(
  f: Pick<Scalar, "at">,
  x: ArrayLike<number>,
  baseline: ArrayLike<number>,
  { tolerance = 1e-3, most = 20_000 }: IntegrateOptions = {},
): IntegratedGradients {
  checkLength("integratedGradients", "baseline", baseline, x.length);
  checkFinite("integratedGradients", "tolerance", tolerance, { min: 0 });
  checkInteger("integratedGradients", "most", most, { min: 2 });
  const way = Float64Array.from(x, (v, i) => v - baseline[i]);
  const point = new Float64Array(x.length);
  const at = (alpha: number, gradient?: Float64Array): number => {
    for (let i = 0; i < point.length; i++) point[i] = baseline[i] + alpha * way[i];
    return f.at(point, gradient);
  };
  const attributions = new Float64Array(x.length);
  const [left, right] = [new Float64Array(x.length), new Float64Array(x.length)];
  const [from, to] = [f.at(baseline), f.at(x)];
  const allowed = tolerance * Math.max(1, Math.abs(to - from));
  let gradients = 0;
  const parts = partsOf(at, from, to);
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { start, end, low, high } = part;
    const [middle, half] = [(start + end) / 2, (end - start) / 2];
    at(middle - node * half, left);
    at(middle + node * half, right);
    gradients += 2;
    let sum = 0;
    for (let i = 0; i < way.length; i++) sum += way[i] * (left[i] + right[i]) * half;
    const fits = Math.abs(sum - (high - low)) <= allowed * (end - start);
    if (fits || gradients + 2 * parts.length + 4 > most) {
      for (let i = 0; i < way.length; i++) attributions[i] += way[i] * (left[i] + right[i]) * half;
      continue;
    }
    const between = at(middle);
    parts.push({ start: middle, end, low: between, high });
    parts.push({ start, end: middle, low, high: between });
  }
  const gap = attributions.reduce((sum, a) => sum + a, 0) - (to - from);
  return { attributions, from, to, gap, allowed, gradients };
}

/** A part of the path, and f at its ends. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly low: number;
  readonly high: number;
}

/** Returns the first parts of the path, the last one first. */
function partsOf(at: (alpha: number) => number, from: number, to: number): Part[] {
  const ends = Array.from({ length: firstParts + 1 }, (_, j) => j / firstParts);
  const values = ends.map((alpha, j) => (j === 0 ? from : j === firstParts ? to : at(alpha)));
  return ends
    .slice(1)
    .map((end, j) => ({ start: ends[j], end, low: values[j], high: values[j + 1] }))
    .reverse();
}
