/** Breakout and Catch by hand-made positions. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Breakout } from "../../src/envs/breakout.ts";
import { Catch } from "../../src/envs/catch.ts";
import { seen, stepFrom } from "../support/seen.ts";

describe("Breakout", () => {
  const at = (row: number, column: number): number => row * 10 + column;
  /** [paddle, row, column, down, right, trail, last action, left, bricks …] */
  const state = (
    paddle: number,
    [row, column]: readonly [number, number],
    [down, right]: readonly [number, number],
    bricks: readonly number[] = [],
    last = 1,
  ): number[] => {
    const wall = new Array<number>(100).fill(0);
    for (const cell of bricks) wall[cell] = 1;
    return [paddle, row, column, down, right, at(row, column), last, bricks.length, ...wall];
  };
  const env = new Breakout({ sticky: 0 });
  const ball = (from: number[], action = 1) => {
    const { state: s, reward, terminated } = stepFrom(env, from, action);
    return {
      ball: s.slice(1, 3),
      way: s.slice(3, 5),
      paddle: s[0],
      trail: s[5],
      left: s[7],
      reward,
      terminated,
    };
  };
  test("the ball flies diagonally, and leaves its trail", () => {
    expect(ball(state(5, [4, 4], [1, 1]))).toMatchObject({
      ball: [5, 5],
      way: [1, 1],
      trail: 44,
      reward: 0,
      terminated: false,
    });
    expect(ball(state(5, [4, 4], [-1, -1]))).toMatchObject({ ball: [3, 3], way: [-1, -1] });
  });
  test("it turns at each wall, and not a cell before", () => {
    expect(ball(state(5, [4, 9], [1, 1]))).toMatchObject({ ball: [5, 8], way: [1, -1] });
    expect(ball(state(5, [4, 8], [1, 1]))).toMatchObject({ ball: [5, 9], way: [1, 1] });
    expect(ball(state(5, [4, 0], [1, -1]))).toMatchObject({ ball: [5, 1], way: [1, 1] });
    expect(ball(state(5, [4, 1], [1, -1]))).toMatchObject({ ball: [5, 0], way: [1, -1] });
    expect(ball(state(5, [0, 4], [-1, 1]))).toMatchObject({ ball: [1, 5], way: [1, 1] });
    expect(ball(state(5, [1, 4], [-1, 1]))).toMatchObject({ ball: [0, 5], way: [-1, 1] });
    expect(ball(state(5, [0, 9], [-1, 1]))).toMatchObject({ ball: [1, 8], way: [1, -1] });
  });
  test("a brick is taken for 1, and turns the ball back where it is", () => {
    expect(ball(state(5, [4, 4], [-1, 1], [at(3, 5), at(3, 6)]))).toMatchObject({
      ball: [4, 4],
      way: [1, 1],
      left: 1,
      reward: 1,
      terminated: false,
    });
    expect(
      stepFrom(env, state(5, [4, 4], [-1, 1], [at(3, 5), at(3, 6)]), 1)
        .state.slice(8)
        .indexOf(1),
    ).toBe(36);
    expect(ball(state(5, [2, 4], [1, -1], [at(3, 3)]))).toMatchObject({
      ball: [2, 4],
      way: [-1, -1],
      left: 0,
      reward: 1,
    });
    expect(ball(state(5, [4, 4], [-1, 1], [at(3, 4)]))).toMatchObject({
      ball: [3, 5],
      left: 1,
      reward: 0,
    });
  });
  test("the paddle turns it up, to the side where it was moving; beside it the episode ends", () => {
    const above = (action: number, paddle: number, right = 1) =>
      ball(state(paddle, [8, 4], [1, right], [at(1, 1)]), action);
    expect(above(1, 5)).toMatchObject({
      ball: [8, 4],
      way: [-1, 1],
      terminated: false,
      reward: 0,
      left: 1,
    });
    expect(above(1, 3, -1)).toMatchObject({ ball: [8, 4], way: [-1, -1] });
    expect(above(0, 6)).toMatchObject({ ball: [8, 4], way: [-1, -1], paddle: 5 });
    expect(above(2, 4)).toMatchObject({ ball: [8, 4], way: [-1, 1], paddle: 5 });
    expect(above(2, 2, -1)).toMatchObject({ way: [-1, 1], paddle: 3 });
    expect(above(1, 6)).toMatchObject({ ball: [9, 5], terminated: true, reward: 0 });
    expect(ball(state(5, [7, 4], [1, 1]))).toMatchObject({ ball: [8, 5], terminated: false });
    expect(ball(state(9, [4, 4], [1, 1]), 2).paddle).toBe(9);
    expect(ball(state(0, [4, 4], [1, 1]), 0).paddle).toBe(0);
  });
  test("a cleared wall comes back with the paddle's next hit: three rows under a free one", () => {
    const { state: s, reward } = stepFrom(env, state(5, [8, 4], [1, 1]), 1);
    expect([s[7], reward]).toEqual([30, 0]);
    expect(s.slice(8)).toEqual(Array.from({ length: 100 }, (_, i) => Number(i >= 10 && i < 40)));
    expect(ball(state(5, [7, 4], [1, 1])).left).toBe(0);
  });
  test("starts below the wall in a random column, to a random side; with sticky actions the last comes again", () => {
    const random = new Random(3);
    const [column, side] = [random.below(10), random.below(2)];
    const sticky = new Breakout({ sticky: 0.4 });
    sticky.seed(3);
    sticky.start();
    const s = sticky.state;
    expect([...s.subarray(0, 8)]).toEqual([
      5,
      5,
      column,
      1,
      side === 0 ? -1 : 1,
      at(5, column),
      1,
      30,
    ]);
    let last = 1;
    let paddle = 5;
    for (let t = 0; t < 3; t++) {
      const wanted = [0, 0, 2][t];
      if (random.uniform() >= 0.4) last = wanted;
      sticky.act([wanted], 0);
      paddle += last - 1;
      expect([s[0], s[6]]).toEqual([paddle, last]);
    }
    const always = new Breakout({ sticky: 1 });
    expect(stepFrom(always, state(5, [4, 4], [1, 1], [], 2), 0).state[0]).toBe(6);
    for (const bad of [-0.1, 1.1, Number.NaN])
      expect(() => new Breakout({ sticky: bad })).toThrow(RangeError);
    expect([env.maxSteps, new Breakout({ maxSteps: 3 }).maxSteps]).toEqual([1000, 3]);
    const sides = Array.from({ length: 20 }, (_, seed) => {
      sticky.seed(seed);
      sticky.start();
      return s[4];
    });
    expect(new Set(sides)).toEqual(new Set([-1, 1]));
  });
  test("planes cell by cell, seen from the paddle: ball, trail, bricks; and the same as text", () => {
    env.startFrom(state(3, [4, 4], [1, 1], [12, 39]));
    env.act([2], 0);
    const planes = seen(env);
    const ones = planes.flatMap((x, i) => (x === 1 ? [i] : []));
    // ten rows down, around the edge, are none: a thing four rows up is at row 6, one to the right at column 1
    expect(ones).toEqual([94, 100 + 61, 200 + 50, 300 + 28, 300 + 45]);
    expect(planes.filter((x) => x !== 0 && x !== 1)).toEqual([]);
    const rows = env.render().split("\n");
    expect([rows[1], rows[3], rows[4], rows[5], rows[9]]).toEqual([
      "··▭·······",
      "·········▭",
      "····∘·····",
      "·····●····",
      "····▂·····",
    ]);
    expect(rows.length).toBe(10);
  });
});

