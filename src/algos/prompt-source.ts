/** Which prompts come next: any, or with a curriculum rather those whose rewards still differ. */
import type { Random } from "../core/random.ts";
import { type Kept, numbersOf, type State } from "../core/state.ts";

const unseen = 1;
const least = 0.1; // no prompt is given up

export class PromptSource implements Kept {
  private readonly weight: Float64Array;
  private readonly curriculum: boolean;
  private widest = 1e-9; // the largest deviation of a group's rewards so far

  constructor(count: number, curriculum: boolean) {
    this.weight = new Float64Array(count).fill(least + unseen);
    this.curriculum = curriculum;
  }

  /** Draws prompts' numbers, with replacement. */
  draw(out: Int32Array, random: Random): void {
    const { weight } = this;
    if (!this.curriculum) {
      for (let i = 0; i < out.length; i++) out[i] = random.below(weight.length);
      return;
    }
    const sums = new Float64Array(weight.length);
    let total = 0;
    for (let j = 0; j < weight.length; j++) {
      total += weight[j];
      sums[j] = total;
    }
    for (let i = 0; i < out.length; i++) {
      const u = random.uniform() * total;
      let [low, high] = [0, sums.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (u < sums[middle]) high = middle;
        else low = middle + 1;
      }
      out[i] = low;
    }
  }

  /** Learns how far a group's rewards lay apart: their standard deviation. */
  saw(prompt: number, deviation: number): void {
    if (!this.curriculum || Number.isNaN(deviation)) return;
    this.widest = Math.max(this.widest, deviation);
    this.weight[prompt] = least + deviation / this.widest;
  }

  save(): State {
    return { weight: this.weight.slice(), widest: [this.widest] };
  }
  restore(state: State): void {
    this.weight.set(numbersOf(state, "weight", this.weight.length));
    this.widest = numbersOf(state, "widest", 1)[0];
  }
}
