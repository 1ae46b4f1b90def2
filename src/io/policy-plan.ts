/** A trained policy as plain data: all that a file needs to hold to act on its own. */
import type { Floats } from "../core/backend.ts";
import type { Shape } from "../core/tensor.ts";

export interface PolicyPlan {
  /** What it plays and how it was made, for the file's first line. */
  readonly title: string;
  /** Shape of one observation. */
  readonly observation: Shape;
  /** Observations become (x − mean)/√(variance + eps), kept within ±clip. */
  readonly normalize: Normalizer | null;
  readonly layers: readonly PolicyLayer[];
  readonly head: PolicyHead;
  /** Whether it was trained with masks, and so must not act without one. Default false. */
  readonly masked?: boolean;
  /** Names of an observation's numbers, and of the action's choices or numbers, for people. */
  readonly names?: {
    readonly observation: readonly string[] | null;
    readonly action: readonly string[] | null;
  };
}
export interface Normalizer {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
  readonly eps: number;
  readonly clip: number;
}

/** Weights as PyTorch lays them out. The last layer's outputs are what the head takes. */
export type PolicyLayer =
  | {
      readonly kind: "dense";
      readonly weight: Floats; // [outputs, inputs]
      readonly bias: Floats;
      readonly activation: "tanh" | "relu" | "none";
    }
  | {
      readonly kind: "conv"; // 3 × 3, no padding, ReLU behind it
      readonly weight: Floats; // [outputs, planes, 3, 3]
      readonly bias: Floats;
      /** [planes, height, width] of what comes in. */
      readonly shape: Shape;
    }
  | {
      readonly kind: "lstm"; // gates in the order i, f, g, o
      readonly wIh: Floats;
      readonly wHh: Floats;
      readonly bIh: Floats;
      readonly bHh: Floats;
      readonly size: number;
    };

export type PolicyHead =
  | {
      readonly kind: "categorical";
      readonly choices: readonly [number];
      /** The number of the first choice. Default 0. */
      readonly start?: number;
    }
  | { readonly kind: "multiCategorical"; readonly choices: readonly number[] }
  | { readonly kind: "bernoulli"; readonly size: number }
  | {
      readonly kind: "gaussian" | "squashed";
      readonly logStd: Floats;
      readonly low: ArrayLike<number>;
      readonly high: ArrayLike<number>;
    };
