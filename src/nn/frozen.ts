/** Weights without gradients: the base of an adapter, which no optimizer changes. */
import type { Backend } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import { free, input, type Shape, type Tensor } from "../core/tensor.ts";
import type { WeightList } from "./weights.ts";

export class FrozenWeights implements WeightList {
  readonly list: (Tensor & { readonly name: string })[] = [];
  protected readonly backend: Backend;
  private readonly names = new Set<string>();

  constructor(backend: Backend) {
    this.backend = backend;
  }

  /** Adds a tensor, zeroed or holding `values`, under a new name. */
  add(name: string, shape: Shape, values?: ArrayLike<number>): Tensor {
    if (this.names.has(name)) throw new ShapeError(`weights: "${name}" exists already`);
    const tensor = this.make(name, shape, values);
    this.names.add(name);
    this.list.push(tensor);
    return tensor;
  }

  protected make(
    name: string,
    shape: Shape,
    values?: ArrayLike<number>,
  ): FrozenWeights["list"][number] {
    return { ...input(this.backend, shape, values), name };
  }

  /** Frees all buffers; the weights must not be used again. */
  free(): void {
    free(...this.list.splice(0));
  }
}
