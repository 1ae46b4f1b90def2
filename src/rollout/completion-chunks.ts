/** The chunks of a batch of completions. Texts are packed into rows; results are gathered by sample. */
import type { Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import { input, NONE, type Parameters, type Tensor } from "../core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../distributions/categorical.ts";
import type { PolicyOutputs } from "../estimators/policy-loss.ts";
import { perToken, type ReadLogits } from "../nn/recompute.ts";
import type { LanguageModel } from "../nn/transformer.ts";
import { valuesOf } from "../nn/value.ts";
import { mul } from "../ops/arithmetic.ts";
import { indexSelect } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
import type { Chunks, WantedOutputs } from "./chunks.ts";
import type { Completions } from "./completions.ts";
import { Pack } from "./pack.ts";

export interface ChunkSizes {
  /** Rows per pass. */
  readonly rows: number;
  /** Positions per row, at least as many as the longest text needs. */
  readonly positions: number;
  /** Most samples per pass. */
  readonly samples: number;
  /** Most tokens per completion. */
  readonly steps: number;
  /** Neighboring samples that stay in one chunk, such as a group. Default 1. */
  readonly together?: number;
  /** Number of token ids that could be drawn; higher ids pad the vocabulary. Default: all. */
  readonly tokens?: number;
}

/** Units are samples of a batch. */
export class CompletionChunks implements Chunks {
  readonly parameters: Parameters;
  readonly pack: Pack;
  /** Position in the pack at which each token is predicted, [samples, steps]. */
  readonly place: Tensor;
  /** Index in the batch of each sample in the current chunk; the first `count` are used. */
  readonly sample: Int32Array;
  readonly capacity: number;
  count = 0;
  private readonly gpt: LanguageModel;
  private readonly batch: Completions;
  /** Log-probabilities, and entropies beside them. */
  private readonly readLogProb: ReadLogits;
  private readonly readBoth: ReadLogits;
  private readonly sizes: ChunkSizes;
  private readonly vocab: number;
  private support: Tensor = NONE;
  private readonly flat: readonly number[];

  constructor(gpt: LanguageModel, batch: Completions, sizes: ChunkSizes, temperature = 1) {
    const { rows, positions, samples, steps } = sizes;
    const { backend: k } = gpt.parameters;
    const { vocab } = gpt.options;
    this.gpt = gpt;
    this.batch = batch;
    const tempered = (x: Tensor): Tensor => (temperature === 1 ? x : mul(x, 1 / temperature));
    this.readLogProb = {
      results: 1,
      of: (logits, [token, support]) => [categoricalLogProb(tempered(logits), token, support)],
    };
    this.readBoth = {
      results: 2,
      of(logits, [token, support]) {
        const x = tempered(logits);
        return [categoricalLogProb(x, token, support), categoricalEntropy(x, support)];
      },
    };
    this.parameters = gpt.parameters;
    this.sizes = sizes;
    this.capacity = samples;
    this.vocab = vocab;
    this.pack = new Pack(k, rows, positions, vocab);
    this.place = input(k, [samples, steps]);
    this.sample = new Int32Array(samples);
    this.flat = Object.freeze([rows * positions, -1]);
    if ((sizes.tokens ?? vocab) < vocab) this.support = this.fullSupport();
  }

  /** Returns a support, [positions, vocab], with 1 at each token that could be drawn without truncation. */
  private fullSupport(): Tensor {
    const { rows, positions } = this.sizes;
    const support = input(this.parameters.backend, [rows * positions, this.vocab]);
    this.allowAll(support);
    return support;
  }

  private allowAll({ data }: Tensor): void {
    const { vocab } = this;
    const { tokens = vocab } = this.sizes;
    data.fill(0);
    for (let at = 0; at < data.length; at += vocab) data.fill(1, at, at + tokens);
  }

  column(of: Floats): Tensor {
    const { samples, steps } = this.sizes;
    const perToken = of.length === this.batch.mask.length;
    return input(this.parameters.backend, perToken ? [samples, steps] : [samples]);
  }

  fill({ data }: Tensor, column: Floats): void {
    const n = data.length / this.sample.length;
    data.fill(0);
    for (let i = 0; i < this.count; i++) {
      const from = this.sample[i] * n;
      for (let j = 0; j < n; j++) data[i * n + j] = column[from + j];
    }
  }

  spill({ data }: Tensor, column: Floats): void {
    const { steps } = this.sizes;
    for (let i = 0; i < this.count; i++) {
      const to = this.sample[i] * steps;
      for (let j = 0; j < steps; j++) column[to + j] = data[i * steps + j];
    }
  }

  forEachChunk(order: ArrayLike<number>, first: number, end: number, pass: () => void): void {
    const { together = 1 } = this.sizes;
    this.clear();
    for (let at = first; at < end; at += together) {
      if (this.addAll(order, at, together)) continue;
      if (this.count === 0) {
        throw new SettingError(
          `completions: ${together} samples that must stay together do not fit one pass; give it more rows or positions`,
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

  /** Adds n samples, or none if they do not fit. Returns true if they were added. */
  private addAll(order: ArrayLike<number>, at: number, n: number): boolean {
    const before = this.count;
    for (let j = 0; j < n; j++) {
      if (this.add(order[at + j])) continue;
      this.count = before; // texts already packed stay in the pack and are not gathered
      return false;
    }
    return true;
  }

  private add(sample: number): boolean {
    const { batch } = this;
    const { steps } = this.sizes;
    if (this.count === this.sample.length) return false;
    const prompt = batch.prompt[sample];
    const place = this.pack.add([...prompt, ...batch.tokensOf(sample)]);
    if (place < 0) return false;
    const start = place + prompt.length - 1; // predicts the completion's first token
    for (let j = 0; j < batch.length[sample]; j++) {
      this.place.data[this.count * steps + j] = start + j;
      const at = sample * steps + j;
      // a token of the environment was not drawn, and has no support
      if (batch.support !== null && batch.mask[at] !== 0) this.narrow(batch.support, at, start + j);
    }
    this.sample[this.count++] = sample;
    return true;
  }

  /** Restricts a position to the tokens that could be drawn at it. */
  private narrow(support: Uint8Array, from: number, position: number): void {
    const { vocab } = this;
    if (this.support === NONE) this.support = this.fullSupport();
    for (let v = 0; v < vocab; v++)
      this.support.data[position * vocab + v] = support[from * vocab + v];
  }

  evaluate({ entropy, value }: WantedOutputs): PolicyOutputs {
    const { gpt, support } = this;
    const { tokens, positions, allowed, following } = this.pack;
    const hidden = reshape(gpt.hidden(tokens, positions, allowed), this.flat);
    const beside = support === NONE ? [following] : [following, support];
    const read = entropy ? this.readBoth : this.readLogProb;
    const [logProb, entropies] = perToken(gpt, hidden, beside, read);
    return {
      logProb: this.gather(logProb),
      entropy: entropy ? this.gather(entropies) : null,
      value: value ? this.gather(valuesOf(gpt, hidden)) : null,
    };
  }

  /** Gathers the positions of each sample's tokens: [rows · positions] → [samples, steps]. */
  private gather(x: Tensor): Tensor {
    return indexSelect(x, this.place);
  }
}
