/** A trained policy as plain data: all that an exported file needs in order to act. */
import type { Floats } from "../core/backend.ts";
import { checkFinite, checkLength } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { type Shape, sizeOf } from "../core/tensor.ts";

export interface PolicyPlan {
  /** The file's first line: the task and the training. */
  readonly title: string;
  /** The shape of one observation. */
  readonly observation: Shape;
  /** Observations become (x − mean)/√(variance + eps), clipped to ±clip. */
  readonly normalize: Normalizer | null;
  readonly layers: readonly PolicyLayer[];
  readonly head: PolicyHead;
  /** True for a policy trained with masks, which must not act without one. Default false. */
  readonly masked?: boolean;
  /** Names of an observation's numbers, and of the action's choices or numbers, for display. */
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

/** A layer, with weights in PyTorch's layout. The last layer's outputs are the head's inputs. */
export type PolicyLayer =
  | {
      readonly kind: "dense";
      readonly weight: Floats; // [outputs, inputs]
      readonly bias: Floats;
      readonly activation: "tanh" | "relu" | "none";
    }
  | {
      readonly kind: "conv"; // 3 × 3, no padding, followed by ReLU
      readonly weight: Floats; // [outputs, planes, 3, 3]
      readonly bias: Floats;
      /** [planes, height, width] of the input. */
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
  | {
      readonly kind: "multiCategorical";
      readonly choices: readonly number[];
      /** The number of the first option of each choice. Default 0. */
      readonly start?: readonly number[];
    }
  | { readonly kind: "bernoulli"; readonly size: number }
  | {
      readonly kind: "gaussian" | "squashed";
      readonly logStd: Floats;
      readonly low: ArrayLike<number>;
      readonly high: ArrayLike<number>;
    };

/**
 * Throws ShapeError unless the plan's statistics of observations are null or have a mean and a variance per number, and
 * RangeError unless eps and clip are finite and at least 0.
 */
export function checkNormalizer(
  where: string,
  { normalize, observation }: Pick<PolicyPlan, "normalize" | "observation">,
): void {
  if (normalize === null) return;
  if (typeof normalize !== "object")
    throw new ShapeError(
      `${where}: expected normalize as null or { mean, variance, eps, clip }, got ${brief(normalize)}`,
    );
  const { mean, variance, eps, clip } = normalize;
  checkLength(where, "normalize.mean", mean, sizeOf(observation));
  checkLength(where, "normalize.variance", variance, sizeOf(observation));
  checkFinite(where, "normalize.eps", eps, { min: 0 });
  checkFinite(where, "normalize.clip", clip, { min: 0 });
}
