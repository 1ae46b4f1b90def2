/** Sums over many rows on the SIMD backend. */
import type { Floats } from "../core/backend.ts";
import type { SimdBackend } from "./simd-backend.ts";

/** The most rows of a plain float32 sum over rows; sums of more are added with compensation. */
export const rowBlock = 256;

/** A vector summed in blocks: `next` returns the address for a block's sums, `finish` adds the total to `to`. */
export function longSum(k: SimdBackend, alloc: (size: number) => Floats, to: number, n: number) {
  const [total, lost, part] = [alloc(n), alloc(n), alloc(n)];
  const add = (): void =>
    void k.kernels.addCompensated(k.address(total), k.address(lost), k.address(part), n);
  return {
    next(): number {
      add();
      part.fill(0);
      return k.address(part);
    },
    finish(): void {
      add();
      k.kernels.accumulate(to, k.address(total), n);
      for (const x of [total, lost, part]) x.fill(0); // ready for the next backward
    },
  };
}
