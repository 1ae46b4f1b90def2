/** Connect four by hand-made positions, and against every line of four there is. */
import { describe, expect, test } from "vitest";
import { EnvError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { ConnectFour, randomOpponent } from "../../src/envs/connect-four.ts";
import { seen } from "../support/seen.ts";

describe("ConnectFour", () => {
  const two = (): ConnectFour => {
    const env = new ConnectFour({ opponent: null });
    env.start();
    return env;
  };
  const play = (env: ConnectFour, columns: string): void => {
    for (const c of columns) env.act([Number(c)], 0);
  };
  /** Every line of four on the board. */
  function naiveWinner(board: number[][]): number {
    for (let r = 0; r < 6; r++)
      for (let c = 0; c < 7; c++)
        for (const [dr, dc] of [
          [0, 1],
          [1, 0],
          [1, 1],
          [1, -1],
        ]) {
          const line = [0, 1, 2, 3].map((i) => board[r + i * dr]?.[c + i * dc] ?? 0);
          if (line[0] !== 0 && line.every((x) => x === line[0])) return line[0];
        }
    return board[0].every((x) => x !== 0) ? 3 : 0;
  }
  test("120 random games: turns, winners, draws and rewards as the board says", () => {
    const random = new Random(2);
    const winners = new Set<number>();
    for (let game = 0; game < 120; game++) {
      const env = two();
      for (let n = 0; !env.terminated; n++) {
        expect(env.turn()).toBe(1 + (n % 2));
        const legal = [0, 1, 2, 3, 4, 5, 6].filter((c) => env.isLegal(c));
        env.act([legal[random.below(legal.length)]], 0);
        const board = Array.from({ length: 6 }, (_, r) => [
          ...env.state.subarray(r * 7, r * 7 + 7),
        ]);
        const winner = naiveWinner(board);
        const won = winner === 1 || winner === 2;
        expect([env.winner(), env.terminated, env.success, env.reward]).toEqual([
          winner,
          winner !== 0,
          won,
          won ? 1 : 0,
        ]);
      }
      winners.add(env.winner());
    }
    expect([1, 2].every((player) => winners.has(player))).toBe(true);
  });
  test("a full board without four is drawn: reward 0", () => {
    const env = two();
    play(env, "115615425441644643061066220003213052333525");
    const { reward, success, terminated, truncated } = env;
    expect([env.winner(), reward, success, terminated, truncated]).toEqual([
      3,
      0,
      false,
      true,
      false,
    ]);
    expect(env.isLegal(0)).toBe(false);
  });
  test("no column has room once a game is over; columns that are none are refused", () => {
    const env = two();
    play(env, "0101010");
    expect([0, 1, 2].map((c) => env.isLegal(c))).toEqual([false, false, false]);
    for (const column of [-1, 7, 0.5, Number.NaN])
      expect(() => two().act([column], 0)).toThrow(EnvError);
  });
  test("against an opponent, an action is answered at once; who begins is drawn", () => {
    const env = new ConnectFour({ opponent: () => 6 });
    const sides = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      env.reset({ seed });
      const side = 1 + new Random(seed).below(2);
      sides.add(side);
      expect([env.moves(), env.turn()]).toEqual([side - 1, side]);
      env.act([0], 0);
      expect(env.moves()).toBe(side + 1);
      expect([env.state[35], env.state[41]]).toEqual([side, 3 - side]);
      env.act([1], 0);
      env.act([0], 0);
      if (side === 2) {
        expect([env.reward, env.success, env.terminated]).toEqual([-1, false, true]); // its fourth is up
        continue;
      }
      expect(env.terminated).toBe(false);
      env.act([0], 0);
      expect([env.reward, env.success, env.winner()]).toEqual([-1, false, 2]);
    }
    expect(sides.size).toBe(2);
    env.reset({ seed: 3 });
    while (!env.terminated) env.act([0], 0);
    expect(env.reward).toBe(env.winner() === env.state[43] ? 1 : -1);
  });
  test("the agent's own fourth wins before an answer", () => {
    let answers = 0;
    const env = new ConnectFour({
      opponent: (game) => {
        answers++;
        return [6, 5][game.moves() % 4 < 2 ? 0 : 1];
      },
    });
    env.reset({ seed: 1 });
    const before = answers;
    for (let i = 0; i < 4; i++) env.act([2], 0);
    expect([env.reward, env.success, env.terminated, answers - before]).toEqual([1, true, true, 3]);
  });
  test("the random opponent plays each legal column as often", () => {
    const env = two();
    play(env, "000000");
    const random = new Random(1);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 1200; i++) counts[randomOpponent(env, random)]++;
    expect(counts[0]).toBe(0);
    for (const n of counts.slice(1)) expect(Math.abs(n - 200)).toBeLessThan(60);
    const again = new Random(1);
    const want = Array.from({ length: 20 }, () => 1 + again.below(6));
    const same = new Random(1);
    expect(want.map(() => randomOpponent(env, same))).toEqual(want);
  });
  test("planes of the mover's and the other's stones; as text", () => {
    const env = two();
    play(env, "033");
    const planes = seen(env); // the second player is to move
    expect(planes.flatMap((x, i) => (x === 1 ? [i] : []))).toEqual([38, 42 + 31, 42 + 35]);
    expect(planes.filter((x) => x === 0).length).toBe(81);
    expect(env.render().split("\n").slice(3)).toEqual([
      "· · · · · · ·",
      "· · · X · · ·",
      "X · · O · · ·",
    ]);
  });
});
