/** A team of threads over shared memory. Members spin for a moment where they wait, then sleep. */
import type { Backend, Floats } from "./backend.ts";
import { MemoryError } from "./errors.ts";
import { accumulate, type Sum, shareOf, type Team } from "./team.ts";
import type { Region } from "./tensor.ts";

/** Index of each number in the team's head, in 32-bit words. */
const at = { arrived: 0, turn: 1, failed: 2, claims: 3, calls: 5 } as const;
const headBytes = 64;
/** Places of the leader's call and of a failure, written as UTF-16 after their length. */
const textBytes = 4096;
const texts = { call: headBytes, failure: headBytes + textBytes } as const;
/** Turns of a spin before a member sleeps: some tens of microseconds. */
const spins = 20_000;
/** Bytes that a team's memory may grow to; what is not used costs only addresses. */
const most = 2 ** 32 - 2 ** 16;
const least = 2 ** 24;

/** Memory that all members of a team have. */
export interface TeamMemory {
  readonly buffer: SharedArrayBuffer;
  readonly size: number;
}

interface GrowableBuffer extends SharedArrayBuffer {
  readonly maxByteLength: number;
  grow(bytes: number): void;
}

/** Returns whether this runtime has memory that threads share and that grows. */
export const canShare = (): boolean =>
  typeof SharedArrayBuffer !== "undefined" && "grow" in SharedArrayBuffer.prototype;

/** Returns memory for a team. Throws MemoryError where not even a few addresses can be had. */
export function teamMemory(size: number): TeamMemory {
  for (let maxByteLength = most; maxByteLength >= least; maxByteLength = half(maxByteLength)) {
    try {
      // @ts-expect-error: maxByteLength is newer than the library that the compiler is told of
      return { buffer: new SharedArrayBuffer(2 ** 16, { maxByteLength }), size };
    } catch {
      // fewer addresses may be free
    }
  }
  throw new MemoryError(`threads: expected ${least} bytes of addresses for shared memory`);
}
const half = (bytes: number): number => Math.floor(bytes / 2 ** 17) * 2 ** 16;

/** The most numbers in shards that wait to be added, and the most shards. */
const mostNumbers = 2 ** 24;
const mostShards = 64;

export class SharedTeam implements Team {
  readonly size: number;
  readonly index: number;
  private readonly head: Int32Array;
  private readonly buffer: SharedArrayBuffer;
  private used = headBytes + 2 * textBytes;
  private turn = 0;
  private calls = 0;

  private readonly errorFrom: (words: string) => Error;

  /** `errorFrom` makes the error that is thrown after a member's `fail`. */
  constructor(
    { buffer, size }: TeamMemory,
    index: number,
    errorFrom = (words: string): Error => new Error(words),
  ) {
    this.errorFrom = errorFrom;
    this.size = size;
    this.index = index;
    this.buffer = buffer;
    this.head = new Int32Array(buffer, 0, headBytes / 4);
  }

  floats(n: number): Float32Array {
    return new Float32Array(this.buffer, this.take(4 * n), n);
  }

  doubles(n: number): Float64Array {
    return new Float64Array(this.buffer, this.take(8 * n), n);
  }

  ints(n: number): Int32Array {
    return new Int32Array(this.buffer, this.take(4 * n), n);
  }

  bytes(n: number): Uint8Array {
    return new Uint8Array(this.buffer, this.take(n), n);
  }

  claims(): () => number {
    const counter = at.claims + (this.turn & 1);
    return () => Atomics.add(this.head, counter, 1);
  }

  barrier(): void {
    const { head, size } = this;
    const turn = this.turn++;
    if (Atomics.add(head, at.arrived, 1) === size - 1) {
      Atomics.store(head, at.claims + (turn & 1), 0); // nobody claims from it before the next barrier
      Atomics.store(head, at.arrived, 0);
      Atomics.store(head, at.turn, this.turn);
      Atomics.notify(head, at.turn);
    } else this.sleepWhile(at.turn, turn);
  }

  mark(): number {
    return this.used;
  }

  release(mark: number): void {
    this.barrier();
    this.used = mark;
  }

  waveOf(regions: readonly Region[]): number {
    const size = regions.reduce((n, { grad }) => n + grad.length, 1);
    return Math.min(mostShards, Math.max(this.size, Math.floor(mostNumbers / size)));
  }

  sumOf(region: Region, wave: number): Sum {
    return new TeamSum(region, this, wave);
  }

