/** The training of a language model on a text task: its counters and everything that a checkpoint holds. */

import type { Floats } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import { type Kept, numberOf, partOf, type State } from "../core/state.ts";
import type { LanguageModel } from "../nn/transformer.ts";
import type { Completions } from "../rollout/completions.ts";
import type { TextTask } from "../text/task.ts";
import { checkVocabulary } from "./completion-scores.ts";
import { type Report, type Resume, TrainingState, weightsOf } from "./training.ts";

/** The samples that a stage last learned from, with the estimates of each token, [count, steps]. */
export interface LearnedBatch {
  readonly completions: Completions;
  readonly prompts: readonly string[];
  readonly advantage: Floats;
  /** Empty without a reference. */
  readonly refLogProb: Floats;
}

/** A part of a run, such as supervised learning before learning from rewards. */
export interface Stage<R extends Report> {
  /** State that changes during the stage and is saved. */
  readonly parts: Readonly<Record<string, Kept>>;
  /** Called once, when the stage starts; not when it is resumed. */
  readonly start: () => void;
  readonly run: () => Generator<R, void>;
  /** null for a stage that does not sample. */
  readonly batch: LearnedBatch | null;
}

/** Restores a saved run at once; then runs the stages in order, from the saved one on. */
export function inStages(
  t: LanguageTraining,
  stages: readonly Stage<Report>[],
): Generator<Report, void> {
  const parts = stages.map((stage, i) => [`stage${i}`, combined(stage.parts)] as const);
  const resumed = t.restoreOrStart(Object.fromEntries(parts));
  return (function* () {
    for (let i = t.stage; i < stages.length; i++) {
      const starts = !(resumed && i === t.stage);
      t.stage = i;
      if (starts) stages[i].start();
      t.batch = stages[i].batch;
      yield* stages[i].run();
    }
  })();
}

/** Returns several parts of a checkpoint as one. */
const combined = (parts: Readonly<Record<string, Kept>>): Kept => ({
  save: () => Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.save()])),
  restore(state) {
    for (const [name, part] of Object.entries(parts)) part.restore(partOf(state, name));
  },
});

/** Dropout of adapters, on from `begin` to `end`. */
export interface AdapterDropout {
  begin(random: Random): void;
  end(): void;
}
interface WithAdapters {
  readonly adapters?: AdapterDropout | null;
}

export class LanguageTraining extends TrainingState {
  readonly gpt: LanguageModel;
  readonly task: TextTask;
  /** Dropout of the model's adapters, for supervised learning; null without adapters. */
  readonly adapters: AdapterDropout | null;
  /** Completions sampled so far. */
  completions = 0;
  /** Means over the last batch; NaN before one was sampled. */
  private readonly last = { meanReturn: Number.NaN, meanLength: Number.NaN };
  /** Index of the run's current stage. */
  stage = 0;
  /** The batch that the current stage last learned from. */
  batch: LearnedBatch | null = null;

  constructor(
    gpt: LanguageModel,
    task: TextTask,
    random: Random,
    totalTokens: number,
    { adapters = null, ...resume }: Omit<Resume, "renews"> & WithAdapters = {},
  ) {
    super(random, totalTokens, resume);
    checkVocabulary(task, gpt.options.vocab);
    this.gpt = gpt;
    this.task = task;
    this.adapters = adapters;
  }

  override restoreOrStart(parts: Readonly<Record<string, Kept>>): boolean {
    return super.restoreOrStart({ weights: weightsOf(this.gpt.parameters), ...parts });
  }

  /** Adds a sampled batch to the counters: its tokens, its completions, and the means to report. */
  count(batch: {
    readonly tokens: number;
    readonly completions: number;
    readonly meanReturn: number;
    readonly meanLength: number;
  }): void {
    this.envSteps += batch.tokens;
    this.completions += batch.completions;
    this.last.meanReturn = batch.meanReturn;
    this.last.meanLength = batch.meanLength;
  }

  /** Returns tokens as steps and completions as episodes; the means are those of the last batch. */
  report(): Report {
    const { update, envSteps, completions: episodes, last } = this;
    return { update, envSteps, episodes, ...last };
  }

  override save(): State {
    const { completions, stage } = this;
    const last = [this.last.meanReturn, this.last.meanLength];
    return { ...(super.save() as object), completions, stage, last };
  }

  override restoreCounts(state: State): void {
    super.restoreCounts(state);
    const { last } = state as { readonly last?: ArrayLike<number> }; // absent from older checkpoints
    if (last?.length === 2) [this.last.meanReturn, this.last.meanLength] = Array.from(last);
    this.completions = numberOf(state, "completions");
    this.stage = numberOf(state, "stage");
  }
}
