/** A 3 × 3 convolution followed by ReLU: weight [out, in, 3, 3] and bias [out], as PyTorch names them. */
import type { Random } from "../core/random.ts";
import type { Parameter, Parameters, Tensor } from "../core/tensor.ts";
import { relu } from "../ops/activations.ts";
import { conv2d } from "../ops/conv.ts";
import { orthogonal } from "./init.ts";

const kernel = 3;

export class Conv {
  readonly weight: Parameter;
  readonly bias: Parameter;
  /** Adds `name.weight` (orthogonal, gain √2) and `name.bias` (zeros) to `parameters`. */
  constructor(
    parameters: Parameters,
    name: string,
    inputs: number,
    outputs: number,
    random: Random,
  ) {
    const shape = [outputs, inputs, kernel, kernel];
    this.weight = parameters.add(`${name}.weight`, shape, orthogonal(Math.SQRT2)(random, shape));
    this.bias = parameters.add(`${name}.bias`, [outputs]);
  }

  /** x [batch, in, height, width] → [batch, out, height − 2, width − 2] */
  forward(x: Tensor): Tensor {
    return relu(conv2d(x, this.weight, this.bias));
  }
}
