/** A batch in chunks, each small enough for one forward and backward pass. */
import type { Floats } from "../core/backend.ts";
import type { Parameters, Tensor } from "../core/tensor.ts";
import type { PolicyOutputs } from "../estimators/policy-loss.ts";

/** What `evaluate` returns besides log-probabilities. */
export interface WantedOutputs {
  readonly entropy: boolean;
  readonly value: boolean;
}

/** The chunks of a batch as a policy evaluates them: rows of a rollout, or whole completions. */
export interface Chunks {
  readonly parameters: Parameters;
  /** Units (rows, or sequences) that a chunk has room for. */
  readonly capacity: number;
  /** Units of the batch in the chunk at hand. */
  readonly count: number;
  /** Calls `pass` with one chunk after the other of the units order[first … end). */
  forEachChunk(order: ArrayLike<number>, first: number, end: number, pass: () => void): void;
  /** A new input for a chunk's part of a batch column: a number per action, or per sequence of [sequences]. */
  column(of: Floats): Tensor;
  /** Copies the chunk's numbers of a batch column into a tensor of `column`; 0 at padding. */
  fill(to: Tensor, column: Floats): void;
  /** Copies a tensor with one number per action back to the batch column. */
  spill(from: Tensor, column: Floats): void;
  /** Evaluates the chunk's actions on the tape. */
  evaluate(options: WantedOutputs): PolicyOutputs;
}
