/** Dodge, Shoot, Crossing and Dive by hand-made positions. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Crossing } from "../../src/envs/crossing.ts";
import { Dive } from "../../src/envs/dive.ts";
import { Dodge } from "../../src/envs/dodge.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { directions } from "../../src/envs/planes.ts";
import { Shoot } from "../../src/envs/shoot.ts";
import { seen, stepFrom } from "../support/seen.ts";

const [stay, up, down, left, right] = directions.map((_, i) => i);
const at = (row: number, column: number): number => row * 10 + column;
const ones = (env: Dynamics): number[] => seen(env).flatMap((x, i) => (x === 1 ? [i] : []));
/** The index of a cell on a plane seen from the player's cell: rows below it and columns to its right, around the edges. */
const from = (player: number, plane: number, cell: number): number => {
  const row = Math.floor(cell / 10) - Math.floor(player / 10);
  const column = (cell % 10) - (player % 10);
  return plane * 100 + at((row + 10) % 10, (column + 10) % 10);
};
const sorted = (numbers: readonly number[]): number[] =>
  [...new Set(numbers)].sort((a, b) => a - b);
/** Ten numbers, of which some are given. */
const ten = (some: Readonly<Record<number, number>>, rest = 0): number[] =>
  Array.from({ length: 10 }, (_, i) => some[i] ?? rest);

describe("Dodge", () => {
  const env = new Dodge();
  /** A step with one stone of each given row: [way, column]. Without rows beside them none enters: all are taken. */
  const step = (
    cell: number,
    stones: Readonly<Record<number, readonly [number, number]>>,
    action = stay,
  ) => {
    const ways = ten(Object.fromEntries(Object.entries(stones).map(([row, [way]]) => [row, way])));
    const columns = ten(Object.fromEntries(Object.entries(stones).map(([row, [, c]]) => [row, c])));
    const { state, reward, terminated } = stepFrom(env, [cell, 0, ...ways, ...columns], action);
    return {
      cell: state[0],
      columns: state.slice(12),
      ways: state.slice(2, 12),
      reward,
      terminated,
    };
  };
  test("stones fly a cell per step; 1 for each that leaves", () => {
    const { columns, ways, reward, terminated } = step(at(5, 5), {
      0: [1, 3],
      1: [-1, 3],
      2: [1, 9],
      3: [-1, 0],
    });
    expect([columns[0], columns[1], ways[0], ways[1]]).toEqual([4, 2, 1, -1]);
    expect([reward, terminated]).toEqual([2, false]);
  });
  test("a stone that leaves counts until one in a row above has met the player", () => {
    const hit = { 5: [1, 4] } as const;
    expect(step(at(5, 5), { ...hit, 7: [1, 9] })).toMatchObject({ reward: 0, terminated: true });
    expect(step(at(5, 5), { ...hit, 3: [1, 9] })).toMatchObject({ reward: 1, terminated: true });
  });
  test("a stone meets the player in its cell, or as they change places, and not as it passes", () => {
    expect(step(at(5, 5), { 5: [1, 4] }).terminated).toBe(true);
    expect(step(at(5, 5), { 5: [1, 4] }, left).terminated).toBe(true); // into each other
    expect(step(at(5, 5), { 5: [1, 4] }, right).terminated).toBe(false); // ahead of it
    expect(step(at(5, 5), { 5: [1, 5 - 3] }, left).terminated).toBe(false);
    expect(step(at(5, 5), { 5: [1, 5 - 2] }, left).terminated).toBe(true); // both to column 4
    expect(step(at(5, 5), { 5: [1, 4] }, up)).toMatchObject({ terminated: false, cell: at(4, 5) });
    expect(step(at(5, 5), { 4: [-1, 6] }, up).terminated).toBe(true);
    expect(step(at(5, 9), { 5: [1, 9] }, down).terminated).toBe(false);
    expect(step(at(0, 0), {}, up).cell).toBe(at(0, 0));
  });
  test("stones enter by the generator: at most one per row, never on the player", () => {
    env.reset({ seed: 4 });
    const { state } = env;
    const random = new Random(4);
    for (let t = 1; t <= 60 && !env.terminated; t++) {
      const before = [...state];
      env.act([stay], 0);
      if (env.terminated) break;
      const entered = before
        .map((_, i) => i)
        .slice(2, 12)
        .filter((i) => before[i] !== state[i] && state[i] !== 0);
      if (random.uniform() < 0.2 + (0.6 * t) / 300) {
        const row = random.below(10);
        const way = random.below(2) === 1 ? 1 : -1;
        const free = before[2 + row] === 0 || state[2 + row] === 0 || entered.includes(2 + row);
        if (free) expect([state[2 + row], state[12 + row]]).toEqual([way, way === 1 ? 0 : 9]);
      } else expect(entered).toEqual([]);
    }
    expect(state[1]).toBeGreaterThan(5);
  });
  test("planes and text", () => {
    env.startFrom([at(2, 3), 0, ...ten({ 1: 1, 2: -1 }), ...ten({ 1: 4, 2: 7 })]);
    expect(ones(env)).toEqual([at(2, 3), 100 + at(9, 1), 200 + at(0, 4)]); // a row above, four to the right
    expect(env.render().split("\n").slice(1, 3)).toEqual(["····▸·····", "···●···◂··"]);
  });
});

