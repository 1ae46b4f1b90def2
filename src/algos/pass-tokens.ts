/** The tokens of a forward and backward pass of a language model. */
import type { ModelOptions } from "../nn/transformer.ts";

const most = 2 ** 28; // bytes that a pass keeps, about
/** Each pass adds a whole gradient to a sum. With so many weights a token, this is about 2 % of its work. */
const weightsPerToken = 4096;

/**
 * Returns the tokens of a pass: few with a small model, so that threads share an update evenly and its last pass is not
 * mostly padding, and up to `usual` with a large one. A token keeps about 40 numbers per layer and unit of width, and its
 * logits with their gradient, in float32; where fewer have room, there are as many as have, and at least 32.
 */
export function passTokensFor(
  { layers, width, vocab }: Pick<ModelOptions, "layers" | "width" | "vocab">,
  usual: number,
): number {
  const weights = 12 * layers * width * width + vocab * width;
  const room = Math.max(32, most / (4 * (40 * layers * width + 2 * vocab)));
  return Math.floor(Math.min(usual, room, Math.max(48, weights / weightsPerToken)));
}
