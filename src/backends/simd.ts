/**
 * The fast backend: WebAssembly SIMD kernels, assembled from TypeScript when first used, on one memory of
 * fixed size. Ops without a kernel run in their own loops on the same buffers. Sums are in float32, so last
 * bits differ from `loops`; they are the same on every engine, unless `fast`.
 */
import type { Floats } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import { type KernelOptions, kernelBytes } from "./kernels/index.ts";
import { Memory, noWebAssembly } from "./memory.ts";
import type { Kernels, SimdBackend } from "./simd-backend.ts";
import { gemmOf } from "./simd-gemm.ts";
import { compileOp } from "./simd-ops.ts";
import { type WasmMemory, type WasmModule, webAssembly } from "./webassembly.ts";

export type { SimdBackend } from "./simd-backend.ts";

export interface SimdOptions {
  /** The fixed size of memory in bytes. Default 256 MiB, of which the machine commits only what is used. */
  readonly memory?: number;
  /** Multiplies and adds with one rounding where the machine supports it: faster, other last bits. Default false. */
  readonly fast?: boolean;
  /** The compiled kernels of `pigrad emit-wasm`, for runtimes that forbid compiling from bytes. */
  readonly module?: WasmModule;
  /** Another thread's memory, or true for a new one that threads can share. */
  readonly shared?: boolean;
}

/** Returns whether this machine runs the kernels; with `fast`, whether it runs the fast ones. */
export function simdAvailable({ fast = false } = {}): boolean {
  return webAssembly()?.validate(kernelBytes({ fast })) ?? false;
}

const modules = new Map<string, WasmModule>();

/** Returns the compiled kernels for these options, compiled once. */
function compiled(options: KernelOptions): WasmModule {
  const key = JSON.stringify(options);
  const known = modules.get(key);
  if (known !== undefined) return known;
  const wasm = webAssembly();
  if (wasm === undefined) throw new UsageError(noWebAssembly);
  try {
    const module = new wasm.Module(kernelBytes(options));
    modules.set(key, module);
    return module;
  } catch (error) {
    const wanted = options.fast ? "relaxed SIMD" : "SIMD";
    throw new UsageError(
      `simd: this runtime does not take the kernels (${wanted}): ${String(error)}; use loops(), or pass a module`,
    );
  }
}

function instantiate(module: WasmModule, memory: WasmMemory): Kernels {
  const wasm = webAssembly();
  if (wasm === undefined) throw new UsageError(noWebAssembly);
  try {
    return new wasm.Instance(module, { env: { memory } }).exports as Kernels;
  } catch (error) {
    throw new UsageError(
      `simd: expected the module of emit-wasm for this memory: ${String(error)}`,
    );
  }
}

export function simd(options: SimdOptions = {}): SimdBackend {
  const { memory: bytes = 256 * 2 ** 20, fast = false, shared = false } = options;
  const memory = new Memory(bytes, shared);
  const module = options.module ?? compiled({ fast, sharedPages: shared ? memory.pages : null });
  const kernels = instantiate(module, memory.memory);
  const address = (buffer: Floats): number => memory.address(buffer);

  const numbers = memory.alloc(9);
  const workspace = growing(memory, 4096);
  const k: SimdBackend = {
    name: fast ? "simd-fast" : "simd",
    kernels,
    memory: memory.memory,
    address,
    workspace,
    used: () => memory.used,
    live: () => memory.live,
    alloc: (size) => memory.alloc(size),
    free: (buffer) => memory.free(buffer),
    ...gemmOf({
      kernels,
      address,
      workspace,
      long: growing(memory, 16),
      panel: growing(memory, 16),
    }),
    compile: (op, run) => compileOp(k, op, run),
    sumOfSquares: (x) => kernels.sumOfSquares(address(x), x.length),
    accumulate: (y, x) => void kernels.accumulate(address(y), address(x), y.length),
    scale: (x, by) => void kernels.scale(address(x), address(x), by, x.length),
    adam({ data, grad, state: [m, v] }, given) {
      numbers.set(given); // through memory: a number passed to a kernel from here would be boxed
      const at = address(numbers);
      kernels.adam(address(data), address(grad), address(m), address(v), data.length, at);
    },
    adamBf16({ data, grad, state: [moments] }, given, key) {
      numbers.set(given);
      const at = address(numbers);
      kernels.adamBf16(address(data), address(grad), address(moments), data.length, at, key);
    },
    logSums: (sums, x, rows) =>
      void kernels.logSums(address(sums), address(x), rows, x.length / rows),
    accumulateExp: (dx, x, sums, weight, by) => {
      const rows = weight.length;
      const w = address(weight);
      kernels.accumulateExp(address(dx), address(x), address(sums), w, by, rows, x.length / rows);
    },
    gather: (y, x, index, start) =>
      void kernels.gather(address(y), address(x) + 4 * start, index.byteOffset, index.length),
    keep(keep, random, limit) {
      const whole = keep.length & ~7;
      const [key0, key1, first, , half] = random.save();
      const fits = half === 0 && first + whole / 2 <= 2 ** 32; // at the start of a block, with counters of 32 bits
      if (fits) {
        kernels.keep(address(keep), whole, key0, key1, first, limit);
        random.skip(whole);
      }
      for (let i = fits ? whole : 0; i < keep.length; i++) keep[i] = random.bits() < limit ? 0 : 1;
    },
  };
  return k;
}

/** Returns a function that gives the address of at least `floats` floats of undefined content; grows by doubling. */
function growing(memory: Memory, initial: number): (floats: number) => number {
  let space = memory.alloc(initial);
  return (floats) => {
    if (space.length >= floats) return space.byteOffset;
    let length = space.length;
    while (length < floats) length *= 2;
    const { length: before } = space;
    memory.free(space); // first, so that the larger one may reuse its room
    try {
      space = memory.alloc(length);
    } catch (error) {
      space = memory.alloc(before);
      throw error;
    }
    return space.byteOffset;
  };
}

/**
 * Returns what `build` makes, on a backend with just the memory that it needs. Calls `build` twice: first on a
 * trial backend with `options`' memory, whose use gives the second backend's size. So `build` must run a whole
 * step, in which tapes and workspace allocate.
 */
export function simdFor<T>(build: (k: SimdBackend) => T, options: SimdOptions = {}): T {
  const trial = simd(options);
  build(trial);
  return build(simd({ ...options, memory: trial.used() }));
}
