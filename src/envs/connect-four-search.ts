/**
 * Alpha-beta search for connect four: Knuth & Moore 1975, "An analysis of alpha-beta pruning". It sees wins and
 * losses within `depth` stones, prefers earlier wins and later losses, and knows nothing else about a position.
 */
import { checkInteger } from "../core/check.ts";
import type { Random } from "../core/random.ts";
import type { ConnectFour, Opponent } from "./connect-four.ts";

const rows = 6;
const columns = 7;
const cells = rows * columns;
/** Columns from the middle, where most lines cross, so that good replies are found early. */
const order = [3, 2, 4, 1, 5, 0, 6] as const;

/** For each cell, the numbers of the lines of four through it. */
const linesOf: readonly (readonly number[])[] = (() => {
  const through: number[][] = Array.from({ length: cells }, () => []);
  let line = 0;
  for (let cell = 0; cell < cells; cell++) {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    for (const [down, right] of [
      [1, 0],
      [0, 1],
      [1, 1],
      [1, -1],
    ] as const) {
      const last = column + 3 * right;
      if (row + 3 * down >= rows || last < 0 || last >= columns) continue;
      for (let i = 0; i < 4; i++) through[cell + i * (down * columns + right)].push(line);
      line++;
    }
  }
  return through;
})();
const lineCount = 69;

/** A position with the number of each player's stones in every line of four. */
class Position {
  private readonly height = new Uint8Array(columns);
  /** [players, lines] */
  private readonly stones = new Uint8Array(2 * lineCount);
  private moves = 0;

  /** Reads the position of a game. */
  read({ state }: ConnectFour): void {
    this.height.fill(0);
    this.stones.fill(0);
    this.moves = 0;
    for (let cell = cells - 1; cell >= 0; cell--)
      if (state[cell] !== 0) this.drop(cell % columns, state[cell] - 1);
  }

  hasRoom(column: number): boolean {
    return this.height[column] < rows;
  }

  /** Returns the cell of the column's lowest room, from the top. */
  private room(column: number): number {
    return (rows - 1 - this.height[column]) * columns + column;
  }

  /** Drops a stone of player 0 or 1. Returns true if it makes four in a line. */
  private drop(column: number, player: number): boolean {
    const lines = linesOf[this.room(column)];
    let four = false;
    for (let i = 0; i < lines.length; i++)
      if (++this.stones[player * lineCount + lines[i]] === 4) four = true;
    this.height[column]++;
    this.moves++;
    return four;
  }

  private lift(column: number, player: number): void {
    this.height[column]--;
    this.moves--;
    const lines = linesOf[this.room(column)];
    for (let i = 0; i < lines.length; i++) this.stones[player * lineCount + lines[i]]--;
  }

  /**
   * Returns the value of a column for the player: the depth left at the winning stone, at least 1; the negative of that for a loss;
   * 0 for a draw or for what is beyond `depth` ≥ 1. Values outside alpha to beta are bounds.
   */
  value(column: number, player: number, depth: number, alpha: number, beta: number): number {
    const won = this.drop(column, player);
    let value = 0;
    if (won) value = depth;
    else if (depth > 1 && this.moves < cells)
      value = -this.best(1 - player, depth - 1, -beta, -alpha);
    this.lift(column, player);
    return value;
  }

  private best(player: number, depth: number, alpha: number, beta: number): number {
    let best = -Infinity;
    for (const column of order) {
      if (!this.hasRoom(column)) continue;
      best = Math.max(best, this.value(column, player, depth, Math.max(alpha, best), beta));
      if (best >= beta) break;
    }
    return best;
  }
}

/** Returns an opponent that looks `depth` stones, 1 to 12, ahead, its own first, and draws among columns of equal value. */
export function searchOpponent(depth: number): Opponent {
  checkInteger("searchOpponent", "depth", depth, { min: 1, max: 12 });
  const position = new Position();
  return (game: ConnectFour, random: Random): number => {
    position.read(game);
    let best = -Infinity;
    let columns: number[] = [];
    for (const column of order) {
      if (!position.hasRoom(column)) continue;
      const value = position.value(column, game.turn() - 1, depth, best - 1, Infinity);
      if (value > best) columns = [];
      if (value >= best) columns.push(column);
      best = Math.max(best, value);
    }
    return columns[random.below(columns.length)];
  };
}