describe("Catch", () => {
  test("the paddle moves by one within its walls; the ball falls; the last row decides", () => {
    const env = new Catch({ rows: 4, columns: 3 });
    const step = (state: number[], action: number) => stepFrom(env, state, action);
    expect(step([0, 2, 1], 0)).toMatchObject({
      state: [1, 2, 0],
      reward: 0,
      terminated: false,
      success: false,
    });
    expect(step([0, 2, 0], 0).state).toEqual([1, 2, 0]);
    expect(step([0, 2, 1], 1).state).toEqual([1, 2, 1]);
    expect(step([0, 2, 1], 2).state).toEqual([1, 2, 2]);
    expect(step([0, 2, 2], 2).state).toEqual([1, 2, 2]);
    expect(step([1, 2, 2], 1)).toMatchObject({ reward: 0, terminated: false, success: false });
    expect(step([2, 2, 1], 2)).toMatchObject({ reward: 1, terminated: true, success: true });
    expect(step([2, 2, 1], 1)).toMatchObject({ reward: -1, terminated: true, success: false });
  });
  test("starts at the top in a random column, the paddle in the middle; planes and text", () => {
    const env = new Catch({ rows: 3, columns: 4 });
    env.reset({ seed: 5 });
    expect([...env.state]).toEqual([0, new Random(5).below(4), 2]);
    env.startFrom([1, 0, 3]);
    expect(seen(env)).toEqual([
      0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ]);
    expect(env.render()).toBe("····\n●···\n···▂");
    expect(new Catch().observationSpace.shape).toEqual([2, 10, 5]);
    expect(new Catch({ rows: 2, columns: 1 }).observationSpace.size).toBe(4);
    for (const bad of [{ rows: 1 }, { columns: 0 }])
      expect(() => new Catch(bad)).toThrow(RangeError);
  });
});
