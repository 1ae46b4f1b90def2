/** Models of a config's sizes, of any family. */
import type { Backend } from "../core/backend.ts";
import { checkName } from "../core/check.ts";
import { FormatError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { FrozenWeights } from "../nn/frozen.ts";
import { Gpt } from "../nn/gpt.ts";
import { Llama } from "../nn/llama.ts";
import { type WeightForm, weightForms } from "../nn/stored.ts";
import { checkContext, type ModelConfig } from "./config.ts";
import type { HubModel } from "./layers.ts";
import { checkFrozen, readStored, storedWeights } from "./stored-model.ts";

export type { HubModel } from "./layers.ts";

export interface BuildOptions {
  /**
   * The most positions of a text, up to the config's; caches and tables have this length. Default: the config's, but
   * at most 8,192.
   */
  readonly context?: number;
  /** Adds a value head. Default false. */
  readonly valueHead?: boolean;
  /** Keeps weights without gradients, as the base of an adapter. Default false. */
  readonly frozen?: boolean;
  /**
   * How a frozen model's matrices stay in memory: "f32", four bytes per number; "bf16", two, rounded to nearest even
   * unless the file has them so; "int8", one and a scale per output of a layer, with embedding and head as bfloat16
   * where the file has them so, else as floats. Default "f32".
   */
  readonly weights?: WeightForm;
  /** Draws initial weights; without it they are zeros. */
  readonly random?: Random;
}

/** Draws zeros, for weights that a file brings. */
class Zeros extends Random {
  override fillNormal(): void {}
}

/**
 * Returns a model of the config's sizes. Throws FormatError for a context that the config does not allow, RangeError
 * for unknown `weights`, and UsageError for weights in fewer bits without `frozen`.
 */
export const buildModel = (k: Backend, config: ModelConfig, options: BuildOptions = {}): HubModel =>
  buildStored(k, config, options, "f32");

/** Builds a model of which int8 keeps embedding and head in the form `embedding`. */
export function buildStored(
  k: Backend,
  config: ModelConfig,
  options: BuildOptions,
  embedding: "f32" | "bf16",
): HubModel {
  const { weights = "f32", frozen = false } = options;
  checkName("loadModel", "weights", weights, weightForms);
  checkFrozen(weights, frozen);
  if (weights === "f32") return make(k, config, options, frozen ? new FrozenWeights(k) : undefined);
  const forms = { blocks: weights, embedding: weights === "bf16" ? weights : embedding };
  const model = make(k, config, options, storedWeights(k, forms));
  return readStored(model);
}

function make(
  k: Backend,
  config: ModelConfig,
  { context = Math.min(config.context, 8192), valueHead = false, random }: BuildOptions,
  base?: FrozenWeights,
): HubModel {
  checkContext(config, context);
  if (config.rope !== null && config.headWidth % 2 !== 0)
    throw new FormatError(
      `config.json: expected head_dim, or hidden_size by heads, as an even number, got ${config.headWidth}`,
    );
  const { family, activation, dtype, stop, begin, rope, ...rest } = config;
  if (rope !== null) return new Llama(k, { ...rest, rope, context, valueHead }, random, base);
  const { vocab, layers, heads, width, tied, inner, eps } = config;
  const options = { vocab, context, layers, heads, width, tied, inner, eps, valueHead };
  // a value head cannot begin as zeros there
  return new Gpt(k, options, random ?? (valueHead ? new Random(0) : new Zeros(0)), base);
}
