/**
 * Gradient checkpointing of language models: what may be computed again in the backward pass, in place of staying in
 * memory, is blocks and what is read of logits. A page that only samples does not carry it.
 */
import type { Tensor } from "../core/tensor.ts";
import { stack } from "../ops/join.ts";
import { reshape, slice } from "../ops/layout.ts";
import { type Recomputable, recomputed } from "../ops/recomputed.ts";
import type { Dropout } from "./dropout.ts";
import type { LanguageModel, Transformer } from "./transformer.ts";

/** Logits in memory at a time where they are computed again: 16 MiB, and as much for their gradient. */
export const logitsAtATime = 2 ** 22;

/**
 * Has passes of a model keep only each block's input, and no logits in `perToken`, or keep all again. Gradients have the
 * same bits.
 */
export function recompute(model: LanguageModel, on = true): void {
  model.recompute = on ? new Recompute(model as Model) : null;
}

/** Computes numbers per token from its logits. */
export interface ReadLogits {
  /** The number of results. */
  readonly results: number;
  /** Maps logits [tokens, vocab] and tensors beside them, [tokens, …], to results [tokens], each token by itself. */
  readonly of: (logits: Tensor, beside: readonly Tensor[]) => readonly Tensor[];
}

/**
 * Returns the results [tokens] of `read` on the logits of the last layer's output [tokens, width], and on tensors
 * [tokens, …] beside them. Where the model recomputes, only the logits of some tokens are in memory at a time; of all
 * tokens where the head is trained. Pass the same `read` at each run of a tape.
 */
export const perToken = (
  model: LanguageModel,
  hidden: Tensor,
  beside: readonly Tensor[],
  read: ReadLogits,
): readonly Tensor[] =>
  model.recompute instanceof Recompute
    ? model.recompute.perToken(hidden, beside, read)
    : read.of(model.logits(hidden), beside);

// biome-ignore lint/suspicious/noExplicitAny: of any family
type Model = Transformer<any, any>;
type AnyAttend = Parameters<Model["block"]>[3];

/** The blocks of a pass as functions, and what they depend on beside their input. */
interface Pass {
  readonly attend: AnyAttend;
  readonly drop: Dropout | null;
  readonly blocks: readonly Recomputable[];
}

/** The passes of one model that computes again. Functions are cached, so that a tape that runs again keeps its slots. */
export class Recompute {
  private readonly model: Model;
  private readonly passes = new WeakMap<Tensor, Pass>();
  private readonly bodies = new WeakMap<ReadLogits, Recomputable>();

  constructor(model: Model) {
    this.model = model;
  }

  /** Returns what `Transformer.block` does. */
  block(i: number, x: Tensor, positions: Tensor, attend: AnyAttend, drop: Dropout | null): Tensor {
    const { blocks } = this.passOf(positions, attend, drop);
    return recomputed(blocks[i], [x], { parameters: this.model.parameters.list });
  }

  private passOf(positions: Tensor, attend: AnyAttend, drop: Dropout | null): Pass {
    const known = this.passes.get(positions);
    if (known !== undefined && known.attend === attend && known.drop === drop) return known;
    const blocks = this.model.parts.blocks.map((_, i) =>
      recomputableBlock((x) => this.model.block(i, x, positions, attend, drop), drop),
    );
    const made = { attend, drop, blocks };
    this.passes.set(positions, made);
    return made;
  }

  /** Returns what `perToken` does. */
  perToken(hidden: Tensor, beside: readonly Tensor[], read: ReadLogits): readonly Tensor[] {
    const [tokens] = hidden.shape;
    const shape = [tokens, read.results];
    const { head } = this.model.parts;
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

  private bodyOf(read: ReadLogits): Recomputable {
    const known = this.bodies.get(read);
    if (known !== undefined) return known;
    const made: Recomputable = ([hidden, ...beside]) =>
      stack(read.of(this.model.logits(hidden), beside), 1);
    this.bodies.set(read, made);
    return made;
  }
}
const flat = Object.freeze([-1]);

/** Returns a block as a function that drops the same elements when it is computed again. */
function recomputableBlock(block: (x: Tensor) => Tensor, drop: Dropout | null): Recomputable {
  if (drop === null) return ([x]) => block(x);
  let state: readonly number[] | null = null;
  return ([x], again) => {
    const [y, drawnFrom] = drop.recomputable(() => block(x), again ? state : null);
    state = drawnFrom;
    return y;
  };
}
