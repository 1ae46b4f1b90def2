/** Completions of prompts by a language model: a batch as columns, and the sampling that fills it. */
import { SettingError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { reserve } from "../core/reserve.ts";
import { sameList } from "../core/same.ts";
import { solo, type Team } from "../core/team.ts";
import { Decoder } from "../nn/decode.ts";
import { Sampler, type Sampling } from "../nn/sampler.ts";
import { hasRead, shareText } from "../nn/share-text.ts";
import type { LanguageModel } from "../nn/transformer.ts";

/**
 * A batch of `count` samples of up to `steps` tokens. Columns are [count, steps] or [count]. Those that sampling writes
 * are a team's: a member that changes them must be the only one.
 */
export class Completions {
  readonly count: number;
  readonly steps: number;
  /** Prompt of each sample as tokens. */
  readonly prompt: (readonly number[])[];
  readonly token: Int32Array;
  /** 1 where the policy wrote the token; 0 where the environment did, and after the end. */
  readonly mask: Float64Array;
  /** ln π of each token when it was drawn. */
  readonly logProb: Float64Array;
  /** Entropy of the distribution that each token was drawn from, in nats. */
  readonly entropy: Float64Array;
  /** Number of tokens, including those that end the completion. */
  readonly length: Int32Array;
  /** Number of tokens at the end that end the completion; 0 for one that was cut short. */
  readonly endLength: Uint8Array;
  /** NaN for a sample without a score. */
  readonly reward: Float64Array;
  /** 1 where a token could be drawn, [count, steps, vocab]; null unless sampling truncates. */
  readonly support: Uint8Array | null;

  constructor(count: number, steps: number, { supportSize = 0, team = solo() } = {}) {
    const n = count * steps;
    this.count = count;
    this.steps = steps;
    this.prompt = new Array(count).fill([]);
    this.token = team.ints(n);
    this.mask = team.doubles(n);
    this.logProb = team.doubles(n);
    this.entropy = team.doubles(n);
    this.length = team.ints(count);
    this.endLength = team.bytes(count);
    this.reward = new Float64Array(count);
    this.support = supportSize > 0 ? team.bytes(n * supportSize) : null;
  }

  /** Returns a sample's tokens, by default with those that end it. */
  tokensOf(i: number, withStop = true): number[] {
    const start = i * this.steps;
    const length = this.length[i] - (withStop ? 0 : this.endLength[i]);
    return Array.from(this.token.subarray(start, start + length));
  }

  /** Copies sample `from` to sample `to`; the team's columns only if this member `leads`. */
  copy(from: number, to: number, leads = true): void {
    const { steps, support, count } = this;
    this.prompt[to] = this.prompt[from];
    this.reward[to] = this.reward[from];
    if (!leads) return;
    for (const column of [this.length, this.endLength]) column[to] = column[from];
    for (const column of [this.token, this.mask, this.logProb, this.entropy])
      column.copyWithin(to * steps, from * steps, (from + 1) * steps);
    const n = (support?.length ?? 0) / count;
    support?.copyWithin(to * n, from * n, (from + 1) * n);
  }

  /** Clears sample i and gives it a prompt. */
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
  /** Sequence of tokens that ends the policy's turn. */
  readonly turnEnd: readonly number[];
  /** Returns the environment's answer as tokens, or null when the dialogue is over. */
  readonly reply: (sample: number, batch: Completions) => readonly number[] | null;
}

export interface CompleterOptions {
  /** Number of texts that are decoded side by side. Default 64, or as many as have room: 256 MiB of keys and values. */
  readonly rows?: number;
  /** Tokens that end a text. */
  readonly stop: readonly number[];
  readonly sampling?: Partial<Sampling>;
  readonly dialogue?: Dialogue;
  /** Number of the tokenizer's ids; higher ids, which pad the model's vocabulary, are never drawn. Default: all. */
  readonly tokens?: number;
  /** The members that share out the samples. Default: one. */
  readonly team?: Team;
}

function usualRows({ options, keyHeads, headWidth }: LanguageModel): number {
  const bytes = 8 * options.layers * keyHeads * headWidth * options.context; // of a text, in float32
  return Math.max(1, Math.min(64, Math.floor(2 ** 28 / bytes)));
}

/** Cuts samples where the prompt changes, and after `most`: a run's prompt is read once, by the member that claims it. */
function runsOf(
  prompts: readonly (readonly number[])[],
  most: number,
): (readonly [first: number, end: number])[] {
  const runs: (readonly [first: number, end: number])[] = [];
  for (let first = 0, end = 0; first < prompts.length; first = end) {
    while (end < prompts.length && end - first < most && sameList(prompts[end], prompts[first]))
      end++;
    runs.push([first, end]);
  }
  return runs;
}

export class Completer {
  private readonly gpt: LanguageModel;
  private readonly decoder: Decoder;
  private readonly sampler: Sampler;
  private readonly stop: ReadonlySet<number>;
  private readonly dialogue: Dialogue | null;
  private readonly team: Team;
  private readonly noise = new Float64Array(1);
  private readonly sampleOf: Int32Array; // sample in each row; −1 for a free row

  constructor(gpt: LanguageModel, options: CompleterOptions) {
    const { rows = usualRows(gpt), stop, sampling = {}, dialogue, tokens, team = solo() } = options;
    const { vocab } = gpt.options;
    this.gpt = gpt;
    this.team = team;
    this.sampler = new Sampler(vocab, sampling, tokens, gpt.parameters.backend);
    this.decoder = new Decoder(gpt, rows);
    this.stop = new Set(stop);
    this.dialogue = dialogue ?? null;
    this.sampleOf = new Int32Array(rows);
  }

  /** Frees all buffers. The completer must not be used again. */
  free(): void {
    this.sampler.free();
    this.decoder.free();
  }

  /** Returns an empty batch for this completer. */
  batch(count: number, steps: number): Completions {
    const { sampler, team, gpt } = this;
    return new Completions(count, steps, {
      supportSize: sampler.truncates ? gpt.options.vocab : 0,
      team,
    });
  }

  /**
   * Completes each prompt, writing samples from `first` on. A row takes the next prompt when its text ends. Each token
   * has a random number of its own, so a sample does not depend on the others, nor on which member draws it.
   */
  complete(
    batch: Completions,
    prompts: readonly (readonly number[])[],
    random: Random,
    first = 0,
  ): void {
    const { steps } = batch;
    for (const [i, prompt] of prompts.entries()) this.check(prompt, steps, i);
    const { sampleOf, decoder, team } = this;
    const noiseOf = reserve(random, prompts.length * steps);
    for (const [i, prompt] of prompts.entries()) batch.prompt[first + i] = prompt;
    sampleOf.fill(-1);
    let active = 0;
    let waiting: (readonly [row: number, reader: number])[] = []; // for another row to read their prompt
    const rows = Math.min(sampleOf.length, Math.ceil(prompts.length / team.size));
    const runs = runsOf(prompts, rows);
    const claim = team.claims();
    let [next, end] = [0, 0]; // of the run that this member has claimed
    const take = (row: number): void => {
      if (next === end) [next, end] = runs[claim()] ?? [next, next];
      if (next === end) return;
      const i = next++;
      const prompt = prompts[i];
      const reader = this.readerOf(batch, prompt);
      decoder.clear(row);
      if (reader < 0) for (const token of prompt) decoder.push(row, token);
      else if (hasRead(decoder, reader, prompt.length - 1)) this.share(reader, row, prompt);
      else waiting.push([row, reader]);
      sampleOf[row] = first + i;
      batch.start(first + i, prompt);
      active++;
    };
    for (let row = 0; row < rows; row++) take(row);
    while (active > 0) {
      if (waiting.length > 0) decoder.run();
      for (const [row, reader] of waiting) this.share(reader, row, batch.prompt[sampleOf[row]]);
      waiting = [];
      decoder.run();
      for (let row = 0; row < rows; row++) {
        const sample = sampleOf[row];
        if (sample < 0) continue;
        this.noise[0] = noiseOf((sample - first) * steps + batch.length[sample]);
        if (this.step(batch, row)) continue;
        sampleOf[row] = -1;
        active--;
        take(row);
      }
    }
    decoder.clearAll();
    team.barrier();
  }

  /** Returns a row whose text begins with a prompt of two tokens or more, and so reads it; −1 if there is none. */
  private readerOf(batch: Completions, prompt: readonly number[]): number {
    if (prompt.length < 2) return -1;
    return this.sampleOf.findIndex(
      (sample) => sample >= 0 && sameList(batch.prompt[sample], prompt),
    );
  }

  /** Gives a row its prompt from another that has read it, all but the last token, whose logits are needed. */
  private share(reader: number, row: number, prompt: readonly number[]): void {
    shareText(this.decoder, [reader, row], prompt.length - 1);
    this.decoder.push(row, prompt[prompt.length - 1]);
  }

  /** Draws one more token for a row. Returns false when its text ends. */
  private step(batch: Completions, row: number): boolean {
    const { decoder, sampler, noise, gpt } = this;
    const { vocab, context } = gpt.options;
    const sample = this.sampleOf[row];
    const start = row * context;
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
    const reply = turnEnd > 0 ? this.dialogue?.reply(sample, batch) : undefined;
    if (reply === null) {
      batch.endLength[sample] = turnEnd;
      return false;
    }
    const added = reply?.length ?? 0;
    if (batch.length[sample] + added >= batch.steps) return false;
    decoder.push(row, sampler.token);
    for (let j = 0; j < added; j++) {
      const token = (reply as readonly number[])[j];
      batch.token[at + 1 + j] = token;
      decoder.push(row, token);
    }
    batch.length[sample] += added;
    return true;
  }

  /** Returns the number of last tokens that end the policy's turn; 0 if they do not. */
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