describe("Shoot", () => {
  const env = new Shoot();
  const step = (
    state: readonly [number, number, number, number],
    drones: Readonly<Record<number, number>>,
    action = 0,
  ) => {
    const { state: s, reward, terminated } = stepFrom(env, [...state, ...ten(drones, -1)], action);
    return { cannon: s[0], shot: s.slice(1, 3), drones: s.slice(4), reward, terminated };
  };
  test("by hand: fired at row 9, a shot rises by two and takes the drone it meets for 1", () => {
    expect(step([5, -1, 0, 0], {}, 3)).toMatchObject({ cannon: 5, shot: [7, 5], reward: 0 });
    expect(step([5, 7, 5, 0], {}, 3).shot).toEqual([5, 5]); // one at a time
    expect(step([5, 7, 5, 0], {}, 1)).toMatchObject({ cannon: 4, shot: [5, 5] });
    expect(step([9, -1, 0, 0], {}, 2).cannon).toBe(9);
    expect(step([0, -1, 0, 0], {}, 1).cannon).toBe(0);
    for (const row of [5, 6]) {
      const { shot, drones, reward } = step([5, 7, 5, 0], { 5: row });
      expect([shot[0], drones[5], reward]).toEqual([-1, -1, 1]);
    }
    expect(step([5, 7, 5, 0], { 5: 4 }).reward).toBe(0);
    expect(step([5, 7, 5, 0], { 4: 6 }).reward).toBe(0);
    expect(step([5, 1, 5, 0], {}).shot[0]).toBe(-1); // gone at the top
  });
  test("drones sink in every fourth step, onto the shot too; on the ground the game is over", () => {
    expect(step([5, -1, 0, 2], { 3: 6 }).drones[3]).toBe(6);
    expect(step([5, -1, 0, 3], { 3: 6 })).toMatchObject({ terminated: false, reward: 0 });
    expect(step([5, -1, 0, 3], { 3: 6 }).drones[3]).toBe(7);
    expect(step([5, -1, 0, 3], { 3: 8 }).terminated).toBe(true);
    const { drones, shot, reward } = step([5, 7, 3, 3], { 3: 4 }); // to row 5, as the shot
    expect([drones[3], shot[0], reward]).toEqual([-1, -1, 1]);
  });
  test("planes and text", () => {
    env.startFrom([2, 4, 6, 0, ...ten({ 1: 0 }, -1)]);
    expect(ones(env)).toEqual([at(9, 2), 100 + at(5, 4), 200 + at(1, 9)]);
    const rows = env.render().split("\n");
    expect([rows[0], rows[4], rows[9]]).toEqual(["·▾········", "······∘···", "··▲·······"]);
  });
});

