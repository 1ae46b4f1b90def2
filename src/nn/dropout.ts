/** Dropout whose masks are drawn again on every run of a tape: Srivastava et al. 2014. */
import type { Backend } from "../core/backend.ts";
import { Random } from "../core/random.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { dropout } from "../ops/elementwise.ts";

/** One tape's dropout. Its masks belong to the calls of `apply`, in order. */
export class Dropout {
  private readonly k: Backend;
  private readonly p: number;
  /** Elements whose 32 random bits are below this are dropped. */
  private readonly limit: number;
  private readonly random: Random;
  private stream: Random;
  private readonly masks: Tensor[] = [];
  private used = 0;

  /** `p` is the dropped share. */
  constructor(k: Backend, p: number, random: Random) {
    if (!(p >= 0 && p < 1)) throw new RangeError(`dropout: expected 0 ≤ p < 1, got ${p}`);
    this.k = k;
    this.p = p;
    this.limit = Math.min(Math.ceil(p * 2 ** 32), 2 ** 32 - 1);
    this.random = random;
    this.stream = random;
  }

  /** Gives the next run random numbers of its own. */
  split(): void {
    this.stream = this.random.split();
  }

  /** Starts a run; call it first in the tape's body. */
  begin(): void {
    this.used = 0;
  }

  /**
   * Runs a body that is computed again in the backward pass, so that others may use the memory of its masks after it.
   * Returns its result and the state of the generator before it, with which the same masks are drawn again; `state` is
   * null for the first time.
   */
  recomputable<T>(body: () => T, state: readonly number[] | null): [T, readonly number[]] {
    const { used, stream } = this;
    if (state !== null) this.stream = Random.from(state);
    const before = this.stream.save();
    try {
      return [body(), before];
    } finally {
      this.used = used;
      this.stream = stream;
    }
  }

  apply(x: Tensor): Tensor {
    const at = this.used++;
    this.masks[at] ??= input(this.k, x.shape);
    const mask = this.masks[at];
    const { k, stream, limit } = this;
    if (k.keep !== undefined) k.keep(mask.data, stream, limit);
    else for (let i = 0; i < mask.data.length; i++) mask.data[i] = stream.bits() < limit ? 0 : 1;
    return dropout(x, mask, this.p);
  }
}
