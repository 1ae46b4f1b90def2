/** A batch of decisions as the estimators read it: an environment's steps, or a completion's tokens. */
import type { Floats } from "../core/backend.ts";
import type { Transitions } from "../returns/transitions.ts";

/** Whole sequences of decisions: episodes, or completions. Columns are [sequences, steps]. */
export interface Sequences {
  readonly sequences: number;
  readonly steps: number;
  /** 1 where the policy decided; 0 where the environment wrote, and after the end. */
  readonly mask: Floats;
  /** ln π of each action, by the policy that chose it. */
  readonly logProb: Floats;
  /** One reward per step; or one per sequence, [sequences], given at its last decision. NaN: not scored. */
  readonly reward: Floats;
  /** ln π of each action by a reference policy; read only for a KL in the reward. */
  readonly refLogProb?: Floats;
  /** V before each action; read only by estimators with a learned value. */
  readonly value?: Floats;
}

/** Stretches of episodes, [steps, envs], that may begin and end anywhere; `mask` is 1 where a step was taken. */
export type Stretches = Transitions & { readonly mask: Floats };

export type Batch = Sequences | Stretches;
