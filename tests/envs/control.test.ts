/** Classic control: the equations a second time, both sides of each limit, starts and observations. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Acrobot } from "../../src/envs/acrobot.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { MountainCar } from "../../src/envs/mountain-car.ts";
import { MountainCarContinuous } from "../../src/envs/mountain-car-continuous.ts";
import { Pendulum } from "../../src/envs/pendulum.ts";
import { mustBeNear, seen, stepFrom } from "../support/seen.ts";

const { sin, cos, PI } = Math;
const float = (x: readonly number[]): number[] => x.map(Math.fround);

/** What `uniform` numbers of a fresh generator make. */
function starts(env: Dynamics, of: (u: () => number) => number[]): void {
  for (const seed of [1, 2, 3]) {
    env.seed(seed);
    env.start();
    const random = new Random(seed);
    mustBeNear(
      env.state,
      of(() => random.uniform()),
    );
    expect([env.reward, env.terminated, env.truncated, env.success]).toEqual([
      0,
      false,
      false,
      null,
    ]);
  }
}
/** Steps until the episode is over, from a state that does not end it. */
function limit(env: Dynamics, action: number): number {
  env.seed(1);
  env.start();
  let steps = 0;
  while (!env.terminated && !env.truncated) {
    env.act([action], 0);
    steps++;
  }
  return steps;
}

describe("CartPole", () => {
  /** Barto's equations: M = 1.1 kg in all, m = 0.1 kg, l = 0.5 m, τ = 0.02 s. */
  const next = ([x, v, a, w]: readonly number[], force: number): number[] => {
    const temp = (force + 0.05 * w * w * sin(a)) / 1.1;
    const wdot = (9.8 * sin(a) - cos(a) * temp) / (0.5 * (4 / 3 - (0.1 * cos(a) ** 2) / 1.1));
    const vdot = temp - (0.05 * wdot * cos(a)) / 1.1;
    return [x + 0.02 * v, v + 0.02 * vdot, a + 0.02 * w, w + 0.02 * wdot];
  };
  test("moves by Euler's method, 10 N to the left or the right", () => {
    for (const state of [
      [0, 0, 0, 0],
      [0.3, -1.2, 0.15, 2.5],
      [-1, 3, -0.2, -1.5],
    ]) {
      mustBeNear(stepFrom(new CartPole(), state, 0).state, next(state, -10));
      mustBeNear(stepFrom(new CartPole(), state, 1).state, next(state, 10));
    }
  });
  test("ends beyond ±2.4 and beyond ±12°, not at them; the reward is 1 on each step", () => {
    const over = (state: number[]): boolean => {
      const { reward, terminated, success } = stepFrom(new CartPole(), state, 1);
      expect([reward, success]).toEqual([1, null]);
      return terminated;
    };
    const angle = (12 * PI) / 180;
    for (const sign of [1, -1]) {
      expect(over([sign * 2.4, 0, 0, 0])).toBe(false);
      expect(over([sign * 2.4001, 0, 0, 0])).toBe(true);
      expect(over([sign * 2.39, sign * 1, 0, 0])).toBe(true); // it moves by 0.02
      expect(over([0, 0, sign * (angle - 1e-9), 0])).toBe(false);
      expect(over([0, 0, sign * (angle + 1e-9), 0])).toBe(true);
      expect(over([0, 0, sign * 0.2, sign * 0.6])).toBe(true);
    }
  });
  test("Sutton & Barto's reward is 0, and −1 at the end", () => {
    const env = new CartPole({ suttonBartoReward: true });
    expect(stepFrom(env, [0, 0, 0, 0], 1).reward).toBe(0);
    expect(stepFrom(env, [3, 0, 0, 0], 1).reward).toBe(-1);
  });
  test("starts within ±0.05; observes the state, or position and angle; 500 steps", () => {
    starts(new CartPole(), (u) => [0, 1, 2, 3].map(() => -0.05 + 0.1 * u()));
    const env = new CartPole();
    env.startFrom([1, 2, 0.1, 4]);
    expect(seen(env)).toEqual(float([1, 2, 0.1, 4]));
    const bounds = [4.8, Infinity, (24 * PI) / 180, Infinity];
    mustBeNear(env.observationSpace.high.filter(Number.isFinite), [bounds[0], bounds[2]]);
    expect([...env.observationSpace.low]).toEqual([...env.observationSpace.high].map((x) => -x));
    const blind = new CartPole({ velocities: false });
    blind.startFrom([1, 2, 0.1, 4]);
    expect(seen(blind)).toEqual(float([1, 0.1]));
    mustBeNear(blind.observationSpace.high, [bounds[0], bounds[2]]);
    expect([env.maxSteps, new CartPole({ maxSteps: 7 }).maxSteps, env.actionSpace.n]).toEqual([
      500, 7, 2,
    ]);
  });
});

