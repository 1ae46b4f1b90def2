/** All kernels of the SIMD backend, as the bytes of one WebAssembly module. */
import { Module } from "../assembler.ts";
import { addAttention } from "./attention.ts";
import { addDense } from "./dense.ts";
import { kit } from "./functions.ts";
import { addMaps } from "./maps.ts";
import { addMatrices } from "./matrix.ts";
import { addRandom } from "./random.ts";
import { addRows } from "./rows.ts";
import { addTraining } from "./training.ts";

export interface KernelOptions {
  /** Multiply and add in one rounding where the machine can (relaxed SIMD): faster, other last bits. */
  readonly fast?: boolean;
  /** Pages of 64 KiB of the memory that threads share; null, the default: a memory of one's own. */
  readonly sharedPages?: number | null;
}

/** The module's bytes: the same for the same options, on every machine. */
export function kernelBytes({
  fast = false,
  sharedPages = null,
}: KernelOptions = {}): Uint8Array<ArrayBuffer> {
  const m = new Module();
  const k = kit(m, fast);
  addMaps(m, k);
  addRows(m, k);
  addMatrices(m, k);
  addDense(m, k);
  addAttention(m, k);
  addTraining(m, k);
  addRandom(m);
  return m.bytes(sharedPages);
}
