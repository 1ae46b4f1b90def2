/** Explains single decisions: the probabilities of choices, and the observation's numbers that they depend on. */
import type { Floats } from "../core/backend.ts";
import { Tape } from "../core/tape.ts";
import { input, NONE, type Tensor, variable } from "../core/tensor.ts";
import { categoricalProbs } from "../distributions/categorical.ts";
import { mul } from "../ops/arithmetic.ts";
import { rows } from "../ops/layout.ts";
import { sum } from "../ops/reduce.ts";
import type { ActorCritic } from "./actor-critic.ts";
import { clearGradients, type Scalar, scalarOf } from "./scalar.ts";

export interface Explanation {
  /** π of each choice of a categorical policy; for others the inputs of the head: means or logits. */
  readonly outputs: readonly number[];
  /** V; null without a critic. */
  readonly value: number | null;
  /**
   * |x·∂f/∂x| for each number x of the observation, summed over the targets f and scaled to sum to 1. The target is
   * ln π(action); of continuous actions, whose ln π is stationary at the mean, each number of the mean.
   */
  readonly attribution: readonly number[];
}

/** Returns whether decisions are explained by their mean, not by ln π(action), whose gradient at the mean is 0. */
const byMean = ({ head }: ActorCritic): boolean =>
  head.kind === "gaussian" || head.kind === "squashed";

/** Returns the number of targets of a decision: 1, or one per number of a continuous action. */
export const targetCount = (model: ActorCritic): number =>
  byMean(model) ? model.head.actionSize : 1;

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
  const { backend: k } = model.parameters;
  const { head, options } = model;
  const x = variable(k, [1, options.observation.size]);
  const allowed = masked && head.masked > 0 ? input(k, [1, head.masked]) : NONE;
  const taken = input(k, head.actionShape(1));
  const chosen = input(k, [1, head.outputs]);
  const tape = new Tape(k);
  let outputs: Tensor = NONE;
  let value: Tensor | null = null;
  const body = (): Tensor => {
    const features = model.features(x);
    const params = model.outputs(features);
    outputs = head.kind === "categorical" ? categoricalProbs(params, allowed) : params;
    value = model.value(x, null, features);
    return byMean(model) ? sum(mul(params, chosen)) : head.logProb(params, taken, allowed);
  };
  return (observation, mask, action) => {
    x.data.set(observation);
    if (allowed !== NONE) allowed.data.set(mask);
    taken.data.set(action);
    const parts = new Float64Array(x.data.length);
    for (let target = 0; target < targetCount(model); target++) {
      chosen.data.fill(0)[target] = 1;
      x.grad.fill(0);
      tape.backward(tape.run(body));
      for (let i = 0; i < parts.length; i++) parts[i] += Math.abs(x.data[i] * x.grad[i]);
    }
    clearGradients(model.parameters);
    const total = parts.reduce((a, b) => a + b, 0) || 1;
    return {
      outputs: Array.from(outputs.data),
      value: (value as Tensor | null)?.data[0] ?? null,
      attribution: Array.from(parts, (p) => p / total),
    };
  };
}

/** A decision, and all that it depended on. */
export interface Decision {
  /**
   * What the policy saw, as it entered the network, [steps, size]: of a recurrent policy from the episode's start to the
   * decision, of others one step.
   */
  readonly observations: Floats;
  /** 1 where a choice was allowed; empty without masks. */
  readonly mask: ArrayLike<number>;
  /** In the head's form for learning. */
  readonly action: ArrayLike<number>;
}

/**
 * Returns the targets of a decision as functions of `observations`: ln π(action); of a continuous action, each number of
 * the mean (before the squashing where there is one).
 */
export function decisionTargets(model: ActorCritic, decision: Decision): Scalar[] {
  const { parameters, head, memorySize, options } = model;
  const { backend: k } = parameters;
  const { size } = options.observation;
  const steps = decision.observations.length / size;
  const x = variable(k, [steps, size]);
  const mask = decision.mask.length > 0 ? input(k, [1, head.masked], decision.mask) : NONE;
  const action = input(k, head.actionShape(1), decision.action);
  const reset = input(k, [steps, 1]);
  reset.data[0] = 1;
  const memory = memorySize > 0 ? { state: input(k, [1, memorySize]), reset } : null;
  const params = (): Tensor => rows(model.forward(x, memory), steps - 1, steps);
  return Array.from({ length: targetCount(model) }, (_, target) => {
    const chosen = input(k, [1, head.outputs]);
    chosen.data[target] = 1;
    return scalarOf(parameters, x, () =>
      byMean(model) ? sum(mul(params(), chosen)) : head.logProb(params(), action, mask),
    );
  });
}
