/**
 * The language models of Llama's form (Touvron et al. 2023, arXiv:2302.13971), and those that differ in what
 * `LlamaOptions` says: Qwen2 (arXiv:2407.10671), Qwen3 (arXiv:2505.09388), Mistral (arXiv:2310.06825), SmolLM2
 * (arXiv:2502.02737). A block has grouped-query attention with rotary positions and SwiGLU, each on the RMS norm
 * of its input. Parameters have the names of Hugging Face's files.
 */
import type { Backend } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { free, input, orFree, Parameters, type Shape, type Tensor } from "../core/tensor.ts";
import { siluGate } from "../ops/gates.ts";
import { cachedGroupedAttention, groupedAttention, type Triple } from "../ops/grouped-attention.ts";
import { embedding } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
import { rmsNorm } from "../ops/normalization.ts";
import { rotate } from "../ops/rotary.ts";
import { normal } from "./init.ts";
import { Projection, type Values } from "./projection.ts";
import { type Rope, rotaryTable } from "./rope.ts";
import {
  type Attend,
  type Block,
  checkSizes,
  type ModelOptions,
  type Parts,
  Transformer,
} from "./transformer.ts";
import type { WeightList, Weights } from "./weights.ts";

export interface LlamaOptions extends ModelOptions {
  /** The heads of keys and values, a divisor of `heads`. */
  readonly keyHeads: number;
  /** The width of a head; heads·headWidth may differ from `width`. */
  readonly headWidth: number;
  /** The perceptron's width. */
  readonly inner: number;
  /** The RMS norms' eps. */
  readonly eps: number;
  readonly rope: Rope;
  /** Biases of queries, keys and values; of attention's output; of the perceptron. */
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  readonly mlpBias: boolean;
  /** Normalizes queries and keys per head before they are rotated, as in Qwen3. */
  readonly qkNorm: boolean;
  /** How many positions each layer's queries see, their own included; 0 for all. */
  readonly windows: readonly number[];
}

export class Llama extends Transformer<LlamaOptions, Triple> {
  private readonly table: Tensor;

  /**
   * Initializes weights with normal numbers of standard deviation 0.02, and biases with 0; without `random`, with
   * zeros, for weights that a file brings. With `frozen`, they go there, and only a value head is a parameter. Throws RangeError for sizes that do not fit each other.
   */
  constructor(
    k: Backend,
    options: LlamaOptions,
    random: Random | null = null,
    frozen?: WeightList,
  ) {
    checkOptions(options);
    const { context, headWidth, rope } = options;
    const table = input(k, [context, headWidth], rotaryTable(context, headWidth, rope));
    super(options, llamaParts(k, { o: options, table }, random, frozen));
    this.table = table;
  }

  override free(): void {
    super.free();
    free(this.table);
  }
}

function checkOptions(o: LlamaOptions): void {
  const sizes = ["vocab", "context", "layers", "heads", "width", "keyHeads", "headWidth"] as const;
  checkSizes("llama", o, [...sizes, "inner"]);
  if (o.heads % o.keyHeads !== 0)
    throw new RangeError(`llama: expected keyHeads to divide ${o.heads} heads, got ${o.keyHeads}`);
  if (o.windows.length !== o.layers)
    throw new ShapeError(`llama: expected ${o.layers} windows, got ${o.windows.length}`);
}

/** What the parts of a block are made of. */
interface Making {
  readonly o: LlamaOptions;
  readonly weights: Weights;
  readonly values: Values;
  readonly table: Tensor;
}

