/** The completion of prompts by their number, here or in pieces elsewhere. */
import { FormatError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { reserve } from "../core/reserve.ts";
import { numbersOf, type State } from "../core/state.ts";
import type { Completer, Completions } from "../rollout/completions.ts";
import type { LanguageTraining } from "./language-training.ts";
import { checkRange, copyTo, type Pieced } from "./pieces.ts";
import { weightsOf } from "./training.ts";

export interface WritingOptions {
  readonly t: LanguageTraining;
  readonly completer: Completer;
  readonly batch: Completions;
  /** Tokens of each of the task's prompts. */
  readonly tokens: readonly (readonly number[])[];
  /** The prompt of each sample as text, which is written. */
  readonly prompts: string[];
  /** Entries of `prompts` per sample of the batch. */
  readonly each: number;
}

export class Writing implements Pieced {
  readonly batch: Completions;
  private readonly o: WritingOptions;
  private chosen: Int32Array = new Int32Array(0);
  private first = 0;

  constructor(options: WritingOptions) {
    this.batch = options.batch;
    this.o = options;
    options.t.helpers?.offer(this);
  }

  /** Sets the numbers of the prompts; their completions are written from sample `first` on. */
  set(chosen: Int32Array, first: number): void {
    this.chosen = chosen;
    this.first = first;
  }

  /** Completes the prompts here. */
  write(random: Random): void {
    const { completer, batch } = this.o;
    const prompts = this.promptsFrom(0, this.units, this.first);
    completer.complete(batch, prompts, random, this.first);
  }

  get units(): number {
    return this.chosen.length;
  }

  weights(): State {
    return weightsOf(this.o.t.gpt.parameters).save();
  }

  start(random: Random): State {
    return { chosen: this.chosen, random: random.save() };
  }

  piece(weights: State, start: State, first: number, end: number): State {
    const { t, completer, batch } = this.o;
    weightsOf(t.gpt.parameters).restore(weights);
    this.set(Int32Array.from(numbersOf(start, "chosen")), 0);
    checkRange(Math.min(this.units, batch.count), first, end);
    const random = Random.from(Array.from(numbersOf(start, "random")));
    reserve(random, first * batch.steps);
    completer.complete(batch, this.promptsFrom(first, end, 0), random);
    const n = end - first;
    return Object.fromEntries(
      this.columns().map(([name, column]) => [
        name,
        column.slice(0, (column.length / batch.count) * n),
      ]),
    );
  }

  take(result: State, first: number, end: number): void {
    const { batch } = this.o;
    const prompts = this.promptsFrom(first, end, this.first + first);
    for (const [i, prompt] of prompts.entries()) batch.start(this.first + first + i, prompt);
    for (const [name, column] of this.columns()) {
      const width = column.length / batch.count;
      copyTo(column, (this.first + first) * width, result, name, (end - first) * width);
    }
  }

  finish(random: Random): void {
    reserve(random, this.units * this.batch.steps);
  }

  /** Returns the tokens of the prompts first … end − 1, and writes their texts as those of the samples from `at` on. */
  private promptsFrom(first: number, end: number, at: number): (readonly number[])[] {
    const { t, tokens, prompts, each } = this.o;
    return Array.from(this.chosen.subarray(first, end), (prompt, i) => {
      if (tokens[prompt] === undefined) throw new FormatError(`piece: no prompt ${prompt}`);
      prompts[(at + i) * each] = t.task.prompts.train[prompt];
      return tokens[prompt];
    });
  }

  private columns() {
    const { token, mask, logProb, entropy, length, endLength, support } = this.o.batch;
    const columns = { token, mask, logProb, entropy, length, endLength };
    return Object.entries(support === null ? columns : { ...columns, support });
  }
}
