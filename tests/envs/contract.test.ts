/** Ends, masks, spaces and seeds of environments that other people write. */

import { describe, expect, test } from "vitest";
import { EnvError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Blackjack } from "../../src/envs/blackjack.ts";
import { checkEnv } from "../../src/envs/check-env.ts";
import { Line } from "../../src/envs/line.ts";
import { Pendulum } from "../../src/envs/pendulum.ts";
import {
  box,
  dict,
  discrete,
  multiBinary,
  multiDiscrete,
  type Space,
} from "../../src/envs/space.ts";
import { FrameStack, RescaleAction, ScaleObservation, TimeLimit } from "../../src/envs/wrappers.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { Toy } from "../support/toy.ts";

describe("an environment's own truncation", () => {
  const cut = { end: (step: number) => (step === 3 ? ("truncated" as const) : null) };
  for (const [name, make] of [
    ["alone", () => new Toy(cut)],
    ["in a longer time limit", () => new TimeLimit(new Toy(cut), 10)],
    ["behind stacked frames", () => new FrameStack(new Toy(cut), 2)],
  ] as const) {
    test(`${name}, the episode is cut short at step 3 and refuses a fourth`, () => {
      const env = make();
      env.reset({ seed: 1 });
      const ends = [1, 2, 3].map(() => env.step(0)).map((s) => [s.terminated, s.truncated]);
      expect(ends).toEqual([
        [false, false],
        [false, false],
        [false, true],
      ]);
      expect(() => env.step(0)).toThrow(EnvError);
      expect(env.reset().observation.length).toBeGreaterThan(0);
      expect(env.step(0).truncated).toBe(false);
    });
  }
  test("termination wins over it", () => {
    class Both extends Toy {
      protected override advance(): void {
        this.terminated = true;
        this.truncated = true;
      }
    }
    const env = new Both();
    env.reset();
    expect(env.step(1)).toMatchObject({ terminated: true, truncated: false });
  });
  test("in a VectorEnv it bootstraps as a time limit does", () => {
    const env = new VectorEnv([new Toy(cut)]);
    env.start();
    for (let t = 0; t < 3; t++) env.step([0]);
    expect([env.truncated[0], env.terminated[0], env.fresh[0]]).toEqual([1, 0, 1]);
  });
});

describe("checkEnv", () => {
  const spaces: Readonly<Record<string, Space>> = {
    "discrete from 3": discrete(4, 3),
    "discrete from −2": discrete(3, -2),
    "several choices": multiDiscrete([2, 3]),
    bits: multiBinary(3),
    "a box with a bound per dimension": box([-1, 0], [1, 5], [2]),
    "a box open at one side": box([0, -Infinity], [Infinity, 2], [2]),
  };
  for (const [name, action] of Object.entries(spaces)) {
    test(`walks through ${name}, and sees an action outside let through`, () => {
      checkEnv(() => new Toy({ action }), { steps: 200 });
      class Lax extends Toy {
        override step(): ReturnType<Toy["step"]> {
          return super.step(action.sample(new Random(1)).slice() as never);
        }
      }
      expect(() => checkEnv(() => new Lax({ action }), { steps: 20 })).toThrow(/error/);
    });
  }
  test("masks of several choices are respected: a masked action never comes", () => {
    const action = multiDiscrete([3, 2]);
    const mask = (out: { [i: number]: number }, at: number): void =>
      [0, 1, 1, 1, 0].forEach((m, i) => {
        out[at + i] = m;
      });
    class Strict extends Toy {
      protected override advance(actions: ArrayLike<number>, at: number): void {
        if (actions[at] === 0 || actions[at + 1] === 1) throw new EnvError("illegal");
        super.advance(actions, at);
      }
    }
    checkEnv(() => new Strict({ action, mask }), { steps: 300 });
  });
  test("a mask that allows nothing of one of two choices, or writes beyond its place, is an EnvError", () => {
    const action = multiDiscrete([2, 2]);
    const writing =
      (...values: number[]) =>
      (out: { [i: number]: number }, at: number): void =>
        values.forEach((m, i) => {
          out[at + i] = m;
        });
    const check = (mask: (out: { [i: number]: number }, at: number) => void, space: Space) => () =>
      checkEnv(() => new Toy({ action: space, mask }), { steps: 5 });
    expect(check(writing(1, 1, 0, 0), action)).toThrow(/choice 1/);
    expect(check(writing(1, 1, 1, 1, 1), action)).toThrow(/4 numbers/);
    expect(check(writing(1, 0.5, 1, 1), action)).toThrow(/0 or 1/);
    expect(check(writing(1, 1), box(-1, 1, [2]))).toThrow(/no choices/);
  });
});

