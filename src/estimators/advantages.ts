/** Advantages of segments of episodes, and targets of a learned value. */
import type { Floats } from "../core/backend.ts";
import { discountedReturns } from "../returns/discounted.ts";
import { gae } from "../returns/gae.ts";
import { scaleByDeviation, standardize, subtractMean } from "../returns/normalize.ts";
import type { Segments } from "./batch.ts";
import type { EstimatorSettings } from "./presets.ts";

/** Written by both functions, [steps, envs]. */
export interface Estimates {
  readonly advantage: Floats;
  /** Target of the learned value. */
  readonly target: Floats;
}

/** Writes Âₜ by generalized advantage estimation on a learned value; target = Â + V. */
export function gaeAdvantages(
  { advantage, target }: Estimates,
  batch: Segments,
  gamma: number,
  lambda: number,
): void {
  gae(advantage, batch, gamma, lambda);
  for (let i = 0; i < target.length; i++) target[i] = advantage[i] + batch.value[i];
}

/**
 * Writes Âₜ = Gₜ − Vₜ, with Gₜ the discounted return from step t on, then subtracts the mean and divides by the
 * standard deviation as the estimator says; target = G.
 */
export function returnAdvantages(
  { advantage, target }: Estimates,
  batch: Segments,
  gamma: number,
  { baseline, scale, ddof, eps }: Pick<EstimatorSettings, "baseline" | "scale" | "ddof" | "eps">,
): void {
  const { mask, value } = batch;
  discountedReturns(target, batch, gamma);
  for (let i = 0; i < advantage.length; i++) advantage[i] = target[i] - value[i];
  const options = { mask, ddof, eps };
  if (baseline === "mean" && scale === "batch") standardize(advantage, advantage, options);
  else if (baseline === "mean") subtractMean(advantage, advantage, mask);
  else if (scale === "batch") scaleByDeviation(advantage, advantage, options);
  else for (let i = 0; i < advantage.length; i++) if (mask[i] === 0) advantage[i] = 0;
}
