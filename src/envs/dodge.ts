/**
 * Dodge: stones fly across the field from either side, ever more of them; keep out of their way.
 *
 * Observation: three planes of 10 × 10: the player; seen from it (planes.ts), stones that fly right and stones that fly
 * left. Actions: stay, up, down, left, right. Reward: 1 per stone that leaves the field. Terminates when a stone meets the
 * player, in a cell or between two; truncated after `maxSteps`.
 *
 * The player moves first, then every stone by one cell, from the top row on; once one has met the player, none counts. Then
 * a stone enters with a probability that grows from 0.2 to 0.8 over the first 300 steps: in a random row, if it has none,
 * from a random side. The player starts in the middle.
 */
import { cells, directions, PlaneGame, size, stepped } from "./planes.ts";
import { colors } from "./scene.ts";
import { discrete } from "./space.ts";

export interface DodgeOptions {
  /** Default 500. */
  readonly maxSteps?: number;
}

// Indices in the state.
const player = 0; // cell
const time = 1;
const way = 2; // per row: 1 for a stone that flies right, −1 left, 0 none
const column = way + size; // per row: the stone's

export class Dodge extends PlaneGame {
  readonly actionSpace = discrete(directions);
  /** [player's cell, time, ways of ten rows …, columns of ten rows …] */
  readonly state = new Float64Array(column + size);

  constructor({ maxSteps = 500 }: DodgeOptions = {}) {
    super(
      [
        { sign: "●", color: colors.first },
        { sign: "▸", color: colors.second },
        { sign: "◂", color: colors.third },
      ],
      maxSteps,
    );
  }

  protected begin(): void {
    this.state.fill(0);
    this.state[player] = (size / 2) * size + size / 2;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    const before = state[player];
    state[player] = stepped(before, actions[at]);
    this.reward = 0;
    for (let row = 0; row < size; row++) if (state[way + row] !== 0) this.fly(row, before);
    state[time]++;
    const chance = 0.2 + 0.6 * Math.min(state[time] / 300, 1);
    if (!this.terminated && this.random.uniform() < chance) this.enter();
  }

  /** Moves a row's stone. `before` is the player's cell before its move. */
  private fly(row: number, before: number): void {
    const { state } = this;
    const from = row * size + state[column + row];
    state[column + row] += state[way + row];
    const left = state[column + row] < 0 || state[column + row] >= size;
    const to = row * size + state[column + row];
    const crossed = state[player] === from && before === to;
    if (crossed || (!left && state[player] === to)) this.terminated = true;
    if (!left) return;
    state[way + row] = 0;
    if (!this.terminated) this.reward++;
  }

  private enter(): void {
    const { state } = this;
    const row = this.random.below(size);
    const right = this.random.below(2) === 1;
    const start = right ? 0 : size - 1;
    if (state[way + row] !== 0 || state[player] === row * size + start) return;
    state[way + row] = right ? 1 : -1;
    state[column + row] = start;
  }

  protected place(shown: Float32Array): void {
    const { state } = this;
    shown[state[player]] = 1;
    for (let row = 0; row < size; row++) {
      if (state[way + row] === 0) continue;
      const plane = state[way + row] === 1 ? 1 : 2;
      shown[plane * cells + row * size + state[column + row]] = 1;
    }
  }
}
