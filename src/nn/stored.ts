/**
 * Frozen weights that stay in fewer bits in memory: bfloat16, or int8 with a scale per output (LLM.int8()'s weights by
 * row: Dettmers et al. 2022, arXiv:2208.07339, without its outliers). Products expand them a part at a time.
 */
import type { Backend, Floats } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import { free, input, NONE, type Shape, type Tensor } from "../core/tensor.ts";
import { brainBits, quantizeRow } from "../io/quantize.ts";
import { bitsOf, floatsFor, rowReader, storedEmbedding, storedLinear } from "../ops/stored.ts";
import { FrozenWeights } from "./frozen.ts";

/** The forms of weights in memory. */
export const weightForms = ["f32", "bf16", "int8"] as const;
export type WeightForm = (typeof weightForms)[number];

/** A matrix [out, in] in fewer bits. It has no floats: reading `data` throws. */
export class StoredWeight implements Tensor {
  readonly name: string;
  readonly shape: readonly [outputs: number, inputs: number];
  readonly form: Exclude<WeightForm, "f32">;
  readonly grad = null;
  readonly backend: Backend;
  readonly bits: Tensor;
  /** [out] for int8, else null. */
  readonly scales: Tensor | null;

  constructor(
    backend: Backend,
    name: string,
    shape: readonly [number, number],
    form: StoredWeight["form"],
  ) {
    const n = shape[0] * shape[1];
    this.name = name;
    this.shape = shape;
    this.form = form;
    this.backend = backend;
    this.bits = input(backend, [floatsFor(n, form === "int8" ? 1 : 2)]);
    this.scales = form === "int8" ? input(backend, [shape[0]], ones(shape[0])) : null;
  }

  get data(): Floats {
    throw new UsageError(
      `weights: expected ${this.name} as floats, but it is kept as ${this.form}; load the model with weights "f32"`,
    );
  }

  /** Stores whole rows from `row` on, rounded to the form's numbers. */
  setRows(row: number, values: ArrayLike<number>): void {
    const [outputs, inputs] = this.shape;
    const { scales } = this;
    const bits = bitsOf(this.bits.data, outputs * inputs, scales === null ? 2 : 1);
    const start = row * inputs;
    if (scales === null) {
      for (let i = 0; i < values.length; i++) bits[start + i] = brainBits(values[i]);
      return;
    }
    const numbers = new Float32Array(inputs);
    for (let at = 0; at < values.length; at += inputs) {
      for (let i = 0; i < inputs; i++) numbers[i] = values[at + i];
      const to = bits.subarray(start + at, start + at + inputs) as Int8Array;
      scales.data[row + at / inputs] = quantizeRow(to, numbers);
    }
  }

  /** Returns the numbers of `count` rows from `row` on. */
  rows(row: number, count: number): Float32Array {
    const read = rowReader(
      this.bits.data,
      this.shape,
      this.scales === null ? null : this.scales.data,
    );
    const inputs = this.shape[1];
    const made = new Float32Array(count * inputs);
    for (let i = 0; i < count; i++) read(made, i * inputs, row + i);
    return made;
  }

  /** Maps x […, in] to x·Wᵀ + bias […, out]. */
  linear(x: Tensor, bias: Tensor = NONE): Tensor {
    return storedLinear(x, this, bias);
  }

  /** Returns the rows that `index` names. */
  embedding(index: Tensor): Tensor {
    return storedEmbedding(this, index);
  }

  free(): void {
    free(this.bits);
    if (this.scales !== null) free(this.scales);
  }
}
const ones = (n: number): Float32Array => new Float32Array(n).fill(1);

/** Frozen weights of which some matrices are stored in fewer bits, as `formOf` says by name. */
export class StoredWeights extends FrozenWeights {
  private readonly formOf: (name: string, shape: Shape) => WeightForm;

  constructor(backend: Backend, formOf: (name: string, shape: Shape) => WeightForm) {
    super(backend);
    this.formOf = formOf;
  }

  protected override make(
    name: string,
    shape: Shape,
    values?: ArrayLike<number>,
  ): Tensor & { readonly name: string } {
    const form = this.formOf(name, shape);
    if (form === "f32") return super.make(name, shape, values);
    const [outputs, inputs] = shape;
    const weight = new StoredWeight(this.backend, name, [outputs, inputs], form);
    if (values !== undefined) weight.setRows(0, values);
    return weight;
  }

  override free(): void {
    for (const tensor of this.list.splice(0))
      if (tensor instanceof StoredWeight) tensor.free();
      else free(tensor);
  }
}
