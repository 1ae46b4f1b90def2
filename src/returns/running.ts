/**
 * Running statistics: of observations, to standardize them; of discounted returns, to scale rewards. Conventions are
 * those of stable-baselines3's VecNormalize: population variance, an initial state that counts as 1e-4 samples of mean
 * 0 and variance 1, eps under the root, a clip.
 */

import type { Floats } from "../core/backend.ts";
import { checkFinite, checkInteger, checkLength, checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { square } from "../core/math.ts";
import { checkRows, checkUnit } from "./transitions.ts";

export interface NormalizeOptions {
  /** Added to the variance. */
  readonly eps: number;
  /** Results are clamped to ±clip. */
  readonly clip: number;
}
export const normalizeDefaults: NormalizeOptions = { eps: 1e-8, clip: 10 };

export type MomentsState = {
  readonly count: number;
  readonly mean: readonly number[];
  readonly variance: readonly number[];
};

function checkNormalize(where: string, eps: number, clip: number): void {
  checkNumber(where, "eps", eps, { min: 0 });
  checkNumber(where, "clip", clip, { min: 0 });
}

const clipped = (x: number, clip: number): number => Math.min(Math.max(x, -clip), clip);

/** Mean and variance of each of `size` features over all rows so far. */
export class RunningMoments {
  readonly size: number;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  private readonly counted: Float64Array;

  /**
   * The initial state, mean 0 and variance 1, counts as `count` samples. `memory`, 2·size + 1 numbers such as memory
   * that threads share, holds the statistics and is taken with its contents.
   */
  constructor(size: number, count = 1e-4, memory?: Float64Array) {
    checkInteger("RunningMoments", "size", size, { min: 0 });
    checkFinite("RunningMoments", "count", count, { min: 0 });
    const numbers = memory ?? new Float64Array(2 * size + 1).fill(1, size, 2 * size);
    checkLength("RunningMoments", "its memory", numbers, 2 * size + 1);
    this.size = size;
    this.mean = numbers.subarray(0, size);
    this.variance = numbers.subarray(size, 2 * size);
    this.counted = numbers.subarray(2 * size);
    if (memory === undefined) this.count = count;
  }

  get count(): number {
    return this.counted[0];
  }
  set count(count: number) {
    this.counted[0] = count;
  }

  /** Adds a batch, [rows, size]; with `counts`, [rows], only the rows where it is not 0. */
  update(batch: Floats, counts?: ArrayLike<number>): void {
    const { size, count } = this;
    checkRows("RunningMoments.update", size, batch.length);
    const all = batch.length / size;
    if (counts !== undefined) checkLength("RunningMoments.update", "counts", counts, all);
    let rows = all;
    if (counts !== undefined) for (let i = 0; i < all; i++) if (counts[i] === 0) rows--;
    if (rows === 0) return;
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let i = j, row = 0; row < all; i += size, row++)
        if (counts === undefined || counts[row] !== 0) sum += batch[i];
      const mean = sum / rows;
      let squares = 0;
      for (let i = j, row = 0; row < all; i += size, row++)
        if (counts === undefined || counts[row] !== 0) squares += square(batch[i] - mean);
      this.#merge(j, count, mean, squares / rows, rows);
    }
    this.count = count + rows;
  }

  /** Adds the samples of other moments, including their initial state. */
  merge(other: RunningMoments): void {
    checkLength("RunningMoments.merge", "the other's mean", other.mean, this.size);
    if (other.count === 0) return;
    for (let j = 0; j < this.size; j++)
      this.#merge(j, this.count, other.mean[j], other.variance[j], other.count);
    this.count += other.count;
  }

  /**
   * Merges sets of n and m samples, with δ between their means (Chan, Golub & LeVeque 1983):
   *
   *   mean = mean₁ + δ·m/(n + m)
   *   variance = (n·variance₁ + m·variance₂ + δ²·n·m/(n + m))/(n + m)
   */
  #merge(j: number, n: number, mean: number, variance: number, m: number): void {
    const delta = mean - this.mean[j];
    const total = n + m;
    this.mean[j] += (delta * m) / total;
    this.variance[j] =
      (n * this.variance[j] + m * variance + (delta * delta * n * m) / total) / total;
  }

  /** y = (x − mean)/√(variance + eps), clipped; rows of `size`. y may be x. */
  normalize(y: Floats, x: Floats, options: Partial<NormalizeOptions> = normalizeDefaults): void {
    const { eps = normalizeDefaults.eps, clip = normalizeDefaults.clip } = options;
    const { size, mean, variance } = this;
    checkRows("RunningMoments.normalize", size, x.length);
    checkNormalize("RunningMoments.normalize", eps, clip);
    checkLength("RunningMoments.normalize", "the output", y, x.length);
    for (let j = 0; j < size; j++) {
      const scale = 1 / Math.sqrt(variance[j] + eps);
      for (let i = j; i < x.length; i += size) y[i] = clipped((x[i] - mean[j]) * scale, clip);
    }
  }

  /** Returns the statistics as plain numbers. */
  save(): MomentsState {
    return { count: this.count, mean: [...this.mean], variance: [...this.variance] };
  }

  restore(state: MomentsState): void {
    checkLength("RunningMoments.restore", "mean", state.mean, this.size);
    checkLength("RunningMoments.restore", "variance", state.variance, this.size);
    checkFinite("RunningMoments.restore", "the count", state.count, { min: 0 });
    for (let j = 0; j < this.size; j++) {
      checkFinite("RunningMoments.restore", `mean[${j}]`, state.mean[j]);
      checkFinite("RunningMoments.restore", `variance[${j}]`, state.variance[j], { min: 0 });
    }
    this.count = state.count;
    this.mean.set(state.mean);
    this.variance.set(state.variance);
  }
}

