/** What config.json and generation_config.json of a model's folder say, of any family. */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Json } from "../io/json.ts";
import type { Rope, RopeScaling } from "../nn/rope.ts";
import { type Choice, type Family, type FamilyName, families } from "./families.ts";
import { Fields } from "./fields.ts";

export interface ModelConfig {
  readonly family: FamilyName;
  readonly vocab: number;
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headWidth: number;
  readonly width: number;
  readonly inner: number;
  readonly eps: number;
  readonly tied: boolean;
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  readonly mlpBias: boolean;
  readonly qkNorm: boolean;
  /** Each layer's window; 0 for all positions. */
  readonly windows: readonly number[];
  /** null for learned positions. */
  readonly rope: Rope | null;
  readonly activation: string;
  /** The dtype that config.json names, such as "bfloat16"; null if it names none. */
  readonly dtype: string | null;
  /** The tokens that end a text: generation_config.json's, else config.json's. */
  readonly stop: readonly number[];
  /** The token that begins a text; null for none. */
  readonly begin: number | null;
}

/**
 * Reads the parsed files; `generation` is null where there is none. Throws FormatError, which names the file and the
 * field, for a family, a rotary scaling, a quantization or any other choice that is not supported.
 */
export function modelConfig(config: Json, generation: Json = null): ModelConfig {
  const fields = new Fields(config, "config.json");
  const family = familyOf(fields);
  const row = families[family];
  refuse(fields, row);
  const [activation, ...known] = row.activation;
  const name = fields.text(activation, known[0]);
  if (!known.includes(name)) throw fields.wrong(activation, `of ${known.join(", ")}`);
  const choice = (by: Choice): boolean =>
    typeof by === "boolean" ? by : fields.flag(by.field, by.otherwise);
  const sizes = sizesOf(fields, row);
  return {
    family,
    ...sizes,
    vocab: fields.whole("vocab_size"),
    eps: fields.positive(...row.eps),
    tied: fields.flag("tie_word_embeddings", row.tied),
    qkvBias: choice(row.qkvBias),
    outBias: choice(row.outBias),
    mlpBias: choice(row.mlpBias),
    qkNorm: row.qkNorm,
    windows: row.windows(fields, sizes.layers),
    rope: row.rotary ? ropeOf(fields) : null,
    activation: name,
    dtype: dtypeOf(fields),
    ...tokensOf(fields, generation),
  };
}

function familyOf(fields: Fields): FamilyName {
  const name = fields.get("model_type");
  if (typeof name === "string" && Object.hasOwn(families, name)) return name as FamilyName;
  throw fields.wrong("model_type", `of ${Object.keys(families).join(", ")}`);
}

/** Throws FormatError for choices that are not supported. */
function refuse(fields: Fields, { only }: Family): void {
  if (fields.get("quantization_config") !== null)
    throw fields.wrong("quantization_config", "to be absent, since quantized weights are not read");
  for (const [name, allowed] of Object.entries(only)) {
    const value = fields.get(name);
    if (value !== null && !allowed.includes(value as boolean | number))
      throw fields.wrong(name, `to be ${allowed.map(String).join(" or ")}`);
  }
}

const mostLayers = 65_536;

function sizesOf(fields: Fields, row: Family) {
  const { sizes } = row;
  const [layers, width, heads] = [sizes.layers, sizes.width, sizes.heads].map((n) =>
    fields.whole(n),
  );
  if (layers > mostLayers) throw fields.wrong(sizes.layers, `of at most ${mostLayers}`);
  const keyHeads = fields.whole("num_key_value_heads", row.keyHeads ?? heads);
  if (heads % keyHeads !== 0)
    throw fields.wrong("num_key_value_heads", `to divide ${sizes.heads} of ${heads}`);
  const given = row.rotary ? fields.get("head_dim") : null;
  if (given === null && row.headWidth === null && width % heads !== 0)
    throw fields.wrong(sizes.width, `as a multiple of ${sizes.heads} of ${heads}`);
  const headWidth = row.rotary
    ? fields.whole("head_dim", row.headWidth ?? width / heads)
    : width / heads;
  return {
    layers,
    width,
    heads,
    keyHeads,
    headWidth,
    inner: fields.whole(sizes.inner, row.rotary ? undefined : 4 * width),
    context: fields.whole(sizes.context, row.context),
  };
}

/** Reads `rope_parameters`, as configs of transformers 5 say it, or `rope_theta` and `rope_scaling`. */
function ropeOf(fields: Fields): Rope {
  const parameters = fields.inside("rope_parameters");
  const scaling = parameters ?? fields.inside("rope_scaling");
  const otherwise = fields.positive("rope_theta", 10_000);
  const theta = parameters?.positive("rope_theta", otherwise) ?? otherwise;
  return { theta, scaling: scaling === null ? { type: "default" } : scalingOf(scaling) };
}

const ropeFields = [
  ...["rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor"],
  ...["original_max_position_embeddings", "partial_rotary_factor"],
];

function scalingOf(fields: Fields): RopeScaling {
  const name = fields.has("rope_type") ? "rope_type" : "type";
  const type = fields.text(name);
  if (!["default", "linear", "llama3"].includes(type))
    throw fields.wrong(name, "of default, linear, llama3");
  fields.only(ropeFields);
  if ((fields.get("partial_rotary_factor") ?? 1) !== 1)
    throw fields.wrong("partial_rotary_factor", "to be 1");
  if (type === "default") return { type };
  if (type === "linear") return { type, factor: fields.positive("factor") };
  const [lowFreqFactor, highFreqFactor] = ["low_freq_factor", "high_freq_factor"].map((key) =>
    fields.positive(key),
  );
  if (lowFreqFactor >= highFreqFactor)
    throw fields.wrong("low_freq_factor", `below high_freq_factor, ${highFreqFactor}`);
  return {
    type: "llama3",
    factor: fields.positive("factor"),
    lowFreqFactor,
    highFreqFactor,
    originalContext: fields.whole("original_max_position_embeddings"),
  };
}

function dtypeOf(fields: Fields): string | null {
  const name = fields.get("dtype") === null ? "torch_dtype" : "dtype";
  return fields.get(name) === null ? null : fields.text(name);
}

function tokensOf(config: Fields, generation: Json): Pick<ModelConfig, "stop" | "begin"> {
  const from = generation === null ? null : new Fields(generation, "generation_config.json");
  const [begin = null] = config.ids("bos_token_id");
  const source = from?.has("eos_token_id") ? from : config;
  return { stop: source.ids("eos_token_id"), begin };
}

/** Returns how many numbers the matrices of a config's model have. */
export function matrixNumbers(c: ModelConfig): number {
  const attention = 2 * c.width * (c.heads + c.keyHeads) * c.headWidth;
  const mlp = (c.rope === null ? 2 : 3) * c.width * c.inner;
  return c.vocab * c.width + c.layers * (attention + mlp);
}

/** Throws FormatError unless `context` is from 1 to the config's. */
export function checkContext({ context: most }: ModelConfig, context: number): void {
  if (!(Number.isInteger(context) && context >= 1 && context <= most))
    throw new FormatError(
      `config.json: expected a context from 1 to ${most} positions, got ${brief(context)}`,
    );
}
