/** The interface that sessions of environments and of texts share. */
import type { Report } from "../algos/training.ts";
import type { Backend } from "../core/backend.ts";
import type { Helpers } from "../core/helpers.ts";
import type { Kept, State } from "../core/state.ts";
import type { Team } from "../core/team.ts";
import type { Shape } from "../core/tensor.ts";
import type { Waiting } from "../core/waiting.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import type { Guard } from "../text/own-reward.ts";
import type { ResolvedRun, RunConfig } from "./run.ts";
import type { ReadCorpus } from "./task.ts";

export interface SessionBase {
  readonly run: ResolvedRun;
  /** `run.config`. */
  readonly config: RunConfig;
  /** One report per update. The first sets up the trainer, unless `prepare` did. */
  readonly reports: Generator<Report, void>;
  readonly training: Kept & {
    readonly update: number;
    readonly envSteps: number;
    report(): Report;
  };
  /**
   * Evaluates the current policy on episodes in an environment of its own, or on prompts: of validation, or with
   * `heldOut` those held out for the final evaluation. `first` is the number of the first episode: an evaluation of
   * 100 episodes is one of 60 and one of 40 from 60 on.
   */
  evaluate(
    episodes: number,
    seed: number,
    greedy: boolean,
    heldOut?: boolean,
    first?: number,
  ): Evaluation;
  /** `evaluate` for environments or rewards that return promises. */
  evaluating(
    episodes: number,
    seed: number,
    greedy: boolean,
    heldOut?: boolean,
    first?: number,
  ): Waiting<Evaluation>;
  /**
   * Loads weights and statistics of observations from a saved training. To train on, call it before `prepare`. Returns
   * the names of weights that the saved training lacks; these keep their initial values. Throws FormatError for weights
   * that do not fit, with the saved ones' `shapes` where they are known.
   */
  load(state: State, shapes?: ReadonlyMap<string, Shape>): readonly string[];
  /**
   * Sets up the trainer and restores the saved training, if there is one. Throws if the settings or the saved state
   * do not fit.
   */
  prepare(): void;
  /** Frees the environments' resources, such as other processes. The session must not be used again. */
  close(): void;
}

/** Options of `open`, besides the run. */
export interface OpenOptions {
  /** A saved training to resume. */
  readonly saved?: State | null;
  /** The model's backend. Default: a new one, by the run's config. */
  readonly backend?: Backend;
  /** Reads corpora that settings name. Without it such a setting throws. */
  readonly read?: ReadCorpus;
  /** Limits the time of the user's own rewards. Without it they may hang. */
  readonly guard?: Guard;
  /** The members that run the session together. Default: one. */
  readonly team?: Team;
  /** Others who sample for the session. Default: none. */
  readonly helpers?: Helpers | null;
  /** Starts the environments again, since their number has changed; restores weights and optimizer. */
  readonly renews?: boolean;
}