describe("Acrobot", () => {
  /** The book's equations with all constants 1 but lengths to the centers, 1/2, and g = 9.8. */
  const slope = ([a, b, v, w]: readonly number[], torque: number): number[] => {
    const d1 = 0.25 + (1 + 0.25 + cos(b)) + 2;
    const d2 = 0.25 + 0.5 * cos(b) + 1;
    const phi2 = 0.5 * 9.8 * sin(a + b);
    const phi1 = -0.5 * w * w * sin(b) - w * v * sin(b) + 1.5 * 9.8 * sin(a) + phi2;
    const wdot =
      (torque + (d2 / d1) * phi1 - 0.5 * v * v * sin(b) - phi2) / (0.25 + 1 - (d2 * d2) / d1);
    return [v, w, -(d2 * wdot + phi1) / d1, wdot];
  };
  const next = (s: readonly number[], torque: number): number[] => {
    const moved = (k: readonly number[], h: number): number[] => s.map((x, i) => x + h * k[i]);
    const k1 = slope(s, torque);
    const k2 = slope(moved(k1, 0.1), torque);
    const k3 = slope(moved(k2, 0.1), torque);
    const k4 = slope(moved(k3, 0.2), torque);
    return s.map((x, i) => x + (0.2 / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]));
  };
  test("moves by Runge & Kutta's method under torques −1, 0 and 1", () => {
    for (const state of [
      [0, 0, 0, 0],
      [0.5, -0.7, 1.2, -2],
      [-1, 1.3, 0.4, 3],
    ])
      for (const action of [0, 1, 2])
        mustBeNear(stepFrom(new Acrobot(), state, action).state, next(state, action - 1));
  });
  test("angles are wrapped to ±π, velocities kept within ±4π and ±9π", () => {
    const reached = (s: number[]): number[] => stepFrom(new Acrobot(), s, 1).state;
    for (const sign of [1, -1]) {
      const turned = [sign * 3.1, sign * 3.1, sign * 2, sign * 3];
      const free = next(turned, 0);
      expect(Math.abs(free[0])).toBeGreaterThan(PI);
      mustBeNear(reached(turned), [
        free[0] - sign * 2 * PI,
        free[1] - sign * 2 * PI,
        free[2],
        free[3],
      ]);
      const fast = reached([sign * 0.3, 0, sign * 100, sign * 300]);
      const wild = next([sign * 0.3, 0, sign * 100, sign * 300], 0);
      mustBeNear(fast.slice(2), [
        Math.max(-4 * PI, Math.min(4 * PI, wild[2])),
        Math.max(-9 * PI, Math.min(9 * PI, wild[3])),
      ]);
      expect(fast.slice(0, 2).every((x) => Math.abs(x) <= PI)).toBe(true);
    }
  });
  test("ends with the tip a length above the pivot: −1 a step, 0 on the last", () => {
    const steps = [];
    const env = new Acrobot();
    for (let a = 2; a < 4; a += 0.01) {
      const { state, reward, terminated, success } = stepFrom(env, [a, 0, 0, 0], 1);
      const tip = -cos(state[0]) - cos(state[0] + state[1]);
      expect([terminated, success, reward]).toEqual([tip > 1, tip > 1, tip > 1 ? 0 : -1]);
      steps.push(terminated);
    }
    expect(new Set(steps).size).toBe(2);
  });
  test("starts within ±0.1; observes cosines, sines, velocities; 500 steps", () => {
    starts(new Acrobot(), (u) => [0, 1, 2, 3].map(() => -0.1 + 0.2 * u()));
    const env = new Acrobot();
    env.startFrom([0.3, -0.6, 1.5, -2.5]);
    mustBeNear(seen(env), [cos(0.3), sin(0.3), cos(-0.6), sin(-0.6), 1.5, -2.5], 6);
    const { low, high } = env.observationSpace;
    mustBeNear(high, [1, 1, 1, 1, 4 * PI, 9 * PI]);
    expect([...low]).toEqual([...high].map((x) => -x));
    expect([env.maxSteps, new Acrobot({ maxSteps: 3 }).maxSteps, env.actionSpace.n]).toEqual([
      500, 3, 3,
    ]);
  });
});

