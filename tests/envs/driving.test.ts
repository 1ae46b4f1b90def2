/** Driving: our car's equations a second time, the other drivers' rules by hand, sensors, rewards, crashes, picture. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Driving, type DrivingOptions } from "../../src/envs/driving.ts";
import { drive, idmDriver, ruleDriver } from "../../src/envs/driving-baselines.ts";
import { curvatureAt, followed, road, Traffic, usual } from "../../src/envs/traffic.ts";
import { mustBeNear, seen } from "../support/seen.ts";

const { sin, cos, PI, sqrt } = Math;
const half = 200 + 200 * PI;
/** [s, d, speed, lane, desired, careless] */
type Car = readonly number[];
const us = (s: number, d: number, speed: number, lane = Math.round(d / 3.6)): Car => [
  ...[s, d, speed, lane, 32, 0],
];
const other = (s: number, lane: number, speed: number, careless = 0): Car => [
  ...[s, 3.6 * lane, speed, lane, speed, careless],
];
function driving(own: readonly number[], cars: readonly Car[], options: DrivingOptions = {}) {
  const env = new Driving({ ...options, cars: cars.length - 1 });
  env.startFrom([...own, 0, 0, 0, 0, 0, 0].slice(0, 6).concat(...cars));
  env.traffic.arrange();
  return env;
}
const trafficOf = (...cars: readonly Car[]): Traffic => {
  const traffic = new Traffic(Float64Array.from(cars.flat()), 3);
  traffic.arrange();
  return traffic;
};

describe("traffic", () => {
  test("the road: straights of 200 m and half circles of 200 m radius to the left", () => {
    expect(road.length).toBeCloseTo(2 * half, 9);
    const places = [0, 199, 201, half - 1, half + 1, half + 199, half + 201, 2 * half - 1];
    const bends = places.map((s) => curvatureAt(s) * 200);
    expect(bends).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
    expect(curvatureAt(2 * half + 50)).toBe(0);
  });
  test("the intelligent driver model by hand: free, in balance, closing, at most 8 m/s² of braking", () => {
    expect(followed(usual, 30, 0, Infinity, 0)).toBe(1.5);
    expect(followed(usual, 30, 30, Infinity, 0)).toBe(0);
    expect(followed(usual, 30, 15, Infinity, 0)).toBeCloseTo(1.5 * (15 / 16), 12);
    // v = 15: s₀ + v·T = 2 + 18 = 20; gap 40: 1.5·(1 − 1/16 − 1/4)
    expect(followed(usual, 30, 15, 40, 0)).toBeCloseTo(1.5 * (1 - 1 / 16 - 1 / 4), 12);
    const wish = 20 + (15 * 2) / (2 * sqrt(3));
    expect(followed(usual, 30, 15, 40, 2)).toBeCloseTo(
      1.5 * (1 - 1 / 16 - (wish / 40) * (wish / 40)),
      12,
    );
    // a car that pulls away leaves only the standstill distance to wish for
    expect(followed(usual, 30, 15, 4, -30)).toBeCloseTo(1.5 * (1 - 1 / 16 - 1 / 4), 12);
    expect(followed(usual, 30, 15, 1, 5)).toBe(-8);
  });
  test("the nearest ahead and behind, in the way by where it is or moves to, around the ring's end", () => {
    const moving = [30, 3.6 - 0.5, 20, 2, 20, 0]; // leaves the middle lane
    const traffic = trafficOf(
      us(road.length - 20, 0, 20),
      other(10, 0, 20),
      other(5, 1, 20),
      moving,
      other(road.length - 40, 0, 20),
    );
    expect(traffic.nearest(0, 0, true)).toBe(1);
    expect(traffic.nearest(0, 0, false)).toBe(4);
    expect(traffic.nearest(0, 3.6, true)).toBe(2);
    expect(traffic.nearest(0, 7.2, true)).toBe(3);
    expect(traffic.nearest(0, 7.2, true, false)).toBe(-1);
    expect(traffic.nearest(1, 3.6, true)).toBe(3);
    expect(traffic.nearest(0, 20, true)).toBe(-1);
    const level = trafficOf(us(10, 0, 20), other(30, 1, 20), other(30, 1, 20));
    level.cars[0] = 40; // the order that was is no matter
    level.arrange();
    expect(level.nearest(0, 3.6, false)).toBe(2);
    level.cars[6] = 31;
    level.arrange();
    level.cars[6] = 30;
    level.arrange();
    expect(level.nearest(0, 3.6, false)).toBe(2);
  });
  test("cars move by their speeds and drift to the lane they chose at 1.2 m/s", () => {
    const traffic = trafficOf(us(1000, 0, 20), [0, 0, 20, 1, 30, 0], [250, 7.2, 25, 2, 25, 0]);
    const random = new Random(2);
    const before = random.save();
    traffic.move(0.1, random);
    expect(random.save()).not.toEqual(before);
    const [, second, third] = [0, 1, 2].map((i) => [...traffic.cars.subarray(6 * i, 6 * i + 6)]);
    const free = 1.5 * (1 - 16 / 81);
    mustBeNear(second.slice(0, 3), [2 + 0.005 * free, 0.12, 20 + 0.1 * free]);
    mustBeNear(third.slice(0, 3), [250 + 2.5 / (1 - 7.2 / 200), 7.2, 25]); // inside of the bend
    expect([...traffic.cars.subarray(0, 3)]).toEqual([1000, 0, 20]); // ours moves itself
  });
  test("a driver considers both lanes beside its own", () => {
    const chosen = Array.from({ length: 20 }, (_, seed) => {
      const traffic = trafficOf(us(1000, 0, 20), other(0, 1, 20, 1));
      const random = new Random(seed);
      while (traffic.cars[9] === 1) traffic.move(0.1, random);
      return traffic.cars[9];
    });
    expect(new Set(chosen)).toEqual(new Set([0, 2]));
  });
  test("a change must bring something and be safe for the car behind; a careless driver looks only for a gap", () => {
    const slow = other(40, 1, 10);
    const changes = (cares: boolean, ...more: readonly Car[]): boolean => {
      const car = [...us(0, 3.6, 20).slice(0, 5), cares ? 0 : 1];
      return trafficOf(car, slow, ...more).mayChange(0, 2, usual);
    };
    expect(changes(true)).toBe(true);
    expect(trafficOf(us(0, 3.6, 20)).mayChange(0, 2, usual)).toBe(false); // nothing to gain
    expect(changes(true, other(20, 2, 10))).toBe(false);
    const behind = (gap: number, speed: number): Car => other(road.length - gap - 4.6, 2, speed);
    expect([changes(true, behind(60, 20)), changes(true, behind(20, 26))]).toEqual([true, false]);
    const mild = (gap: number, ahead: number): boolean =>
      trafficOf(
        us(0, 3.6, 15),
        other(ahead, 1, 15),
        other(road.length - gap - 4.6, 2, 15),
      ).mayChange(0, 2, usual);
    // gained: 1.5·(20 / gap ahead)², which must be 0.2, and with a car 28 m behind 0.3·1.5·(20/28)² = 0.23 more
    expect([mild(600, 4.6 + 52), mild(600, 4.6 + 58)]).toEqual([true, false]);
    expect([mild(28, 4.6 + 52), mild(28, 4.6 + 36)]).toEqual([false, true]);
    expect([changes(false, behind(20, 26)), changes(false, other(20, 2, 10))]).toEqual([
      true,
      true,
    ]);
    expect([changes(true, behind(3.9, 5)), changes(false, behind(3.9, 5))]).toEqual([false, true]);
    expect([changes(true, behind(4.1, 5)), changes(false, behind(0.9, 5))]).toEqual([true, false]);
  });
});

