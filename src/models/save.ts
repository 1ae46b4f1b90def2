/**
 * Writes a language model as a folder in the layout of Hugging Face's hub, which `loadModel` reads back equal. A value
 * head is left out, because the format has none.
 */
import { UsageError } from "../core/errors.ts";
import { sameList } from "../core/same.ts";
import { parseJson } from "../io/json.ts";
import { encodeSafetensors, type NamedTensor } from "../io/safetensors.ts";
import { Gpt } from "../nn/gpt.ts";
import type { Rope } from "../nn/rope.ts";
import type { HubModel } from "./build.ts";
import { type ModelConfig, modelConfig } from "./config.ts";
import { type FamilyName, families } from "./families.ts";
import { gpt2Name } from "./gpt2-names.ts";

/** What a folder says besides the model: the tokens that begin and end a text, and tokenizer.json. */
export interface SaveOptions {
  readonly begin?: number | null;
  readonly stop?: readonly number[];
  readonly tokenizerJson?: string;
  /** Files that stood beside tokenizer.json, such as the chat template, by name. */
  readonly beside?: Readonly<Record<string, string>>;
}

/** Returns the folder's files by name. Throws UsageError for a model that no family's config can say. */
export function saveModel(
  model: HubModel,
  { begin = null, stop = [], tokenizerJson, beside = {} }: SaveOptions = {},
): Record<string, string | Uint8Array> {
  const tokens = {
    bos_token_id: begin,
    eos_token_id: stop.length === 1 ? stop[0] : stop.length === 0 ? null : stop,
  };
  const config = { ...configOf(model), torch_dtype: "float32", ...tokens };
  return {
    ...beside,
    "config.json": lines(config),
    "generation_config.json": lines({ _from_model_config: true, ...tokens }),
    "model.safetensors": encodeSafetensors(hubTensors(model), { format: "pt" }),
    ...(tokenizerJson === undefined ? {} : { "tokenizer.json": tokenizerJson }),
  };
}
const lines = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** Returns a model's weights under the names and in the layout of the hub's files. */
export function hubTensors(model: HubModel): NamedTensor[] {
  const list = model.parts.weights.list.filter(({ name }) => !name.startsWith("value."));
  if (!(model instanceof Gpt)) return list.map(({ name, shape, data }) => ({ name, shape, data }));
  return list.map(({ name, shape, data }) => {
    const { theirs, isTransposed } = gpt2Name(name);
    const hub = theirs.startsWith("lm_head.") ? theirs : `transformer.${theirs}`;
    if (!isTransposed) return { name: hub, shape, data };
    const [outputs, inputs] = shape;
    const turn = (_: number, i: number) => data[(i % outputs) * inputs + Math.floor(i / outputs)];
    return { name: hub, shape: [inputs, outputs], data: Float32Array.from(data, turn) };
  });
}

type Config = Record<string, unknown>;

/** Returns the config of the first family that reads it as this model. */
function configOf(model: HubModel): Config {
  const names: readonly FamilyName[] =
    model instanceof Gpt ? ["gpt2"] : ["llama", "mistral", "qwen2", "qwen3"];
  const wanted = model.options;
  for (const family of names) {
    const config = familyConfig(family, model);
    const read = modelConfig(parseJson(JSON.stringify(config), "config.json"));
    if (saysTheSame(read, wanted)) return config;
  }
  throw new UsageError(
    `saveModel: expected the choices of one of ${names.join(", ")}, got a model that mixes them`,
  );
}

function saysTheSame(read: ModelConfig, wanted: HubModel["options"]): boolean {
  return Object.entries(wanted).every(([name, value]) => {
    const got = read[name as keyof ModelConfig];
    if (name === "valueHead") return true;
    if (name === "windows") return sameList(got as readonly number[], value as readonly number[]);
    return name === "rope" ? JSON.stringify(got) === JSON.stringify(value) : got === value;
  });
}

function familyConfig(family: FamilyName, model: HubModel): Config {
  const { sizes, eps, activation, architecture } = families[family];
  const { vocab, layers, width, heads, context, inner, tied } = model.options;
  const shared = {
    architectures: [architecture],
    model_type: family,
    vocab_size: vocab,
    [sizes.layers]: layers,
    [sizes.width]: width,
    [sizes.heads]: heads,
    [sizes.context]: context,
    [sizes.inner]: inner,
    [eps[0]]: model.options.eps,
    [activation[0]]: activation[1],
    tie_word_embeddings: tied,
  };
  if (model instanceof Gpt) return { ...shared, n_ctx: context };
  const { keyHeads, headWidth, rope, outBias, mlpBias, windows } = model.options;
  const window = Math.max(...windows);
  return {
    ...shared,
    num_key_value_heads: keyHeads,
    head_dim: headWidth,
    attention_bias: outBias,
    mlp_bias: mlpBias,
    ...ropeFields(rope),
    ...(family === "llama" ? {} : { sliding_window: window === 0 ? null : window }),
    ...(family.startsWith("qwen")
      ? { use_sliding_window: window > 0, ...layerTypes(windows) }
      : {}),
  };
}

const layerTypes = (windows: readonly number[]) => ({
  layer_types: windows.map((window) => (window > 0 ? "sliding_attention" : "full_attention")),
});

function ropeFields({ theta, scaling }: Rope): Config {
  if (scaling.type === "default") return { rope_theta: theta, rope_scaling: null };
  if (scaling.type === "linear") return { rope_theta: theta, rope_scaling: named(scaling) };
  const { lowFreqFactor, highFreqFactor, originalContext, ...rest } = scaling;
  return {
    rope_theta: theta,
    rope_scaling: {
      ...named(rest),
      low_freq_factor: lowFreqFactor,
      high_freq_factor: highFreqFactor,
      original_max_position_embeddings: originalContext,
    },
  };
}
/** Writes the type under both of its names, for older and newer readers. */
const named = ({ type, factor }: { readonly type: string; readonly factor: number }): Config => ({
  rope_type: type,
  type,
  factor,
});