describe.each([
  ["MountainCar", (o = {}) => new MountainCar(o), 0.5, 200, 0.001, -1],
  ["MountainCarContinuous", (o = {}) => new MountainCarContinuous(o), 0.45, 999, 0.0015, 0],
] as const)("%s", (name, make, goal, maxSteps, power, step) => {
  const continuous = name === "MountainCarContinuous";
  const push = (force: number): number => (continuous ? force : force + 1);
  const cost = (force: number): number => (continuous ? -0.1 * force * force : step);
  const near = (got: readonly number[], want: readonly number[]): void =>
    mustBeNear(got, want, continuous ? 7 : 12);
  test("moves by its force and the slope", () => {
    for (const [x, v] of [
      [-0.5, 0],
      [-0.9, 0.02],
      [0.2, -0.03],
    ])
      for (const force of [-1, 0, 1]) {
        const got = stepFrom(make(), [x, v], push(force));
        const w = v + power * force - 0.0025 * cos(3 * x);
        near(got.state, [x + w, w]);
        expect(got.reward).toBeCloseTo(cost(force), 12);
        expect([got.terminated, got.success]).toEqual([false, false]);
      }
  });
  test("speed is kept within ±0.07, position from the wall to 0.6; the wall stops the car", () => {
    near(stepFrom(make(), [-0.5, 0.2], push(0)).state, [-0.43, 0.07]);
    near(stepFrom(make(), [-0.5, -0.2], push(0)).state, [-0.57, -0.07]);
    near(stepFrom(make(), [-1.19, -0.05], push(0)).state, [-1.2, 0]);
    near(stepFrom(make(), [0.59, 0.07], push(1)).state, [0.6, 0.07]);
    const away = stepFrom(make(), [-1.2, 0.01], push(0)).state;
    expect(away[1]).toBeGreaterThan(0.01); // it rolls down
  });
  test("ends at the goal, from the goal's velocity on", () => {
    const at = (x: number, v: number, goalVelocity = 0) =>
      stepFrom(make({ goalVelocity }), [x, v], push(0));
    const slope = 0.0025 * cos(3 * (goal - 0.05));
    expect(at(goal - 0.05, 0.049 + slope).terminated).toBe(false);
    const there = at(goal - 0.05, 0.051 + slope);
    expect([there.terminated, there.success]).toEqual([true, true]);
    expect(there.reward).toBe(continuous ? 100 : -1);
    expect(at(goal - 0.05, 0.051 + slope, 0.0509).terminated).toBe(true);
    expect(at(goal - 0.05, 0.051 + slope, 0.0511).terminated).toBe(false);
    expect(at(goal + 0.05, -0.01).terminated).toBe(false); // it rolls back
    expect(at(goal, 0.2, 0.07).terminated).toBe(true); // with exactly that
  });
  test("starts at rest within −0.6 to −0.4; observes the state", () => {
    const float32 = (x: number): number => (continuous ? Math.fround(x) : x);
    starts(make(), (u) => [float32(-0.6 + 0.2 * u()), 0]);
    const env = make();
    env.startFrom([-0.3, 0.02]);
    expect(seen(env)).toEqual(float([-0.3, 0.02]));
    mustBeNear(env.observationSpace.low, [-1.2, -0.07]);
    mustBeNear(env.observationSpace.high, [0.6, 0.07]);
    expect([env.maxSteps, limit(make({ maxSteps: 4 }), push(0))]).toEqual([maxSteps, 4]);
  });
});

