/** The training of a language model on a text task: its counters, and all that a run goes on from. */
import type { Random } from "../core/random.ts";
import { type Kept, numberOf, type State } from "../core/state.ts";
import type { Tape } from "../core/tape.ts";
import type { Gpt } from "../nn/gpt.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { TextTask } from "../text/task.ts";
import { descend, Progress, type Report, weightsOf } from "./training.ts";

/** What a trainer of language is busy with. */
export type Phase = "sample" | "reward" | "update";

export class LanguageTraining extends Progress {
  readonly gpt: Gpt;
  readonly task: TextTask;
  /** Tokens to sample in all: what schedules anneal over. */
  readonly totalTokens: number;
  /** Tokens and completions sampled so far. */
  tokens = 0;
  completions = 0;
  /** Which of a run's stages it is in: 0 is the first. */
  stage = 0;
  /** Told when a phase begins; null when it ends. For measuring: there is no clock here. */
  onPhase: ((phase: Phase | null) => void) | null = null;

  constructor(
    gpt: Gpt,
    task: TextTask,
    random: Random,
    totalTokens: number,
    saved: State | null = null,
  ) {
    super(random, saved);
    this.gpt = gpt;
    this.task = task;
    this.totalTokens = totalTokens;
  }

  override begin(parts: Readonly<Record<string, Kept>>): boolean {
    return super.begin({ weights: weightsOf(this.gpt.parameters), ...parts });
  }

  /** The share of the run that is still to come, from 1 to 0. */
  left(): number {
    return Math.max(0, 1 - this.tokens / this.totalTokens);
  }

  /** Tokens as steps, completions as episodes. */
  report(meanReturn: number, meanLength: number): Report {
    const { update, tokens: envSteps, completions: episodes } = this;
    return { update, envSteps, episodes, meanReturn, meanLength };
  }

  override save(): State {
    const { tokens, completions, stage } = this;
    return { ...(super.save() as object), tokens, completions, stage };
  }

  override restore(state: State): void {
    super.restore(state);
    this.tokens = numberOf(state, "tokens");
    this.completions = numberOf(state, "completions");
    this.stage = numberOf(state, "stage");
  }

  /** One optimizer step on clipped gradients; names the update where they are not finite. */
  descend(optimizer: Optimizer, maxNorm: number, learningRate: number, tape: Tape): number {
    return descend(optimizer, maxNorm, learningRate, tape, `update ${this.update}`);
  }
}