describe("Crossing", () => {
  const env = new Crossing();
  const eight = (some: Readonly<Record<number, number>>, rest: number): number[] =>
    ten(some, rest).slice(0, 8);
  /** Lane i is row i + 1. All cars but those given stand at column 0 and 3, and move to the right in every step. */
  const step = (
    cell: number,
    action: number,
    {
      best = 9,
      time = 0,
      ways = {},
      paces = {},
      first = {},
    }: {
      best?: number;
      time?: number;
      ways?: Readonly<Record<number, number>>;
      paces?: Readonly<Record<number, number>>;
      first?: Readonly<Record<number, number>>;
    } = {},
  ) => {
    const from = [
      cell,
      best,
      time,
      ...eight(ways, 1),
      ...eight(paces, 1),
      ...eight(first, 0),
      ...eight({}, 3),
    ];
    const { state, reward, terminated } = stepFrom(env, from, action);
    return { cell: state[0], best: state[1], first: state.slice(19, 27), reward, terminated };
  };
  test("1 for a row that is new in this crossing", () => {
    expect(step(at(9, 5), up)).toMatchObject({
      cell: at(8, 5),
      best: 8,
      reward: 1,
      terminated: false,
    });
    expect(step(at(9, 5), up, { best: 8 })).toMatchObject({ best: 8, reward: 0 });
    expect(step(at(8, 5), down, { best: 8 })).toMatchObject({ cell: at(9, 5), best: 8, reward: 0 });
    expect(step(at(1, 6), up, { best: 1 })).toMatchObject({ cell: at(9, 5), best: 9, reward: 1 });
  });
  test("cars keep their pace and come back on the other side", () => {
    expect(step(at(9, 5), stay, { first: { 2: 9 } }).first[2]).toBe(0);
    expect(step(at(9, 5), stay, { ways: { 2: -1 } }).first[2]).toBe(9);
    expect(step(at(9, 5), stay, { paces: { 2: 3 }, time: 1 }).first[2]).toBe(0);
    expect(step(at(9, 5), stay, { paces: { 2: 3 }, time: 2 }).first[2]).toBe(1);
  });
  test("a car meets the walker in its cell or between two", () => {
    const lane = 6; // row 7
    expect(step(at(8, 5), up, { first: { [lane]: 4 } }).terminated).toBe(true);
    expect(step(at(8, 5), up, { first: { [lane]: 4 } }).reward).toBe(0);
    expect(step(at(8, 5), up, { first: { [lane]: 5 } }).terminated).toBe(false); // it has passed
    expect(step(at(7, 5), left, { first: { [lane]: 4 } }).terminated).toBe(true);
    expect(step(at(7, 5), right, { first: { [lane]: 4 } }).terminated).toBe(false);
    expect(step(at(8, 4), up, { first: { [lane]: 4 }, paces: { [lane]: 2 } }).terminated).toBe(
      true,
    ); // it stands
  });
  test("lanes by the generator, and planes: walker, cars, the cell behind by pace", () => {
    env.reset({ seed: 2 });
    const random = new Random(2);
    const want = Array.from({ length: 8 }, () => {
      const way = random.below(2) === 1 ? 1 : -1;
      const pace = 1 + random.below(3);
      const first = random.below(10);
      return [way, pace, first, (first + 3 + random.below(3)) % 10];
    });
    expect([0, 1, 2, 3].map((i) => [...env.state.subarray(3 + 8 * i, 11 + 8 * i)])).toEqual(
      [0, 1, 2, 3].map((i) => want.map((lane) => lane[i])),
    );
    const planes = want.flatMap(([way, pace, ...cars], lane) =>
      cars.flatMap((car) => [
        from(at(9, 5), 1, at(lane + 1, car)),
        from(at(9, 5), 1 + pace, at(lane + 1, (car - way + 10) % 10)),
      ]),
    );
    expect(ones(env)).toEqual(sorted([at(9, 5), ...planes]));
    expect(env.render().split("\n")[9]).toBe("·····●····");
  });
});

