/** Lander: free fall and engines by hand, contact by physics, ends, rewards, starts, picture. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { type Body, heightAt, touch } from "../../src/envs/contact.ts";
import { Lander } from "../../src/envs/lander.ts";
import { mustBeNear, seen, stepFrom } from "../support/seen.ts";

const flat = new Array<number>(11).fill(0);
/** A state over flat ground: place, angle, speeds. */
const stateOf = (...body: number[]): number[] => [
  ...body,
  ...new Array<number>(10 - body.length).fill(0),
  ...flat,
];
const high = stateOf(0, 20, 0, 0, 0, 0);

describe("contact", () => {
  const ground = { left: 0, spacing: 2, heights: [0, 0, 2, 2] };
  const pushOf = (body: Body): { depth: number; push: number[] } => {
    const push = new Float64Array(3);
    return { depth: touch(push, body, 0, 0, ground), push: [...push] };
  };
  test("heights run straight from point to point, and on beyond the ends", () => {
    expect([-1, 0, 1, 2, 3, 4, 5, 9].map((x) => heightAt(ground, x))).toEqual([
      0, 0, 0, 0, 1, 2, 2, 2,
    ]);
  });
  test("by hand on the flat: 400 per meter, less 20 per m/s out of the ground; nothing above or pulling", () => {
    expect(pushOf([1, -0.1, 0, 0, 0, 0])).toEqual({ depth: 0.1, push: [0, 40, 0] });
    mustBeNear(pushOf([1, -0.1, 0, 0, -1, 0]).push, [0, 60, 0]);
    expect(pushOf([1, -0.1, 0, 0, 3, 0]).push.map(Math.abs)).toEqual([0, 0, 0]);
    expect(pushOf([1, 0.1, 0, 0, -9, 0])).toEqual({ depth: 0, push: [0, 0, 0] });
  });
  test("by hand: friction of 0.6 against sliding, whole from 0.5 m/s", () => {
    mustBeNear(pushOf([1, -0.1, 0, 0.25, 0, 0]).push, [-12, 40, 0]);
    mustBeNear(pushOf([1, -0.1, 0, -9, 0, 0]).push, [24, 40, 0]);
  });
  test("by hand on a slope of 45°: the force is along the normal", () => {
    const root = Math.SQRT1_2;
    const { depth, push } = pushOf([3, 0.9, 0, 0, 0, 0]);
    mustBeNear([depth, ...push], [0.1 * root, -20, 20, 0]);
    const along = pushOf([3, 0.9, 0, root, root, 0]).push; // slides up the slope at 1 m/s
    const force = 40 * root;
    mustBeNear(along, [-20 - 0.6 * force * root, 20 - 0.6 * force * root, 0]);
  });
  test("by hand: a point off the center turns the body, and moves by its turning", () => {
    const push = new Float64Array(3);
    const depth = touch(push, [0, 0.9, Math.PI / 2, 0, 0, 2], -1, 0, { ...ground, left: -0.5 });
    // the point hangs 1 m below the center and slides right at 2 m/s
    mustBeNear([depth, ...push], [0.1, -24, 40, -24]);
  });
});

