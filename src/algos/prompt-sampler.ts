/** Samples the next prompts: uniformly, or with a curriculum those whose rewards still differ more often. */
import type { Random } from "../core/random.ts";
import { type Kept, numbersOf, type State } from "../core/state.ts";

/** Weights of prompts with a curriculum: `leastWeight` plus `unseen`, or plus the relative deviation of the rewards. */
const unseen = 1;
const leastWeight = 0.1; // so that every prompt is still drawn

export class PromptSampler implements Kept {
  private readonly weight: Float64Array;
  private readonly curriculum: boolean;
  private largest = 1e-9; // deviation of a group's rewards so far

  constructor(count: number, curriculum: boolean) {
    this.weight = new Float64Array(count).fill(leastWeight + unseen);
    this.curriculum = curriculum;
  }

  /** Draws indices of prompts, with replacement. */
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

  /** Updates a prompt's weight by the standard deviation of its group's rewards. */
  observe(prompt: number, deviation: number): void {
    if (!this.curriculum || Number.isNaN(deviation)) return;
    this.largest = Math.max(this.largest, deviation);
    this.weight[prompt] = leastWeight + deviation / this.largest;
  }

  save(): State {
    return { weight: this.weight.slice(), widest: [this.largest] };
  }
  restore(state: State): void {
    this.weight.set(numbersOf(state, "weight", this.weight.length));
    this.largest = numbersOf(state, "widest", 1)[0];
  }
}
