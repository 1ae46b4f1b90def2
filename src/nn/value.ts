/** The value that a language model's value head gives each token. */
import type { Tensor } from "../core/tensor.ts";
import { reshape } from "../ops/layout.ts";
import type { LanguageModel } from "./transformer.ts";

const flat = Object.freeze([-1]);

/** Returns V [n] for the last layer's output [n, width]. Throws RangeError for a model without a value head. */
export function valuesOf({ valueHead }: LanguageModel, hidden: Tensor): Tensor {
  if (valueHead === null) throw new RangeError("valuesOf: expected a model with a value head");
  return reshape(valueHead.forward(hidden), flat);
}
