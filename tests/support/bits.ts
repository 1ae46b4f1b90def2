/** The bits of float32 numbers, which tell −0 from 0 and compare fast. */
export const bitsOf = (x: ArrayLike<number>): Uint32Array =>
  new Uint32Array(Float32Array.from(x).buffer);
