import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { fromGymnasium } from "../../src/envs/gymnasium.ts";
import { Line } from "../../src/envs/line.ts";
import { box, discrete } from "../../src/envs/space.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { student95 } from "../../src/rollout/evaluate.ts";
import { Rollout } from "../../src/rollout/rollout.ts";
import { bootstrapInterval, interquartileMean, quantile } from "../../src/rollout/statistics.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";

const lines = (n: number, maxSteps: number) =>
  Array.from({ length: n }, () => new Line({ maxSteps }));

describe("VectorEnv", () => {
  test("environments that were not seeded get their places as seeds; those that were keep theirs", () => {
    const kept = new CartPole();
    kept.seed(77);
    const env = new VectorEnv([new CartPole(), new CartPole(), kept]);
    env.start();
    const alone = [0, 1, 77].map((seed) => {
      const own = new CartPole();
      own.seed(seed);
      const one = new VectorEnv([own]);
      one.start();
      return [...one.observation];
    });
    expect([...env.observation]).toEqual(alone.flat());
    expect(alone[0]).not.toEqual(alone[1]);
  });

  test("environments of other spaces or masks, and actions for another number of them, are refused", () => {
    const choosing = (n: number, mask?: readonly number[]) =>
      fromGymnasium({
        observationSpace: box(0, 1, [1]),
        actionSpace: discrete(n),
        reset: () => [[0], mask === undefined ? {} : { actionMask: mask }],
        step: () => [[0], 0, false, false, { actionMask: mask }],
      });
    const made =
      (...envs: Dynamics[]) =>
      () =>
        new VectorEnv(envs);
    for (const wrong of [choosing(2), choosing(3, [0, 1, 1]), new CartPole()])
      expect(made(choosing(3), choosing(3), wrong)).toThrow("got other spaces or masks at 2");
    const env = new VectorEnv(lines(2, 3));
    env.start();
    expect(() => env.step([1])).toThrow("expected 2 numbers as actions, got 1");
    expect(() => env.step([1, 0, 1])).toThrow(ShapeError);
  });

  test("an environment that rests when it is saved rests when it is restored", () => {
    const make = () =>
      new VectorEnv([new Line({ maxSteps: 2 }), new Line({ maxSteps: 4 })], { autoreset: false });
    const env = make();
    env.start();
    for (let t = 0; t < 3; t++) env.step([1, 1]);
    const again = make();
    again.restore(
      JSON.parse(
        JSON.stringify(env.save(), (_, x) => (ArrayBuffer.isView(x) ? Array.from(x as never) : x)),
      ),
    );
    expect([again.resting(0), again.resting(1)]).toEqual([true, false]);
    again.step([1, 1]);
    env.step([1, 1]);
    expect([...again.observation]).toEqual([...env.observation]);
  });

  test("autoreset keeps what the ended episode came to, beside the next one's first observation", () => {
    const env = new VectorEnv(lines(2, 3));
    env.seed(new Random(1));
    env.start();
    for (let t = 0; t < 3; t++) env.step([1, 0]);
    expect([...env.truncated]).toEqual([1, 1]);
    expect([...env.finalObservation]).toEqual([Math.fround(-0.4), -1]); // at 3, and at 0
    expect([...env.observation]).toEqual([-1, -1]);
    expect([...env.finalReturn]).toEqual([-4 - 3 - 2, -15]);
    expect([...env.fresh]).toEqual([1, 1]);
    env.step([1, 1]);
    expect([...env.truncated]).toEqual([0, 0]);
    expect([...env.fresh]).toEqual([0, 0]);
  });

  test("restart begins one environment's episode anew; others, and the statistics, stay", () => {
    const env = new VectorEnv([new CartPole(), new CartPole()], { normalizeObservation: true });
    env.start();
    for (let t = 0; t < 5; t++) env.step([0, 1]);
    const statistics = JSON.stringify(env.saveStatistics());
    const [before, lengths] = [[...env.observation], [...env.episodeLength]];
    env.restart(1);
    expect(lengths).toEqual([5, 5]);
    expect([...env.episodeLength]).toEqual([5, 0]);
    expect([...env.observation.subarray(0, 4)]).toEqual(before.slice(0, 4));
    expect(env.observation.subarray(4).every((x, i) => x !== before[4 + i])).toBe(true);
    expect(env.observation.subarray(4).some((x) => Math.abs(x) > 0.06)).toBe(true); // standardized: raw ones are within 0.05
    expect(JSON.stringify(env.saveStatistics())).toBe(statistics);
  });

  test("without autoreset an ended episode rests until the next start", () => {
    const env = new VectorEnv([new Line({ maxSteps: 1 }), new Line({ maxSteps: 2 })], {
      autoreset: false,
    });
    env.start();
    env.step([1, 1]);
    expect([env.resting(0), env.resting(1)]).toEqual([true, false]);
    env.step([1, 1]);
    expect(env.resting(1)).toBe(true);
    env.start();
    expect([env.resting(0), env.resting(1)]).toEqual([false, false]);
  });

  test("normalized observations come to mean 0 and deviation 1; off learning, statistics stand still", () => {
    const env = new VectorEnv(
      Array.from({ length: 8 }, () => new CartPole()),
      { normalizeObservation: true, normalizeReward: true },
    );
    const random = new Random(2);
    env.seed(random);
    env.start();
    const seen: number[] = [];
    for (let t = 0; t < 500; t++) {
      env.step(Array.from({ length: 8 }, () => random.below(2)));
      if (t > 250) seen.push(...env.observation);
    }
    const mean = seen.reduce((a, b) => a + b, 0) / seen.length;
    const variance = seen.reduce((a, b) => a + (b - mean) ** 2, 0) / seen.length;
    expect(Math.abs(mean)).toBeLessThan(0.1);
    expect(variance).toBeGreaterThan(0.7);
    expect(variance).toBeLessThan(1.4);
    env.learning = false;
    const before = JSON.stringify(env.saveStatistics());
    env.step(new Array(8).fill(0));
    expect(JSON.stringify(env.saveStatistics())).toBe(before);
  });
});

