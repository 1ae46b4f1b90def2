/** Assembles all kernels of the SIMD backend into one WebAssembly module. */
import { Module } from "../assembler.ts";
import { addAttention } from "./attention.ts";
import { addDense } from "./dense.ts";
import { kit } from "./functions.ts";
import { addLlama } from "./llama.ts";
import { addMaps } from "./maps.ts";
import { addMatrices } from "./matrix.ts";
import { addRandom } from "./random.ts";
import { addRows } from "./rows.ts";
import { addStored } from "./stored.ts";
import { addTraining } from "./training.ts";

export interface KernelOptions {
  /** Multiplies and adds with one rounding where the machine supports it (relaxed SIMD): faster, other last bits. */
  readonly fast?: boolean;
  /** The size of a memory that threads share, in pages of 64 KiB; null, the default, for an unshared memory. */
  readonly sharedPages?: number | null;
}

/** Returns the module's bytes, the same on every machine. */
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
  addStored(m);
  addAttention(m, k);
  addLlama(m, k);
  addTraining(m, k);
  addRandom(m);
  return m.bytes(sharedPages);
}
