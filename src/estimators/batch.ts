/** The batch of decisions that estimators read: an environment's steps, or a completion's tokens. */
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

/** Segments of episodes, [steps, envs], that may begin and end anywhere; `mask` is 1 where a step was taken. */
export type Segments = Transitions & { readonly mask: Floats };

export type Batch = Sequences | Segments;

/**
 * The columns of one chunk, as tensors. They have the shape of logProb, [rows] or [sequences, steps], unless noted.
 * Padding has weight 0.
 */
export interface LossColumns {
  /** ln π of each action, by the policy that chose it. */
  readonly oldLogProb: Tensor;
  readonly advantage: Tensor;
  /** Weight of each action in the loss: see `tokenWeights`. */
  readonly weight: Tensor;
  /** Target of the value. */
  readonly target: Tensor;
  /** V when the batch was collected. */
  readonly oldValue: Tensor;
  /** ln π of a reference policy, for a KL to it. */
  readonly refLogProb: Tensor;
  /** 1 where the policy decided; read only by minimum risk, whose chunks are whole groups. */
  readonly mask: Tensor;
  /** −reward per sequence, [sequences]; read only by minimum risk. */
  readonly cost: Tensor;
  /** Added to ln π of each sequence, [sequences]: 0, or far below 0 to exclude it; read only by minimum risk. */
  readonly excluded: Tensor;
  /** Units in the chunk divided by units in the minibatch, [1]; read only by minimum risk. */
  readonly chunkFraction: Tensor;
}

/** A term of the loss, [1], computed from ln π and the columns of a chunk. */
export type LossTerm = (logProb: Tensor, columns: LossColumns) => Tensor;
