/** Reacher: its equations a second time and by energy, limits, reward, starts, picture. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Reacher } from "../../src/envs/reacher.ts";
import { mustBeNear, seen, stepFrom } from "../support/seen.ts";

const { sin, cos, PI } = Math;
type Arm = readonly number[];
const torques = [8, 4];
const damping = 2;

/** The mass matrix and forces of two rods of 1 m and 1 kg, solved by Cramer's rule, five times 0.01 s. */
function moved(arm: Arm, shares: readonly number[]): number[] {
  let [a, b, v, w] = arm;
  for (let i = 0; i < 5; i++) {
    const m11 = 1 / 3 + 1 / 3 + 1 + cos(b);
    const m12 = 1 / 3 + cos(b) / 2;
    const m22 = 1 / 3;
    const h = sin(b) / 2;
    const f1 = torques[0] * shares[0] + h * (2 * v * w + w * w) - damping * v;
    const f2 = torques[1] * shares[1] - h * v * v - damping * w;
    const det = m11 * m22 - m12 * m12;
    [v, w] = [v + (0.01 * (f1 * m22 - f2 * m12)) / det, w + (0.01 * (f2 * m11 - f1 * m12)) / det];
    [a, b] = [a + 0.01 * v, b + 0.01 * w];
  }
  return [a, b, v, w];
}

/** Kinetic energy, from the speeds of the rods' centers and their turning. */
function energy([a, b, v, w]: Arm): number {
  const turn = v + w;
  const x = -sin(a) * v - (sin(a + b) / 2) * turn;
  const y = cos(a) * v + (cos(a + b) / 2) * turn;
  return (v * v) / 8 + (v * v) / 24 + (x * x + y * y) / 2 + (turn * turn) / 24;
}

const poses: readonly Arm[] = [
  [0, 0, 0, 0],
  [0.5, -1.2, 1.5, -2],
  [-2, 2.5, -1, 3],
];

describe("Reacher", () => {
  test("moves by the equations of two rods", () => {
    for (const pose of poses)
      for (const shares of [
        [0, 0],
        [1, -0.5],
        [-0.3, 1],
      ]) {
        const { state, terminated } = stepFrom(new Reacher(), [...pose, 1, 1], shares);
        mustBeNear(state, [...moved(pose, shares), 1, 1]);
        expect(terminated).toBe(false);
      }
  });
  test("energy changes by what the torques and the dampers do, to a hundredth", () => {
    for (const pose of poses.slice(1)) {
      const env = new Reacher();
      let work = 0;
      let arm = [...pose];
      for (let i = 0; i < 20; i++) {
        const { state } = stepFrom(env, [...arm, 0, 0], [0.4, -0.3]);
        // Simpson's rule would need a middle; the mean of both ends is near enough for 0.05 s
        for (const s of [arm, state])
          work +=
            0.025 *
            (0.4 * torques[0] * s[2] -
              0.3 * torques[1] * s[3] -
              damping * (s[2] * s[2] + s[3] * s[3]));
        arm = state.slice(0, 4);
      }
      const change = energy(arm) - energy(pose);
      expect(Math.abs(change - work)).toBeLessThan(0.06 * energy(pose));
    }
  });
  test("torques beyond ±1 count as ±1; speeds stay within ±10", () => {
    const rest = [0.3, 0.4, 0, 0, 1, 0];
    expect(stepFrom(new Reacher(), rest, [5, -7])).toEqual(stepFrom(new Reacher(), rest, [1, -1]));
    for (const sign of [1, -1]) {
      const fast = [0, 2, sign * 10, sign * 10, 0, 0];
      for (const speed of stepFrom(new Reacher(), fast, [sign, sign]).state.slice(2, 4))
        expect(Math.abs(speed)).toBeLessThanOrEqual(10);
    }
  });
  test("by hand: resting with the tip at [1, 1], 0.3 from the target; a hundredth of the effort", () => {
    const resting = [0, PI / 2, 0, 0, 1, 1.3];
    expect(stepFrom(new Reacher(), resting, [0, 0]).reward).toBeCloseTo(-0.3, 9);
    const { state, reward } = stepFrom(new Reacher(), resting, [0.5, 1]);
    const [a, b] = state;
    const away = Math.hypot(1 - cos(a) - cos(a + b), 1.3 - sin(a) - sin(a + b));
    expect(reward).toBeCloseTo(-away - 0.01 * 1.25, 9);
  });
  test("the tip within 0.1 m, or what is set, is success; both sides", () => {
    const success = (x: number, within?: number): boolean | null =>
      stepFrom(new Reacher(within === undefined ? {} : { within }), [0, 0, 0, 0, x, 0], [0, 0])
        .success;
    expect([success(2 - 0.0999), success(2 - 0.1001)]).toEqual([true, false]);
    expect([success(2 - 0.2999, 0.3), success(2 - 0.3001, 0.3)]).toEqual([true, false]);
  });
  test("starts at rest at any angles, the target anywhere on the disk of 2 m; 100 steps", () => {
    const env = new Reacher();
    for (const seed of [1, 2, 3]) {
      env.seed(seed);
      env.start();
      const random = new Random(seed);
      const [a, b, r, t] = [0, 1, 2, 3].map(() => random.uniform());
      const radius = 2 * Math.sqrt(r);
      mustBeNear(env.state, [
        ...[PI * (2 * a - 1), PI * (2 * b - 1), 0, 0],
        ...[radius * cos(2 * PI * t), radius * sin(2 * PI * t)],
      ]);
    }
    let steps = 0;
    for (; !env.truncated; steps++) env.act([0, 0], 0);
    expect([steps, env.terminated, new Reacher({ maxSteps: 7 }).maxSteps]).toEqual([100, false, 7]);
  });
  test("observes angles, speeds, the target, and the way to it", () => {
    const env = new Reacher();
    env.startFrom([0.3, -0.6, 1.5, -2.5, 0.7, -0.9]);
    mustBeNear(
      seen(env),
      [
        ...[cos(0.3), sin(0.3), cos(-0.6), sin(-0.6), 1.5, -2.5, 0.7, -0.9],
        ...[0.7 - cos(0.3) - cos(-0.3), -0.9 - sin(0.3) - sin(-0.3)],
      ],
      6,
    );
    expect(env.observationSpace.names?.length).toBe(10);
  });
  test("picture: the arm from the middle, the target; the text is drawn from it", () => {
    const env = new Reacher();
    env.startFrom([0, PI / 2, 0, 0, -1, -0.5]);
    const { marks, width } = env.scene();
    expect(width).toBe(240);
    const [arm, pivot, target] = marks;
    mustBeNear(arm.kind === "line" ? arm.points : [], [120, 120, 175, 120, 175, 65]);
    expect(pivot).toMatchObject({ kind: "disk", x: 120, y: 120 });
    expect(target).toMatchObject({ kind: "disk", x: 65, y: 147.5 });
    const rows = env.render().split("\n");
    expect(rows.length).toBe(20);
    expect([rows[10][20], rows[10][25], rows[12][10], rows[7][29]]).toEqual(["●", "o", "●", "o"]);
  });
});