  gather(lists: readonly (readonly number[])[]): readonly (readonly number[])[] {
    const mark = this.mark();
    const counts = this.ints(this.size);
    counts[this.index] = lists.length;
    this.barrier();
    const first = counts.subarray(0, this.index).reduce((sum, n) => sum + n, 0);
    const lengths = this.ints(counts.reduce((sum, n) => sum + n, 0));
    lengths.set(
      lists.map(({ length }) => length),
      first,
    );
    this.barrier();
    const ends: number[] = [];
    for (const n of lengths) ends.push((ends.at(-1) ?? 0) + n);
    const numbers = this.doubles(ends.at(-1) ?? 0);
    lists.forEach((list, i) => {
      numbers.set(list, ends[first + i] - list.length);
    });
    this.barrier();
    const joined = ends.map((end, i) => Array.from(numbers.subarray(end - lengths[i], end)));
    this.release(mark);
    return joined;
  }

  call(what: string): void {
    if (this.index !== 0) return;
    this.write(texts.call, what);
    Atomics.add(this.head, at.calls, 1);
    Atomics.notify(this.head, at.calls);
  }

  /** Waits for the leader's next call, and returns what it said. */
  called(): string {
    this.sleepWhile(at.calls, this.calls++);
    return this.read(texts.call);
  }

  /** Ends the team: every member that waits, now or later, throws an error of these words. The first ones stand. */
  fail(words: string): void {
    if (Atomics.compareExchange(this.head, at.failed, 0, 1) !== 0) return;
    this.write(texts.failure, words);
    Atomics.store(this.head, at.failed, 2);
    for (const word of [at.turn, at.calls]) {
      Atomics.add(this.head, word, 2 ** 30); // a value that nobody waits for: a wait that begins now ends
      Atomics.notify(this.head, word);
    }
  }

  private write(start: number, text: string): void {
    const codes = new Uint16Array(this.buffer, start, textBytes / 2);
    codes[0] = Math.min(text.length, codes.length - 1);
    for (let i = 0; i < codes[0]; i++) codes[1 + i] = text.charCodeAt(i);
  }

  private read(start: number): string {
    const codes = new Uint16Array(this.buffer, start, textBytes / 2);
    return String.fromCharCode(...codes.subarray(1, 1 + codes[0]));
  }

  private sleepWhile(word: number, value: number): void {
    const { head } = this;
    const waits = (): boolean =>
      Atomics.load(head, word) === value && Atomics.load(head, at.failed) !== 2;
    for (let i = 0; i < spins && waits(); i++);
    while (waits()) Atomics.wait(head, word, value);
    this.check();
  }

  /** Throws if a member has failed. */
  check(): void {
    if (Atomics.load(this.head, at.failed) === 2) throw this.errorFrom(this.read(texts.failure));
  }

  /** Reserves memory, at a multiple of 8 bytes. */
  private take(bytes: number): number {
    const start = this.used;
    this.used = start + Math.ceil(bytes / 8) * 8;
    this.grow(this.used);
    return start;
  }

  private grow(needed: number): void {
    const buffer = this.buffer as GrowableBuffer;
    while (buffer.byteLength < needed) {
      if (needed > buffer.maxByteLength)
        throw new MemoryError(
          `threads: expected at most ${buffer.maxByteLength} bytes of shared arrays, got ${needed}`,
        );
      try {
        buffer.grow(Math.ceil(needed / 65536) * 65536);
      } catch (error) {
        if (buffer.byteLength < needed) throw error; // else another member was faster
      }
    }
  }
}

/** The sum of a team: shards wait in shared memory, and each member adds a range of them. */
class TeamSum implements Sum {
  private readonly backend: Backend;
  private readonly grad: Floats;
  private readonly shards: readonly Floats[];
  private readonly sum: Floats;
  private readonly first: number;
  /** The member's range of the sum and of a shard, where kernels can read them. */
  private readonly ownSum: Floats;
  private readonly ownShard: Floats;

  constructor({ backend, grad }: Region, team: Team, wave: number) {
    const { length: n } = grad;
    const shared = (): Floats => (grad instanceof Float64Array ? team.doubles(n) : team.floats(n));
    this.backend = backend;
    this.grad = grad;
    this.shards = Array.from({ length: wave }, shared);
    this.sum = shared();
    this.first = shareOf(n, team.size, team.index);
    const own = shareOf(n, team.size, team.index + 1) - this.first;
    this.ownSum = backend.alloc(own);
    this.ownShard = backend.alloc(own);
  }

  begin(): void {}

  end(shard: number): void {
    this.shards[shard].set(this.grad);
    this.grad.fill(0);
  }

  add(first: number, count: number): void {
    const { backend, shards, sum, ownSum, ownShard, first: from } = this;
    const end = from + ownSum.length;
    for (let shard = 0; shard < count; shard++) {
      const own = shards[shard].subarray(from, end);
      if (first + shard === 0) ownSum.set(own);
      else {
        ownShard.set(own);
        accumulate(backend, ownSum, ownShard);
      }
    }
    sum.set(ownSum, from);
  }

  give(chunks: number): void {
    if (chunks > 0) this.grad.set(this.sum);
  }
}
