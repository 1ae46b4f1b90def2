/** Others who do a training's sampling, such as machines in a network. */
import type { Random } from "./random.ts";
import type { Waiting } from "./waiting.ts";

export interface Helpers {
  /** Called by whatever samples, as it is made: the same things in the same order everywhere. */
  offer(sampler: object): void;
  /** Has a sampler that was offered do its work elsewhere, with what follows in a generator. */
  sample(sampler: object, random: Random): Waiting<void>;
  /** Updates between the weights that the last sample was drawn with and its use; null where they are always the same. */
  readonly staleness: number | null;
}