test("MountainCarContinuous: a force beyond ±1 pushes as ±1 does, and costs what it is", () => {
  const [one, two] = [1, -2.5].map((force) =>
    stepFrom(new MountainCarContinuous(), [-0.5, 0], force),
  );
  expect(two.state[1]).toBe(stepFrom(new MountainCarContinuous(), [-0.5, 0], -1).state[1]);
  expect(stepFrom(new MountainCarContinuous(), [-0.5, 0], 3).state).toEqual(one.state);
  expect(two.reward).toBeCloseTo(-0.1 * 6.25, 12);
  for (const x of stepFrom(new MountainCarContinuous(), [-0.5, 0.01], 0.3).state)
    expect(x).toBe(Math.fround(x));
});

describe("Pendulum", () => {
  test("by its equation, under gravity 10 or another", () => {
    for (const gravity of [10, 3])
      for (const [angle, speed, torque] of [
        [0.5, 1, 1.5],
        [-2, -3, -0.7],
      ]) {
        const w = speed + 0.05 * (1.5 * gravity * sin(angle) + 3 * torque);
        mustBeNear(stepFrom(new Pendulum({ gravity }), [angle, speed], torque).state, [
          angle + 0.05 * w,
          w,
        ]);
      }
    expect(new Pendulum().maxSteps).toBe(200);
    mustBeNear(
      stepFrom(new Pendulum(), [0.5, 1], 1).state,
      stepFrom(new Pendulum({ gravity: 10 }), [0.5, 1], 1).state,
    );
  });
  test("torque is kept within ±2, speed within ±8", () => {
    for (const sign of [1, -1]) {
      const [far, near] = [9, 2].map((t) => stepFrom(new Pendulum(), [0.1, 0], sign * t));
      expect(far).toEqual(near);
      expect(stepFrom(new Pendulum(), [sign * 1.5, sign * 7.9], sign * 2).state[1]).toBe(sign * 8);
    }
  });
  test("the reward is of the state before, the angle wrapped", () => {
    const reward = (angle: number, speed: number, torque: number): number =>
      stepFrom(new Pendulum(), [angle, speed], torque).reward;
    expect(reward(0.5, 2, 1)).toBeCloseTo(-(0.25 + 0.4 + 0.001), 10);
    expect(reward(0.5, 2, 5)).toBeCloseTo(-(0.25 + 0.4 + 0.004), 10);
    for (const turns of [-2, 1, 3])
      expect(reward(0.5 + turns * 2 * PI, 0, 0)).toBeCloseTo(-0.25, 8);
    expect(reward(PI + 0.1, 0, 0)).toBeCloseTo(-((PI - 0.1) ** 2), 8);
    expect(reward(-PI - 0.1, 0, 0)).toBeCloseTo(-((PI - 0.1) ** 2), 8);
  });
  test("starts anywhere within ±π, ±1; observes cosine, sine, speed; never ends but by its limit", () => {
    starts(new Pendulum(), (u) => [PI * (2 * u() - 1), 2 * u() - 1]);
    const env = new Pendulum();
    env.startFrom([2, -3]);
    mustBeNear(seen(env), [cos(2), sin(2), -3], 6);
    mustBeNear(env.observationSpace.high, [1, 1, 8]);
    mustBeNear(env.observationSpace.low, [-1, -1, -8]);
    expect([env.actionSpace.low[0], env.actionSpace.high[0], limit(new Pendulum(), 2)]).toEqual([
      -2, 2, 200,
    ]);
    expect(env.success).toBeNull();
  });
});
