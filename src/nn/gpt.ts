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
import { orFree, Parameters, type Tensor } from "../core/tensor.ts";
import { addSame } from "../ops/arithmetic.ts";
import { embedding } from "../ops/indexing.ts";
import { layerNorm } from "../ops/normalization.ts";
import { cachedAttention, selfAttention } from "../ops/self-attention.ts";
import { normal } from "./init.ts";
import { Linear } from "./linear.ts";
import { type Attend, type Block, checkSizes, type Parts, Transformer } from "./transformer.ts";
import type { WeightList, Weights } from "./weights.ts";

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
  /** The perceptron's width. Default 4·width. */
  readonly inner?: number;
  /** The layer norms' eps. Default 1e-5. */
  readonly eps?: number;
}

/** The standard deviation of initial weights: 0.02 at GPT-2's width of 768, ∝ 1/√width. */
const deviation = (width: number): number => 0.02 * Math.sqrt(768 / width);

class Norm {
  private readonly weight: Tensor;
  private readonly bias: Tensor;
  private readonly eps: number;
  constructor(weights: Weights, name: string, { width, eps }: Required<GptOptions>) {
    this.weight = weights.add(`${name}.weight`, [width], new Float32Array(width).fill(1));
    this.bias = weights.add(`${name}.bias`, [width]);
    this.eps = eps;
  }
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.eps);
  }
}

export class GptBlock implements Block<Tensor> {
  private readonly ln1: Norm;
  readonly qkv: Linear;
  readonly proj: Linear;
  private readonly ln2: Norm;
  readonly up: Linear;
  readonly down: Linear;
  constructor(weights: Weights, layer: number, o: Required<GptOptions>, random: Random) {
    const { width, layers, inner } = o;
    const name = `h.${layer}`;
    const inside = normal(deviation(width));
    const added = normal(deviation(width) / Math.sqrt(2 * layers)); // 2·layers such terms add up
    this.ln1 = new Norm(weights, `${name}.ln1`, o);
    this.qkv = new Linear(weights, `${name}.attn.qkv`, [width, 3 * width], random, inside);
    this.proj = new Linear(weights, `${name}.attn.proj`, [width, width], random, added);
    this.ln2 = new Norm(weights, `${name}.ln2`, o);
    this.up = new Linear(weights, `${name}.mlp.fc`, [width, inner], random, inside);
    this.down = new Linear(weights, `${name}.mlp.proj`, [inner, width], random, added);
  }
  attention(x: Tensor, _: Tensor, layer: number, attend: Attend<Tensor>): Tensor {
    return this.proj.forward(attend(this.qkv.forward(this.ln1.forward(x)), layer));
  }
  mlp(x: Tensor): Tensor {
    return this.down.forward(this.up.forward(this.ln2.forward(x), "gelu"));
  }
}

export class Gpt extends Transformer<Required<GptOptions>, Tensor> {
  /**
   * Initializes weights with normal numbers, scaled by 1/√(2·layers) where added to the stream, and biases with 0.
   * With `frozen`, they go there, and only a value head is a parameter.
   */
  constructor(k: Backend, options: GptOptions, random: Random, frozen?: WeightList) {
    const inner = 4 * options.width;
    const o = { tied: true, valueHead: false, inner, eps: 1e-5, ...options };
    checkSizes("gpt", o, ["vocab", "context", "layers", "heads", "width", "inner"]);
    if (o.width % o.heads !== 0)
      throw new RangeError(
        `gpt: expected a width that is a multiple of ${o.heads} heads, got ${o.width}`,
      );
    super(o, gptParts(k, o, random, frozen));
  }
}

function gptParts(
  k: Backend,
  o: Required<GptOptions>,
  random: Random,
  frozen?: WeightList,
): Parts<Tensor> {
  const { vocab, context, layers, heads, width, tied, valueHead } = o;
  const parameters = new Parameters(k);
  const weights = frozen ?? parameters;
  const weight = (name: string, shape: number[]): Tensor =>
    weights.add(name, shape, normal(deviation(width))(random, shape));
  return orFree([parameters, weights], () => {
    const wte = weight("wte.weight", [vocab, width]);
    const wpe = weight("wpe.weight", [context, width]);
    const blocks = Array.from(
      { length: layers },
      (_, layer) => new GptBlock(weights, layer, o, random),
    );
    const lnf = new Norm(weights, "lnf", o);
    return {
      parameters,
      weights,
      keyHeads: heads,
      headWidth: width / heads,
      embed: (tokens, positions) => addSame(embedding(wte, tokens), embedding(wpe, positions)),
      blocks,
      norm: (x) => lnf.forward(x),
      head: tied ? wte : weight("head.weight", [vocab, width]),
      valueHead: valueHead ? new Linear(parameters, "value", [width, 1], random) : null,
      whole: (qkv, _, allowed) => selfAttention(qkv, heads, allowed),
      cached: (qkv, layer, { layers, rows }) => cachedAttention(qkv, heads, layers[layer], rows),
    };
  });
}
