/** The common part of sessions of environments and of texts. */
import type { Report } from "../algos/training.ts";
import type { Backend } from "../core/backend.ts";
import type { Kept, State } from "../core/state.ts";
import type { Waiting } from "../core/waiting.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import type { Guard } from "../text/own-reward.ts";
import type { ResolvedRun, RunConfig } from "./run.ts";
import type { ReadCorpus } from "./task.ts";

export interface SessionBase {
  readonly run: ResolvedRun;
  /** The run's. */
  readonly config: RunConfig;
  /** One report per update. The first sets up the trainer, unless `prepare` did. */
  readonly reports: Generator<Report, void>;
  readonly training: Kept & {
    readonly update: number;
    readonly envSteps: number;
    report(): Report;
  };
  /**
   * Evaluates the policy as it is: on episodes in an environment of its own, or on prompts, held out for the end
   * where `heldOut` says so and of validation otherwise.
   */
  evaluate(episodes: number, seed: number, greedy: boolean, heldOut?: boolean): Evaluation;
  /** `evaluate` that waits for what answers later, such as a reward by a service. */
  evaluating(
    episodes: number,
    seed: number,
    greedy: boolean,
    heldOut?: boolean,
  ): Waiting<Evaluation>;
  /**
   * Takes weights and statistics of observations from a saved training; before `prepare`, to train on. Returns the
   * names of weights that the saved training does not have: they stay as they were.
   */
  load(state: State): readonly string[];
  /**
   * Sets up the trainer and restores the saved training, if there is one. Throws if the settings or the saved state
   * do not fit.
   */
  prepare(): void;
  /** Frees what environments hold, such as other processes. The session must not be used again. */
  close(): void;
}

/** Options of `open`, besides the run. */
export interface OpenOptions {
  /** A saved training to go on from. */
  readonly saved?: State | null;
  /** The model's backend; by default a new one of the run's name. */
  readonly backend?: Backend;
  /** Reads corpora that settings name; without it such a setting is refused. */
  readonly read?: ReadCorpus;
  /** Stops rewards of one's own that hang; without it they may. */
  readonly guard?: Guard;
  /** The number of environments has changed: they start again; weights and optimizer are kept. */
  readonly renews?: boolean;
}
