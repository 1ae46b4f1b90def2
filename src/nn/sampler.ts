/** Samples the next token from logits: temperature, truncation, repetition penalty, greedy. */
import type { Backend, Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { NumericError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";
import { choice, flag, integer, real, settle, type Values } from "../core/settings.ts";

/** Sampling settings, applied in Hugging Face's order: penalty, temperature, top-k, top-p, min-p. */
export const samplingSettings = {
  temperature: real(1, "logits are divided by it", { min: 1e-3, max: 1e3 }),
  topK: integer(0, "keep the k likeliest tokens; 0 keeps all"),
  topP: real(1, "keep the likeliest tokens that together reach this probability", {
    min: 1e-9,
    max: 1,
  }),
  topPRule: choice(
    "reach",
    ["reach", "within"],
    "topP: the smallest set that reaches it, or the largest within",
  ),
  minP: real(0, "keep tokens at least this likely against the likeliest", { min: 0, max: 1 }),
  repetitionPenalty: real(1, "logits of tokens seen are divided by it, or multiplied below 0", {
    min: 1e-3,
    max: 1e3,
  }),
  greedy: flag(false, "take the likeliest token"),
};
export type Sampling = Values<typeof samplingSettings>;

/**
 * Chooses tokens without allocating. Results are valid until the next choice: `logProb` and `entropy` of the
 * distribution drawn from, tempered and truncated; `support` is 1 for the tokens kept by truncation.
 */
export class Sampler {
  readonly options: Sampling;
  token = 0;
  logProb = 0;
  entropy = 0;
  readonly support: Uint8Array;
  /** True if truncation may drop tokens. */
  readonly truncates: boolean;
  private readonly x: Float64Array;
  /** exp(logit − maximum) of each kept token: unnormalized probabilities. */
  private readonly chance: Float64Array;
  private readonly sorted: Float64Array;
  private readonly whole: boolean; // every id of the vocabulary may be drawn
  private readonly backend: Backend | null;
  /** One row of logits, and its log-sum in two parts, for the backend's kernels; null until they are needed. */
  private scratch: { readonly row: Floats; readonly sums: Floats } | null = null;

  /**
   * Only the first `tokens` ids may be chosen; the others pad the vocabulary and have no text. With the `backend`
   * that computes the logits, tempered logits and `logProb` are rounded as on its tapes, so that `logProb` has the
   * bits of `categoricalLogProb`; otherwise they are in float64.
   */
  constructor(
    vocab: number,
    options: Partial<Sampling> = {},
    tokens = vocab,
    backend: Backend | null = null,
  ) {
    checkInteger("Sampler", "vocab", vocab, { min: 1 });
    checkInteger("Sampler", "tokens", tokens, { min: 1, max: vocab });
    this.options = settle(samplingSettings, options);
    const { topK, topP, minP } = this.options;
    this.truncates = (topK > 0 && topK < tokens) || topP < 1 || minP > 0;
    this.whole = !this.truncates && tokens === vocab;
    this.backend = backend;
    this.support = new Uint8Array(vocab).fill(1, 0, tokens);
    this.x = new Float64Array(tokens);
    this.chance = new Float64Array(tokens);
    this.sorted = new Float64Array(tokens);
  }

  /** Frees the buffers of the backend. */
  free(): void {
    if (this.scratch === null) return;
    this.backend?.free(this.scratch.row);
    this.backend?.free(this.scratch.sums);
    this.scratch = null;
  }

  /**
   * Chooses by inverse CDF from logits[start …] with `noise[0]`, uniform in [0, 1). The repetition penalty
   * applies to tokens of `text` from `first` to `end`.
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
    for (let j = 0; j < x.length; j++) {
      x[j] = logits[start + j];
      if (Number.isNaN(x[j])) throw new NumericError(`Sampler.choose: logit ${j} is NaN`);
    }
    if (repetitionPenalty !== 1) this.penalize(text, first, end);
    if (temperature !== 1) this.temper();
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
    if (!(sum > 0)) {
      throw new NumericError(`Sampler.choose: expected finite logits, got ${max} as the largest`);
    }
    const logSum = log(sum);
    this.entropy = logSum - weighted / sum;
    this.token = greedy ? best : this.draw(noise, sum);
    this.logProb = x[this.token] - max - logSum;
    if (this.backend !== null) this.round(this.backend, max, logSum);
  }

  /** Divides the logits by the temperature. */
  private temper(): void {
    const { x, backend } = this;
    const { temperature } = this.options;
    if (backend === null) {
      for (let j = 0; j < x.length; j++) x[j] /= temperature;
      return;
    }
    const { row } = this.room(backend);
    for (let j = 0; j < x.length; j++) row[j] = x[j];
    if (backend.scale === undefined) for (let j = 0; j < x.length; j++) row[j] *= 1 / temperature;
    else backend.scale(row, 1 / temperature);
    for (let j = 0; j < x.length; j++) x[j] = row[j];
  }

  /** Computes `logProb` again with the kernel and the rounding of categoricalLogProb. */
  private round(k: Backend, max: number, logSum: number): void {
    const { x, whole } = this;
    const { row, sums } = this.room(k);
    sums[1] = logSum;
    if (whole && x.length >= 8 && k.logSums !== undefined) {
      for (let j = 0; j < x.length; j++) row[j] = x[j];
      k.logSums(sums, row, 1);
    }
    sums[0] = x[this.token] - max - sums[1];
    this.logProb = sums[0];
  }

  private room(k: Backend): { readonly row: Floats; readonly sums: Floats } {
    this.scratch ??= { row: k.alloc(this.x.length), sums: k.alloc(2) };
    return this.scratch;
  }

  /** Returns the smallest token k with u·sum < e₀ + … + eₖ; never one of probability 0. */
  private draw(noise: ArrayLike<number>, sum: number): number {
    const { chance } = this;
    if (!(noise[0] >= 0 && noise[0] < 1)) {
      throw new RangeError(`Sampler.choose: expected noise from 0 to below 1, got ${noise[0]}`);
    }
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

  /** Applies the repetition penalty of Keskar et al. 2019, arXiv:1909.05858, once per distinct token of the text. */
  private penalize(text: ArrayLike<number>, first: number, end: number): void {
    const { x, support } = this;
    const by = this.options.repetitionPenalty;
    support.fill(0); // marks tokens of the text, temporarily
    for (let i = first; i < end; i++) support[text[i]] = 1;
    for (let j = 0; j < x.length; j++) {
      if (support[j] === 1) x[j] = x[j] > 0 ? x[j] / by : x[j] * by;
    }
    support.fill(0);
    support.fill(1, 0, x.length);
  }

  /** Writes the support. Keeps tokens whose logit equals the least kept. */
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

  /**
   * Returns the least logit that nucleus sampling keeps, of those from `least` on: the likeliest that together
   * reach topP of their probability, or as many as stay within it, and at least the likeliest.
   */
  private nucleus(max: number, least: number): number {
    const { sorted } = this;
    const n = sorted.length;
    let total = 0;
    for (let i = n - 1; i >= 0 && sorted[i] >= least; i--) total += exp(sorted[i] - max);
    let reached = 0;
    const { topP, topPRule } = this.options;
    let i = n - 1;
    for (; i > 0; i--) {
      reached += exp(sorted[i] - max);
      if (reached >= topP * total) break;
    }
    if (topPRule === "reach" || reached === topP * total) return sorted[i];
    let above = i;
    while (above < n - 1 && sorted[above] === sorted[i]) above++; // equal logits are kept together
    return sorted[above];
  }
}
const nothing: ArrayLike<number> = [];
