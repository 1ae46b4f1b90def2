/**
 * Decoding with a key/value cache, for several texts of different lengths at once. A pass feeds the pending
 * tokens of all texts as rows of one batch, so prompts are read many tokens at a time and continued one by
 * one. When a text outgrows the context, its first tokens are dropped and the rest is read again from
 * position 0.
 */
import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { SettingError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { Tape } from "../core/tape.ts";
import { free, inputs, type Tensor } from "../core/tensor.ts";
import type { KeyValues } from "../ops/self-attention.ts";
import { Sampler, type Sampling } from "./sampler.ts";
import type { LanguageModel } from "./transformer.ts";

const mostRows = 64;

/** A pass of a fixed number of rows: its inputs, its result, and its tape, which is recorded once and replayed. */
interface Pass {
  readonly given: readonly Tensor[];
  readonly made: Tensor;
  readonly tape: Tape;
}

export class Decoder {
  /** Logits after each text's last token, [texts, vocab], as of the last `run`. */
  readonly logits: Floats;
  /** Tokens of each text, [texts, context], and how many there are. */
  readonly text: Int32Array;
  readonly length: Int32Array;
  /** The number of tokens that each text has lost from its start. */
  readonly slid: Int32Array;
  private readonly gpt: LanguageModel;
  /** The number of tokens of each text that have been read. */
  readonly fed: Int32Array;
  private readonly slide: number;
  /** Passes over tokens by their rows; by −rows, of the rows whose logits are wanted: of a prompt, only the last. */
  private readonly passes = new Map<number, Pass>();
  /** The rows of a pass whose logits are wanted. */
  private readonly last: Int32Array;
  /** Keys [texts, heads, D, room] and values [texts, heads, room, D] of each layer. */
  readonly cache: readonly KeyValues[];

  /** `slide` is the number of tokens dropped from a full text: fewer keep more context, more cost less. */
  constructor(gpt: LanguageModel, texts: number, slide = 1) {
    const { context, layers, vocab } = gpt.options;
    const { keyHeads, headWidth: D } = gpt;
    checkInteger("decoder", "texts", texts, { min: 1 });
    checkInteger("decoder", "slide", slide, { min: 1, max: context });
    const k = gpt.parameters.backend;
    const room = (context + 3) & ~3;
    this.gpt = gpt;
    this.slide = slide;
    this.logits = new Float32Array(texts * vocab);
    if (k.name === "loops64") this.logits = new Float64Array(texts * vocab);
    this.text = new Int32Array(texts * context);
    this.length = new Int32Array(texts);
    this.fed = new Int32Array(texts);
    this.slid = new Int32Array(texts);
    this.last = new Int32Array(texts);
    // one spare text, for padding rows
    const shapes = [
      [texts + 1, keyHeads, D, room],
      [texts + 1, keyHeads, room, D],
    ];
    const made = inputs(k, Array.from({ length: layers }, () => shapes).flat());
    this.cache = Array.from({ length: layers }, (_, i) => ({
      keys: made[2 * i],
      values: made[2 * i + 1],
    }));
  }

  /** Frees all buffers; the decoder must not be used again. */
  free(): void {
    for (const { given, tape } of this.passes.values()) {
      tape.drop();
      free(...given);
    }
    this.passes.clear();
    for (const { keys, values } of this.cache) free(keys, values);
  }

  /** Removes a text. */
  clear(text: number): void {
    this.length[text] = 0;
    this.fed[text] = 0;
    this.slid[text] = 0;
  }

  /** Removes all texts and everything computed for them. Call it after the weights changed. */
  clearAll(): void {
    for (let i = 0; i < this.length.length; i++) this.clear(i);
  }

  /** Adds a token; it is read by the next `run`. */
  push(text: number, token: number): void {
    const { inputs, options } = this.gpt;
    const { context } = options;
    if (!(token >= 0 && token < inputs && Number.isInteger(token)))
      throw new RangeError(`decoder: expected a token below ${inputs}, got ${token}`);
    const start = text * context;
    if (this.length[text] === context) {
      this.text.copyWithin(start, start + this.slide, start + context);
      this.length[text] -= this.slide;
      this.slid[text] += this.slide;
      this.fed[text] = 0;
    }
    this.text[start + this.length[text]++] = token;
  }

  /** Reads all pending tokens. */
  run(): void {
    const { context } = this.gpt.options;
    for (let pending = this.pending(); pending > 0; pending = this.pending()) {
      const pass = this.pass(Math.min(pending, mostRows));
      const { given } = pass;
      const token = given[0].data;
      const sequence = given[1].data;
      const position = given[2].data;
      const rows = token.length;
      let n = 0;
      for (let t = 0; t < this.length.length && n < rows; t++) {
        for (; this.fed[t] < this.length[t] && n < rows; n++) {
          token[n] = this.text[t * context + this.fed[t]];
          sequence[n] = t;
          position[n] = this.fed[t]++;
        }
      }
      for (let i = n; i < rows; i++) {
        sequence[i] = this.length.length;
        position[i] = 0;
      }
      pass.tape.replay();
      this.readLogits(pass, n);
    }
  }

  /** Computes the logits of those of the pass's first n rows that are the last of their texts. */
  private readLogits({ made, given }: Pass, n: number): void {
    const { vocab, width } = this.gpt.options;
    const sequence = given[1].data;
    const position = given[2].data;
    let count = 0;
    for (let i = 0; i < n; i++)
      if (position[i] === this.length[sequence[i]] - 1) this.last[count++] = i;
    if (count === 0) return;
    const head = this.pass(count, -1);
    for (let i = 0; i < count; i++) copy(head.given[0].data, i, made.data, this.last[i], width);
    head.tape.replay();
    for (let i = 0; i < count; i++)
      copy(this.logits, sequence[this.last[i]], head.made.data, i, vocab);
  }

  private pending(): number {
    let n = 0;
    for (let t = 0; t < this.length.length; t++) n += this.length[t] - this.fed[t];
    return n;
  }

  /** Returns the smallest pass, in powers of two, with room for `wanted` rows: over tokens, or for logits. */
  private pass(wanted: number, sign = 1): Pass {
    let rows = 1;
    while (rows < wanted) rows *= 2;
    const known = this.passes.get(sign * rows);
    if (known !== undefined) return known;
    const { gpt, cache } = this;
    const k = gpt.parameters.backend;
    const given = inputs(k, sign < 0 ? [[rows, gpt.options.width]] : [[rows], [rows], [rows]]);
    const [first, sequence, position] = given;
    sequence?.data.fill(this.length.length); // padding rows write to the spare text's cache
    const places = { layers: cache, rows: [sequence, position] } as const;
    const body = () => (sign < 0 ? gpt.logits(first) : gpt.decode(first, position, places));
    const tape = new Tape(k, { grads: false });
    try {
      const made: Pass = { given, made: tape.run(body), tape };
      this.passes.set(sign * rows, made);
      return made;
    } catch (error) {
      tape.drop();
      free(...given);
      throw error;
    }
  }
}

function copy(to: Floats, at: number, from: Floats, row: number, size: number): void {
  for (let j = 0; j < size; j++) to[at * size + j] = from[row * size + j];
}

/** A generated token. One object, overwritten for each token. */
export interface Generated {
  readonly token: number;
  /** The log-probability under the tempered and truncated distribution that it was drawn from. */
  readonly logProb: number;
  readonly entropy: number;
  /** The number of tokens dropped from the context so far; above 0, the model no longer sees the text's start. */
  readonly slid: number;
}

export interface GenerateOptions extends Partial<Sampling> {
  /** Tokens that end the text. */
  readonly stop?: readonly number[];
  /** See `Decoder`. */
  readonly slide?: number;
  /** The number of the tokenizer's ids, if the model's vocabulary is padded beyond them; padding is never drawn. */
  readonly tokens?: number;
}

/**
 * Continues one prompt for as long as the caller takes tokens, or up to and including one of `stop`. Frees its
 * buffers when it ends, or when `return()` ends it, such as by a `break` in the caller's loop.
 */
export function* generate(
  gpt: LanguageModel,
  prompt: ArrayLike<number>,
  random: Random,
  options: GenerateOptions = {},
): Generator<Generated, void> {
  const { vocab, context } = gpt.options;
  const { stop = [], slide = 1, tokens = vocab, ...sampling } = options;
  if (prompt.length === 0) throw new SettingError("generate: expected a prompt of a token or more");
  const sampler = new Sampler(vocab, sampling, tokens, gpt.parameters.backend);
  const decoder = new Decoder(gpt, 1, slide);
  const noise = new Float64Array(1);
  const step = { token: 0, logProb: 0, entropy: 0, slid: 0 };
  try {
    for (let i = Math.max(0, prompt.length - context); i < prompt.length; i++)
      decoder.push(0, prompt[i]);
    decoder.slid[0] = Math.max(0, prompt.length - context);
    do {
      decoder.run();
      random.fillUniform(noise);
      sampler.choose(decoder.logits, 0, noise, decoder.text, 0, decoder.length[0]);
      step.token = sampler.token;
      step.logProb = sampler.logProb;
      step.entropy = sampler.entropy;
      step.slid = decoder.slid[0];
      yield step;
      decoder.push(0, step.token);
    } while (!stop.includes(step.token));
  } finally {
    sampler.free();
    decoder.free();
  }
}