describe("Lander", () => {
  test("by hand: falls by the gravity of Mars, five times 0.01 s", () => {
    const { state, terminated, success } = stepFrom(new Lander(), high, 0);
    mustBeNear(state.slice(0, 6), [0, 20 - 3.71 * 1e-4 * 15, 0, 0, -3.71 * 0.05, 0]);
    expect([terminated, success]).toEqual([false, false]);
  });
  test("by hand: the main engine pushes along the craft, side engines across and turn it", () => {
    const speeds = (state: number[], action: number): number[] =>
      stepFrom(new Lander(), state, action).state.slice(3, 6);
    mustBeNear(speeds(high, 2), [0, 0.05 * (8 - 3.71), 0]);
    const tilted = stateOf(0, 20, Math.PI / 2, 0, 0, 0);
    mustBeNear(speeds(tilted, 2), [-0.05 * 8, -0.05 * 3.71, 0]);
    mustBeNear(speeds(high, 1), [0.05 * 1.2, -0.05 * 3.71, -0.075], 3);
    mustBeNear(speeds(high, 3), [-0.05 * 1.2, -0.05 * 3.71, 0.075], 3);
  });
  test("continuous engines: shares of the same, main above 0 only, clipped", () => {
    const make = () => new Lander({ actions: "continuous" });
    for (const [share, choice] of [
      [[1, 0], 2],
      [[9, 0], 2],
      [[-1, 0], 0],
      [[0, 1], 1],
      [[0, -3], 3],
    ] as const)
      expect(stepFrom(make(), high, share)).toEqual(stepFrom(new Lander(), high, choice));
    expect(stepFrom(make(), high, [0.5, 0]).state[4]).toBeCloseTo(0.05 * (4 - 3.71), 9);
  });
  test("the reward by hand: the change of distance and speed, and the engines' cost", () => {
    const moving = stateOf(3, 5.5, 0, 0, -2, 0); // 5 m from the pad's middle
    const { state, reward } = stepFrom(new Lander(), moving, 2);
    const far = Math.hypot(state[0], state[1] - 1.5) / 20;
    const speed = Math.hypot(state[3], state[4]) / 5;
    expect(reward).toBeCloseTo(100 * (5 / 20 + 2 / 5 - far - speed) - 0.3, 9);
    const turned = stepFrom(new Lander(), stateOf(0, 20, -0.5, 0, 0, -1), 0);
    expect(turned.reward).toBeLessThan(-100 * 0.05 + 1.5); // it turns away by 0.05
    const [coasts, pushes] = [0, 1].map((action) => stepFrom(new Lander(), high, action));
    expect(pushes.reward - coasts.reward).toBeLessThan(-0.03);
  });
  test("set down on its feet it comes to rest where spring and weight are level: the pad pays 100", () => {
    for (const [x, end] of [
      [1, 100],
      [-9, 0],
    ]) {
      const env = new Lander();
      env.startFrom(stateOf(x, 1.7, 0, 0, 0, 0));
      let steps = 0;
      for (; !env.terminated; steps++) env.act([0], 0);
      expect(steps).toBeLessThan(100);
      expect(env.success).toBe(end === 100);
      expect(Math.abs(env.reward - end)).toBeLessThan(end === 100 ? 1e-9 : 2);
      mustBeNear(env.state.subarray(6, 8), [1, 1]);
      // two springs of 400 carry 3.71: 5 mm
      expect(Math.abs(env.state[1] - 1.5 + 3.71 / 800)).toBeLessThan(0.002);
    }
  });
  test("contact gains no energy: dropped tilted, the craft never rises above where it fell from", () => {
    const env = new Lander();
    env.startFrom(stateOf(0, 2.4, 0.2, 1, 0, 0));
    const energy = (): number => {
      const [, y, , vx, vy, turn] = env.state;
      return 3.71 * y + (vx * vx + vy * vy + 1.2 * turn * turn) / 2;
    };
    let before = energy();
    for (let i = 0; i < 200 && !env.terminated; i++) {
      env.act([0], 0);
      // the springs give back what they hold: at most 400·depth²
      expect(energy()).toBeLessThan(before + 0.15);
      before = Math.min(before, energy());
    }
    expect(before).toBeLessThan(3.71 * 1.6);
  });
  test("crashes: the hull in the ground, a leg that breaks, out of the picture: −100", () => {
    const crash = (state: number[]): boolean => {
      const { reward, terminated, success } = stepFrom(new Lander(), state, 0);
      expect(success).toBe(false);
      expect(reward === -100).toBe(terminated);
      return terminated;
    };
    expect(crash(stateOf(0, 0.75, Math.PI, 0, -0.5, 0))).toBe(true); // upside down
    expect(crash(stateOf(0, 0.95, Math.PI, 0, -0.5, 0))).toBe(false);
    expect(crash(stateOf(0, 1.55, 0, 0, -9, 0))).toBe(true);
    expect(crash(stateOf(0, 1.55, 0, 0, -2, 0))).toBe(false);
    for (const sign of [1, -1]) {
      expect(crash(stateOf(sign * 19.99, 20, 0, sign, 0, 0))).toBe(true);
      expect(crash(stateOf(sign * 19.9, 20, 0, sign, 0, 0))).toBe(false);
    }
    expect(crash(stateOf(0, 39.99, 0, 0, 1, 0))).toBe(true);
  });
  test("wind by hand pushes sideways, by its time and phase", () => {
    const at = (wind: number): number => {
      const state = stateOf(0, 20, 0, 0, 0, 0);
      state[8] = 2;
      state[9] = 0.5;
      return stepFrom(new Lander({ wind }), state, 0).state[3];
    };
    expect(at(0)).toBe(0);
    let speed = 0;
    for (let t = 2; t < 2.045; t += 0.01)
      speed += 0.01 * 0.5 * (Math.sin(0.7 * t + 0.5) + Math.sin(1.9 * t + 1));
    expect(at(1)).toBeCloseTo(speed, 9);
    expect(at(3)).toBeCloseTo(3 * speed, 9);
    expect(() => new Lander({ wind: -1 })).toThrow(/Lander: expected wind from 0 to 10, got -1/);
    expect(() => new Lander({ actions: "none" as never })).toThrow(/Lander: expected actions/);
  });
  test("starts 25 m up, uneven ground but for the pad; observes in its units; 600 steps", () => {
    const env = new Lander();
    env.seed(4);
    env.start();
    const random = new Random(4);
    const u = Array.from({ length: 14 }, () => random.uniform());
    const heights = u.slice(3).map((h, i) => (Math.abs(4 * i - 20) <= 4 ? 0 : 4 * h));
    mustBeNear(env.state, [
      ...[0, 25, 0, 6 * u[0] - 3, -2 * u[1], 0, 0, 0, 0, 2 * Math.PI * u[2]],
      ...heights,
    ]);
    env.startFrom([4, 11.5, 0.1, 1, -2, 0.3, 1, 0, 0, 0, ...flat]);
    mustBeNear(seen(env), [0.2, 0.5, 0.2, -0.4, 0.1, 0.3, 1, 0], 6);
    expect([env.maxSteps, new Lander({ maxSteps: 9 }).maxSteps]).toEqual([600, 9]);
  });
  test("picture: the ground, the pad, both legs, the hull where the craft is", () => {
    const env = new Lander();
    env.startFrom(stateOf(5, 10, 0, 0, 0, 0));
    const { width, height, marks } = env.scene();
    expect([width, height, marks.length]).toEqual([400, 340, 5]);
    const [hills, pad, left, , hull] = marks.map((m) => (m.kind === "line" ? m.points : []));
    mustBeNear(hills.slice(0, 2), [0, 320]);
    mustBeNear(pad, [160, 320, 240, 320]);
    mustBeNear(left, [235, 235, 242, 220]);
    mustBeNear(hull.slice(0, 4), [241, 227, 259, 227]);
    expect(env.render()).toContain("oo");
  });
});
