/**
 * Connect four: two players drop stones into seven columns; four in a line win the game.
 *
 * Observation: two planes of 6 × 7, from the top: the stones of the player to move, and the other's.
 * Actions: a column, which the mask allows while it has room. Reward: 1 won, −1 lost, 0 drawn, at the end.
 *
 * With an opponent, each action is answered at once, and the first player is drawn. Without one, each action is
 * the move of the player to move, who gets the reward. For self-play, a past policy is the opponent: it sees
 * `observe` and `mask` as the player to move does.
 */
import type { Floats } from "../core/backend.ts";
import { EnvError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { Dynamics } from "./env.ts";
import { box, discrete } from "./space.ts";

/** Chooses a column in the game's current state; draws only from `random`. */
export type Opponent = (game: ConnectFour, random: Random) => number;

export interface ConnectFourOptions {
  /** The opponent. Default `randomOpponent`; null for none. */
  readonly opponent?: Opponent | null;
}

const rows = 6;
const columns = 7;
const cells = rows * columns;

// Indices in the state; the board is 0 to cells − 1: 0 empty, 1 or 2 the first or second player's stone.
const turn = cells; // 1 or 2
const agent = cells + 1; // 1 or 2
const winner = cells + 2; // 0 none yet, 1, 2, or `drawn`
const moves = cells + 3;
const drawn = 3;

/** [rows, columns] of a vertical, a horizontal and two diagonal steps. */
const lines = [
  [1, 0],
  [0, 1],
  [1, 1],
  [1, -1],
] as const;

export class ConnectFour extends Dynamics {
  readonly observationSpace = box(0, 1, [2, rows, columns]);
  readonly actionSpace = discrete(columns);
  /** [board from the top …, turn, the agent's side, winner, moves] */
  readonly state = new Float64Array(cells + 4);
  /** The opponent, which may be changed between episodes. */
  opponent: Opponent | null;

  constructor({ opponent = randomOpponent }: ConnectFourOptions = {}) {
    super(cells);
    this.opponent = opponent;
  }

  /** Returns the player to move: 1 is the first player, 2 the second. */
  turn(): 1 | 2 {
    return this.state[turn] as 1 | 2;
  }

  /** Returns the winner, 1 or 2; 0 while the game continues; 3 if it is drawn. */
  winner(): 0 | 1 | 2 | 3 {
    return this.state[winner] as 0 | 1 | 2 | 3;
  }

  /** Returns the number of stones on the board. */
  moves(): number {
    return this.state[moves];
  }

  isLegal(column: number): boolean {
    return this.state[winner] === 0 && this.state[column] === 0;
  }

  protected begin(): void {
    this.state.fill(0);
    this.state[turn] = 1;
    this.state[agent] = 1;
    if (this.opponent === null) return;
    this.state[agent] = 1 + this.random.below(2);
    if (this.state[agent] === 2) this.play(this.opponent(this, this.random));
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state, opponent } = this;
    if (opponent === null) state[agent] = state[turn];
    this.play(actions[at]);
    if (opponent !== null && state[winner] === 0) this.play(opponent(this, this.random));
    this.terminated = state[winner] !== 0;
    this.success = state[winner] === state[agent];
    const decided = this.terminated && state[winner] !== drawn;
    this.reward = decided ? (this.success ? 1 : -1) : 0;
  }

  /** Drops a stone for the player to move. */
  private play(column: number): void {
    const { state } = this;
    if (!(Number.isInteger(column) && column >= 0 && column < columns && this.isLegal(column))) {
      throw new EnvError(`connect four: expected a column with room, got ${column}`);
    }
    let cell = column;
    while (cell + columns < cells && state[cell + columns] === 0) cell += columns;
    state[cell] = state[turn];
    state[moves]++;
    if (this.isFour(cell)) state[winner] = state[turn];
    else if (state[moves] === cells) state[winner] = drawn;
    state[turn] = 3 - state[turn];
  }

  /** Returns whether a line through the cell has four stones like the cell's. */
  private isFour(cell: number): boolean {
    for (const [down, right] of lines) {
      if (1 + this.run(cell, down, right) + this.run(cell, -down, -right) >= 4) return true;
    }
    return false;
  }

  /** Counts contiguous stones like the cell's after it in one direction. */
  private run(cell: number, down: number, right: number): number {
    const { state } = this;
    let row = Math.floor(cell / columns) + down;
    let column = (cell % columns) + right;
    let n = 0;
    while (row >= 0 && row < rows && column >= 0 && column < columns) {
      if (state[row * columns + column] !== state[cell]) break;
      n++;
      row += down;
      column += right;
    }
    return n;
  }

  override mask(out: Floats, at: number): void {
    for (let column = 0; column < columns; column++)
      out[at + column] = this.isLegal(column) ? 1 : 0;
  }

  observe(out: Floats, at: number): void {
    const { state } = this;
    const mine = state[turn];
    for (let cell = 0; cell < cells; cell++) {
      out[at + cell] = state[cell] === mine ? 1 : 0;
      out[at + cells + cell] = state[cell] === 3 - mine ? 1 : 0;
    }
  }

  render(): string {
    return Array.from({ length: rows }, (_, row) =>
      Array.from(
        { length: columns },
        (_, column) => "·XO"[this.state[row * columns + column]],
      ).join(" "),
    ).join("\n");
  }
}

/** Plays a legal column, each equally likely. */
export const randomOpponent: Opponent = (game, random) => {
  let legal = 0;
  for (let column = 0; column < columns; column++) if (game.isLegal(column)) legal++;
  let left = random.below(legal);
  let column = 0;
  while (!game.isLegal(column) || left-- > 0) column++;
  return column;
};
