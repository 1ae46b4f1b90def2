/** Evaluation reads what training has, and changes nothing of it. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { box, discrete, multiDiscrete } from "../../src/envs/space.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { evaluate, evaluationLimit } from "../../src/rollout/evaluate.ts";
import { Rollout } from "../../src/rollout/rollout.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { Toy, type ToyOptions } from "../support/toy.ts";

function modelFor(env: VectorEnv, memory = 0): ActorCritic {
  const [{ observationSpace: observation, actionSpace: action }] = env.envs;
  const options = { observation, action, critic: true, hidden: [4], memory };
  return new ActorCritic(loops(), options, new Random(1));
}
const toys = (n: number, options: ToyOptions = {}) =>
  Array.from({ length: n }, () => new Toy(options));

describe("evaluate on the environments of a training", () => {
  for (const [n, autoreset] of [
    [1, true],
    [3, true],
    [3, false],
  ] as const) {
    test(`${n} of them, autoreset = ${autoreset}: steps, streams and statistics go on as without it`, () => {
      const run = (evaluates: boolean): string => {
        const env = new VectorEnv(toys(n, { maxSteps: 5 }), {
          normalizeObservation: true,
          normalizeReward: true,
          autoreset,
        });
        const model = modelFor(env, 3);
        const random = new Random(4);
        const actor = new Actor(model, n);
        const rollout = new Rollout(env, actor, 3);
        env.seed(random);
        env.start();
        const record: unknown[] = [];
        for (let t = 0; t < 4; t++) {
          rollout.collect(random);
          record.push([...rollout.observation, ...rollout.reward, ...rollout.action]);
          if (evaluates) evaluate(model, env, { episodes: 3, seed: 9, greedy: t % 2 === 0 });
        }
        record.push(env.save(), actor.save(), random.save(), env.learning);
        return JSON.stringify(record);
      };
      expect(run(true)).toBe(run(false));
    });
  }
  test("it standardizes by the statistics of the training", () => {
    const env = new VectorEnv(toys(2), { normalizeObservation: true });
    const model = modelFor(env);
    env.start();
    for (let t = 0; t < 30; t++) env.step([0, 1]);
    const seen: number[] = [];
    const result = evaluate(model, env, {
      episodes: 2,
      seed: 5,
      greedy: true,
      witness: (_, actor) => seen.push(actor.observation[0]),
    });
    const { mean, variance } = env.moments as { mean: Float64Array; variance: Float64Array };
    const raw: number[] = [];
    evaluate(model, new VectorEnv(toys(2)), {
      episodes: 2,
      seed: 5,
      greedy: true,
      witness: (_, a) => raw.push(a.observation[0]),
    });
    for (const [i, x] of seen.entries())
      expect(x).toBeCloseTo((raw[i] - mean[0]) / Math.sqrt(variance[0] + 1e-8), 4);
    expect(result.lengths).toEqual([20, 20]);
  });
});

test("an episode that never ends is cut short after the limit", () => {
  const env = new VectorEnv(toys(1, { maxSteps: Infinity }));
  const { lengths, returns } = evaluate(modelFor(env), env, { episodes: 1, seed: 1, greedy: true });
  expect(lengths).toEqual([evaluationLimit]);
  expect(returns).toEqual([evaluationLimit]);
});

test("a policy whose sizes do not fit the environment is refused, by evaluate and by Rollout", () => {
  const model = modelFor(new VectorEnv(toys(1)));
  const others: ToyOptions[] = [
    { observation: box(0, 1, [4]) },
    { action: discrete(3) },
    { action: discrete(2, 1) },
    { action: multiDiscrete([2]) },
  ];
  for (const options of others) {
    const env = new VectorEnv(toys(1, options));
    expect(() => evaluate(model, env, { episodes: 1, seed: 1, greedy: true })).toThrow(ShapeError);
    expect(() => new Rollout(env, new Actor(model, 1), 4)).toThrow(ShapeError);
  }
  const two = new VectorEnv(toys(2));
  expect(() => new Rollout(two, new Actor(model, 1), 4)).toThrow(RangeError);
  expect(() => evaluate(model, two, { episodes: 0, seed: 1, greedy: true })).toThrow(RangeError);
});

test("environments at rest are counted by neither scaler: 51 steps taken, 51 counted", () => {
  const env = new VectorEnv([new Toy({ maxSteps: 1 }), new Toy({ maxSteps: 50 })], {
    autoreset: false,
    normalizeReward: true,
    normalizeObservation: true,
  });
  const counts = () => [env.rewardScaler?.moments.count ?? 0, env.moments?.count ?? 0];
  env.start();
  const [rewards, observations] = counts();
  for (let t = 0; t < 50; t++) env.step([0, 0]);
  expect(counts()[0] - rewards).toBeCloseTo(51, 9);
  expect(counts()[1] - observations).toBeCloseTo(51, 9);
  expect(env.reward[0]).toBe(0);
  expect(env.rewardScaler?.returns[0]).toBe(0);
});

test("an evaluation gives back every byte, also where it fails", () => {
  const k = simd({ memory: 32 << 20 });
  for (const memory of [0, 3]) {
    const env = new VectorEnv(toys(2, { maxSteps: 5 }));
    const [{ observationSpace: observation, actionSpace: action }] = env.envs;
    const options = { observation, action, critic: true, hidden: [64], memory };
    const model = new ActorCritic(k, options, new Random(1));
    evaluate(model, env, { episodes: 3, seed: 1, greedy: true });
    const live = k.live();
    for (let i = 0; i < 20; i++)
      evaluate(model, env, { episodes: 2, seed: i, greedy: i % 2 === 0, witness: () => {} });
    const stop = () => {
      throw new Error("planted");
    };
    expect(() =>
      evaluate(model, env, { episodes: 2, seed: 1, greedy: true, witness: stop }),
    ).toThrow("planted");
    expect(k.live()).toBe(live);
  }
});
