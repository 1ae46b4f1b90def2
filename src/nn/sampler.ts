/** Choosing the next token from logits: temperature, truncation, repetition penalty, greedy. */
import type { Floats } from "../core/backend.ts";
import { exp, log } from "../core/math.ts";
import { flag, integer, real, settle, type Values } from "../core/settings.ts";

/** Applied in this order, as Hugging Face does: penalty, temperature, top-k, top-p, min-p. */
export const samplingSettings = {
  temperature: real(1, "logits are divided by it", { min: 1e-3, max: 1e3 }),
  topK: integer(0, "keep the k likeliest tokens; 0 keeps all"),
  topP: real(1, "keep the likeliest tokens that together reach this probability", {
    min: 1e-9,
    max: 1,
  }),
  minP: real(0, "keep tokens at least this likely against the likeliest", { min: 0, max: 1 }),
  repetitionPenalty: real(1, "logits of tokens seen are divided by it, or multiplied below 0", {
    min: 1e-3,
    max: 1e3,
  }),
  greedy: flag(false, "take the likeliest token"),
};
export type Sampling = Values<typeof samplingSettings>;

/**
 * One choice after another, without allocating. Its results stay until the next: `logProb` and `entropy`
 * are of the distribution drawn from, tempered and truncated, and `support` has 1 for what was kept.
 */
export class Sampler {
  readonly options: Sampling;
  token = 0;
  logProb = 0;
  entropy = 0;
  readonly support: Uint8Array;
  /** Whether any token can fall out of the support. */
  readonly truncates: boolean;
  private readonly x: Float64Array;
  /** exp of each kept logit less the largest: probabilities, times their sum. */
  private readonly chance: Float64Array;
  private readonly sorted: Float64Array;

  constructor(vocab: number, options: Partial<Sampling> = {}) {
    this.options = settle(samplingSettings, options);
    const { topK, topP, minP } = this.options;
    this.truncates = (topK > 0 && topK < vocab) || topP < 1 || minP > 0;
    this.support = new Uint8Array(vocab).fill(1);
    this.x = new Float64Array(vocab);
    this.chance = new Float64Array(vocab);
    this.sorted = new Float64Array(vocab);
  }

  /**
   * Chooses by inverse CDF from logits[start …] with `noise[0]`, uniform in [0, 1). `text` from `first` to
   * `end` is what a repetition penalty looks at.
   */
  choose(
    logits: Floats,
    start: number,
    noise: ArrayLike<number>,
    text: ArrayLike<number> = nothing,
    first = 0,
    end = text.length,
  ): void {
    const { x, support } = this;
    const { temperature, repetitionPenalty, greedy } = this.options;
    for (let j = 0; j < x.length; j++) x[j] = logits[start + j];
    if (repetitionPenalty !== 1) this.penalize(text, first, end);
    if (temperature !== 1) for (let j = 0; j < x.length; j++) x[j] /= temperature;
    let best = 0;
    for (let j = 1; j < x.length; j++) if (x[j] > x[best]) best = j;
    if (this.truncates) this.truncate(x[best]);
    const max = x[best];
    const { chance } = this;
    let sum = 0;
    let weighted = 0;
    for (let j = 0; j < x.length; j++) {
      const d = x[j] - max;
      const e = support[j] === 0 ? 0 : exp(d);
      chance[j] = e;
      sum += e;
      if (e > 0) weighted += e * d;
    }
    const logSum = log(sum);
    this.entropy = logSum - weighted / sum;
    this.token = greedy ? best : this.draw(noise, sum);
    this.logProb = x[this.token] - max - logSum;
  }

  /** The smallest token k with u·sum < e₀ + … + eₖ; never one of probability 0. */
  private draw(noise: ArrayLike<number>, sum: number): number {
    const { chance } = this;
    const u = noise[0] * sum;
    let last = 0;
    let total = 0;
    for (let j = 0; j < chance.length; j++) {
      if (chance[j] === 0) continue;
      last = j;
      total += chance[j];
      if (u < total) break;
    }
    return last;
  }

  /** Keskar et al. 2019, arXiv:1909.05858: each token of the text once. */
  private penalize(text: ArrayLike<number>, first: number, end: number): void {
    const { x, support } = this;
    const by = this.options.repetitionPenalty;
    support.fill(0); // marks what was seen, for now
    for (let i = first; i < end; i++) support[text[i]] = 1;
    for (let j = 0; j < x.length; j++) {
      if (support[j] === 1) x[j] = x[j] > 0 ? x[j] / by : x[j] * by;
    }
    support.fill(1);
  }

  /** Writes the support. Equals of the least kept stay with it. */
  private truncate(max: number): void {
    const { x, support, sorted } = this;
    const { topK, topP, minP } = this.options;
    let least = -Infinity;
    if ((topK > 0 && topK < x.length) || topP < 1) {
      sorted.set(x);
      sorted.sort();
      if (topK > 0 && topK < x.length) least = sorted[x.length - topK];
      if (topP < 1) least = Math.max(least, this.nucleus(max, least));
    }
    if (minP > 0) least = Math.max(least, max + log(minP));
    for (let j = 0; j < x.length; j++) support[j] = x[j] >= least ? 1 : 0;
  }

  /** The largest logit from which on up the kept reach topP of the probability of those from `least` on. */
  private nucleus(max: number, least: number): number {
    const { sorted } = this;
    const n = sorted.length;
    let total = 0;
    for (let i = n - 1; i >= 0 && sorted[i] >= least; i--) total += exp(sorted[i] - max);
    let reached = 0;
    let i = n - 1;
    for (; i > 0; i--) {
      reached += exp(sorted[i] - max);
      if (reached >= this.options.topP * total) break;
    }
    return sorted[i];
  }
}
const nothing: ArrayLike<number> = [];
