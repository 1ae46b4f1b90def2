/** The operations a backend may accelerate. Each is here because a benchmark justified it. */
import type { Random } from "./random.ts";

/** A flat array of numbers. Float64Array is for gradient checks and exact oracles. */
export type Floats = Float32Array | Float64Array;

/** A matrix [rows, columns], stored row-major; where `transposed`, stored as [columns, rows]. */
export interface Matrix {
  readonly data: Floats;
  readonly rows: number;
  readonly columns: number;
  readonly transposed: boolean;
}
export const matrix = (
  data: Floats,
  rows: number,
  columns: number,
  transposed = false,
): Matrix => ({ data, rows, columns, transposed });
/** Returns the transpose as a view of the same numbers. */
export const transpose = ({ data, rows, columns, transposed }: Matrix): Matrix =>
  matrix(data, columns, rows, !transposed);

/** The operands of y = a·b, made when a slot is recorded; y is not transposed. */
export interface Product {
  readonly y: Matrix;
  readonly a: Matrix;
  readonly b: Matrix;
}

/**
 * A matrix in fewer bits than floats have, a row after the other: bfloat16, or int8 times its row's scale. Rows are those
 * of the matrix as stored; `data` is a buffer of the backend that holds the bits.
 */
export interface StoredMatrix extends Matrix {
  /** A scale per stored row; null for bfloat16. */
  readonly scales: Floats | null;
}
export interface StoredProduct extends Product {
  readonly b: StoredMatrix;
}

export interface Backend {
  readonly name: string;
  /** Returns a zeroed buffer of `size` elements that this backend's kernels can address. */
  alloc(size: number): Floats;
  /** Gives a buffer back for reuse. */
  free(buffer: Floats): void;
  /** Computes y = a·b, or y += a·b where `accumulate`. */
  gemm(product: Product, accumulate: boolean): void;

  // ---- Optional: where a backend lacks one, the caller's own loop runs.

  /** Computes y = a·b, or y += a·b: the bits of `gemm` on b's numbers as floats. */
  gemmStored?(product: StoredProduct, accumulate: boolean): void;
  /** Returns kernels for an op whose slot is being recorded (`Run` in op.ts), or null for the op's own loops. */
  compile?(op: object, run: never): Compiled | null;
  /** Returns Σ x². */
  sumOfSquares?(x: Floats): number;
  /** Adds x to y in place. */
  accumulate?(y: Floats, x: Floats): void;
  /** Multiplies x by `by` in place. */
  scale?(x: Floats, by: number): void;
  /**
   * Takes one Adam step on flat arrays; optim/adam.ts has the formula. `numbers` are β₁, 1 − β₁, β₂, 1 − β₂, rate,
   * rootScale, eps, l2 and keep. May clear the gradient.
   */
  adam?(run: AdamRun, numbers: Floats): void;
  /** Takes one Adam step on moments in BF16; optim/adam-bf16.ts has the formula. May clear the gradient. */
  adamBf16?(run: AdamRun, numbers: Floats, key: number): void;
  /** Writes each row's maximum and ln Σ exp(x − maximum) to `sums` [rows, 2], for x [rows, n]. */
  logSums?(sums: Floats, x: Floats, rows: number): void;
  /** Adds by·weight[row]·exp(x − sums[row, 0] − sums[row, 1]) to dx, for each row of x. */
  accumulateExp?(dx: Floats, x: Floats, sums: Floats, weight: Floats, by: number): void;
  /** Copies x[start + index[i]] to y[i], 0 where index[i] is −1; `index` is an int32 view of a buffer of the backend. */
  gather?(y: Floats, x: Floats, index: Int32Array, start: number): void;
  /** Sets keep[i] to 0 where the next 32 random bits are below `limit`, else to 1. */
  keep?(keep: Floats, random: Random, limit: number): void;
}

/**
 * Parameters of an Adam step with their gradients, and `state`, the running means: m and v, or one array that holds the
 * bits of both in BF16.
 */
export interface AdamRun {
  readonly data: Floats;
  readonly grad: Floats;
  readonly state: readonly Floats[];
}

/** The forward and backward functions of one slot, called with the op's run. */
export interface Compiled {
  /** The slot's own buffers, freed when the slot is dropped. */
  readonly buffers?: readonly Floats[];
  forward?(run: never): void;
  backward?(run: never): void;
}
