/** The loss of an actor-critic on a minibatch, and its figures: what PPO and A2C share. */
import type { Floats } from "../core/backend.ts";
import type { Tensor } from "../core/tensor.ts";
import { diagnostics, type SurrogateSettings, surrogateLoss } from "../estimators/surrogate.ts";
import { type ValueSettings, valueLoss } from "../estimators/value.ts";
import { add, mul, sub } from "../ops/arithmetic.ts";
import { exp } from "../ops/elementwise.ts";
import { sum } from "../ops/reduce.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { Minibatch } from "../rollout/minibatch.ts";

/** What may change from one pass to the next. */
export interface LossSettings {
  surrogate: SurrogateSettings;
  value: ValueSettings;
  entropyWeight: number;
  valueWeight: number;
  /** Of a penalty on KL(old‖new), estimated by k3 = ρ − 1 − ln ρ over the old policy's samples; 0 for none. */
  klWeight: number;
}

/** Means over a minibatch, or over what `add` was called for. */
export class LossParts {
  policyLoss = 0;
  valueLoss = 0;
  entropy = 0;
  approximateKl = 0;
  /** Share of ratios outside the clip range. */
  clipFraction = 0;

  clear(): void {
    this.policyLoss = 0;
    this.valueLoss = 0;
    this.entropy = 0;
    this.approximateKl = 0;
    this.clipFraction = 0;
  }

  add(other: LossParts, share: number): void {
    this.policyLoss += other.policyLoss * share;
    this.valueLoss += other.valueLoss * share;
    this.entropy += other.entropy * share;
    this.approximateKl += other.approximateKl * share;
    this.clipFraction += other.clipFraction * share;
  }
}

/**
 * A body for the tape:
 *
 *   surrogate + valueWeight·Σ w·(V − target)² − entropyWeight·Σ w·H + klWeight·Σ w·(ρ − 1 − ln ρ)
 *
 * with w = 1/size, so that sums are means. Adds what it finds to `parts`. A model without a critic has no
 * value loss; with PopArt, its share of the sum is over σ², so that errors count in units of their targets.
 */
export function actorCriticLoss(
  model: ActorCritic,
  batch: Minibatch,
  s: LossSettings,
  parts: LossParts,
): () => Tensor {
  const { observation, action, mask, memory, noise, weight, oldLogProb } = batch;
  return () => {
    const features = model.features(observation, memory);
    const params = model.outputs(features);
    const logProb = model.head.logProb(params, action, mask);
    const entropy = sum(mul(model.head.entropy(params, mask, noise), weight));
    const value = model.value(observation, memory, features);
    // last, because a changed clip range has the tape record all that follows anew
    const policyLoss = surrogateLoss(logProb, oldLogProb, batch.advantage, weight, s.surrogate);
    parts.policyLoss += policyLoss.data[0];
    parts.entropy += entropy.data[0];
    const { approximateKl, outsideFraction, tokens } = diagnostics(policyLoss);
    const share = tokens * largest(weight.data); // of the minibatch's steps
    parts.approximateKl += approximateKl * share;
    parts.clipFraction += outsideFraction * share;
    let loss = sub(policyLoss, mul(entropy, s.entropyWeight));
    if (value !== null) {
      const criticLoss = valueLoss(value, batch.target, weight, batch.oldValue, s.value);
      parts.valueLoss += criticLoss.data[0];
      const scaled =
        model.popArt === null ? criticLoss : mul(criticLoss, model.popArt.inverseVariance);
      loss = add(loss, mul(scaled, s.valueWeight));
    }
    if (s.klWeight === 0) return loss;
    const logRatio = sub(logProb, oldLogProb);
    const k3 = sub(add(exp(logRatio), -1), logRatio);
    return add(loss, mul(sum(mul(k3, weight)), s.klWeight));
  };
}

function largest(x: Floats): number {
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, x[i]);
  return most;
}
