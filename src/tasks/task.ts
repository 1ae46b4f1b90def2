/** The two kinds of task that a name or a file stands for: an environment, and a text. */
import type { Settings, Values } from "../core/settings.ts";
import type { Opponent } from "../envs/connect-four.ts";
import type { Dynamics } from "../envs/env.ts";
import type { TextTask } from "../text/task.ts";

type Preset = Readonly<Record<string, unknown>>;

interface TaskFacts<S extends Settings> {
  /** One line of help. */
  readonly about: string;
  readonly settings: S;
  /** The algorithm, and the environment steps or sampled tokens, where the caller names none. */
  readonly algo: string;
  readonly steps: number;
  /** Values other than the defaults, for every algorithm that has such settings. */
  readonly preset?: Preset;
  /** Values other than the defaults by algorithm; `steps` may be among them. */
  readonly presets?: Readonly<Record<string, Preset>>;
  /** The mean return that counts as solved. */
  readonly solved?: number;
}

export interface EnvironmentTask<S extends Settings = Settings> extends TaskFacts<S> {
  readonly kind: "environment";
  /** Where the task has no preset for the algorithm, values by the shape of its spaces come first. */
  readonly byShape?: boolean;
  readonly make: (values: Values<S>) => Dynamics;
  /** Of a game: seats a past self of the policy as the opponent. */
  readonly seatOpponents?: (env: Dynamics, opponent: Opponent) => void;
}

/** Returns the text of a corpus that a setting names. The caller decides how; tasks read no files. */
export type ReadCorpus = (name: string) => string;

export interface LanguageTask<S extends Settings = Settings> extends TaskFacts<S> {
  readonly kind: "text";
  readonly make: (values: Values<S>, read: ReadCorpus) => TextTask;
}

export type Task = EnvironmentTask | LanguageTask;
type Facts<T> = Omit<T, "kind">;

/** A task of an environment. The types of its settings are checked here and forgotten. */
export const environmentTask = <S extends Settings>(
  t: Facts<EnvironmentTask<S>>,
): EnvironmentTask => ({ kind: "environment", ...t }) as unknown as EnvironmentTask;

/** A task of a text. The types of its settings are checked here and forgotten. */
export const languageTask = <S extends Settings>(t: Facts<LanguageTask<S>>): LanguageTask =>
  ({ kind: "text", ...t }) as unknown as LanguageTask;
