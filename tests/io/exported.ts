/** Policies of every kind, with weights and normalizers that matter, for the tests of exported files. */
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { box, discrete, multiBinary, multiDiscrete, type Space } from "../../src/envs/space.ts";
import type { Normalizer, PolicyPlan } from "../../src/export/policy-plan.ts";
import { policyPlan } from "../../src/export/policy-plan-of.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic, type ActorCriticOptions } from "../../src/policies/actor-critic.ts";
import { RunningMoments } from "../../src/returns/running.ts";

export interface Exported {
  readonly name: string;
  readonly plan: PolicyPlan;
  readonly actor: Actor;
  /** Fills a raw observation. */
  readonly observe: (out: Float32Array) => void;
  /** The policy's own greedy action for it, and its head's input. */
  readonly act: (observation: Float32Array, mask?: ArrayLike<number>) => number[];
}

type Options = Omit<ActorCriticOptions, "observation" | "critic"> & {
  readonly observation?: Space;
};
const image = box(0, 1, [2, 6, 5]);
const kinds: Readonly<Record<string, Options>> = {
  "mlp, tanh": { hidden: [32, 16], action: discrete(4) },
  "mlp, relu, shared": {
    hidden: [8],
    activation: "relu",
    shared: true,
    action: multiDiscrete([2, 3], [-1, 2]),
  },
  "no hidden layer": { hidden: [], action: multiBinary(3) },
  convolutions: { observation: image, filters: [4, 3], hidden: [16], action: discrete(3) },
  lstm: { hidden: [8], memory: 6, action: discrete(3) },
  gaussian: { hidden: [16], action: box(-0.5, 0.5, [2]), logStd: -1 },
  "squashed, bounds per dimension": {
    hidden: [8],
    action: box([-2, 0], [2, 9], [2]),
    squash: true,
  },
  squashed: { hidden: [16], action: box(-2, 2, [1]), squash: true },
};

function make(name: string, given: Options, normalizes: boolean): Exported {
  const random = new Random(9);
  const options = { observation: box(-Infinity, Infinity, [5]), critic: true, ...given };
  const model = new ActorCritic(loops(), options, random);
  for (const { data } of model.parameters.list) {
    for (let i = 0; i < data.length; i++) data[i] += 0.3 * random.normal();
  }
  const { size } = options.observation;
  const moments = new RunningMoments(size);
  const sample = new Float64Array(100 * size);
  random.fillNormal(sample);
  moments.update(sample.map((x, i) => 3 * x + (i % size)));
  const normalize: Normalizer | null = normalizes
    ? { ...moments.save(), eps: 1e-8, clip: 1.5 }
    : null;
  const actor = new Actor(model, 1, { masked: true });
  return {
    name: `${name}${normalizes ? ", normalized" : ""}`,
    plan: policyPlan(model, normalize, name),
    actor,
    observe: (out) => {
      for (let i = 0; i < out.length; i++) out[i] = 3 * random.normal();
    },
    act(observation, mask) {
      if (normalize === null) actor.observation.set(observation);
      else moments.normalize(actor.observation, observation, normalize);
      if (mask === undefined) actor.mask.fill(1);
      else actor.mask.set(mask);
      actor.actGreedily();
      return [...actor.command];
    },
  };
}

export const exportedPolicies = (): Exported[] =>
  Object.entries(kinds).flatMap(([name, options]) => [
    make(name, options, false),
    make(name, options, true),
  ]);
