/** Every environment keeps the contract, and the games play by their rules. */

import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Breakout } from "../../src/envs/breakout.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import { Catch } from "../../src/envs/catch.ts";
import { checkEnv } from "../../src/envs/check-env.ts";
import { ConnectFour } from "../../src/envs/connect-four.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { Pendulum } from "../../src/envs/pendulum.ts";
import { Portfolio } from "../../src/envs/portfolio.ts";
import { parsePrices } from "../../src/envs/prices.ts";
import { Recommend } from "../../src/envs/recommend.ts";
import { sceneSvg } from "../../src/envs/scene.ts";
import { ClipAction, FrameStack, RescaleAction, TimeLimit } from "../../src/envs/wrappers.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { configOf } from "../support/sessions.ts";

const seen = (env: Dynamics): number[] => {
  const out = new Float32Array(env.observationSpace.size);
  env.observe(out, 0);
  return [...out];
};

describe("every task's environment", () => {
  for (const [name, task] of Object.entries(environmentTasks)) {
    const make = (): Dynamics => task.make(configOf({ task: name }).settings as never);
    test(`${name} keeps the contract over 300 random steps`, () => {
      checkEnv(make, { steps: 300 });
    });
    test(`${name} keeps it over 2,000`, { tags: ["deep", "long"] }, () => {
      checkEnv(make, { steps: 2000 });
    });
    test(`${name} draws itself: the same state, the same picture, as SVG that is whole`, () => {
      const env = make();
      env.seed(3);
      env.start();
      const svg = sceneSvg(env.scene());
      expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 [\d.]+ [\d.]+">.*<\/svg>$/s);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(sceneSvg(env.scene())).toBe(svg);
      expect(env.render().length).toBeGreaterThan(0);
    });
  }
});

test("Catch by hand: the ball falls straight; under it 1, beside it −1, after nine steps", () => {
  const env = new Catch();
  env.seed(1);
  env.start();
  const ball = env.state[1];
  for (let t = 0; t < 9; t++) {
    const paddle = env.state[2];
    env.act([ball > paddle ? 2 : ball < paddle ? 0 : 1], 0);
    expect(env.state[1]).toBe(ball);
  }
  expect([env.terminated, env.reward, env.success]).toEqual([true, 1, true]);
  env.start();
  const away = env.state[1] < 2 ? 2 : 0;
  for (let t = 0; t < 9; t++) env.act([away], 0);
  expect([env.terminated, env.reward]).toEqual([true, -1]);
});

test("Breakout: a ball that is never met ends the episode without a point for the paddle's part", () => {
  const env = new Breakout({ sticky: 0 });
  env.seed(1);
  let longest = 0;
  for (let game = 0; game < 20; game++) {
    env.start();
    let steps = 0;
    while (!env.terminated && !env.truncated) {
      env.act([0], 0);
      steps++;
    }
    longest = Math.max(longest, steps);
  }
  expect(longest).toBeLessThan(1000); // standing in a corner does not keep the ball
});

describe("ConnectFour", () => {
  const play = (env: ConnectFour, columns: readonly number[]): void => {
    for (const column of columns) env.act([column], 0);
  };
  const game = (): ConnectFour => {
    const env = new ConnectFour({ opponent: null });
    env.start();
    return env;
  };
  test("by hand: columns, rows and both diagonals win for who made them", () => {
    for (const [moves, winner] of [
      [[0, 1, 0, 1, 0, 1, 0], 1],
      [[0, 0, 1, 1, 2, 2, 3], 1],
      [[0, 1, 1, 2, 2, 3, 2, 3, 3, 6, 3], 1],
      [[3, 2, 2, 1, 1, 0, 1, 0, 0, 6, 0], 1],
      [[6, 0, 6, 0, 6, 0, 5, 0], 2],
    ] as const) {
      const env = game();
      play(env, moves);
      expect([env.winner(), env.terminated, env.reward]).toEqual([winner, true, 1]);
    }
  });
  test("a full column is masked, and refused", () => {
    const env = game();
    play(env, [4, 4, 4, 4, 4, 4]);
    const mask = new Float32Array(7);
    env.mask(mask, 0);
    expect([...mask]).toEqual([1, 1, 1, 1, 0, 1, 1]);
    expect(() => env.act([4], 0)).toThrow(/column with room/);
  });
  test("each player sees their own stones first", () => {
    const env = game();
    play(env, [0]);
    const planes = seen(env);
    expect(planes.slice(0, 42).every((x) => x === 0)).toBe(true);
    expect(planes[42 + 35]).toBe(1);
  });
});

