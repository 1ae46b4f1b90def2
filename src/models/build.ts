/** Models of a config's sizes, of any family. */
import type { Backend } from "../core/backend.ts";
import { Random } from "../core/random.ts";
import { FrozenWeights } from "../nn/frozen.ts";
import { Gpt } from "../nn/gpt.ts";
import { Llama } from "../nn/llama.ts";
import { checkContext, type ModelConfig } from "./config.ts";

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
  /** Draws initial weights; without it they are zeros. */
  readonly random?: Random;
}

/** A language model of one of the families. */
export type HubModel = Gpt | Llama;

/** Draws zeros, for weights that a file brings. */
class Zeros extends Random {
  override fillNormal(): void {}
}

/** Returns a model of the config's sizes. Throws FormatError for a context that the config does not allow. */
export function buildModel(
  k: Backend,
  config: ModelConfig,
  {
    context = Math.min(config.context, 8192),
    valueHead = false,
    frozen = false,
    random,
  }: BuildOptions = {},
): HubModel {
  checkContext(config, context);
  const { family, activation, dtype, stop, begin, rope, ...rest } = config;
  const base = frozen ? new FrozenWeights(k) : undefined;
  if (rope !== null) return new Llama(k, { ...rest, rope, context, valueHead }, random, base);
  const { vocab, layers, heads, width, tied, inner, eps } = config;
  const options = { vocab, context, layers, heads, width, tied, inner, eps, valueHead };
  // a value head cannot begin as zeros there
  return new Gpt(k, options, random ?? (valueHead ? new Random(0) : new Zeros(0)), base);
}
