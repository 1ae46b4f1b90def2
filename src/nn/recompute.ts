/**
 * The parts of a language model that may be computed again in the backward pass, in place of staying in memory: blocks,
 * and what is read of logits.
 */
import type { Tensor } from "../core/tensor.ts";
import { stack } from "../ops/join.ts";
import { reshape, slice } from "../ops/layout.ts";
import { type Recomputable, recomputed } from "../ops/recomputed.ts";
import type { Dropout } from "./dropout.ts";

/** Logits in memory at a time where they are computed again: 16 MiB, and as much for their gradient. */
export const logitsAtATime = 2 ** 22;

/** Returns a block as a function that drops the same elements when it is computed again. */
export function recomputableBlock(
  block: (x: Tensor) => Tensor,
  drop: Dropout | null,
): Recomputable {
  if (drop === null) return ([x]) => block(x);
  let state: readonly number[] | null = null;
  return ([x], again) => {
    const [y, drawnFrom] = drop.recomputable(() => block(x), again ? state : null);
    state = drawnFrom;
    return y;
  };
}

/** Computes numbers per token from its logits. */
export interface ReadLogits {
  /** The number of results. */
  readonly results: number;
  /** Maps logits [tokens, vocab] and tensors beside them, [tokens, …], to results [tokens], each token by itself. */
  readonly of: (logits: Tensor, beside: readonly Tensor[]) => readonly Tensor[];
}

/** Reads logits of a head [vocab, width], of which only those of some tokens are in memory at a time. */
export class RecomputedLogits {
  private readonly logits: (hidden: Tensor) => Tensor;
  private readonly head: Tensor;
  private readonly bodies = new WeakMap<ReadLogits, Recomputable>();

  constructor(logits: (hidden: Tensor) => Tensor, head: Tensor) {
    this.logits = logits;
    this.head = head;
  }

  /** Returns the results of `read` [tokens] on the logits of hidden [tokens, width]. */
  perToken(hidden: Tensor, beside: readonly Tensor[], read: ReadLogits): readonly Tensor[] {
    const [tokens] = hidden.shape;
    const shape = [tokens, read.results];
    const { head } = this;
    const rows = Math.max(8, Math.floor(logitsAtATime / head.shape[0]) & ~7);
    // a trained head's gradient is a sum over tokens, which in chunks would be rounded more than once
    const options =
      head.grad === null ? { parameters: [], shape, rows } : { parameters: [head], shape };
    const y = recomputed(this.bodyOf(read), [hidden, ...beside], options);
    return Array.from({ length: read.results }, (_, j) => {
      const column = [j, j + 1] as const;
      return reshape(slice(y, [[0, tokens], column]), flat);
    });
  }

  /** Returns `read` as a function of hidden, cached so that a tape that runs again keeps its slots. */
  private bodyOf(read: ReadLogits): Recomputable {
    const known = this.bodies.get(read);
    if (known !== undefined) return known;
    const made: Recomputable = ([hidden, ...beside]) =>
      stack(read.of(this.logits(hidden), beside), 1);
    this.bodies.set(read, made);
    return made;
  }
}
const flat = Object.freeze([-1]);
