/** Where the layers of a model put their weights: `Parameters`, or `FrozenWeights`, which have no gradients. */
import type { Shape, Tensor } from "../core/tensor.ts";

export interface Weights {
  /** Adds a named tensor, zeroed or holding `values`. */
  add(name: string, shape: Shape, values?: ArrayLike<number>): Tensor;
}

export interface WeightList extends Weights {
  readonly list: readonly (Tensor & { readonly name: string })[];
  free(): void;
}
