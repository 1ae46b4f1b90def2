/** A batch of completions in parts that one pass of the model takes: packed in rows, found again by sample. */
import type { Backend, Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import { input, NONE, type Tensor } from "../core/tensor.ts";
import { categoricalLogProb } from "../distributions/categorical.ts";
import type { Gpt } from "../nn/gpt.ts";
import { mul } from "../ops/arithmetic.ts";
import { indexSelect } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
import type { Completions } from "./completions.ts";
import { Pack } from "./pack.ts";

export interface PartSizes {
  /** Rows of a pass, and positions a row has: at least the longest text's. */
  readonly rows: number;
  readonly positions: number;
  /** Most samples a pass takes, and most tokens a completion has. */
  readonly samples: number;
  readonly steps: number;
  /** Samples that must stay together: a group, or 1. */
  readonly together?: number;
  /** Ids that could be drawn, the first ones; others pad the vocabulary. Default: all. */
  readonly tokens?: number;
}

export class CompletionParts {
  readonly pack: Pack;
  /** Where each sample's tokens are predicted, among the pack's positions: [samples, steps]. */
  readonly place: Tensor;
  /** Which of the batch's samples the part holds, `count` of them. */
  readonly sample: Int32Array;
  count = 0;
  private readonly k: Backend;
  private readonly sizes: PartSizes;
  private readonly vocab: number;
  private support: Tensor = NONE;
  private readonly flat: readonly number[];

  constructor(k: Backend, vocab: number, sizes: PartSizes) {
    const { rows, positions, samples, steps } = sizes;
    this.k = k;
    this.sizes = sizes;
    this.vocab = vocab;
    this.pack = new Pack(k, rows, positions);
    this.place = input(k, [samples, steps]);
    this.sample = new Int32Array(samples);
    this.flat = Object.freeze([rows * positions, -1]);
    if ((sizes.tokens ?? vocab) < vocab) this.support = this.everywhere();
  }

  /** For each position 1 at what could be drawn without truncation. */
  private everywhere(): Tensor {
    const { rows, positions } = this.sizes;
    const support = input(this.k, [rows * positions, this.vocab]);
    this.allowAll(support);
    return support;
  }

  private allowAll({ data }: Tensor): void {
    const { vocab } = this;
    const { tokens = vocab } = this.sizes;
    data.fill(0);
    for (let at = 0; at < data.length; at += vocab) data.fill(1, at, at + tokens);
  }

  /** A column that the loss reads, [samples, steps] or, with `each`, [samples]. */
  column(each = false): Tensor {
    const { samples, steps } = this.sizes;
    return input(this.k, each ? [samples] : [samples, steps]);
  }

  /** The part's numbers of a batch's column; 0 behind its last sample. */
  fill({ data }: Tensor, column: Floats): void {
    const n = data.length / this.sample.length;
    data.fill(0);
    for (let i = 0; i < this.count; i++) {
      const from = this.sample[i] * n;
      for (let j = 0; j < n; j++) data[i * n + j] = column[from + j];
    }
  }

  /** Writes what was computed for the part, [samples, steps], to the batch's column. */
  spread({ data }: Tensor, column: Floats): void {
    const { steps } = this.sizes;
    for (let i = 0; i < this.count; i++) {
      const to = this.sample[i] * steps;
      for (let j = 0; j < steps; j++) column[to + j] = data[i * steps + j];
    }
  }

  /** Calls `pass` with part after part of the samples that `order` names from `first` to before `end`. */
  forEachPart(
    batch: Completions,
    order: ArrayLike<number>,
    first: number,
    end: number,
    pass: () => void,
  ): void {
    const { together = 1 } = this.sizes;
    this.clear();
    for (let at = first; at < end; at += together) {
      if (this.addAll(batch, order, at, together)) continue;
      if (this.count === 0) {
        throw new SettingError(
          `completions: ${together} samples that must stay together do not fit one pass; want more rows or positions`,
        );
      }
      pass();
      this.clear();
      at -= together;
    }
    if (this.count > 0) pass();
  }

  private clear(): void {
    this.pack.clear();
    this.place.data.fill(0);
    if (this.support !== NONE) this.allowAll(this.support);
    this.count = 0;
  }

  /** Adds samples, all or none of them; whether they had room. */
  private addAll(batch: Completions, order: ArrayLike<number>, at: number, n: number): boolean {
    const before = this.count;
    for (let j = 0; j < n; j++) {
      if (this.add(batch, order[at + j])) continue;
      this.count = before; // what was placed stays in the pack, with no one to read it
      return false;
    }
    return true;
  }

  private add(batch: Completions, sample: number): boolean {
    const { steps } = this.sizes;
    if (this.count === this.sample.length) return false;
    const prompt = batch.prompt[sample];
    const place = this.pack.add([...prompt, ...batch.tokensOf(sample)]);
    if (place < 0) return false;
    const start = place + prompt.length - 1; // predicts the completion's first token
    for (let j = 0; j < batch.length[sample]; j++) {
      this.place.data[this.count * steps + j] = start + j;
      const at = sample * steps + j;
      // where the environment wrote nothing was drawn, and no token counts
      if (batch.support !== null && batch.mask[at] !== 0) this.narrow(batch.support, at, start + j);
    }
    this.sample[this.count++] = sample;
    return true;
  }

  /** Restricts a position to the tokens that could be drawn there. */
  private narrow(support: Uint8Array, from: number, position: number): void {
    const { vocab } = this;
    if (this.support === NONE) this.support = this.everywhere();
    for (let v = 0; v < vocab; v++)
      this.support.data[position * vocab + v] = support[from * vocab + v];
  }

  /** In a tape: what the model's heads read, logits of all positions, and ln π, [samples, steps]. */
  read(
    gpt: Gpt,
    temperature: number,
  ): { hidden: Tensor; logits: Tensor; logProb: Tensor; mask: Tensor } {
    const { tokens, positions, allowed, following } = this.pack;
    const hidden = reshape(gpt.hidden(tokens, positions, allowed), this.flat);
    const cold = gpt.logits(hidden);
    const logits = temperature === 1 ? cold : mul(cold, 1 / temperature);
    const mask = this.support;
    const logProb = this.gather(categoricalLogProb(logits, following, mask));
    return { hidden, logits, logProb, mask };
  }

  /** Numbers of all positions, for each sample's tokens: [rows · positions] → [samples, steps]. */
  gather(x: Tensor): Tensor {
    return indexSelect(x, this.place);
  }
}
