/** The operations a backend may accelerate. Each is here because a benchmark justified it. */
import type { Random } from "./random.ts";

/** A flat array of numbers. Float64Array is for gradient checks and exact oracles. */
export type Floats = Float32Array | Float64Array;

/** A matrix [rows, columns] as it is multiplied: row-major, or where `transposed` stored as [columns, rows]. */
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
/** The transpose of the same numbers in place. */
export const transpose = ({ data, rows, columns, transposed }: Matrix): Matrix =>
  matrix(data, columns, rows, !transposed);

/** y = a·b, made when a slot is recorded; y is not transposed. */
export interface Product {
  readonly y: Matrix;
  readonly a: Matrix;
  readonly b: Matrix;
}

export interface Backend {
  readonly name: string;
  /** A zeroed buffer of `size` elements that this backend's kernels can address. */
  alloc(size: number): Floats;
  /** Gives a buffer back for reuse. */
  free(buffer: Floats): void;
  /** y = a·b, or y += a·b where `accumulate`. */
  gemm(product: Product, accumulate: boolean): void;

  // ---- Optional: where a backend lacks one, the loops beside the call run.

  /** Returns kernels for an op whose slot is being recorded (`Run` in op.ts), or null for the op's own loops. */
  compile?(op: object, run: never): Compiled | null;
  /** Σ x² */
  sumOfSquares?(x: Floats): number;
  /** x ·= by */
  scale?(x: Floats, by: number): void;
  /** One step of Adam over a flat run; optim/adam.ts has its formula. May clear the gradient. */
  adam?(
    w: Floats,
    grad: Floats,
    m: Floats,
    v: Floats,
    beta1: number,
    beta2: number,
    rate: number,
    rootScale: number,
    eps: number,
    l2: number,
    keep: number,
  ): void;
  /** The largest number of each row of x [rows, n], and ln Σ exp(x − that): two numbers a row. */
  logSums?(sums: Floats, x: Floats, rows: number): void;
  /** dx += by·weight[from + row]·exp(x − both sums[row]) for each row of x, one weight a row. */
  accumulateExp?(
    dx: Floats,
    x: Floats,
    sums: Floats,
    weight: Floats,
    from: number,
    by: number,
    rows: number,
  ): void;
  /** keep[i] = 0 where the next 32 random bits are below `limit`, else 1. */
  keep?(keep: Floats, random: Random, limit: number): void;
}

/** Forward and backward of one slot, given the op's run. */
export interface Compiled {
  /** Buffers of its own, freed when the slot is dropped. */
  readonly buffers?: readonly Floats[];
  forward?(run: never): void;
  backward?(run: never): void;
}
