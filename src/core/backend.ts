/** The seam between ops and the machine. Only kernels that earned it with a benchmark are here. */

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
}
