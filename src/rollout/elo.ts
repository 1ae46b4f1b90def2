/** Ratings of players from games among all of them. */
import { exp, log } from "../core/math.ts";
import type { Random } from "../core/random.ts";
import { ConnectFour, type Opponent } from "../envs/connect-four.ts";

/**
 * Lets each pair play `games` games, of which each player begins half. Returns the points of each player against each
 * other, [players, players] row-major: 1 per game won, ½ per game drawn.
 */
export function roundRobin(
  players: readonly Opponent[],
  games: number,
  random: Random,
): Float64Array {
  const n = players.length;
  const points = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      for (let game = 0; game < games; game++) {
        const won = playGame(players, game % 2 === 0 ? [i, j] : [j, i], random);
        points[i * n + j] += won === null ? 0.5 : Number(won === i);
        points[j * n + i] += won === null ? 0.5 : Number(won === j);
      }
    }
  }
  return points;
}

/** Plays one game. Returns the number of the winner, or null if it is drawn. */
function playGame(
  players: readonly Opponent[],
  sides: readonly [number, number],
  random: Random,
): number | null {
  const game = new ConnectFour({ opponent: null });
  game.start();
  while (!game.terminated) game.act([players[sides[game.turn() - 1]](game, random)], 0);
  return game.success ? sides[game.winner() - 1] : null;
}

/**
 * Returns Elo ratings, with player 0 at 0: the Bradley–Terry model, which gives i an expected score of
 * pᵢ/(pᵢ + pⱼ) with pᵢ = 10^(ratingᵢ/400), fitted to points [players, players]. Each pair counts one drawn game more
 * than it played, so that ratings are finite. Fitted by Hunter 2004, "MM algorithms for generalized Bradley–Terry
 * models":
 *
 *   pᵢ ← Wᵢ / Σⱼ Nᵢⱼ/(pᵢ + pⱼ)
 *
 * with W a player's points and N a pair's games.
 */
export function eloRatings(points: Float64Array): number[] {
  const n = Math.sqrt(points.length);
  let strength = new Float64Array(n).fill(1);
  for (let change = 1, round = 0; change > 1e-9 && round < 100_000; round++) {
    const next = strength.map((p, i) => {
      let won = 0;
      let expected = 0;
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        won += points[i * n + j] + 0.5;
        expected += (points[i * n + j] + points[j * n + i] + 1) / (p + strength[j]);
      }
      return won / expected;
    });
    const scale = exp(next.reduce((sum, p) => sum + log(p), 0) / n);
    change = Math.max(...next.map((p, i) => Math.abs(p / scale / strength[i] - 1)));
    strength = next.map((p) => p / scale);
  }
  return Array.from(strength, (p) => (400 / log(10)) * log(p / strength[0]));
}
