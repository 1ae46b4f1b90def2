/** Exports an actor-critic's policy as plain data, for the writers in io/. */

import type { Floats } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { Normalizer, PolicyHead, PolicyLayer, PolicyPlan } from "./policy-plan.ts";

/**
 * Returns the plan. `normalize` holds the statistics of observations, or null; `masked` is true if training had masks.
 */
export function policyPlan(
  model: ActorCritic,
  normalize: Normalizer | null,
  title: string,
  masked = false,
): PolicyPlan {
  const {
    observation,
    hidden,
    activation = "tanh",
    filters = [],
    memory = 0,
    shared,
  } = model.options;
  const body = shared && model.hasCritic ? "body" : "policy";
  const numbers = (name: string): Floats => {
    const parameter = model.parameters.get(name);
    if (parameter === undefined) throw new UsageError(`policyPlan: no parameter ${name}`);
    return parameter.data.slice();
  };
  const layers: PolicyLayer[] = [];
  let [planes, height, width] = observation.shape;
  filters.forEach((channels, i) => {
    const at = `${body}.conv${i}`;
    const shape = [planes, height, width];
    layers.push({
      kind: "conv",
      weight: numbers(`${at}.weight`),
      bias: numbers(`${at}.bias`),
      shape,
    });
    [planes, height, width] = [channels, height - 2, width - 2];
  });
  const dense = (at: string, f: "tanh" | "relu" | "none"): PolicyLayer => ({
    kind: "dense",
    weight: numbers(`${at}.weight`),
    bias: numbers(`${at}.bias`),
    activation: f,
  });
  layers.push(...hidden.map((_, i) => dense(`${body}.${i}`, activation)));
  if (memory > 0) {
    const part = (name: string): Floats => numbers(`${body}.lstm.${name}`);
    const [wIh, wHh, bIh, bHh] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(part);
    layers.push({ kind: "lstm", wIh, wHh, bIh, bHh, size: memory });
  }
  layers.push(dense("policy.head", "none"));
  const head = headOf(model, numbers);
  const names = { observation: observation.names, action: model.options.action.names };
  return { title, observation: observation.shape, normalize, layers, head, masked, names };
}

function headOf(model: ActorCritic, numbers: (name: string) => Floats): PolicyHead {
  const { action, squash } = model.options;
  if (action.kind === "discrete")
    return { kind: "categorical", choices: [action.n], start: action.start };
  if (action.kind === "multiDiscrete")
    return { kind: "multiCategorical", choices: action.choices, start: action.start };
  if (action.kind === "multiBinary") return { kind: "bernoulli", size: action.size };
  if (action.kind === "dict") throw new UsageError("policyPlan: expected actions in one space");
  const { low, high } = action;
  const kind = squash === true ? "squashed" : "gaussian";
  return { kind, logStd: numbers("policy.logStd"), low, high };
}
