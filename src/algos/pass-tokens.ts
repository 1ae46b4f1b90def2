/** The tokens of a forward and backward pass of a language model. */
import type { ModelOptions } from "../nn/transformer.ts";

const most = 2 ** 28; // bytes that a pass keeps, about

/**
 * Returns `usual`, or as many tokens as have room: each keeps about 40 numbers per layer and unit of width, and its
 * logits with their gradient, in float32.
 */
export const passTokensFor = (
  { layers, width, vocab }: Pick<ModelOptions, "layers" | "width" | "vocab">,
  usual: number,
): number =>
  Math.min(usual, Math.max(32, Math.floor(most / (4 * (40 * layers * width + 2 * vocab)))));