describe("Dive", () => {
  const env = new Dive();
  const step = (
    cell: number,
    action: number,
    {
      air = 20,
      carried = 0,
      time = 0,
      pearls = [95, 96, 97],
      fish = [0, 0, 0, 0],
      ways = [1, 1, 1, 1],
    } = {},
  ) => {
    const { state, reward, terminated } = stepFrom(
      env,
      [cell, air, carried, time, ...pearls, ...fish, ...ways],
      action,
    );
    return {
      cell: state[0],
      air: state[1],
      carried: state[2],
      pearls: state.slice(4, 7),
      fish: state.slice(7, 11),
      reward,
      terminated,
    };
  };
  test("a pearl is carried up, three at most, and counts at the surface, where the air is full again", () => {
    const found = step(at(9, 4), right);
    expect(found).toMatchObject({ carried: 1, air: 19, reward: 0 });
    expect(found.pearls.slice(1)).toEqual([96, 97]);
    expect(found.pearls[0]).toBeGreaterThanOrEqual(10);
    expect([95, 96, 97]).not.toContain(found.pearls[0]);
    expect(step(at(9, 4), right, { carried: 3 })).toMatchObject({
      carried: 3,
      pearls: [95, 96, 97],
    });
    expect(step(at(1, 4), up, { carried: 2 })).toMatchObject({
      carried: 0,
      air: 40,
      reward: 2,
      terminated: false,
    });
    expect(step(at(1, 4), stay, { carried: 2 })).toMatchObject({ carried: 2, air: 19, reward: 0 });
  });
  test("without air it is over, but not at the surface", () => {
    expect(step(at(5, 4), stay, { air: 1 }).terminated).toBe(true);
    expect(step(at(5, 4), stay, { air: 2 }).terminated).toBe(false);
    expect(step(at(1, 4), up, { air: 1 })).toMatchObject({ terminated: false, air: 40 });
  });
  test("fish swim in every second step and meet the diver in a cell or between two", () => {
    expect(step(at(5, 4), stay, { fish: [9, 1, 2, 3] }).fish).toEqual([9, 1, 2, 3]);
    expect(step(at(5, 4), stay, { fish: [9, 1, 2, 3], time: 1, ways: [1, -1, 1, 1] }).fish).toEqual(
      [0, 0, 3, 4],
    );
    expect(step(at(4, 4), stay, { fish: [0, 3, 0, 0], time: 1 }).terminated).toBe(true);
    expect(step(at(4, 4), left, { fish: [0, 3, 0, 0], time: 1 }).terminated).toBe(true);
    expect(step(at(4, 4), right, { fish: [0, 3, 0, 0], time: 1 }).terminated).toBe(false);
    expect(step(at(3, 4), down, { fish: [0, 4, 0, 0], time: 0 }).terminated).toBe(true);
    expect(step(at(3, 4), down, { fish: [0, 4, 0, 0], time: 1 }).terminated).toBe(false);
  });
  test("planes, text and picture", () => {
    env.startFrom([at(3, 4), 12, 2, 0, 95, 96, 97, 9, 1, 2, 3, 1, -1, 1, 1]);
    const pearls = [95, 96, 97];
    const fish = [at(2, 9), at(4, 1), at(6, 2), at(8, 3)];
    const behind = [at(2, 8), at(4, 2), at(6, 1), at(8, 2)];
    const relative = [pearls, fish, behind].flatMap((cells, i) =>
      cells.map((cell) => from(at(3, 4), 1 + i, cell)),
    );
    const air = Array.from({ length: 12 }, (_, i) => 400 + i);
    expect(ones(env)).toEqual([at(3, 4), ...sorted(relative), ...air, 500, 501]);
    expect(seen(env)[100 + at(6, 1)]).toBe(1); // the pearl at (9, 5)
    const rows = env.render().split("\n");
    expect([rows[0], rows[2], rows[3], rows[4], rows[9], rows[10]]).toEqual([
      "··········",
      "········-█",
      "····●·····",
      "·█-·······",
      "·····∘∘∘··",
      "air 12, pearls carried 2",
    ]);
    const { height, marks } = env.scene();
    expect(height).toBe(264);
    expect(marks.filter(({ kind }) => kind === "box").length).toBe(12); // diver, pearls, fish, what is behind them
    expect(marks.find(({ kind }) => kind === "box")).toMatchObject({
      x: 8 * 24 + 1,
      y: 2 * 24 + 1,
    });
  });
});
