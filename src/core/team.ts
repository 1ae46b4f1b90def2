/**
 * Members that run one training together: each runs the whole program from the same seed, and they share out only the
 * work that is worth it. Everything else they repeat, so that all have the same weights without sending any. A program
 * gives the same bits with any number of members, since shared work has fixed borders and is joined in a fixed order.
 */
import type { Backend, Floats } from "./backend.ts";
import type { Region } from "./tensor.ts";

/** The sum of the shards of one region's gradient. */
export interface Sum {
  /** Called before and after the pass of a chunk, with its number in the batch and then in the wave. */
  begin(chunk: number): void;
  end(shard: number): void;
  /** Adds the wave's shards. */
  add(first: number, shards: number): void;
  /** Writes the sum of all chunks to the gradient. */
  give(chunks: number): void;
}

type Numbers = readonly number[];

/** One member's view of the team. Arrays are the same memory for all members that make them in the same order. */
export interface Team {
  readonly size: number;
  /** This member's number; 0 is the leader, whom the caller talks to. */
  readonly index: number;
  floats(n: number): Float32Array;
  doubles(n: number): Float64Array;
  ints(n: number): Int32Array;
  bytes(n: number): Uint8Array;
  /** Returns what claims the next number, from 0 on; each goes to one member. Called once between two barriers. */
  claims(): () => number;
  /** Waits until all members are here. What they wrote before can be read after. */
  barrier(): void;
  /** Returns a mark; `release` waits for all members, and gives back the memory of the arrays made since. */
  mark(): number;
  release(mark: number): void;
  /** Returns the number of shards that are added together. */
  waveOf(regions: readonly Region[]): number;
  sumOf(region: Region, wave: number): Sum;
  /** Returns the lists of all members, joined in their order. */
  gather(lists: readonly Numbers[]): readonly Numbers[];
  /** Tells the others, who wait between two updates, to join in what follows. Does nothing in those others. */
  call(what: string): void;
}

/** Returns a team of one. Its arrays are ordinary ones. */
export function solo(): Team {
  return {
    size: 1,
    index: 0,
    floats: (n) => new Float32Array(n),
    doubles: (n) => new Float64Array(n),
    ints: (n) => new Int32Array(n),
    bytes: (n) => new Uint8Array(n),
    claims() {
      let claimed = 0;
      return () => claimed++;
    },
    barrier: () => {},
    mark: () => 0,
    release: () => {},
    waveOf: () => 1,
    sumOf: (region) => new OwnSum(region),
    gather: (lists) => lists,
    call: () => {},
  };
}

/** Returns the first of `n` units that member i takes; the next member's first is its end. */
export const shareOf = (n: number, size: number, i: number): number => Math.floor((n * i) / size);

export function accumulate(k: Backend, to: Floats, from: Floats): void {
  if (k.accumulate) k.accumulate(to, from);
  else for (let i = 0; i < to.length; i++) to[i] += from[i];
}

/** The sum of a member that is alone: the last shard stays in the gradient. */
class OwnSum implements Sum {
  private readonly backend: Backend;
  private readonly grad: Floats;
  private sum: Floats | null = null;

  constructor({ backend, grad }: Region) {
    this.backend = backend;
    this.grad = grad;
  }

  begin(chunk: number): void {
    if (chunk === 0) return;
    const { backend, grad } = this;
    this.sum ??= backend.alloc(grad.length);
    if (chunk === 1) this.sum.set(grad);
    else accumulate(backend, this.sum, grad);
    grad.fill(0);
  }

  end(): void {}
  add(): void {}

  give(chunks: number): void {
    if (chunks > 1 && this.sum !== null) accumulate(this.backend, this.grad, this.sum);
  }
}