describe("our car", () => {
  /** Two Euler steps of 0.1 s of the bicycle, with shares of steering and acceleration. */
  function moved([s0, d0, v0, psi0]: readonly number[], steering: number, share: number) {
    let [s, d, v, psi, way] = [s0, d0, v0, psi0, 0];
    for (let i = 0; i < 2; i++) {
      const bend = steering * Math.min(0.05, 6 / (v * v));
      v = Math.max(0, Math.min(32, v + 0.1 * share * (share < 0 ? 6 : 2)));
      const kappa = curvatureAt(s);
      const along = (v * cos(psi)) / (1 - kappa * d);
      way += 0.1 * v * cos(psi);
      [s, d] = [s + 0.1 * along, d + 0.1 * v * sin(psi)];
      psi += 0.1 * (v * bend - kappa * along);
    }
    return { s, d, v, psi, way };
  }
  test("moves by the bicycle's equations along the road, straight and bent", () => {
    for (const [s, d, v, psi, steering, share] of [
      [50, 0, 20, 0, 0, 0],
      [50, 1, 20, 0.05, 0.5, 1],
      [300, 4, 15, -0.03, -1, -0.5],
      [300, 3.6, 5, 0, 1, 1],
      [300, 3.6, 32, 0, 0, 1],
    ]) {
      const env = driving([psi], [us(s, d, v)], { actions: "controls" });
      env.act([steering, share], 0);
      const want = moved([s, d, v, psi], steering, share);
      mustBeNear(env.state.subarray(6, 9), [want.s, want.d, want.v]);
      mustBeNear([env.state[0], env.state[4], env.state[5]], [want.psi, want.way, 0.2]);
    }
  });
  test("controls beyond ±1 count as ±1", () => {
    const [far, near] = [
      [7, -9],
      [1, -1],
    ].map((action) => {
      const env = driving([0], [us(50, 3.6, 20)], { actions: "controls" });
      env.act(action, 0);
      return [...env.state];
    });
    expect(far).toEqual(near);
  });
  test("manoeuvres: speeds of +1 and −2 m/s, a lane to either side and no further", () => {
    const chosen = (action: number, lane = 1, wanted = 20) => {
      const env = driving([0, wanted], [us(50, 3.6 * lane, wanted)]);
      env.act([action], 0);
      return {
        wanted: env.state[1],
        lane: env.state[9],
        speed: env.state[8],
        ended: env.terminated,
      };
    };
    expect([0, 1, 2, 3, 4].map((a) => chosen(a).wanted)).toEqual([20, 20, 20, 21, 18]);
    expect([0, 1, 2, 3, 4].map((a) => chosen(a).lane)).toEqual([1, 2, 0, 1, 1]);
    expect([chosen(1, 2).lane, chosen(2, 0).lane]).toEqual([2, 0]);
    expect([chosen(3, 1, 31.5).wanted, chosen(4, 1, 2).wanted]).toEqual([32, 0]);
    expect(chosen(4).speed).toBeCloseTo(20 - 0.6 - 1.4 / 3 - 14 / 15 / 3, 9); // 6 m/s² at most, then by the rest
  });
  test("the controller changes lanes within 5 s and stays on the road, on bends at any speed", () => {
    for (const wanted of [3, 10, 20, 28, 32])
      for (const s of [50, 400]) {
        const env = driving([0, wanted], [us(s, 0, wanted)]);
        for (let i = 0; i < 34; i++) env.act([i === 0 ? 1 : 0], 0);
        expect(env.terminated).toBe(false);
        expect(Math.abs(env.state[7] - 3.6)).toBeLessThan(0.25);
      }
  });
  test("reward by hand: 20 m/s on the straight; braking; a car near ahead; a crash", () => {
    const rewardOf = (action: readonly number[], ...cars: Car[]): number => {
      const env = driving([0], [us(50, 0, 20), ...cars], { actions: "controls" });
      env.act(action, 0);
      return env.reward;
    };
    expect(rewardOf([0, 0])).toBeCloseTo(4 / 30, 12);
    const braked = (0.1 * (19.4 + 18.8)) / 30 - 0.2 * 0.1;
    expect(rewardOf([0, -1])).toBeCloseTo(braked, 12);
    const gap = 14.6 - 4.6; // half a second at 20 m/s, and the one ahead slows from 20 by little
    const near = rewardOf([0, 0], other(50 + 14.6, 0, 20));
    expect(near).toBeGreaterThan(4 / 30 - 0.2 * 0.3 * (1 - gap / 20) - 0.001);
    expect(near).toBeLessThan(4 / 30 - 0.2 * 0.3 * (1 - gap / 20) + 0.001);
    expect(rewardOf([0, 0], other(55, 0, 10))).toBeLessThan(-39.5);
    const bend = driving([0], [us(300, 0, 20)], { actions: "controls" });
    bend.act([400 / 200 / 6, 0], 0); // holds the bend: 2 m/s² sideways
    expect(bend.reward).toBeCloseTo(4 / 30 - 0.2 * 0.1 * (4 / 36), 6);
  });
  test("touching a car or leaving the road ends it, from just there on", () => {
    const crash = (d: number, ...cars: Car[]): boolean => {
      const env = driving([0], [us(50, d, 20), ...cars], { actions: "controls" });
      env.act([0, 0], 0);
      expect(env.success).toBe(!env.terminated);
      return env.terminated;
    };
    expect([crash(-0.84), crash(-0.86), crash(7.2 + 0.84), crash(7.2 + 0.86)]).toEqual([
      ...[false, true, false, true],
    ]);
    const beside = (lane: number): Car => other(50, lane, 20);
    expect([crash(3.6 - 1.69, beside(1)), crash(3.6 - 1.91, beside(1))]).toEqual([true, false]);
    expect([crash(0, other(54.7, 0, 20)), crash(0, other(54.5, 0, 20))]).toEqual([false, true]);
  });
});

