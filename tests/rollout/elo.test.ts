/** Ratings by the formula, and games between players whose strength is known. */
import { expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { type Opponent, randomOpponent } from "../../src/envs/connect-four.ts";
import { searchOpponent } from "../../src/envs/connect-four-search.ts";
import { eloRatings, roundRobin } from "../../src/rollout/elo.ts";

test("two players by hand: with one drawn game more, 400·log10 of the ratio of points", () => {
  const [first, second] = eloRatings(Float64Array.of(0, 2, 7, 0));
  expect(first).toBe(0);
  expect(second).toBeCloseTo(400 * Math.log10(7.5 / 2.5), 6);
});

test("ratings are where each player's expected points are its points", () => {
  const points = Float64Array.of(0, 3, 1, 0, 7, 0, 4, 2, 9, 6, 0, 5, 10, 8, 5, 0);
  const ratings = eloRatings(points);
  for (let i = 0; i < 4; i++) {
    let [won, expected] = [0, 0];
    for (let j = 0; j < 4; j++) {
      if (j === i) continue;
      won += points[4 * i + j] + 0.5;
      const share = 1 / (1 + 10 ** ((ratings[j] - ratings[i]) / 400));
      expected += (points[4 * i + j] + points[4 * j + i] + 1) * share;
    }
    expect(expected).toBeCloseTo(won, 5);
  }
});

test("a round robin: half of the games each begins, points sum to the games, the stronger get more", () => {
  const begun = [0, 0, 0];
  const counting =
    (i: number, player: Opponent): Opponent =>
    (game, random) => {
      if (game.moves() === 0) begun[i]++;
      return player(game, random);
    };
  const players = [randomOpponent, searchOpponent(1), searchOpponent(4)].map((p, i) =>
    counting(i, p),
  );
  const points = roundRobin(players, 10, new Random(1));
  expect(begun).toEqual([10, 10, 10]);
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ]) {
    expect(points[3 * i + j] + points[3 * j + i]).toBe(10);
    expect(points[3 * j + i]).toBeGreaterThan(5);
  }
  const ratings = eloRatings(points);
  expect([...ratings].sort((a, b) => a - b)).toEqual(ratings);
});
