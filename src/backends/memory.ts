/** One WebAssembly memory of fixed size, and the float32 buffers in it. */
import type { Floats } from "../core/backend.ts";
import { kindOf } from "../core/check.ts";
import { MemoryError, UsageError } from "../core/errors.ts";
import { tableSize, tableStart } from "./assembler.ts";
import { type WasmMemory, webAssembly } from "./webassembly.ts";

const pageSize = 65536;
/** The bytes that kernels may read past a buffer's end; the memory's last bytes are therefore never allocated. */
const slack = 64;
/** The largest buffer, in bytes: kernels count them in signed 32-bit integers. */
const largest = 2 ** 31 - slack;

/** A free range of memory, in bytes. */
interface Gap {
  start: number;
  end: number;
}

export class Memory {
  readonly memory: WasmMemory;
  /** Sorted by address; adjacent gaps are merged, so that freed memory serves any size. */
  private readonly gaps: Gap[];
  /** The bytes of each buffer in use, by its address. */
  private readonly inUse = new Map<number, number>();
  private readonly bytes: number;
  private peak = align(tableStart + tableSize);

  /** `bytes` is rounded up to pages of 64 KiB. Several threads can use a shared memory. */
  constructor(bytes: number, shared: boolean) {
    const pages = Math.ceil(bytes / pageSize);
    if (!(pages >= 1 && pages <= 65536)) {
      throw new RangeError(`simd: expected a memory of 1 byte to 4 GiB, got ${bytes} bytes`);
    }
    const wasm = webAssembly();
    if (wasm === undefined) throw new UsageError(noWebAssembly);
    try {
      this.memory = new wasm.Memory({ initial: pages, maximum: pages, shared });
    } catch (error) {
      throw new MemoryError(`simd: cannot allocate a memory of ${bytes} bytes: ${String(error)}`);
    }
    this.bytes = pages * pageSize;
    this.gaps = [{ start: this.peak, end: this.bytes - slack }];
  }

  get pages(): number {
    return this.bytes / pageSize;
  }

  /** The bytes of a memory that would fit everything that was ever in use at once. */
  get used(): number {
    return this.peak + slack;
  }

  /** The bytes in use now. */
  get live(): number {
    let sum = 0;
    for (const bytes of this.inUse.values()) sum += bytes;
    return sum;
  }

  /** Allocates a zeroed buffer in the first gap that has room. */
  alloc(size: number): Float32Array {
    if (!(Number.isSafeInteger(size) && size >= 0)) {
      throw new RangeError(`simd: expected a whole number of floats, got ${kindOf(size)}`);
    }
    const bytes = Math.max(64, align(4 * size));
    const gap = this.gaps.find(({ start, end }) => end - start >= bytes);
    if (gap === undefined || bytes > largest) this.refuse(bytes);
    const { start } = gap;
    gap.start += bytes;
    if (gap.start === gap.end) this.gaps.splice(this.gaps.indexOf(gap), 1);
    this.inUse.set(start, bytes);
    this.peak = Math.max(this.peak, start + bytes);
    return new Float32Array(this.memory.buffer, start, size).fill(0);
  }

  private refuse(bytes: number): never {
    const free = this.gaps.map(({ start, end }) => end - start);
    throw new MemoryError(
      `simd: the memory of ${this.bytes} bytes is full: expected room for ${bytes} more, the largest gap has ${Math.max(0, ...free)}; make the backend with more memory`,
    );
  }

  /** Frees a buffer. Throws UsageError for one that is not in use, or is a view of a part. */
  free(buffer: Floats): void {
    const start = this.address(buffer);
    const bytes = this.inUse.get(start);
    if (bytes === undefined || bytes !== Math.max(64, align(4 * buffer.length))) {
      throw new UsageError("simd.free: expected a buffer that alloc gave and nobody freed yet");
    }
    this.inUse.delete(start);
    const { gaps } = this;
    const end = start + bytes;
    const at = indexAfter(gaps, start);
    const before = at > 0 && gaps[at - 1].end === start ? gaps[at - 1] : undefined;
    const after = at < gaps.length && gaps[at].start === end ? gaps[at] : undefined;
    if (before !== undefined) {
      before.end = after?.end ?? end;
      if (after !== undefined) gaps.splice(at, 1);
    } else if (after !== undefined) after.start = start;
    else gaps.splice(at, 0, { start, end });
  }

  /** Returns the buffer's address in bytes. Throws UsageError for a buffer of another backend. */
  address(buffer: Floats): number {
    if (buffer.buffer !== this.memory.buffer) {
      throw new UsageError("simd: got a buffer of another backend; use one that alloc gave");
    }
    return buffer.byteOffset;
  }
}

/** Returns the index of the first gap after address `start`. */
function indexAfter(gaps: readonly Gap[], start: number): number {
  let [low, high] = [0, gaps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (gaps[middle].start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const noWebAssembly = "simd: this runtime has no WebAssembly; use loops()";
const align = (n: number): number => 64 * Math.ceil(n / 64);
