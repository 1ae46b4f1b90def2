/** The seam between ops and the machine. Only kernels that earned it with a benchmark are here. */
import type { Random } from "./random.ts";
import type { GradSlot, Slot } from "./tape.ts";

/** A flat run of numbers. Float64Array is for gradient checks and exact oracles. */
export type Floats = Float32Array | Float64Array;

export interface Backend {
  readonly name: string;
  /** A zeroed buffer of `size` elements that this backend's kernels can address. */
  alloc(size: number): Floats;
  /** Gives a buffer back for reuse. */
  free(buffer: Floats): void;
  /**
   * y[m,n] = (or += where `accumulate`) Σₖ A[m,k]·B[k,n], each operand row-major from its offset.
   * A is stored [m,k], or [k,m] where `transposeA`; B is stored [k,n], or [n,k] where `transposeB`.
   */
  gemm(
    y: Floats,
    yOffset: number,
    a: Floats,
    aOffset: number,
    b: Floats,
    bOffset: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    accumulate: boolean,
  ): void;

  // ---- What a backend may do faster; where it does not, the loops beside the call run.

  /** Own code for the op of a slot that is being recorded, or null for the op's own loops. */
  compile?(slot: Slot): Compiled | null;
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

/** Forward and backward of one slot; as in `Op`. */
export interface Compiled {
  /** Room of its own, given back when the slot is dropped. */
  readonly buffers?: readonly Floats[];
  forward?(slot: Slot): void;
  backward?(slot: GradSlot): void;
}
