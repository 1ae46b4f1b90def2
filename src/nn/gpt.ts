/**
 * A language model of GPT-2's form (Radford et al. 2019): token and position embeddings; blocks of causal
 * self-attention and a perceptron with GELU (tanh form), each on the layer norm of its input and added to its
 * input; a last layer norm; a head, which is the token embedding itself where tied.
 *
 * Differences from GPT-2:
 *   1. weights are [out, in] as everywhere here; gpt-weights.ts reads and writes GPT-2's layout and names;
 *   2. dropout on embeddings and on what a block adds, none on attention weights.
 */
import type { Backend } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import { NONE, type Parameter, Parameters, type Tensor } from "../core/tensor.ts";
import { add } from "../ops/arithmetic.ts";
import { embedding } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
import { linear } from "../ops/matmul.ts";
import { layerNorm } from "../ops/normalization.ts";
import { selfAttention } from "../ops/self-attention.ts";
import type { Dropout } from "./dropout.ts";
import { normal } from "./init.ts";
import { Linear } from "./linear.ts";

export interface GptOptions {
  readonly vocab: number;
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Uses the token embedding as the head. Default true. */
  readonly tied?: boolean;
  /** Adds a value head on the last layer. Default false. */
  readonly valueHead?: boolean;
}

/** The standard deviation of initial weights: 0.02 at GPT-2's width of 768, ∝ 1/√width. */
const deviation = (width: number): number => 0.02 * Math.sqrt(768 / width);

/** A layer's attention, given its number: over the whole sequence, or from a cache. */
export type Attend = (qkv: Tensor, layer: number) => Tensor;

class Norm {
  private readonly weight: Parameter;
  private readonly bias: Parameter;
  constructor(parameters: Parameters, name: string, width: number) {
    this.weight = parameters.add(`${name}.weight`, [width], new Float32Array(width).fill(1));
    this.bias = parameters.add(`${name}.bias`, [width]);
  }
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias);
  }
}

class Block {
  private readonly ln1: Norm;
  private readonly qkv: Linear;
  private readonly proj: Linear;
  private readonly ln2: Norm;
  private readonly up: Linear;
  private readonly down: Linear;
  constructor(
    parameters: Parameters,
    layer: number,
    { width, layers }: GptOptions,
    random: Random,
  ) {
    const name = `h.${layer}`;
    const inside = normal(deviation(width));
    const added = normal(deviation(width) / Math.sqrt(2 * layers)); // 2·layers such terms add up
    this.ln1 = new Norm(parameters, `${name}.ln1`, width);
    this.qkv = new Linear(parameters, `${name}.attn.qkv`, [width, 3 * width], random, inside);
    this.proj = new Linear(parameters, `${name}.attn.proj`, [width, width], random, added);
    this.ln2 = new Norm(parameters, `${name}.ln2`, width);
    this.up = new Linear(parameters, `${name}.mlp.fc`, [width, 4 * width], random, inside);
    this.down = new Linear(parameters, `${name}.mlp.proj`, [4 * width, width], random, added);
  }
  forward(x: Tensor, layer: number, attend: Attend, drop: Dropout | null): Tensor {
    const attended = this.proj.forward(attend(this.qkv.forward(this.ln1.forward(x)), layer));
    const h = add(x, drop === null ? attended : drop.apply(attended));
    const made = this.down.forward(this.up.forward(this.ln2.forward(h), "gelu"));
    return add(h, drop === null ? made : drop.apply(made));
  }
}

export class Gpt {
  readonly options: Required<GptOptions>;
  readonly parameters: Parameters;
  private readonly wte: Parameter;
  private readonly wpe: Parameter;
  private readonly blocks: readonly Block[];
  private readonly lnf: Norm;
  private readonly head: Parameter;
  private readonly valueHead: Linear | null;
  private readonly attends = new WeakMap<Tensor, Attend>();

  /** Initializes weights with normal numbers, scaled by 1/√(2·layers) where added to the stream, and biases with 0. */
  constructor(k: Backend, options: GptOptions, random: Random) {
    const o = { tied: true, valueHead: false, ...options };
    for (const name of ["vocab", "context", "layers", "heads", "width"] as const) {
      if (!(Number.isInteger(o[name]) && o[name] >= 1))
        throw new RangeError(`gpt: expected ${name} to be a whole number ≥ 1, got ${o[name]}`);
    }
    if (o.width % o.heads !== 0)
      throw new RangeError(
        `gpt: expected a width that is a multiple of ${o.heads} heads, got ${o.width}`,
      );
    this.options = o;
    this.parameters = new Parameters(k);
    const weight = (name: string, shape: number[]): Parameter =>
      this.parameters.add(name, shape, normal(deviation(o.width))(random, shape));
    this.wte = weight("wte.weight", [o.vocab, o.width]);
    this.wpe = weight("wpe.weight", [o.context, o.width]);
    this.blocks = Array.from(
      { length: o.layers },
      (_, layer) => new Block(this.parameters, layer, o, random),
    );
    this.lnf = new Norm(this.parameters, "lnf", o.width);
    this.head = o.tied ? this.wte : weight("head.weight", [o.vocab, o.width]);
    this.valueHead = o.valueHead
      ? new Linear(this.parameters, "value", [o.width, 1], random)
      : null;
  }

  /**
   * Returns the last layer's output, […, width], for tokens and their positions, of one shape. Whole sequences
   * are [batch, T]; `allowed` [batch, T, T] is for several texts in one row.
   */
  hidden(tokens: Tensor, positions: Tensor, allowed?: Tensor, drop: Dropout | null = null): Tensor {
    return this.body(tokens, positions, this.wholeSequences(allowed), drop);
  }

  /** Returns one function per mask, cached so that a replayed pass allocates none. */
  private wholeSequences(allowed?: Tensor): Attend {
    const { heads } = this.options;
    const known = this.attends.get(allowed ?? NONE);
    if (known !== undefined) return known;
    const made: Attend = (qkv) => selfAttention(qkv, heads, allowed);
    this.attends.set(allowed ?? NONE, made);
    return made;
  }

  /** Returns what `hidden` does, with the caller's attention. */
  body(tokens: Tensor, positions: Tensor, attend: Attend, drop: Dropout | null = null): Tensor {
    const embedded = add(embedding(this.wte, tokens), embedding(this.wpe, positions));
    let x = drop === null ? embedded : drop.apply(embedded);
    for (let i = 0; i < this.blocks.length; i++) x = this.blocks[i].forward(x, i, attend, drop);
    return this.lnf.forward(x);
  }

  /** Returns logits […, vocab] for the last layer's output […, width]. */
  logits(hidden: Tensor): Tensor {
    return linear(hidden, this.head);
  }

  /** Returns V [n] for [n, width]. Throws RangeError for a model without a value head. */
  value(hidden: Tensor): Tensor {
    if (this.valueHead === null) throw new RangeError("gpt: expected a model with a value head");
    return reshape(this.valueHead.forward(hidden), flat);
  }
}
const flat = Object.freeze([-1]);
