/**
 * The families of published language models, and what their config.json says: the differences between them are the
 * rows of this table. Defaults are those of transformers' configuration_*.py.
 */
import type { Fields } from "./fields.ts";

export type FamilyName = "gpt2" | "llama" | "qwen2" | "qwen3" | "mistral";

/** A choice that a family fixes, or that a field of its config makes. */
export type Choice = boolean | { readonly field: string; readonly otherwise: boolean };

export interface Family {
  /** The class in transformers. */
  readonly architecture: string;
  /** The names of the fields of sizes. */
  readonly sizes: Readonly<Record<"layers" | "width" | "heads" | "context" | "inner", string>>;
  readonly eps: readonly [field: string, otherwise: number];
  /** The field of the perceptron's activation, and the names under which configs mean the one that it has. */
  readonly activation: readonly [field: string, ...known: string[]];
  readonly tied: boolean;
  readonly rotary: boolean;
  readonly qkvBias: Choice;
  readonly outBias: Choice;
  readonly mlpBias: Choice;
  readonly qkNorm: boolean;
  /** The context of a config that does not say it. */
  readonly context: number;
  /** The key heads of a config that does not say them; null: as many as query heads. */
  readonly keyHeads: number | null;
  /** The width of a head of a config that does not say it; null: width/heads. */
  readonly headWidth: number | null;
  /** Returns each layer's window; 0 for all positions. */
  readonly windows: (fields: Fields, layers: number) => readonly number[];
  /** Fields whose values change the model in ways that are not supported, and the values that do not. */
  readonly only: Readonly<Record<string, readonly (boolean | number | null)[]>>;
  /** The prefix that names in files may lack, and buffers in files that are not parameters. */
  readonly prefix: string;
  readonly buffers: RegExp;
}

const gpt2: Family = {
  architecture: "GPT2LMHeadModel",
  sizes: {
    layers: "n_layer",
    width: "n_embd",
    heads: "n_head",
    context: "n_positions",
    inner: "n_inner",
  },
  eps: ["layer_norm_epsilon", 1e-5],
  activation: ["activation_function", "gelu_new", "gelu_pytorch_tanh"],
  tied: true,
  rotary: false,
  qkvBias: true,
  outBias: true,
  mlpBias: true,
  qkNorm: false,
  context: 1024,
  keyHeads: null,
  headWidth: null,
  windows: noWindows,
  only: {
    scale_attn_weights: [true],
    scale_attn_by_inverse_layer_idx: [false],
    add_cross_attention: [false],
  },
  prefix: "transformer.",
  buffers: /^h\.\d+\.attn\.(masked_)?bias$/, // h.0.attn.c_attn.bias is a parameter
};

const llama: Family = {
  architecture: "LlamaForCausalLM",
  sizes: {
    layers: "num_hidden_layers",
    width: "hidden_size",
    heads: "num_attention_heads",
    context: "max_position_embeddings",
    inner: "intermediate_size",
  },
  eps: ["rms_norm_eps", 1e-6],
  activation: ["hidden_act", "silu", "swish"],
  tied: false,
  rotary: true,
  qkvBias: { field: "attention_bias", otherwise: false },
  outBias: { field: "attention_bias", otherwise: false },
  mlpBias: { field: "mlp_bias", otherwise: false },
  qkNorm: false,
  context: 2048,
  keyHeads: null,
  headWidth: null,
  windows: noWindows,
  only: { rope_interleaved: [false], partial_rotary_factor: [1], use_mrope: [false] },
  prefix: "model.",
  buffers: /^layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/,
};

const qwen2: Family = {
  ...llama,
  architecture: "Qwen2ForCausalLM",
  qkvBias: true,
  outBias: false,
  mlpBias: false,
  context: 32_768,
  windows: qwenWindows,
};

export const families: Readonly<Record<FamilyName, Family>> = {
  gpt2,
  llama,
  qwen2,
  qwen3: {
    ...qwen2,
    architecture: "Qwen3ForCausalLM",
    qkvBias: llama.qkvBias,
    outBias: llama.outBias,
    qkNorm: true,
    headWidth: 128,
  },
  mistral: {
    ...llama,
    architecture: "MistralForCausalLM",
    qkvBias: false,
    outBias: false,
    mlpBias: false,
    context: 131_072,
    keyHeads: 8,
    windows(fields, layers) {
      const window = fields.has("sliding_window") ? windowOf(fields) : 4096;
      return new Array(layers).fill(window);
    },
  },
};

const windowOf = (fields: Fields): number =>
  fields.get("sliding_window") === null ? 0 : fields.whole("sliding_window");

function noWindows(fields: Fields, layers: number): readonly number[] {
  for (const type of layerTypes(fields, layers) ?? [])
    if (type !== "full_attention") throw fields.wrong("layer_types", "of full_attention alone");
  return new Array(layers).fill(0);
}

/** The window is of the layers that `layer_types` names, else of those from `max_window_layers` on. */
function qwenWindows(fields: Fields, layers: number): readonly number[] {
  const types = layerTypes(fields, layers);
  const slides = fields.flag("use_sliding_window", false);
  const window = slides ? (fields.has("sliding_window") ? windowOf(fields) : 4096) : 0;
  const first = fields.whole("max_window_layers", 28, 0);
  return Array.from({ length: layers }, (_, i) => {
    const isSliding = types === null ? i >= first : types[i] === "sliding_attention";
    return isSliding ? window : 0;
  });
}

function layerTypes(fields: Fields, layers: number): readonly string[] | null {
  const types = fields.get("layer_types");
  if (types === null) return null;
  const known = ["full_attention", "sliding_attention"];
  if (!Array.isArray(types) || types.length !== layers || !types.every((t) => known.includes(t)))
    throw fields.wrong("layer_types", `as a list of ${layers} of ${known.join(", ")}`);
  return types;
}
