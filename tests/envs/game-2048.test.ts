/** 2048 by hand-made boards. */
import { describe, expect, test } from "vitest";
import { EnvError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Game2048, type Game2048Options } from "../../src/envs/game-2048.ts";
import { seen } from "../support/seen.ts";

const [up, down, left, right] = [0, 1, 2, 3];
/** Log2 of the tiles, row by row. */
const board = (...rows: string[]): number[] => rows.join("").split("").map(Number);

describe("Game2048", () => {
  /** The board after a move, without the new tile, whose cell must have been empty; and the reward. */
  function move(from: number[], action: number, options: Game2048Options = {}) {
    const env = new Game2048(options);
    env.seed(3);
    env.startFrom(from);
    env.act([action], 0);
    return { state: [...env.state], env };
  }
  const differing = (got: number[], want: number[]): number[] =>
    want.flatMap((tile, i) => (got[i] === tile ? [] : [i]));

  test("by hand: tiles slide to the wall and merge once, the nearest to the wall first", () => {
    const from = board("1100", "1111", "1120", "0222");
    for (const [action, want, reward] of [
      [left, board("2000", "2200", "2200", "3200"), 4 + 8 + 4 + 8],
      [right, board("0002", "0022", "0022", "0023"), 4 + 8 + 4 + 8],
    ] as const) {
      const { state, env } = move(from, action);
      expect(env.reward).toBe(reward);
      const [cell, ...others] = differing(state, [...want]);
      expect([others, want[cell]]).toEqual([[], 0]);
      expect([1, 2]).toContain(state[cell]);
    }
    const columns = board("1020", "1010", "1010", "0112");
    const { state, env } = move(columns, up);
    const want = board("2122", "1020", "0010", "0000"); // 1,1,1,0 → 2,1; 2,1,1,1 → 2,2,1
    expect(differing(state, want).length).toBe(1);
    expect(env.reward).toBe(4 + 4);
    const lower = move(columns, down);
    expect(differing(lower.state, board("0000", "0020", "1010", "2122")).length).toBe(1);
    expect(move(columns, up, { reward: "log2" }).env.reward).toBe(2 + 2);
  });
  test("a move that moves nothing is masked, and refused", () => {
    const env = new Game2048();
    env.startFrom(board("1200", "2100", "0000", "0000"));
    const mask = new Float32Array(6).fill(7);
    env.mask(mask, 1);
    expect([...mask]).toEqual([7, 0, 1, 0, 1, 7]);
    expect(() => env.act([left], 0)).toThrow(EnvError);
    expect([...env.state]).toEqual(board("1200", "2100", "0000", "0000"));
  });
  test("over when the board is full and no two neighbors are equal; a success with 2048", () => {
    const { env } = move(board("1212", "2121", "1212", "2103"), right);
    expect(env.state[12]).toBeLessThan(3);
    const full = [...env.state];
    const equal = full.some(
      (tile, i) => (i % 4 < 3 && tile === full[i + 1]) || (i < 12 && tile === full[i + 4]),
    );
    expect([env.terminated, env.success]).toEqual([!equal, false]);
    const won = new Game2048();
    won.startFrom([10, 10, ...new Array<number>(14).fill(0)]);
    won.act([left], 0);
    expect([won.success, won.reward, won.terminated, won.state[0]]).toEqual([
      true,
      2048,
      false,
      11,
    ]);
  });
  test("random games end exactly when a naive search finds no move", () => {
    const random = new Random(5);
    const env = new Game2048();
    env.seed(6);
    const mask = new Float32Array(4);
    for (let game = 0; game < 5; game++) {
      env.start();
      while (!env.terminated) {
        env.mask(mask, 0);
        env.act([env.actionSpace.sample(random, undefined, mask)[0]], 0);
        const s = env.state;
        const movable = [...s].some(
          (tile, i) =>
            tile === 0 || (i % 4 < 3 && tile === s[i + 1]) || (i < 12 && tile === s[i + 4]),
        );
        expect(env.terminated).toBe(!movable);
      }
    }
  });
  test("starts with two tiles by the generator; planes and text", () => {
    const env = new Game2048();
    env.reset({ seed: 8 });
    const random = new Random(8);
    const first = random.below(16);
    const one = random.uniform() < 0.9 ? 1 : 2;
    let second = random.below(15);
    if (second >= first) second++;
    const two = random.uniform() < 0.9 ? 1 : 2;
    const want = new Array<number>(16).fill(0);
    want[first] = one;
    want[second] = two;
    expect([...env.state]).toEqual(want);
    env.startFrom([1, 17, ...new Array<number>(14).fill(0)]);
    const ones = seen(env).flatMap((x, i) => (x === 1 ? [i] : []));
    expect(ones).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 15 * 16 + 1]);
    expect(env.render().split("\n")[0]).toBe("     2131072     ·     ·");
  });
});