test("a resting environment is neither counted nor standardized again", () => {
  const env = new VectorEnv([new Line({ maxSteps: 1 }), new Line({ maxSteps: 9 })], {
    autoreset: false,
    normalizeObservation: true,
  });
  env.start();
  env.step([1, 1]);
  const rested = env.observation[0];
  const counted = env.moments?.count ?? 0; // two starts and two steps
  for (let t = 0; t < 5; t++) env.step([1, 1]);
  expect(env.observation[0]).toBe(rested);
  expect((env.moments?.count ?? 0) - counted).toBeCloseTo(5, 9);
});

test("Rollout: what is cut short bootstraps from its final state, what terminated from nothing", () => {
  const k = loops();
  const env = new VectorEnv([
    new Line({ maxSteps: 2 }),
    new Line({ end: "article", start: "uniform" }),
  ]);
  const { observationSpace: observation, actionSpace: action } = env.envs[0];
  const model = new ActorCritic(
    k,
    { observation, action, critic: true, hidden: [] },
    new Random(1),
  );
  const actor = new Actor(model, 2);
  const rollout = new Rollout(env, actor, 40);
  env.seed(new Random(4));
  env.start();
  rollout.collect(new Random(5));
  const weight = model.parameters.get("critic.head.weight")?.data[0] ?? 0;
  const value = (x: number): number => weight * x;
  let cut = 0;
  for (let t = 0; t + 1 < 40; t++) {
    for (let e = 0; e < 2; e++) {
      const i = t * 2 + e;
      const moved = Math.min(
        1,
        Math.max(-1, rollout.observation[i] + (rollout.action[i] === 1 ? 0.2 : -0.2)),
      );
      if (rollout.terminated[i] !== 0) continue;
      expect(rollout.nextValue[i]).toBeCloseTo(value(moved), 5);
      if (rollout.truncated[i] !== 0) {
        if (moved === rollout.observation[i + 2]) continue; // ended where it began
        cut++;
        expect(rollout.observation[i + 2]).not.toBeCloseTo(moved, 5); // the next row is another episode
      }
    }
  }
  expect(cut).toBeGreaterThan(5);
  expect(rollout.count).toBe(80);
});

describe("statistics", () => {
  test("by hand: the interquartile mean of 1 … 8 is that of 3 … 6; a quarter of 5 is cut by weight", () => {
    expect(interquartileMean([8, 1, 2, 3, 4, 5, 6, 7])).toBe(4.5);
    // of 1 2 3 4 100 a quarter is 1.25 runs: 0.75·2 + 3 + 0.75·4 over 2.5
    expect(interquartileMean([1, 2, 3, 4, 100])).toBeCloseTo(3, 12);
    expect(quantile([1, 2, 4], 0.75)).toBe(3);
  });
  test("the bootstrap interval holds the figure, and is a point for equal runs", () => {
    const x = [1, 2, 3, 4, 5, 6, 7, 8];
    const [low, high] = bootstrapInterval(x, interquartileMean);
    expect(low).toBeLessThan(4.5);
    expect(high).toBeGreaterThan(4.5);
    expect(bootstrapInterval([5, 5, 5], interquartileMean)).toEqual([5, 5]);
  });
  test("Student's quantile is the table's to 0.01 from 1 to 99 degrees", () => {
    const table: [number, number][] = [
      [1, 12.706],
      [2, 4.303],
      [3, 3.182],
      [4, 2.776],
      [9, 2.262],
      [29, 2.045],
      [99, 1.984],
    ];
    for (const [degrees, t] of table) expect(Math.abs(student95(degrees) - t)).toBeLessThan(0.01);
  });
});
