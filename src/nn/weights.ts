/** Where the layers of a model put their weights: `Parameters`, or `FrozenWeights`, which have no gradients. */
import type { Shape, Tensor } from "../core/tensor.ts";

export interface Weights {
  /** Adds a named tensor, zeroed or holding `values`. */
  add(name: string, shape: Shape, values?: ArrayLike<number>): Tensor;
}

/** Weights as a whole. */
export interface WeightList extends Weights {
  readonly list: readonly (Tensor & { readonly name: string })[];
  free(): void;
}

/** Returns a list that gives the tensors of another in place of new ones. They are not freed with it. */
export const sharing = ({ list }: WeightList): WeightList => {
  const byName = new Map(list.map((tensor) => [tensor.name, tensor]));
  return { list, add: (name) => byName.get(name) as Tensor, free() {} };
};
