/** A batch of decisions as the estimators read it: an environment's steps, or a completion's tokens. */
import type { Floats } from "../core/backend.ts";
import type { Tensor } from "../core/tensor.ts";
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

/** The columns of a chunk: tensors of logProb's shape. Padding has weight 0. */
export interface LossColumns {
  readonly oldLogProb: Tensor;
  readonly advantage: Tensor;
  /** Of each action in the sum: see `tokenWeights`. */
  readonly weight: Tensor;
  /** What the value learns, and V when the batch was collected. */
  readonly target: Tensor;
  readonly oldValue: Tensor;
  /** ln π of a reference policy, for a KL to it. */
  readonly refLogProb: Tensor;
  /** For minimum risk, whose chunks are whole groups [sequences, steps]: 1 at each of a sequence's own actions; */
  readonly mask: Tensor;
  /** −reward, [sequences]; */
  readonly cost: Tensor;
  /** added to a sequence's ln π, [sequences]: far below 0 where it is no candidate; */
  readonly excluded: Tensor;
  /** the chunk's share of the minibatch, [1]. */
  readonly share: Tensor;
}

/** A term of the loss, [1], of ln π and the columns of a chunk. */
export type LossTerm = (logProb: Tensor, columns: LossColumns) => Tensor;