function llamaParts(
  k: Backend,
  { o, table }: Pick<Making, "o" | "table">,
  random: Random | null,
  frozen?: WeightList,
): Parts<Triple> {
  const { vocab, layers, heads, width, keyHeads, headWidth, tied } = o;
  const parameters = new Parameters(k);
  const draw = normal(0.02);
  const values: Values = (shape) => (random === null ? undefined : draw(random, shape));
  const weights = frozen ?? parameters;
  const made: Making = { o, weights, values, table };
  const matrix = (name: string): Tensor =>
    weights.add(name, [vocab, width], values([vocab, width]));
  return orFree([parameters, weights, { free: () => free(table) }], () => {
    const embeddings = matrix("model.embed_tokens.weight");
    const blocks = Array.from({ length: layers }, (_, layer) => new LlamaBlock(made, layer));
    const norm = rootNorm(made, "model.norm", width);
    const forms = o.windows.map((window) => ({ heads, window }));
    return {
      parameters,
      weights,
      keyHeads,
      headWidth,
      embed: (tokens) => embedding(embeddings, tokens),
      blocks,
      norm,
      head: tied ? embeddings : matrix("lm_head.weight"),
      valueHead: o.valueHead ? new Projection(parameters, "value", [width, 1], values, true) : null,
      whole: (qkv, layer, allowed) => groupedAttention(qkv, forms[layer], allowed),
      cached(qkv, layer, { layers, rows }) {
        const { keys, values } = layers[layer];
        return cachedGroupedAttention(qkv, forms[layer], [keys, values, ...rows]);
      },
    };
  });
}

/** Returns an RMS norm over the last axis, whose weight begins as 1. */
function rootNorm({ o, weights }: Making, name: string, width: number): (x: Tensor) => Tensor {
  const weight = weights.add(`${name}.weight`, [width], new Float32Array(width).fill(1));
  return (x) => rmsNorm(x, weight, o.eps);
}

/** Returns a norm of each head of x […, heads·D] by itself. */
function headNorm(made: Making, name: string): (x: Tensor) => Tensor {
  const D = made.o.headWidth;
  const norm = rootNorm(made, name, D);
  const byHead: Shape = Object.freeze([-1, D]);
  return (x) => reshape(norm(reshape(x, byHead)), x.shape);
}

const asIs = (x: Tensor): Tensor => x;

export class LlamaBlock implements Block<Triple> {
  private readonly inputNorm: (x: Tensor) => Tensor;
  readonly q: Projection;
  readonly k: Projection;
  readonly v: Projection;
  readonly out: Projection;
  private readonly qNorm: (x: Tensor) => Tensor;
  private readonly kNorm: (x: Tensor) => Tensor;
  private readonly mlpNorm: (x: Tensor) => Tensor;
  readonly gate: Projection;
  readonly up: Projection;
  readonly down: Projection;
  private readonly table: Tensor;

  constructor(made: Making, layer: number) {
    const { o, weights, values, table } = made;
    const { width, heads, keyHeads, headWidth, inner } = o;
    const [C, K] = [heads * headWidth, keyHeads * headWidth];
    const block = `model.layers.${layer}`;
    const [attention, mlp] = [`${block}.self_attn`, `${block}.mlp`];
    const projection = (name: string, sizes: readonly [number, number], bias: boolean) =>
      new Projection(weights, name, sizes, values, bias);
    this.inputNorm = rootNorm(made, `${block}.input_layernorm`, width);
    this.q = projection(`${attention}.q_proj`, [width, C], o.qkvBias);
    this.k = projection(`${attention}.k_proj`, [width, K], o.qkvBias);
    this.v = projection(`${attention}.v_proj`, [width, K], o.qkvBias);
    this.out = projection(`${attention}.o_proj`, [C, width], o.outBias);
    this.qNorm = o.qkNorm ? headNorm(made, `${attention}.q_norm`) : asIs;
    this.kNorm = o.qkNorm ? headNorm(made, `${attention}.k_norm`) : asIs;
    this.mlpNorm = rootNorm(made, `${block}.post_attention_layernorm`, width);
    this.gate = projection(`${mlp}.gate_proj`, [width, inner], o.mlpBias);
    this.up = projection(`${mlp}.up_proj`, [width, inner], o.mlpBias);
    this.down = projection(`${mlp}.down_proj`, [inner, width], o.mlpBias);
    this.table = table;
  }

  attention(x: Tensor, positions: Tensor, layer: number, attend: Attend<Triple>): Tensor {
    const h = this.inputNorm(x);
    const q = rotate(this.qNorm(this.q.forward(h)), positions, this.table);
    const k = rotate(this.kNorm(this.k.forward(h)), positions, this.table);
    return this.out.forward(attend([q, k, this.v.forward(h)], layer));
  }

  mlp(x: Tensor): Tensor {
    const h = this.mlpNorm(x);
    return this.down.forward(siluGate(this.gate.forward(h), this.up.forward(h)));
  }
}