test("Recommend: a slate of the favorite topic is clicked more than one of others", () => {
  const clicks = (topic: (favorite: number) => number): number => {
    const env = new Recommend({ drift: 0 });
    env.seed(5);
    let total = 0;
    for (let visit = 0; visit < 300; visit++) {
      env.start();
      const item = topic(env.state[0]);
      env.act([item, item + 5, item], 0);
      total += env.reward >= 1 ? 1 : 0;
    }
    return total;
  };
  expect(clicks((favorite) => favorite)).toBeGreaterThan(2 * clicks((f) => (f + 2) % 5));
});

test("Portfolio by hand: all in one asset grows with its price, less the cost of getting there", () => {
  const prices = parsePrices("date,a,b\nd1,100,10\nd2,110,10\nd3,121,10\nd4,121,20\n");
  const env = new Portfolio({ prices, window: 1, maxSteps: 2, cost: 0.01, choice: true });
  env.seed(1);
  env.start();
  env.state[0] = 1;
  env.act([1], 0); // from cash into a, which goes 110 to 121
  expect(env.reward).toBeCloseTo(Math.log(0.99 * 1.1), 10);
  env.act([1], 0); // stays in a, which stands still: nothing traded
  expect(env.reward).toBeCloseTo(0, 10);
});

test("prices with a byte order mark read as without one", () => {
  for (const table of ["a,b\n1,2\n3,4", '"date","a"\nd1,5\nd2,6'])
    expect(parsePrices(`\ufeff${table}`)).toEqual(parsePrices(table));
});

test("prices that are not a table of positive numbers are refused, with the line", () => {
  expect(() => parsePrices("date,a\nd1,5\nd2,-1\n")).toThrow(/line 3/);
  expect(() => parsePrices("")).toThrow();
});

describe("wrappers", () => {
  test("TimeLimit cuts short, and the wrapped limit still counts", () => {
    const env = new TimeLimit(new CartPole(), 3);
    env.seed(1);
    env.start();
    for (let t = 0; t < 3; t++) env.act([t % 2], 0);
    expect([env.terminated, env.truncated]).toEqual([false, true]);
  });
  test("FrameStack repeats the first observation, then shifts, oldest first", () => {
    const plain = new CartPole();
    const env = new FrameStack(new CartPole(), 2);
    for (const e of [plain, env]) {
      e.seed(1);
      e.start();
    }
    const first = seen(plain);
    expect(seen(env)).toEqual([...first, ...first]);
    plain.act([1], 0);
    env.act([1], 0);
    expect(seen(env)).toEqual([...first, ...seen(plain)]);
  });
  test("ClipAction gives the environment the nearest action; RescaleAction maps its own bounds on it", () => {
    const pushed = (env: Dynamics, action: number): number => {
      env.seed(1);
      env.start();
      env.act([action], 0);
      return env.reward;
    };
    expect(pushed(new ClipAction(new Pendulum()), 17)).toBe(pushed(new Pendulum(), 2));
    expect(pushed(new RescaleAction(new Pendulum()), 0.5)).toBe(pushed(new Pendulum(), 1));
  });
  test("they save and restore with what they wrap", () => {
    checkEnv(() => new FrameStack(new TimeLimit(new CartPole(), 20), 3));
    checkEnv(() => new RescaleAction(new Pendulum()));
  });
});

test("CartPole without velocities observes position and angle", () => {
  const env = new CartPole({ velocities: false });
  env.startFrom([1, 2, 0.1, 4]);
  expect(seen(env)).toEqual([1, Math.fround(0.1)]);
});

test("a mask narrows what a space samples", () => {
  const env = new ConnectFour();
  const random = new Random(1);
  const mask = Float32Array.of(0, 0, 1, 0, 0, 1, 0);
  const drawn = new Set(
    Array.from({ length: 100 }, () => env.actionSpace.sample(random, undefined, mask)[0]),
  );
  expect([...drawn].sort()).toEqual([2, 5]);
});
