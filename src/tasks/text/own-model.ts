/** A language model of a run's own, of the sizes that its settings say. */
import type { Backend } from "../../core/backend.ts";
import { SettingError } from "../../core/errors.ts";
import type { Random } from "../../core/random.ts";
import type { HubModel } from "../../models/build.ts";
import { Gpt } from "../../nn/gpt.ts";
import { Llama } from "../../nn/llama.ts";
import type { GptConfig } from "../model-settings.ts";

/** What a run needs of its model beside sizes. */
export interface ModelNeeds {
  readonly context: number;
  readonly valueHead: boolean;
  readonly random: Random;
}

/** Makes a model with random weights. Throws SettingError for sizes that do not fit each other. */
export function ownModel(
  k: Backend,
  { family, recompute: _, ...sizes }: GptConfig & { readonly vocab: number },
  { context, valueHead, random }: ModelNeeds,
): HubModel {
  const all = { ...sizes, context, valueHead };
  const { width, heads, layers } = sizes;
  const least = family === "gpt" ? heads : 2 * heads; // rotary positions turn pairs of numbers
  if (width % least !== 0)
    throw new SettingError(
      `width: expected a multiple of ${least} for ${heads} heads, got ${width}; change width or heads`,
    );
  if (family === "gpt") return new Gpt(k, all, random);
  const options = {
    ...all,
    ...{ keyHeads: heads, headWidth: width / heads, eps: 1e-5 },
    inner: 8 * Math.ceil(width / 3), // SwiGLU has three matrices, and so as many numbers as 4·width has in two
    rope: { theta: 10_000, scaling: { type: "default" } as const },
    windows: new Array<number>(layers).fill(0),
    ...{ qkvBias: false, outBias: false, mlpBias: false, qkNorm: false },
  };
  return new Llama(k, options, random);
}

/** A model of this many weights or more gets all the memory that a backend can have. */
export const manyWeights = 1e6;

/** Returns about how many weights a model of its own has. */
export const weightsIn = ({
  width,
  layers,
  vocab,
}: GptConfig & { readonly vocab: number }): number =>
  12 * layers * width * width + 2 * vocab * width;
