/**
 * The loss of a policy on a chunk of a batch, the same for control and language:
 *
 *   surrogate + valueWeight·Σ w·(V − target)² − entropyWeight·Σ w·H + klWeight·Σ w·KL(old‖new) + …
 *
 * Algorithms differ by its settings.
 */
import type { Tensor } from "../core/tensor.ts";
import { add, mul } from "../ops/arithmetic.ts";
import type { LossColumns, LossTerm } from "./batch.ts";
import { entropyLoss } from "./entropy.ts";
import { oldKlLoss } from "./kl.ts";
import {
  type Diagnostics,
  diagnostics,
  type SurrogateSettings,
  surrogateLoss,
} from "./surrogate.ts";
import { type ValueSettings, valueLoss } from "./value.ts";

/** Outputs of a policy for a chunk, on the tape: one number per action. */
export interface PolicyOutputs {
  readonly logProb: Tensor;
  /** In nats; null unless asked for. */
  readonly entropy: Tensor | null;
  /** null without a critic. */
  readonly value: Tensor | null;
}

/** Settings of the loss. A caller may change them between passes. */
export interface PolicyLossSettings {
  surrogate: SurrogateSettings;
  value: ValueSettings;
  /** null: no bonus and no entropy; 0 evaluates the entropy for reports alone. */
  entropyWeight: number | null;
  valueWeight: number;
  /** Factor of the value loss, [1]: PopArt's 1/σ². Default: none. */
  readonly valueScale?: Tensor | undefined;
  /** Weight of `oldKlLoss`. Default 0. */
  klWeight?: number;
  /** Policy term in place of the surrogate, such as `minimumRiskTerm`. */
  readonly instead?: LossTerm | null;
  /** One more term, such as `referenceKlTerm`. */
  readonly plus?: LossTerm | null;
}

/** What the loss of one chunk tells: its terms, and the diagnostics of the surrogate. */
export interface ChunkMetrics
  extends Pick<Diagnostics, "tokens" | "approximateKl" | "clipFraction" | "outsideFraction"> {
  policyLoss: number;
  valueLoss: number;
  /** In nats; 0 if not evaluated. */
  entropy: number;
}

export const noMetrics: Readonly<ChunkMetrics> = Object.freeze({
  tokens: 0,
  approximateKl: 0,
  clipFraction: 0,
  outsideFraction: 0,
  policyLoss: 0,
  valueLoss: 0,
  entropy: 0,
});

/** Metrics of a policy's updates since `clear`. */
export class Metrics {
  /** KL(old‖new) by ρ − 1 − ln ρ in nats, mean over the actions with a weight. */
  approximateKl = 0;
  /** Fraction of actions whose loss the clip made constant. */
  clipFraction = 0;
  /** Fraction of ratios outside the clip range. */
  outsideFraction = 0;
  private readonly sums = { policyLoss: 0, valueLoss: 0, entropy: 0 };
  private actions = 0;
  private units = 0;
  private stepUnits = 1;

  clear(): void {
    Object.assign(this, { approximateKl: 0, clipFraction: 0, outsideFraction: 0 });
    Object.assign(this, { actions: 0, units: 0, stepUnits: 1 });
    Object.assign(this.sums, { policyLoss: 0, valueLoss: 0, entropy: 0 });
  }

  /** Begins an optimizer step on a number of units of the batch, by which its losses are weighted. */
  beginStep(units: number): void {
    this.stepUnits = units;
    this.units += units;
  }

  /** Adds the metrics of a chunk of the current optimizer step. */
  add(chunk: Readonly<ChunkMetrics>): void {
    const { sums, stepUnits } = this;
    for (const name of ["policyLoss", "valueLoss", "entropy"] as const)
      sums[name] += stepUnits * chunk[name];
    this.actions += chunk.tokens;
    if (chunk.tokens === 0) return;
    const rate = chunk.tokens / this.actions;
    for (const name of ["approximateKl", "clipFraction", "outsideFraction"] as const)
      this[name] += rate * (chunk[name] - this[name]);
  }

  /** Returns means over the optimizer steps, weighted by their units. The entropy is in nats; 0 if not evaluated. */
  losses(): { policyLoss: number; valueLoss: number; entropy: number } {
    const { policyLoss, valueLoss, entropy } = this.sums;
    const n = Math.max(1, this.units);
    return { policyLoss: policyLoss / n, valueLoss: valueLoss / n, entropy: entropy / n };
  }
}

/** Returns the loss of a chunk, [], and writes its metrics. */
export function policyLoss(
  { logProb, entropy, value }: PolicyOutputs,
  columns: LossColumns,
  s: PolicyLossSettings,
  metrics: ChunkMetrics,
): Tensor {
  const { oldLogProb, advantage, weight } = columns;
  const policy = s.instead
    ? s.instead(logProb, columns)
    : surrogateLoss(logProb, oldLogProb, advantage, weight, s.surrogate);
  if (!s.instead) {
    const { tokens, approximateKl, clipFraction, outsideFraction } = diagnostics(policy);
    Object.assign(metrics, { tokens, approximateKl, clipFraction, outsideFraction });
  }
  metrics.policyLoss = policy.data[0];
  let loss = policy;
  if (entropy !== null) {
    const bonus = entropyLoss(entropy, weight);
    metrics.entropy = -bonus.data[0];
    loss = add(loss, mul(bonus, s.entropyWeight ?? 0));
  }
  if (value !== null) {
    const critic = valueLoss(value, columns.target, weight, columns.oldValue, s.value);
    metrics.valueLoss = critic.data[0];
    const scaled = s.valueScale ? mul(critic, s.valueScale) : critic;
    loss = add(loss, mul(scaled, s.valueWeight));
  }
  if (s.klWeight) loss = add(loss, mul(oldKlLoss(logProb, oldLogProb, weight), s.klWeight));
  return s.plus ? add(loss, s.plus(logProb, columns)) : loss;
}
