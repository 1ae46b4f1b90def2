/** Pulls of samples on a decision: by hand on a linear policy, and against a step along the gradient. */
import { expect, test } from "vitest";
import { pullsOf, samplesOfSteps } from "../../src/algos/explain-update.ts";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { decisionTargets } from "../../src/policies/explain.ts";
import { Rollout } from "../../src/rollout/rollout.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";

/** A rollout of a policy with random weights, advantages, and the pulls on its first decision. */
function pulled(options: { readonly hidden: readonly number[]; readonly memory?: number }) {
  const [a, b] = [new CartPole(), new CartPole()];
  const env = new VectorEnv([a, b]);
  const { observationSpace: observation, actionSpace: action } = a;
  const random = new Random(3);
  const model = new ActorCritic(
    loops(Float64Array),
    { observation, action, critic: true, ...options },
    random,
  );
  for (const { data } of model.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] = random.uniform() - 0.5;
  const rollout = new Rollout(env, new Actor(model, 2), 4);
  env.start();
  rollout.collect(random);
  const advantage = Float64Array.from(rollout.reward, (_, i) => [1, -2, 0.5, 3, 0, -1, 2, 1][i]);
  const decision = { observations: Float64Array.from([0.5, -1, 2, 0.25]), mask: [], action: [1] };
  const [target] = decisionTargets(model, decision);
  const at = decision.observations;
  const { chunks, samples } = samplesOfSteps({ rollout, advantage });
  const [pulls] = pullsOf(chunks, samples, advantage, [target.weightGradient(at)]);
  return { model, rollout, advantage, target, at, pulls, samples };
}

test("a linear policy: A·(x·xᵢ + 1)·⟨1ₐ − π, 1ₐᵢ − πᵢ⟩/n", () => {
  const { model, rollout, advantage, at, pulls } = pulled({ hidden: [] });
  const weight = model.parameters.get("policy.head.weight")?.data ?? [];
  const bias = model.parameters.get("policy.head.bias")?.data ?? [];
  const right = (x: ArrayLike<number>): number => {
    const logit = (k: number): number =>
      [0, 1, 2, 3].reduce((sum, i) => sum + weight[k * 4 + i] * x[i], bias[k]);
    return 1 / (1 + Math.exp(logit(0) - logit(1)));
  };
  const missing = 1 - right(at); // of the action 1; that of the action 0 is its negative
  for (let row = 0; row < 8; row++) {
    const x = rollout.observation.subarray(4 * row, 4 * row + 4);
    const product = [0, 1, 2, 3].reduce((sum, i) => sum + x[i] * at[i], 1);
    const other = rollout.action[row] - right(x);
    expect(pulls[row]).toBeCloseTo((advantage[row] * product * 2 * missing * other) / 8, 10);
  }
  expect(pulls[4]).toBeCloseTo(0, 12);
});

test.each([
  ["dense", { hidden: [5] }],
  ["with memory", { hidden: [5], memory: 3 }],
])("%s: a small step along the mean gradient adds its size times the pulls", (_, options) => {
  const { model, target, at, pulls, rollout, advantage, samples } = pulled(options);
  expect(samples.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  // the gradient of the mean of A·ln π by differences along the target's gradient
  const gradient = target.weightGradient(at);
  const move = (size: number): void => {
    let i = 0;
    for (const { data } of model.parameters.list)
      for (let j = 0; j < data.length; j++) data[j] += size * gradient[i++];
  };
  const objective = (): number => {
    let sum = 0;
    for (let e = 0; e < 2; e++) {
      const observations: number[] = [];
      for (let t = 0; t < 4; t++) {
        const row = 2 * t + e;
        const x = rollout.observation.subarray(4 * row, 4 * row + 4);
        if (!("memory" in options)) observations.length = 0;
        observations.push(...x);
        const own = {
          observations: Float64Array.from(observations),
          mask: [],
          action: [rollout.action[row]],
        };
        sum += (advantage[row] * decisionTargets(model, own)[0].at(own.observations)) / 8;
      }
    }
    return sum;
  };
  const size = 1e-5;
  move(size);
  const up = objective();
  move(-2 * size);
  const slope = (up - objective()) / (2 * size);
  expect(pulls.reduce((sum, pull) => sum + pull, 0)).toBeCloseTo(slope, 6);
});
