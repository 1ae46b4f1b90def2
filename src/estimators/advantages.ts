/** The advantages of stretches of episodes, and the targets of a learned value. */
import type { Floats } from "../core/backend.ts";
import { discountedReturns } from "../returns/discounted.ts";
import { gae } from "../returns/gae.ts";
import { scaleByDeviation, standardize, subtractMean } from "../returns/normalize.ts";
import type { Stretches } from "./batch.ts";
import type { EstimatorSettings } from "./presets.ts";

/** Written by both, [steps, envs]; the target is what the value learns. */
export interface Estimates {
  readonly advantage: Floats;
  readonly target: Floats;
}

/** Âₜ by generalized advantage estimation on a learned value; target = Â + V. */
export function gaeAdvantages(
  { advantage, target }: Estimates,
  batch: Stretches,
  gamma: number,
  lambda: number,
): void {
  gae(advantage, batch, gamma, lambda);
  for (let i = 0; i < target.length; i++) target[i] = advantage[i] + batch.value[i];
}

/** Âₜ = Gₜ − Vₜ, with Gₜ the discounted return from step t on, less baseline and scale; target = G. */
export function returnAdvantages(
  { advantage, target }: Estimates,
  batch: Stretches,
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
