/** The search against a plain minimax on the game itself, and on positions that it must solve. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { ConnectFour, randomOpponent } from "../../src/envs/connect-four.ts";
import { searchOpponent } from "../../src/envs/connect-four-search.ts";

const game = (columns: string): ConnectFour => {
  const env = new ConnectFour({ opponent: null });
  env.start();
  for (const c of columns) env.act([Number(c)], 0);
  return env;
};

/** Every line of play to the depth: depth left + 1 at a win, its negative at a loss, 0 else. */
function minimax(env: ConnectFour, depth: number): number {
  if (env.terminated) return env.winner() === 3 ? 0 : -(depth + 1);
  if (depth === 0) return 0;
  return Math.max(...valuesOf(env, depth).filter((value) => !Number.isNaN(value)));
}
function valuesOf(env: ConnectFour, depth: number): number[] {
  const before = env.save();
  return [0, 1, 2, 3, 4, 5, 6].map((column) => {
    if (!env.isLegal(column)) return Number.NaN;
    env.act([column], 0);
    const value = -minimax(env, depth - 1);
    env.restore(before);
    return value;
  });
}

describe("searchOpponent", () => {
  test("plays exactly the columns that plain minimax finds best, at depth 1 to 4", () => {
    const random = new Random(1);
    for (let n = 0; n < 40; n++) {
      const env = game("");
      for (let i = 0; i < 4 + (n % 4) * 8 && !env.terminated; i++)
        env.act([randomOpponent(env, random)], 0);
      if (env.terminated) continue;
      const depth = 1 + (n % 4);
      const values = valuesOf(env, depth);
      const best = Math.max(...values.filter((value) => !Number.isNaN(value)));
      const want = [0, 1, 2, 3, 4, 5, 6].filter((column) => values[column] === best);
      const search = searchOpponent(depth);
      const got = new Set(Array.from({ length: 60 }, () => search(env, random)));
      expect([...got].sort(), env.render()).toEqual(want);
    }
  });
  test("wins at once, stops a four, and makes a fork that wins in three stones", () => {
    const random = new Random(1);
    expect(searchOpponent(1)(game("010101"), random)).toBe(0);
    expect(searchOpponent(2)(game("01010"), random)).toBe(0);
    const fork = game("2636"); // 2 and 3 at the bottom: 1 or 4 makes an open three
    const chosen = new Set(Array.from({ length: 20 }, () => searchOpponent(3)(fork, random)));
    expect([...chosen].sort()).toEqual([1, 4]);
  });
  test("ties are drawn by the generator, so one seed gives one game", () => {
    const play = (seed: number): string => {
      const [env, random] = [game(""), new Random(seed)];
      const search = searchOpponent(2);
      while (!env.terminated) env.act([search(env, random)], 0);
      return env.render();
    };
    expect(play(1)).toBe(play(1));
    expect(play(1)).not.toBe(play(2));
  });
  test("beats random play, and the deeper search the shallower", () => {
    const score = (mine: number, opponent: ConnectFour["opponent"]): number => {
      const env = new ConnectFour({ opponent });
      const random = new Random(2);
      env.seed(3);
      let won = 0;
      for (let n = 0; n < 60; n++) {
        env.start();
        while (!env.terminated) env.act([searchOpponent(mine)(env, random)], 0);
        if (env.success) won++;
      }
      return won / 60;
    };
    expect(score(2, randomOpponent)).toBeGreaterThan(0.9);
    expect(score(4, searchOpponent(2))).toBeGreaterThan(0.6);
  });
  test("a depth that is none is refused", () => {
    for (const depth of [0, 1.5, 13]) expect(() => searchOpponent(depth)).toThrow(/searchOpponent/);
  });
});
