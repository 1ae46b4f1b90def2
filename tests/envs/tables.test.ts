/** Environments that are tables: every outcome's probability, and what is drawn by it. */
import { describe, expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Bandit } from "../../src/envs/bandit.ts";
import { CliffWalking } from "../../src/envs/cliff-walking.ts";
import { FrozenLake, frozenLakeMaps } from "../../src/envs/frozen-lake.ts";
import { Line } from "../../src/envs/line.ts";
import { mustBeNear, seen, stepFrom } from "../support/seen.ts";
import { list, mustDraw, totals } from "../support/tabular.ts";

describe("FrozenLake", () => {
  test("dry ice by hand: left, down, right, up; at the border it stays", () => {
    const env = new FrozenLake({ slippery: false });
    const to = (s: number): number[] => [0, 1, 2, 3].map((a) => env.outcomes(s, a)[0].next);
    expect(to(0)).toEqual([0, 4, 1, 0]);
    expect(to(3)).toEqual([2, 7, 3, 3]);
    expect(to(9)).toEqual([8, 13, 10, 5]);
    expect(to(14)).toEqual([13, 14, 15, 10]);
    expect(list(env.outcomes(14, 2))).toEqual([[1, 15, 1, true]]);
    expect(list(env.outcomes(9, 3))).toEqual([[1, 5, 0, true]]);
    expect(list(env.outcomes(0, 2))).toEqual([[1, 1, 0, false]]);
    for (const end of [5, 15]) expect(list(env.outcomes(end, 1))).toEqual([[1, end, 0, true]]);
    totals(env);
  });
  test("slippery ice: a third each to where it was meant and to either side", () => {
    const env = new FrozenLake();
    const third = 0.333333;
    expect(list(env.outcomes(14, 2))).toEqual([
      [third, 14, 0, false],
      [third, 15, 1, true],
      [third, 10, 0, false],
    ]);
    expect(env.outcomes(9, 0).map(({ next }) => next)).toEqual([5, 8, 13]); // up, left, down
    expect(env.outcomes(9, 3).map(({ next }) => next)).toEqual([10, 5, 8]); // right, up, left
    totals(env);
    mustDraw(env, 9, 0);
  });
  test("another rate of success, other rewards, another map", () => {
    const env = new FrozenLake({
      map: ["SFG", "HSF"],
      successRate: 0.8,
      rewards: [5, -3, -0.5],
    });
    expect(list(env.outcomes(0, 1))).toEqual([
      [0.1, 0, -0.5, false],
      [0.8, 3, -3, true],
      [0.1, 1, -0.5, false],
    ]);
    expect(list(env.outcomes(1, 2)).at(1)).toEqual([0.8, 2, 5, true]);
    expect([...env.startProbabilities]).toEqual([0.5, 0, 0, 0, 0.5, 0]);
    expect([env.maxSteps, env.states, env.actions]).toEqual([100, 6, 4]);
    const starts = [0, 1, 2, 3, 4, 5, 6, 7].map((seed) => {
      env.seed(seed);
      env.start();
      return env.state[0];
    });
    expect(starts).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((seed) => (new Random(seed).uniform() < 0.5 ? 0 : 4)),
    );
    expect([
      new FrozenLake({ map: "8x8" }).maxSteps,
      new FrozenLake({ map: "8x8", maxSteps: 9 }).maxSteps,
    ]).toEqual([200, 9]);
    expect(new FrozenLake({ map: "8x8" }).states).toBe(64);
    expect(frozenLakeMaps["8x8"].join("").match(/H/g)?.length).toBe(10);
  });
  test("success is the goal, not a hole; the cell is seen one-hot, and drawn", () => {
    const env = new FrozenLake({ slippery: false });
    expect(stepFrom(env, [14], 2)).toMatchObject({ success: true, terminated: true });
    expect(stepFrom(env, [9], 3)).toMatchObject({ success: false, terminated: true });
    expect(stepFrom(env, [0], 2)).toMatchObject({ success: false, terminated: false });
    env.startFrom([6]);
    expect(seen(env)).toEqual(Array.from({ length: 16 }, (_, s) => Number(s === 6)));
    expect(env.render()).toBe("SFFF\nFH●H\nFFFH\nHFFG");
  });
  test("a map without a start or a goal, of other letters or ragged, is refused", () => {
    for (const map of [["SF"], ["FG"], ["SXG"], ["SF", "G"], [], "5x5"])
      expect(() => new FrozenLake({ map: map as never })).toThrow(SettingError);
  });
});

