/**
 * Dropout before an adapter's A while it trains (peft's lora_dropout): of a layer's inputs x [rows, in], a share p is 0
 * and the rest is x/(1 − p). Whether an element is dropped is a function of the generator, the layer, and the number of
 * its row in the whole batch; so a batch has the same masks in whatever chunks, and on whatever threads, it is computed.
 */
import type { Backend } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { Random } from "../core/random.ts";
import { free, input, type Tensor } from "../core/tensor.ts";
import { dropout } from "../ops/elementwise.ts";

export class LoraDropout {
  private readonly k: Backend;
  private readonly p: number;
  /** Elements whose 32 random bits are below this are dropped. */
  private readonly limit: number;
  /** Each layer's generator for the update that was begun; empty where dropout is off. */
  private streams: Random[] = [];
  private layers = 0;
  private firstRow = 0;
  /** Each layer's masks, by the number of elements. */
  private readonly masks = new Map<string, Tensor>();

  /** `p` is the dropped share, from 0 to below 1. */
  constructor(k: Backend, p: number) {
    this.k = k;
    this.p = p;
    this.limit = Math.min(Math.ceil(p * 2 ** 32), 2 ** 32 - 1);
  }

  /**
   * Switches dropout on for the passes that follow, whose first row is number `firstRow` of the batch; a row is a
   * position of a text. One `random` state gives one set of masks: give each update a split of its own, and each of its
   * chunks the same. Passes must be run by a tape, not replayed, and each differentiated before the next begins.
   */
  begin(random: Random, firstRow = 0): void {
    checkInteger("lora dropout", "firstRow", firstRow, { min: 0 });
    const base = Random.from(random.save());
    this.streams = Array.from({ length: this.layers }, () => base.split());
    this.firstRow = firstRow;
  }

  /** Switches dropout off, for evaluation. */
  end(): void {
    this.streams = [];
  }

  /** Frees the masks. */
  free(): void {
    free(...this.masks.values());
    this.masks.clear();
  }

  /** @internal Returns the dropout of one more layer. */
  layer(): (x: Tensor) => Tensor {
    const layer = this.layers++;
    return (x) => (this.p === 0 || this.streams.length === 0 ? x : this.drop(x, layer));
  }

  private drop(x: Tensor, layer: number): Tensor {
    const { k, limit, masks } = this;
    const name = `${layer} ${x.shape}`;
    const mask = masks.get(name) ?? input(k, x.shape);
    masks.set(name, mask);
    const stream = Random.from(this.streams[layer].save());
    stream.skip(this.firstRow * (x.shape.at(-1) ?? 1));
    if (k.keep !== undefined) k.keep(mask.data, stream, limit);
    else for (let i = 0; i < mask.data.length; i++) mask.data[i] = stream.bits() < limit ? 0 : 1;
    return dropout(x, mask, this.p);
  }
}
