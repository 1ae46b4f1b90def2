/** A linear layer: weight [out, in] and bias [out], named as PyTorch names them. */
import { checkInteger } from "../core/check.ts";
import type { Random } from "../core/random.ts";
import type { Tensor } from "../core/tensor.ts";
import { type Activation, linear } from "../ops/matmul.ts";
import { type Init, orthogonal } from "./init.ts";
import type { Weights } from "./weights.ts";

export class Linear {
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** Adds `name.weight` (from `init`) and `name.bias` (zeros) to the weights. */
  constructor(
    weights: Weights,
    name: string,
    [inputs, outputs]: readonly [inputs: number, outputs: number],
    random: Random,
    init: Init = orthogonal(),
  ) {
    checkInteger(`Linear ${name}`, "the inputs", inputs, { min: 0 });
    checkInteger(`Linear ${name}`, "the outputs", outputs, { min: 0 });
    const shape = [outputs, inputs];
    this.weight = weights.add(`${name}.weight`, shape, init(random, shape));
    this.bias = weights.add(`${name}.bias`, [outputs]);
  }
  /** Maps x […, in] to activation(x·Wᵀ + b) […, out]. */
  forward(x: Tensor, activation: Activation = "none"): Tensor {
    return linear(x, this.weight, this.bias, activation);
  }
}