describe("spaces", () => {
  test("discrete(n, start) is of start … start + n − 1", () => {
    const space = discrete(3, 5);
    expect([4, 5, 7, 8, 5.5].map((x) => space.contains([x]))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
    const random = new Random(1);
    const seen = new Set(Array.from({ length: 50 }, () => space.sample(random)[0]));
    expect([...seen].sort()).toEqual([5, 6, 7]);
    expect(space.sample(random, undefined, [0, 0, 1])[0]).toBe(7);
    expect(() => discrete(0)).toThrow(RangeError);
    expect(() => discrete(2, 0.5)).toThrow(RangeError);
  });
  test("dict: flat by name, choices one-hot, dictionaries inside by the same rule", () => {
    const space = dict({
      speed: box([-2, 0], [2, 9], [2]),
      door: discrete(3, 1),
      at: dict({ y: box(0, 1, [1]), x: box(0, 1, [1]) }),
      keys: multiBinary(2),
    });
    expect(space.parts.map(({ name, at, size }) => [name, at, size])).toEqual([
      ["at", 0, 2],
      ["door", 2, 3],
      ["keys", 5, 2],
      ["speed", 7, 2],
    ]);
    const flat = space.flatten({ keys: [1, 0], speed: [-1, 4], door: 2, at: { x: 0.25, y: 0.5 } });
    expect([...flat]).toEqual([0.25, 0.5, 0, 1, 0, 1, 0, -1, 4]);
    expect(space.contains(flat)).toBe(true);
    expect([...space.low]).toEqual([0, 0, 0, 0, 0, 0, 0, -2, 0]);
    expect(space.contains([0, 0, 1, 1, 0, 1, 0, 0, 0])).toBe(false); // two doors
    for (let seed = 0; seed < 20; seed++)
      expect(space.contains(space.sample(new Random(seed)))).toBe(true);
    const rest = { keys: [1, 0], speed: [-1, 4], at: { x: 0, y: 0 } };
    expect(() => space.flatten(rest)).toThrow(/"door"/);
    expect(() => space.flatten({ ...rest, door: 4 })).toThrow(/"door" within/);
    expect(() => space.flatten({ ...rest, door: 1, window: 1 })).toThrow(/"window"/);
    checkEnv(() => new Toy({ observation: space }), { steps: 100 });
    checkEnv(() => new FrameStack(new Toy({ observation: space }), 2), { steps: 100 });
  });
  test("RescaleAction by bounds per dimension; ScaleObservation of pixels", () => {
    const inner = new Toy({ action: box([0, -10], [1, 10], [2]) });
    const told: number[][] = [];
    const original = inner.act.bind(inner);
    inner.act = (actions, at) => {
      told.push([actions[at], actions[at + 1]]);
      original(actions, at);
    };
    const env = new RescaleAction(inner, [0, -2], [4, 2]);
    env.reset();
    env.step([1, 1]);
    env.step([4, -2]);
    expect(told).toEqual([
      [0.25, 5],
      [1, -10],
    ]);
    expect(() => new RescaleAction(new Pendulum(), [1], [1])).toThrow(RangeError);
    const pixels = new ScaleObservation(new Toy({ observation: box(0, 255, [1, 2, 2]) }), 1 / 255);
    expect(pixels.observationSpace.shape).toEqual([1, 2, 2]);
    expect(Math.max(...pixels.reset({ seed: 2 }).observation)).toBeLessThanOrEqual(1);
    checkEnv(() => new ScaleObservation(new Toy({ observation: box(0, 255, [4]) }), 1 / 255));
    expect(() => new ScaleObservation(new Line(), 0)).toThrow(RangeError);
  });
});

describe("a VectorEnv's environments", () => {
  const first = (env: VectorEnv): string[] => {
    env.start();
    const size = env.observationSize;
    return env.envs.map((_, e) => env.observation.slice(e * size, (e + 1) * size).join());
  };
  test("that were never seeded differ, the same at each run", () => {
    const make = () => new VectorEnv([0, 1, 2, 3].map(() => new Toy()));
    const seen = first(make());
    expect(new Set(seen).size).toBe(4);
    expect(first(make())).toEqual(seen);
    const wrapped = first(new VectorEnv([0, 1].map(() => new TimeLimit(new Toy(), 5))));
    expect(new Set(wrapped).size).toBe(2);
  });
  test("that were seeded keep their seeds", () => {
    const envs = [7, 7].map((seed) => {
      const env = new Toy();
      env.seed(seed);
      return env;
    });
    const [a, b] = first(new VectorEnv(envs));
    expect(a).toBe(b);
  });
  test("are of their own: one given twice is refused, inside of wrappers too", () => {
    const env = new Line();
    expect(() => new VectorEnv([env, new Line(), env])).toThrow(/twice, at 2/);
    expect(() => new VectorEnv([new TimeLimit(env, 9), new TimeLimit(env, 9)])).toThrow(EnvError);
  });
});

test("Blackjack's task has Sutton & Barto's rules, as Gymnasium registers Blackjack-v1", () => {
  expect(environmentTasks.blackjack.settings.sab.initial).toBe(true);
  const values = Object.fromEntries(
    Object.entries(environmentTasks.blackjack.settings).map(([name, { initial }]) => [
      name,
      initial,
    ]),
  );
  const [task, plain] = [environmentTasks.blackjack.make(values), new Blackjack()];
  // a natural against 21 from three cards wins under these rules alone
  for (const env of [task, plain]) {
    env.reset();
    env.startFrom([11, 1, 2, 21, 0, 3, 10]);
    expect((env as Blackjack).step(0).reward).toBe(1);
  }
});