describe("CliffWalking", () => {
  test("by hand: up, right, down, left; the cliff costs 100 and leads back; the goal ends it", () => {
    const env = new CliffWalking();
    const to = (s: number): number[] => [0, 1, 2, 3].map((a) => env.outcomes(s, a)[0].next);
    expect(to(0)).toEqual([0, 1, 12, 0]);
    expect(to(11)).toEqual([11, 11, 23, 10]);
    expect(to(25)).toEqual([13, 26, 36, 24]);
    expect(to(36)).toEqual([24, 36, 36, 36]);
    expect(list(env.outcomes(36, 1))).toEqual([[1, 36, -100, false]]);
    expect(list(env.outcomes(34, 2))).toEqual([[1, 36, -100, false]]);
    expect(list(env.outcomes(35, 2))).toEqual([[1, 47, -1, true]]);
    expect(list(env.outcomes(36, 2))).toEqual([[1, 36, -1, false]]);
    totals(env);
    expect([env.maxSteps, new CliffWalking({ maxSteps: 3 }).maxSteps]).toEqual([500, 3]);
    env.reset();
    expect(env.state[0]).toBe(36);
    expect(env.render()).toBe("............\n............\n............\n●CCCCCCCCCCG");
    expect(stepFrom(env, [35], 2)).toMatchObject({ success: true, terminated: true, reward: -1 });
    expect(stepFrom(env, [36], 1)).toMatchObject({ success: false, terminated: false });
  });
  test("where one outcome is all there is, nothing is drawn", () => {
    const env = new CliffWalking();
    env.startFrom([13]);
    const before = env.random.save();
    env.act([1], 0);
    expect([env.state[0], env.random.save()]).toEqual([14, before]);
  });
  test("slippery: to either side as often", () => {
    const env = new CliffWalking({ slippery: true });
    expect(list(env.outcomes(36, 0))).toEqual([
      [0.333333, 36, -1, false], // left
      [0.333333, 24, -1, false],
      [0.333333, 36, -100, false], // right
    ]);
    totals(env);
    mustDraw(env, 13, 3);
  });
});

describe("Line and Bandit", () => {
  test("Line: success is the middle or next to it; observed from −1 to 1; drawn", () => {
    const env = new Line();
    const won = Array.from({ length: 11 }, (_, s) => stepFrom(env, [s], 1).success);
    expect(won.map(Number).join("")).toBe("00011100000");
    env.startFrom([7]);
    expect(seen(env)).toEqual([Math.fround(0.4)]);
    expect(env.render()).toBe("·····+·●···");
    expect(stepFrom(env, [5], 0).reward).toBe(-1);
    expect([...env.startProbabilities]).toEqual([1, ...new Array(10).fill(0)]);
    mustBeNear(new Line({ start: "uniform" }).startProbabilities, new Array(11).fill(1 / 11));
    const article = new Line({ end: "article" });
    for (const l of [env, article])
      for (let s = 0; s < 11; s++)
        for (const a of [0, 1]) {
          const next = Math.min(10, Math.max(0, s + 2 * a - 1));
          const over = l === article && next === 10;
          expect(list(l.outcomes(s, a))).toEqual([[1, next, -Math.abs(next - 5), over]]);
          expect(stepFrom(l, [s], a)).toMatchObject({ state: [next], terminated: over });
        }
  });
  test("Bandit: the arm's mean and the deviation times a normal number; success is a best arm", () => {
    const env = new Bandit({ means: [1, 3, 2, 3], deviation: 0.5 });
    for (const [arm, mean] of [1, 3, 2, 3].entries()) {
      env.reset({ seed: 4 });
      const { reward, terminated } = env.step(arm);
      expect(reward).toBeCloseTo(mean + 0.5 * new Random(4).normal(), 12);
      expect([terminated, env.success]).toEqual([true, mean === 3]);
      expect(env.outcomes(0, arm)).toEqual([
        { probability: 1, next: 0, reward: mean, terminated: true },
      ]);
    }
    expect([env.states, env.actions, env.maxSteps, env.startProbabilities]).toEqual([1, 4, 1, [1]]);
    expect(seen(env)).toEqual([1]);
    expect(env.render()).toBe("arms: 1 3 2 3");
    const plain = new Bandit();
    expect(plain.actions).toBe(5);
    plain.reset({ seed: 4 });
    expect(plain.step(3).reward).toBeCloseTo(0.75 + new Random(4).normal(), 12);
    expect(() => new Bandit({ deviation: -1 })).toThrow(RangeError);
    expect(() => new Bandit({ means: [1, Number.NaN] })).toThrow(RangeError);
    expect(new Bandit({ deviation: 0 }).outcomes(0, 4)[0].reward).toBe(1);
  });
});
