/** A linear layer of a Transformer: with a bias or without, and with weights of any kind. */
import { NONE, type Shape, type Tensor } from "../core/tensor.ts";
import { linear } from "../ops/matmul.ts";
import type { Weights } from "./weights.ts";

/** Returns initial values; undefined leaves zeros, for weights that a file brings. */
export type Values = (shape: Shape) => ArrayLike<number> | undefined;

export class Projection {
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** Adds `name.weight` [out, in] and, with `hasBias`, `name.bias` [out] of zeros. */
  constructor(
    weights: Weights,
    name: string,
    [inputs, outputs]: readonly [inputs: number, outputs: number],
    values: Values,
    hasBias: boolean,
  ) {
    const shape = [outputs, inputs];
    this.weight = weights.add(`${name}.weight`, shape, values(shape));
    this.bias = hasBias ? weights.add(`${name}.bias`, [outputs]) : NONE;
  }
  /** Maps x […, in] to x·Wᵀ + b […, out]. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
