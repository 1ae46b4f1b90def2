/** Definitions of the two kinds of task, environment and text: settings, default algorithm, presets. */
import type { Settings, Values } from "../core/settings.ts";
import type { Opponent } from "../envs/connect-four.ts";
import type { Dynamics } from "../envs/env.ts";
import type { Chat } from "../text/chat.ts";
import type { TextTask } from "../text/task.ts";

type Preset = Readonly<Record<string, unknown>>;

interface TaskFacts<S extends Settings> {
  /** One line of help. */
  readonly about: string;
  readonly settings: S;
  /** The algorithm, and the environment steps or sampled tokens, where the caller names none. */
  readonly algo: string;
  readonly steps: number;
  /** Values that replace defaults for every algorithm; an algorithm without such a setting ignores its value. */
  readonly preset?: Preset;
  /** Values that replace defaults per algorithm; `steps` may be among them. */
  readonly presets?: Readonly<Record<string, Preset>>;
  /** The mean return that counts as solved. */
  readonly solved?: number;
}

export interface EnvironmentTask<S extends Settings = Settings> extends TaskFacts<S> {
  readonly kind: "environment";
  /** Begins with presets by the shape of the spaces, over which the task's own are laid. Default false. */
  readonly byShape?: boolean;
  readonly make: (values: Values<S>) => Dynamics;
  /** Games only: sets the opponent that environment e trains against, by default `past`, a version of the policy. */
  readonly seatOpponents?: (env: Dynamics, past: Opponent, e: number, values: Values<S>) => void;
}

/** Returns the text of a corpus that a setting names. The caller decides how; tasks read no files. */
export interface ReadCorpus {
  (name: string): string;
  /** Returns the bytes of a file, `most` at most. Without it no task reads bytes. */
  readonly bytes?: (name: string, most: number) => Uint8Array;
}

export interface LanguageTask<S extends Settings = Settings> extends TaskFacts<S> {
  readonly kind: "text";
  /** `chat` writes messages, where the definition has no form of its own. */
  readonly make: (values: Values<S>, read: ReadCorpus, chat?: Chat) => TextTask;
}

export type Task = EnvironmentTask | LanguageTask;
type Facts<T> = Omit<T, "kind">;

/** Defines an environment task. The types of its settings are checked here, then erased. */
export const environmentTask = <S extends Settings>(
  t: Facts<EnvironmentTask<S>>,
): EnvironmentTask => ({ kind: "environment", ...t }) as unknown as EnvironmentTask;

/** Defines a text task. The types of its settings are checked here, then erased. */
export const languageTask = <S extends Settings>(t: Facts<LanguageTask<S>>): LanguageTask =>
  ({ kind: "text", ...t }) as unknown as LanguageTask;

/** Returns the environment steps or sampled tokens of a training by the task's own algorithm, where the caller names none. */
export const usualSteps = ({ algo, steps, preset, presets }: Task): number =>
  Number({ steps, ...preset, ...presets?.[algo] }.steps);
