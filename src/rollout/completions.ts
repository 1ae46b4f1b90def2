/** Completions of prompts by a language model: a batch of them as columns, and sampling that fills it. */
import { SettingError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { Decoder } from "../nn/decode.ts";
import type { Gpt } from "../nn/gpt.ts";
import { Sampler, type Sampling } from "../nn/sampler.ts";

/** `count` samples of up to `steps` tokens; columns are [count, steps] or [count]. */
export class Completions {
  readonly count: number;
  readonly steps: number;
  /** Each sample's prompt, as tokens. */
  readonly prompt: (readonly number[])[];
  readonly token: Int32Array;
  /** 1 where the policy wrote the token; 0 where the environment did, and behind the end. */
  readonly mask: Float64Array;
  /** ln π of each token when it was drawn, and the entropy of what it was drawn from. */
  readonly logProb: Float64Array;
  readonly entropy: Float64Array;
  /** Tokens in all, and how many at the end say that it is over: a text with none of them was cut short. */
  readonly length: Int32Array;
  readonly endLength: Uint8Array;
  /** NaN where it could not be scored. */
  readonly reward: Float64Array;
  /** For truncated sampling: 1 where a token could be drawn, [count, steps, vocab]. */
  readonly support: Uint8Array | null;

  constructor(count: number, steps: number, supportSize = 0) {
    const n = count * steps;
    this.count = count;
    this.steps = steps;
    this.prompt = new Array(count).fill([]);
    this.token = new Int32Array(n);
    [this.mask, this.logProb, this.entropy] = [0, 1, 2].map(() => new Float64Array(n)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    this.length = new Int32Array(count);
    this.endLength = new Uint8Array(count);
    this.reward = new Float64Array(count);
    this.support = supportSize > 0 ? new Uint8Array(n * supportSize) : null;
  }

  /** A sample's tokens; those that end it are left out where asked. */
  tokensOf(i: number, withStop = true): number[] {
    const start = i * this.steps;
    const length = this.length[i] - (withStop ? 0 : this.endLength[i]);
    return Array.from(this.token.subarray(start, start + length));
  }

  /** Makes sample `to` the same as sample `from`. */
  copy(from: number, to: number): void {
    const { steps, support, count } = this;
    this.prompt[to] = this.prompt[from];
    for (const column of [this.length, this.endLength, this.reward]) column[to] = column[from];
    for (const column of [this.token, this.mask, this.logProb, this.entropy])
      column.copyWithin(to * steps, from * steps, (from + 1) * steps);
    const n = (support?.length ?? 0) / count;
    support?.copyWithin(to * n, from * n, (from + 1) * n);
  }

  /** Empties one sample, for a prompt. */
  start(i: number, prompt: readonly number[]): void {
    this.prompt[i] = prompt;
    this.length[i] = 0;
    this.endLength[i] = 0;
    this.reward[i] = 0;
    for (const column of [this.token, this.mask, this.logProb, this.entropy])
      column.fill(0, i * this.steps, (i + 1) * this.steps);
  }
}

/** The environment's side of a dialogue. */
export interface Dialogue {
  /** Tokens that end the policy's turn, one after the other. */
  readonly turnEnd: readonly number[];
  /** The environment's answer in tokens, or null when the dialogue is over. */
  readonly reply: (sample: number, batch: Completions) => readonly number[] | null;
}

export interface CompleterOptions {
  /** Texts decoded side by side. Default 64. */
  readonly rows?: number;
  /** A text ends with one of these. */
  readonly stop: readonly number[];
  readonly sampling?: Partial<Sampling>;
  readonly dialogue?: Dialogue;
  /** The tokenizer's ids, where the model's vocabulary is padded beyond them: others are never drawn. */
  readonly tokens?: number;
}

export class Completer {
  private readonly gpt: Gpt;
  private readonly decoder: Decoder;
  private readonly sampler: Sampler;
  private readonly stop: ReadonlySet<number>;
  private readonly dialogue: Dialogue | null;
  private readonly noise = new Float64Array(1);
  private readonly sampleOf: Int32Array; // which sample a row holds; −1: none

  constructor(gpt: Gpt, { rows = 64, stop, sampling = {}, dialogue, tokens }: CompleterOptions) {
    const { vocab } = gpt.options;
    this.gpt = gpt;
    this.sampler = new Sampler(vocab, sampling, tokens);
    this.decoder = new Decoder(gpt, rows);
    this.stop = new Set(stop);
    this.dialogue = dialogue ?? null;
    this.sampleOf = new Int32Array(rows);
  }

  /** Gives all buffers back: the completer must not be used again. */
  free(): void {
    this.decoder.free();
  }

  /** A batch with room for what this samples. */
  batch(count: number, steps: number): Completions {
    return new Completions(count, steps, this.sampler.truncates ? this.gpt.options.vocab : 0);
  }

  /** Completes each of the prompts, as samples from `first` on; a row whose text is done takes the next. */
  complete(
    batch: Completions,
    prompts: readonly (readonly number[])[],
    random: Random,
    first = 0,
  ): void {
    for (const [i, prompt] of prompts.entries()) this.check(prompt, batch.steps, i);
    const { sampleOf, decoder } = this;
    sampleOf.fill(-1);
    let next = 0;
    let active = 0;
    const take = (row: number): void => {
      if (next === prompts.length) return;
      decoder.clear(row);
      for (const token of prompts[next]) decoder.push(row, token);
      sampleOf[row] = first + next;
      batch.start(first + next, prompts[next++]);
      active++;
    };
    for (let row = 0; row < sampleOf.length; row++) take(row);
    while (active > 0) {
      decoder.run();
      for (let row = 0; row < sampleOf.length; row++) {
        if (sampleOf[row] < 0 || this.step(batch, row, random)) continue;
        sampleOf[row] = -1;
        active--;
        take(row);
      }
    }
    decoder.clearAll();
  }

  /** One token more for a row's sample; whether it goes on. */
  private step(batch: Completions, row: number, random: Random): boolean {
    const { decoder, sampler, noise, gpt } = this;
    const { vocab, context } = gpt.options;
    const sample = this.sampleOf[row];
    const start = row * context;
    random.fillUniform(noise);
    const end = start + decoder.length[row];
    sampler.choose(decoder.logits, row * vocab, noise, decoder.text, start, end);
    const at = sample * batch.steps + batch.length[sample]++;
    batch.token[at] = sampler.token;
    batch.mask[at] = 1;
    batch.logProb[at] = sampler.logProb;
    batch.entropy[at] = sampler.entropy;
    batch.support?.set(sampler.support, at * vocab);
    if (this.stop.has(sampler.token)) {
      batch.endLength[sample] = 1;
      return false;
    }
    const turnEnd = this.turnEnd(batch, sample);
    const said = turnEnd > 0 ? this.dialogue?.reply(sample, batch) : undefined;
    if (said === null) {
      batch.endLength[sample] = turnEnd;
      return false;
    }
    const added = said?.length ?? 0;
    if (batch.length[sample] + added >= batch.steps) return false;
    decoder.push(row, sampler.token);
    for (let j = 0; j < added; j++) {
      const token = (said as readonly number[])[j];
      batch.token[at + 1 + j] = token;
      decoder.push(row, token);
    }
    batch.length[sample] += added;
    return true;
  }

  /** How many tokens end the policy's turn here, if they do; else 0. */
  private turnEnd(batch: Completions, sample: number): number {
    if (this.dialogue === null) return 0;
    const { turnEnd } = this.dialogue;
    const end = sample * batch.steps + batch.length[sample];
    if (batch.length[sample] < turnEnd.length) return 0;
    for (const [i, token] of turnEnd.entries()) {
      const at = end - turnEnd.length + i;
      if (batch.token[at] !== token || batch.mask[at] === 0) return 0;
    }
    return turnEnd.length;
  }

  private check(prompt: readonly number[], steps: number, i: number): void {
    const { context } = this.gpt.options;
    if (prompt.length === 0)
      throw new SettingError(`completions: prompt ${i} is empty; begin it with the end token`);
    if (prompt.length + steps > context + 1) {
      throw new SettingError(
        `completions: prompt ${i} has ${prompt.length} tokens; with ${steps} to come it does not fit the context of ${context}`,
      );
    }
  }
}