/**
 * Mean and variance with exponential forgetting: averages of x and x², divided by 1 − βᵗ, so that the initial 0 causes
 * no bias (Kingma & Ba 2015, arXiv:1412.6980, section 3). βᵗ is a running product.
 */
export class ExponentialMoments {
  readonly decay: number;
  private first = 0;
  private second = 0;
  private power = 1;

  /** `decay` is β, from 0 to below 1. */
  constructor(decay: number) {
    checkNumber("ExponentialMoments", "decay", decay, { min: 0, max: 1 - 2 ** -24 });
    this.decay = decay;
  }

  /** Adds the mean of a batch and of its squares. An empty batch changes nothing. */
  update(batch: ArrayLike<number>): void {
    const n = batch.length;
    if (n === 0) return;
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      sum += batch[i];
      squares += square(batch[i]);
    }
    const { decay } = this;
    this.first = decay * this.first + ((1 - decay) * sum) / n;
    this.second = decay * this.second + ((1 - decay) * squares) / n;
    this.power *= decay;
  }

  /** 0 before the first batch. */
  get mean(): number {
    return this.power === 1 ? 0 : this.first / (1 - this.power);
  }

  /** Never negative; 1 before the first batch. */
  get variance(): number {
    if (this.power === 1) return 1;
    return Math.max(0, this.second / (1 - this.power) - square(this.mean));
  }

  save(): readonly number[] {
    return [this.first, this.second, this.power];
  }

  /** Throws ShapeError unless `saved` is a result of `save`. */
  restore(saved: ArrayLike<number>): void {
    checkLength("ExponentialMoments.restore", "the state", saved, 3);
    for (let i = 0; i < 3; i++) checkFinite("ExponentialMoments.restore", `number ${i}`, saved[i]);
    [this.first, this.second, this.power] = Array.from(saved);
  }
}

export interface RewardScalerOptions extends NormalizeOptions {
  /** γ of the return whose standard deviation is the divisor. */
  readonly gamma: number;
}
export const rewardScalerDefaults: RewardScalerOptions = { gamma: 0.99, ...normalizeDefaults };

export type RewardScalerState = {
  readonly returns: readonly number[];
  readonly moments: MomentsState;
};

/**
 * Divides rewards by the running standard deviation of the discounted return so far. The mean is not subtracted: that
 * would change which behavior is best. Each row updates the statistics before its rewards are scaled:
 *
 *   Rₜ = γ·Rₜ₋₁·(1 − doneₜ₋₁) + rₜ        yₜ = clip(rₜ/√(Var R + eps))
 */
export class RewardScaler {
  readonly moments: RunningMoments;
  /** R of each environment. */
  readonly returns: Float64Array;
  readonly options: RewardScalerOptions;

  constructor(envs: number, options: Partial<RewardScalerOptions> = {}) {
    if (!(Number.isInteger(envs) && envs > 0))
      throw new ShapeError(`RewardScaler: expected at least one environment, got ${envs}`);
    this.options = { ...rewardScalerDefaults, ...options };
    const { gamma, eps, clip } = this.options;
    checkUnit("RewardScaler", "gamma", gamma, 0);
    checkNormalize("RewardScaler", eps, clip);
    this.moments = new RunningMoments(1);
    this.returns = new Float64Array(envs);
  }

  /**
   * Updates the statistics with rows of rewards, [steps, envs], and scales them. y may be `reward`. With `counts`,
   * [envs], an environment with 0 took no step: it does not update the statistics, and its reward is not scaled.
   */
  scale(
    y: Floats,
    reward: Floats,
    terminated: Floats,
    truncated: Floats,
    counts?: ArrayLike<number>,
  ): void {
    const { returns, moments } = this;
    const { gamma, eps, clip } = this.options;
    const envs = returns.length;
    checkRows("RewardScaler.scale", envs, reward.length);
    checkLength("RewardScaler.scale", "the output", y, reward.length);
    checkLength("RewardScaler.scale", "terminated", terminated, reward.length);
    checkLength("RewardScaler.scale", "truncated", truncated, reward.length);
    if (counts !== undefined) checkLength("RewardScaler.scale", "counts", counts, envs);
    for (let row = 0; row < reward.length; row += envs) {
      for (let e = 0; e < envs; e++) {
        if (counts === undefined || counts[e] !== 0)
          returns[e] = gamma * returns[e] + reward[row + e];
      }
      moments.update(returns, counts);
      const scale = 1 / Math.sqrt(moments.variance[0] + eps);
      for (let e = 0; e < envs; e++) {
        if (counts !== undefined && counts[e] === 0) continue;
        const i = row + e;
        y[i] = clipped(reward[i] * scale, clip);
        if (terminated[i] !== 0 || truncated[i] !== 0) returns[e] = 0;
      }
    }
  }

  save(): RewardScalerState {
    return { returns: [...this.returns], moments: this.moments.save() };
  }

  restore(state: RewardScalerState): void {
    checkLength("RewardScaler.restore", "returns", state.returns, this.returns.length);
    this.returns.set(state.returns);
    this.moments.restore(state.moments);
  }
}
