/** The SIMD backend as the kernels of ops see it: a backend with addresses and a workspace. */
import type { Backend, Compiled, Floats } from "../core/backend.ts";
import type { WasmMemory } from "./webassembly.ts";

/** The kernels' exports: numbers in, a number or nothing out. */
export type Kernels = Readonly<Record<string, (...args: number[]) => number>>;

export interface SimdBackend extends Backend {
  readonly kernels: Kernels;
  readonly memory: WasmMemory;
  /** Returns the bytes of a memory that would fit everything that was ever allocated at once. */
  used(): number;
  /** Returns the bytes allocated now and not freed. */
  live(): number;
  /** Returns the address of a buffer of this backend, in bytes. */
  address(buffer: Floats): number;
  /** Returns the address of at least `floats` floats of scratch memory, whose content lasts until the next call. */
  workspace(floats: number): number;
}

/** Returns the kernels' code for an op's run; null for the op's own loops. Buffers of `alloc` live with the slot. */
export type Compile<R> = (
  k: SimdBackend,
  run: R,
  alloc: (size: number) => Floats,
) => Compiled | null;

/** The address of each buffer of a run, under the same name. */
export type Addresses<R> = {
  readonly [K in keyof R as R[K] extends Floats | null ? K : never]: number;
};

/** Returns the addresses of a run's buffers; 0 for an absent input or gradient. */
export function addressesOf<R extends object>(k: SimdBackend, run: R): Addresses<R> {
  const addresses: Record<string, number> = {};
  for (const [name, value] of Object.entries(run)) {
    if (value === null) addresses[name] = 0;
    else if (value instanceof Float32Array)
      addresses[name] = value.length === 0 ? 0 : k.address(value);
  }
  return addresses as Addresses<R>;
}