describe("what our car sees", () => {
  const cars = [
    us(50, 3.6, 20),
    other(90, 1, 15),
    other(30, 2, 25),
    [70, 1.2, 18, 1, 18, 0], // moves from the right lane to ours
    other(400, 0, 20),
  ];
  test("by lane: ways, speeds, places and moves; nothing beyond 100 m or the edge", () => {
    const numbers = seen(driving([0.02, 22], cars));
    mustBeNear(numbers.slice(0, 9), [20 / 30, 0, 0.1, 0.5, 1.5, 0, 0, 0, 0.4], 6);
    const sight = numbers.slice(9);
    const free = [100 / 130, 0, 0, 0];
    const leaving = [0.4, -0.2, -2.4 / 3.6, 1 - 1.2 / 3.6];
    mustBeNear(sight, [free, [0.4, 0.5, 1, 0], leaving, free, leaving, free].flat(), 6);
    const left = seen(driving([0, 20], [us(50, 7.2, 20)])).slice(9, 17);
    mustBeNear(left, [0, 0, 0, 0, 0, 0, 0, 0]);
  });
  test("by rays: the way to the rectangle's side, and how fast it comes", () => {
    const env = driving(
      [0, 20],
      [us(50, 3.6, 20), other(90, 1, 15), other(20, 1, 28), other(50, 2, 20)],
      { sensors: "lidar" },
    );
    const sight = seen(env).slice(9);
    expect(sight.length).toBe(48);
    mustBeNear(sight.slice(0, 2), [37.7 / 67.7, 0.5], 6); // ahead
    mustBeNear(sight.slice(24, 26), [27.7 / 57.7, 0.8], 6); // behind: it comes nearer too
    mustBeNear(sight.slice(12, 14), [2.65 / 32.65, 0], 6); // left
    mustBeNear(sight.slice(36, 38), [100 / 130, 0], 6); // right: nothing
    const turned = driving([PI / 2, 20], [us(50, 3.6, 20), other(50, 2, 20)], { sensors: "lidar" });
    mustBeNear(seen(turned).slice(9, 11), [2.65 / 32.65, 0], 6);
  });
  test("starts with cars apart, ours on any lane; 60 s; refuses settings with their names", () => {
    const env = new Driving();
    env.seed(3);
    env.start();
    const { cars: all } = env.traffic;
    expect(all.length).toBe(46 * 6);
    for (let i = 0; i < 46; i++)
      for (let j = 0; j < i; j++)
        if (all[6 * i + 3] === all[6 * j + 3])
          expect(Math.abs(all[6 * i] - all[6 * j])).toBeGreaterThan(20);
    const lanes = Array.from({ length: 300 }, () => {
      env.start();
      return all[3];
    });
    for (const lane of [0, 1, 2]) {
      const share = lanes.filter((x) => x === lane).length / lanes.length;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.1);
    }
    expect([env.maxSteps, new Driving({ actions: "controls" }).maxSteps]).toEqual([200, 300]);
    expect(new Driving({ seconds: 10 }).maxSteps).toBe(33);
    expect(() => new Driving({ cars: -1 })).toThrow(/Driving: expected cars from 0 to 200, got -1/);
    expect(() => new Driving({ sensors: "radar" as never })).toThrow(/Driving: expected sensors/);
    expect(() => new Driving({ actions: "fly" as never })).toThrow(/Driving: expected actions/);
    expect(() => new Driving({ careless: 2 })).toThrow(/Driving: expected careless/);
  });
  test("picture: lanes and cars from 60 m behind to 140 m ahead", () => {
    const { width, height, marks } = driving([0, 20], cars).scene();
    expect([width, height]).toEqual([600, 100]);
    expect(marks.map(({ kind }) => kind).join(" ")).toBe(
      "line line line line box box box box text",
    );
    const [ours] = marks.filter(({ kind }) => kind === "box") as { x: number; y: number }[];
    mustBeNear([ours.x, ours.y], [180 - 6.9, 50 - 19 / 3.6]);
    expect(marks.at(-1)).toMatchObject({ text: "20.0 m/s, straight" });
    expect(driving([0, 20], cars).render()).toContain("█");
  });
});

