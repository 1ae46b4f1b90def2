/** Games by hand-made positions. */
import { describe, expect, test } from "vitest";
import { EnvError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Blackjack, type BlackjackOptions } from "../../src/envs/blackjack.ts";
import { Breakout } from "../../src/envs/breakout.ts";
import { Catch } from "../../src/envs/catch.ts";
import { ConnectFour, randomOpponent } from "../../src/envs/connect-four.ts";
import { after, seen } from "../support/seen.ts";

/** Cards that a fresh generator deals. */
const deal = (seed: number) => {
  const random = new Random(seed);
  return (): number => Math.min(1 + random.below(13), 10);
};
describe("Blackjack", () => {
  const stick = (state: number[], options: BlackjackOptions = {}): number => {
    const env = new Blackjack(options);
    const { reward, terminated, success } = after(env, state, 0);
    expect([terminated, success]).toEqual([true, reward > 0]);
    return reward;
  };
  const hard = (sum: number, cards = 3): number[] => [sum, 0, cards];
  test("closer to 21 wins, the same is drawn, a dealer above 21 loses", () => {
    expect(stick([...hard(20), ...hard(19), 10])).toBe(1);
    expect(stick([...hard(19), ...hard(19), 10])).toBe(0);
    expect(stick([...hard(18), ...hard(19), 10])).toBe(-1);
    expect(stick([...hard(12), ...hard(22), 10])).toBe(1);
    expect(stick([...hard(20), 11, 1, 3, 1])).toBe(-1); // 21 with an ace that counts 11
    expect(stick([11, 1, 3, ...hard(20), 10])).toBe(1);
    expect(stick([12, 1, 3, ...hard(17), 10])).toBe(-1); // an ace of 11 would be 22
  });
  test("a natural beats 21 of more cards under Sutton & Barto's rules alone; else it may pay 1.5", () => {
    const natural = [11, 1, 2];
    const over = [...natural, ...hard(21), 10];
    expect([
      stick(over),
      stick(over, { sab: false }),
      stick(over, { sab: false, natural: true }),
    ]).toEqual([1, 0, 0]);
    const wins = [...natural, ...hard(20), 10];
    expect([stick(wins), stick(wins, { natural: true }), stick(wins, { sab: false })]).toEqual([
      1, 1, 1,
    ]);
    expect(stick(wins, { sab: false, natural: true })).toBe(1.5);
    expect(stick([...natural, ...natural, 1])).toBe(0);
    expect(stick([...hard(21), ...hard(20), 10], { sab: false, natural: true })).toBe(1);
    expect(stick([...hard(21), ...hard(21), 10])).toBe(0); // three cards are none
    const loses = [...hard(20), ...natural, 1];
    expect(stick(loses, { sab: false, natural: true })).toBe(-1);
  });
  test("the dealer draws up to 17, an ace counting 11 where it can", () => {
    const env = new Blackjack();
    for (let seed = 0; seed < 30; seed++) {
      for (const [sum, ace] of [
        [5, 0],
        [16, 0],
        [6, 1],
        [7, 1],
        [17, 0],
      ]) {
        env.startFrom([...hard(20), sum, ace, 2, 5]);
        env.seed(seed);
        env.act([0], 0);
        const card = deal(seed);
        let [total, hasAce, cards] = [sum, ace === 1, 2];
        const worth = (): number => (hasAce && total <= 11 ? total + 10 : total);
        while (worth() < 17) {
          const drawn = card();
          total += drawn;
          hasAce ||= drawn === 1;
          cards++;
        }
        expect([...env.state.subarray(3, 6)]).toEqual([total, Number(hasAce), cards]);
      }
    }
  });
  test("a hit draws one card, and above 21 loses at once", () => {
    const env = new Blackjack();
    for (let seed = 0; seed < 30; seed++) {
      env.startFrom([...hard(15), ...hard(10), 10]);
      env.seed(seed);
      env.act([1], 0);
      const card = deal(seed)();
      expect([...env.state.subarray(0, 3)]).toEqual([15 + card, Number(card === 1), 4]);
      expect([env.terminated, env.reward, env.success]).toEqual([
        card > 6,
        card > 6 ? -1 : 0,
        false,
      ]);
    }
  });
  test("the dealer is dealt first, and shows the first card; what is seen", () => {
    const env = new Blackjack();
    for (let seed = 0; seed < 30; seed++) {
      env.reset({ seed });
      const card = deal(seed);
      const [a, b, c, d] = [card(), card(), card(), card()];
      const ace = (x: number, y: number): number => Number(x === 1 || y === 1);
      expect([...env.state]).toEqual([c + d, ace(c, d), 2, a + b, ace(a, b), 2, a]);
      const soft = ace(c, d) === 1 ? 10 : 0;
      expect(seen(env)).toEqual([c + d + soft, a, ace(c, d)]);
    }
    env.startFrom([12, 1, 3, 9, 0, 2, 4]);
    expect(seen(env)).toEqual([12, 4, 0]);
    expect(env.render()).toBe("player 12, dealer 4");
    env.startFrom([11, 1, 3, 18, 0, 2, 4]);
    expect(env.render()).toBe("player 21 (soft), dealer 4");
    env.act([0], 0);
    expect(env.render()).toBe("player 21 (soft), dealer 18");
  });
});

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
    const { state: s, reward, terminated } = after(env, from, action);
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
      after(env, state(5, [4, 4], [-1, 1], [at(3, 5), at(3, 6)]), 1)
        .state.slice(8)
        .findIndex((x) => x === 1),
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
    const { state: s, reward } = after(env, state(5, [8, 4], [1, 1]), 1);
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
    expect(after(always, state(5, [4, 4], [1, 1], [], 2), 0).state[0]).toBe(6);
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
  test("planes cell by cell: paddle, ball, trail, bricks; and the same as text", () => {
    env.startFrom(state(3, [4, 4], [1, 1], [12, 39]));
    env.act([2], 0);
    const planes = seen(env);
    const ones = planes.flatMap((x, i) => (x === 1 ? [i] : []));
    expect(ones).toEqual([94, 100 + 55, 200 + 44, 300 + 12, 300 + 39]);
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
    const step = (state: number[], action: number) => after(env, state, action);
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
  test("300 random games: turns, winners, draws and rewards as the board says", () => {
    const random = new Random(2);
    const winners = new Set<number>();
    for (let game = 0; game < 300; game++) {
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
