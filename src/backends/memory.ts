/** One WebAssembly memory of fixed size, and the float32 buffers in it. */
import type { Floats } from "../core/backend.ts";
import { MemoryError, UsageError } from "../core/errors.ts";
import { tableSize, tableStart } from "./assembler.ts";
import { type WasmMemory, webAssembly } from "./webassembly.ts";

const pageSize = 65536;
/** Kernels read up to this far behind a buffer's end; memory's last bytes are therefore not given out. */
const slack = 64;

export class Memory {
  readonly memory: WasmMemory;
  private readonly freed = new Map<number, Float32Array[]>();
  private readonly end: number;
  private top = align(tableStart + tableSize);

  /** `bytes` is rounded up to pages of 64 KiB. A shared memory can be used by several threads. */
  constructor(bytes: number, shared: boolean) {
    const pages = Math.ceil(bytes / pageSize);
    if (!(pages >= 1 && pages <= 65536)) {
      throw new RangeError(`simd: want a memory of 1 byte to 4 GiB, got ${bytes} bytes`);
    }
    const wasm = webAssembly();
    if (wasm === undefined) throw new UsageError(noWebAssembly);
    try {
      this.memory = new wasm.Memory({ initial: pages, maximum: pages, shared });
    } catch (error) {
      throw new MemoryError(`simd: a memory of ${bytes} bytes cannot be had: ${String(error)}`);
    }
    this.end = pages * pageSize - slack;
  }

  get pages(): number {
    return Math.ceil(this.end / pageSize);
  }

  /** Bytes of a memory in which everything that was taken fits. */
  get used(): number {
    return this.top + slack;
  }

  /** A zeroed buffer; one that was freed at the same length, else the next bytes. */
  alloc(size: number): Float32Array {
    const list = this.freed.get(size);
    const used = list?.pop();
    if (used !== undefined) return used.fill(0);
    const bytes = align(4 * size);
    if (this.top + bytes > this.end) {
      const left = this.end - this.top;
      throw new MemoryError(
        `simd: the memory of ${this.end + slack} bytes is full: want ${bytes} more, ${left} are left`,
      );
    }
    const buffer = new Float32Array(this.memory.buffer, this.top, size);
    this.top += bytes;
    return buffer;
  }

  free(buffer: Floats): void {
    this.address(buffer);
    const list = this.freed.get(buffer.length);
    if (list === undefined) this.freed.set(buffer.length, [buffer as Float32Array]);
    else list.push(buffer as Float32Array);
  }

  /** Where a buffer stands, in bytes. Throws UsageError for one of another backend. */
  address(buffer: Floats): number {
    if (buffer.buffer !== this.memory.buffer) {
      throw new UsageError("simd: got a buffer of another backend; use one that alloc gave");
    }
    return buffer.byteOffset;
  }
}

export const noWebAssembly = "simd: this runtime has no WebAssembly; use loops()";
const align = (n: number): number => (n + 63) & ~63;