describe("drivers by rules", () => {
  test("the model alone keeps its lane behind a slow car; the other overtakes it", () => {
    const at = (rule: typeof idmDriver) => {
      const env = driving([0], [us(50, 0, 20), other(100, 0, 10)], { actions: "controls" });
      for (let i = 0; i < 150; i++) env.act(rule(env), 0);
      expect(env.terminated).toBe(false);
      return env.state;
    };
    const [stays, overtakes] = [at(idmDriver), at(ruleDriver())];
    expect(Math.abs(stays[7])).toBeLessThan(0.3);
    expect(Math.abs(stays[8] - 10)).toBeLessThan(0.5);
    expect(overtakes[8]).toBeGreaterThan(20);
  });
  test("a drive adds up: kilometers, crashes, seconds, returns; one seed gives one result", () => {
    const drives = () => drive(new Driving({ actions: "controls" }), idmDriver, 3, 5);
    const driven = drives();
    expect(drives()).toEqual(driven);
    expect(driven.speed).toBeGreaterThan(14);
    const still = drive(new Driving({ cars: 0 }), () => [4], 2, 1);
    expect(still.crashes).toBe(0);
    expect(still.speed).toBeLessThan(3);
    const wild = drive(new Driving({ cars: 0, actions: "controls" }), () => [1, 1], 4, 1);
    expect(wild.crashes).toBe(4);
    expect(wild.meanReturn).toBeLessThan(-15);
  });
});
