/** Explains single decisions: the probabilities of choices, and the observation's numbers that they depend on. */
import { Tape } from "../core/tape.ts";
import { input, NONE, type Tensor, variable } from "../core/tensor.ts";
import { categoricalProbs } from "../distributions/categorical.ts";
import type { ActorCritic } from "./actor-critic.ts";

export interface Explanation {
  /** π of each choice of a categorical policy; for others the inputs of the head: means or logits. */
  readonly outputs: readonly number[];
  /** V; null without a critic. */
  readonly value: number | null;
  /** |x·∂ ln π(action)/∂x| for each number x of the observation, scaled to sum to 1. */
  readonly attribution: readonly number[];
}

/** Returns a function that explains single decisions of a model; null for a recurrent one. */
export function explainer(
  model: ActorCritic,
  masked: boolean,
):
  | ((
      observation: ArrayLike<number>,
      mask: ArrayLike<number>,
      action: ArrayLike<number>,
    ) => Explanation)
  | null {
  if (model.memorySize > 0) return null;
  const { backend: k, list } = model.parameters;
  const { head, options } = model;
  const x = variable(k, [1, options.observation.size]);
  const allowed = masked && head.masked > 0 ? input(k, [1, head.masked]) : NONE;
  const taken = input(k, head.actionShape(1));
  const tape = new Tape(k);
  let outputs: Tensor = NONE;
  let value: Tensor | null = null;
  return (observation, mask, action) => {
    x.data.set(observation);
    x.grad.fill(0);
    if (allowed !== NONE) allowed.data.set(mask);
    taken.data.set(action);
    const logProb = tape.run(() => {
      const features = model.features(x);
      const params = model.outputs(features);
      outputs = head.kind === "categorical" ? categoricalProbs(params, allowed) : params;
      value = model.value(x, null, features);
      return head.logProb(params, taken, allowed);
    });
    tape.backward(logProb);
    for (const { grad } of list) grad.fill(0);
    const parts = Array.from(x.data, (v, i) => Math.abs(v * x.grad[i]));
    const sum = parts.reduce((a, b) => a + b, 0) || 1;
    return {
      outputs: Array.from(outputs.data),
      value: (value as Tensor | null)?.data[0] ?? null,
      attribution: parts.map((p) => p / sum),
    };
  };
}
