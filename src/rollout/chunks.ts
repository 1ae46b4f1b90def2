/** The chunks of a batch, each small enough for one forward and backward pass. */
import type { Floats } from "../core/backend.ts";
import type { Parameters, Tensor } from "../core/tensor.ts";
import type { PolicyOutputs } from "../estimators/policy-loss.ts";

/** Outputs that `evaluate` returns besides log-probabilities. */
export interface WantedOutputs {
  readonly entropy: boolean;
  readonly value: boolean;
}

/** The chunks of a batch, in units: rows of a rollout, or whole sequences. */
export interface Chunks {
  readonly parameters: Parameters;
  /** Largest number of units in a chunk. */
  readonly capacity: number;
  /** Number of units in the current chunk; the rest is padding. */
  readonly count: number;
  /** Splits the units order[first … end) into chunks; fills the chunk with each, and calls `pass`. */
  forEachChunk(order: ArrayLike<number>, first: number, end: number, pass: () => void): void;
  /** Returns a new input for a column of the chunk, of one number per action or per sequence like `of`. */
  column(of: Floats): Tensor;
  /** Copies the current chunk's numbers of a batch column into a tensor from `column`; 0 at padding. */
  fill(to: Tensor, column: Floats): void;
  /** Copies a tensor with one number per action back to the batch column. */
  spill(from: Tensor, column: Floats): void;
  /** Evaluates the actions of the current chunk on the tape. */
  evaluate(options: WantedOutputs): PolicyOutputs;
}
