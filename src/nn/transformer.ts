/**
 * The skeleton that the families of language models share: embeddings; blocks of causal attention and a perceptron,
 * each added to its input; a last norm; a head. A family (gpt.ts, llama.ts) supplies the parts.
 */
import { NONE, type Parameters, type Tensor } from "../core/tensor.ts";
import { addSame } from "../ops/arithmetic.ts";
import { linear } from "../ops/matmul.ts";
import type { KeyValues } from "../ops/self-attention.ts";
import type { Dropout } from "./dropout.ts";
import type { WeightList } from "./weights.ts";

/** The sizes and choices that every family has. */
export interface ModelOptions {
  readonly vocab: number;
  /** The most positions of a text. */
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Uses the token embedding as the head. */
  readonly tied: boolean;
  /** Adds a value head on the last layer. */
  readonly valueHead: boolean;
}

/** A language model of any family, as decoding, sampling and training need it. */
export interface LanguageModel {
  readonly options: ModelOptions;
  /** The ids that may be read: the vocabulary's, and those of patches where it sees pictures. */
  readonly inputs: number;
  readonly parameters: Parameters;
  /** The heads of keys and values, and the width of a head: the sizes of a cache. */
  readonly keyHeads: number;
  readonly headWidth: number;
  /** Computes blocks and logits again in the backward pass; null, the default, keeps them. `recompute` sets it. */
  recompute: Recomputing | null;
  hidden(tokens: Tensor, positions: Tensor, allowed?: Tensor, drop?: Dropout | null): Tensor;
  decode(tokens: Tensor, positions: Tensor, cache: Cache): Tensor;
  logits(hidden: Tensor): Tensor;
  /** Maps [n, width] to [n, 1]; see `valuesOf`. */
  readonly valueHead: { forward(x: Tensor): Tensor } | null;
}

/** Each layer's keys and values, and the sequence [rows] and position [rows] of the rows that enter them. */
export interface Cache {
  readonly layers: readonly KeyValues[];
  readonly rows: readonly [sequence: Tensor, position: Tensor];
}

/** A layer's attention, given its number: over whole sequences, or from a cache. QKV is the family's form. */
export type Attend<QKV> = (qkv: QKV, layer: number) => Tensor;

/** A block's two branches; the skeleton adds each to its input. */
export interface Block<QKV> {
  attention(x: Tensor, positions: Tensor, layer: number, attend: Attend<QKV>): Tensor;
  mlp(x: Tensor): Tensor;
}

/** Returns the output of block i for its input. recompute.ts has one that computes it again in the backward pass. */
export interface Recomputing {
  // biome-ignore lint/suspicious/noExplicitAny: of any family
  block(i: number, x: Tensor, positions: Tensor, attend: Attend<any>, drop: Dropout | null): Tensor;
}

/** The parts that a family supplies. */
export interface Parts<QKV> {
  /** The weights that training changes. */
  readonly parameters: Parameters;
  /** All weights that files hold; the parameters unless these are frozen. */
  readonly weights: WeightList;
  readonly keyHeads: number;
  readonly headWidth: number;
  /** May be replaced, for embeddings of another form. */
  embed: (tokens: Tensor, positions: Tensor) => Tensor;
  readonly blocks: readonly Block<QKV>[];
  readonly norm: (x: Tensor) => Tensor;
  /** [vocab, width] */
  readonly head: Tensor;
  /** Maps [n, width] to [n, 1]. */
  readonly valueHead: { forward(x: Tensor): Tensor } | null;
  readonly whole: (qkv: QKV, layer: number, allowed?: Tensor) => Tensor;
  readonly cached: (qkv: QKV, layer: number, cache: Cache) => Tensor;
}

export class Transformer<Options extends ModelOptions, QKV> implements LanguageModel {
  readonly options: Options;
  inputs: number;
  readonly parameters: Parameters;
  readonly keyHeads: number;
  readonly headWidth: number;
  readonly valueHead: Parts<QKV>["valueHead"];
  readonly parts: Parts<QKV>;
  recompute: Recomputing | null = null;
  private readonly attends = new WeakMap<Tensor, Attend<QKV>>();

  constructor(options: Options, parts: Parts<QKV>) {
    this.options = options;
    this.inputs = options.vocab;
    this.parameters = parts.parameters;
    this.keyHeads = parts.keyHeads;
    this.headWidth = parts.headWidth;
    this.valueHead = parts.valueHead;
    this.parts = parts;
  }

  /**
   * Returns the last layer's output, […, width], for tokens and their positions, of one shape. Whole sequences
   * are [batch, T]; `allowed` [batch, T, T] is for several texts in one row.
   */
  hidden(tokens: Tensor, positions: Tensor, allowed?: Tensor, drop: Dropout | null = null): Tensor {
    const attend = this.wholeSequences(allowed);
    return this.body(tokens, positions, attend, drop, this.recompute ?? this);
  }

  /** Returns the last layer's output, [rows, width], for rows that enter a cache. No gradient. */
  decode(tokens: Tensor, positions: Tensor, cache: Cache): Tensor {
    const { cached } = this.parts;
    return this.body(tokens, positions, (qkv, layer) => cached(qkv, layer, cache));
  }

  /** Returns one function per mask, cached so that a replayed pass allocates none. */
  private wholeSequences(allowed?: Tensor): Attend<QKV> {
    const { whole } = this.parts;
    const known = this.attends.get(allowed ?? NONE);
    if (known !== undefined) return known;
    const made: Attend<QKV> = (qkv, layer) => whole(qkv, layer, allowed);
    this.attends.set(allowed ?? NONE, made);
    return made;
  }

  private body(
    tokens: Tensor,
    positions: Tensor,
    attend: Attend<QKV>,
    drop: Dropout | null = null,
    by: Recomputing = this,
  ): Tensor {
    const { embed, blocks, norm } = this.parts;
    let x = dropped(embed(tokens, positions), drop);
    for (let i = 0; i < blocks.length; i++) x = by.block(i, x, positions, attend, drop);
    return norm(x);
  }

  /** @internal Returns the output of block i for its input, as `hidden` has it. */
  block(
    i: number,
    x: Tensor,
    positions: Tensor,
    attend: Attend<QKV>,
    drop: Dropout | null,
  ): Tensor {
    const block = this.parts.blocks[i];
    const y = addSame(x, dropped(block.attention(x, positions, i, attend), drop));
    return addSame(y, dropped(block.mlp(y), drop));
  }

  /** Returns logits […, vocab] for the last layer's output […, width]. */
  logits(hidden: Tensor): Tensor {
    return linear(hidden, this.parts.head);
  }

  /** Frees the weights; the model must not be used again. */
  free(): void {
    this.parameters.free();
    this.parts.weights.free();
  }
}
const dropped = (x: Tensor, drop: Dropout | null): Tensor => (drop === null ? x : drop.apply(x));

/** Throws RangeError unless each of these options is a whole number of at least 1. */
export function checkSizes<O>(
  where: string,
  options: O,
  names: readonly (keyof O & string)[],
): void {
  for (const name of names) {
    const n = options[name];
    if (!(Number.isInteger(n) && (n as number) >= 1))
      throw new RangeError(`${where}: expected ${name} to be a whole number ≥ 1, got ${n}`);
  }
}
