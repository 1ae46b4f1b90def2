/** The training of a language model on a text task: its counters, and all that a run goes on from. */

import type { Floats } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import { type Kept, numberOf, partOf, type State } from "../core/state.ts";
import type { Gpt } from "../nn/gpt.ts";
import type { Completions } from "../rollout/completions.ts";
import type { TextTask } from "../text/task.ts";
import { checkVocabulary } from "./judge.ts";
import { Progress, type Report, weightsOf } from "./training.ts";

/** The samples a stage last learned from, and what was worked out for each token, [count, steps]. */
export interface LearnedBatch {
  readonly completions: Completions;
  readonly prompts: readonly string[];
  readonly advantage: Floats;
  /** Empty without a reference. */
  readonly refLogProb: Floats;
}

/** A part of a run: what changes in it, what happens once when it begins, and its reports. */
export interface Stage<R extends Report> {
  readonly parts: Readonly<Record<string, Kept>>;
  readonly begin: () => void;
  readonly run: () => Generator<R, void>;
  readonly batch: LearnedBatch | null;
}

/** Restores a saved run at once; then runs stages one after another, or goes on in the one where it stood. */
export function inStages(
  t: LanguageTraining,
  stages: readonly Stage<Report>[],
): Generator<Report, void> {
  const parts = stages.map((stage, i) => [`stage${i}`, together(stage.parts)] as const);
  const resumed = t.begin(Object.fromEntries(parts));
  return (function* () {
    for (let i = t.stage; i < stages.length; i++) {
      const begins = !(resumed && i === t.stage);
      t.stage = i;
      if (begins) stages[i].begin();
      t.batch = stages[i].batch;
      yield* stages[i].run();
    }
  })();
}

const together = (parts: Readonly<Record<string, Kept>>): Kept => ({
  save: () => Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.save()])),
  restore(state) {
    for (const [name, part] of Object.entries(parts)) part.restore(partOf(state, name));
  },
});

export class LanguageTraining extends Progress {
  readonly gpt: Gpt;
  readonly task: TextTask;
  /** Completions sampled so far. */
  completions = 0;
  private readonly mean = { reward: Number.NaN, length: Number.NaN };
  /** Which of a run's stages it is in: 0 is the first. */
  stage = 0;
  /** What the stage at hand learned from last. */
  batch: LearnedBatch | null = null;

  constructor(
    gpt: Gpt,
    task: TextTask,
    random: Random,
    totalTokens: number,
    saved: State | null = null,
  ) {
    super(random, totalTokens, saved);
    checkVocabulary(task, gpt.options.vocab);
    this.gpt = gpt;
    this.task = task;
  }

  override begin(parts: Readonly<Record<string, Kept>>): boolean {
    return super.begin({ weights: weightsOf(this.gpt.parameters), ...parts });
  }

  /** Tokens as steps, completions as episodes; of the last batch where nothing is given. */
  report(meanReturn = this.mean.reward, meanLength = this.mean.length): Report {
    this.mean.reward = meanReturn;
    this.mean.length = meanLength;
    const { update, envSteps, completions: episodes } = this;
    return { update, envSteps, episodes, meanReturn, meanLength };
  }

  override save(): State {
    const { completions, stage, mean } = this;
    const last = [mean.reward, mean.length];
    return { ...(super.save() as object), completions, stage, last };
  }

  override restoreCounts(state: State): void {
    super.restoreCounts(state);
    const { last } = state as { readonly last?: ArrayLike<number> }; // absent from older checkpoints
    if (last?.length === 2) [this.mean.reward, this.mean.length] = Array.from(last);
    this.completions = numberOf(state, "completions");
    this.stage = numberOf(state, "stage");
  }
}
