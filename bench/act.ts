/** Measures one decision of a 4-64-64-2 policy: from an observation to a sampled action and its log-probability. */
import { loops } from "../src/backends/loops.ts";
import { simd } from "../src/backends/simd.ts";
import type { Backend } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { box, discrete } from "../src/envs/space.ts";
import { Actor } from "../src/policies/actor.ts";
import { ActorCritic } from "../src/policies/actor-critic.ts";
import type { BenchCase, Suite } from "./harness.ts";

export const options = {
  observation: box(-Infinity, Infinity, [4]),
  action: discrete(2),
  hidden: [64, 64],
  critic: true,
};

function acting(k: Backend, envs: number, value: boolean): BenchCase {
  const random = new Random(1);
  const actor = new Actor(new ActorCritic(k, options, random), envs, { value });
  return {
    name: `${k.name}, batch ${envs}${value ? ", with V" : ""}`,
    amount: envs,
    unit: "decisions",
    run: () => actor.act(random),
  };
}

export const act: Suite = {
  about: "acting with a policy 4-64-64-2, tanh: sample and log-probability",
  make: () =>
    [simd(), loops()].flatMap((k) => [
      acting(k, 1, false),
      acting(k, 1, true),
      acting(k, 16, true),
    ]),
};
