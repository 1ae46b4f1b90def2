/**
 * Shoot: drones sink from the top, ever more of them; a cannon on the ground shoots them down.
 *
 * Observation: three planes of 10 × 10: the cannon; seen from it (planes.ts), its shot and the drones. Actions: stay, left,
 * right, fire. Reward: 1 per drone shot. Terminates when a drone is on the ground; truncated after `maxSteps`.
 *
 * The cannon acts first; it fires while no shot of its own is in the air. A shot rises by two cells per step and is gone
 * with the drone that it meets, or at the top. All drones sink by one row in every fourth step. Then a drone enters the top
 * row in a random column, if it has none, with a probability that grows from 0.05 to 0.25 over the first 600 steps.
 */
import { cells, PlaneGame, size } from "./planes.ts";
import { colors } from "./scene.ts";
import { discrete } from "./space.ts";

export interface ShootOptions {
  /** Default 1,000. */
  readonly maxSteps?: number;
}

const ground = size - 1; // row
const fire = 3; // action

// Indices in the state.
const cannon = 0; // column
const shotRow = 1; // −1: none
const shotColumn = 2;
const time = 3;
const drones = 4; // per column: its drone's row, −1 for none

export class Shoot extends PlaneGame {
  readonly actionSpace = discrete(["stay", "left", "right", "fire"]);
  /** [cannon's column, shot's row, shot's column, time, rows of ten columns' drones …] */
  readonly state = new Float64Array(drones + size);

  constructor({ maxSteps = 1000 }: ShootOptions = {}) {
    super(
      [
        { sign: "▲", color: colors.first },
        { sign: "∘", color: colors.third },
        { sign: "▾", color: colors.second },
      ],
      maxSteps,
    );
  }

  protected begin(): void {
    this.state.fill(-1);
    this.state[cannon] = size / 2;
    this.state[time] = 0;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    this.reward = 0;
    const action = actions[at];
    if (action === fire && state[shotRow] < 0) {
      state[shotRow] = ground;
      state[shotColumn] = state[cannon];
    } else if (action !== fire) {
      const push = action === 1 ? -1 : action === 2 ? 1 : 0;
      state[cannon] = Math.min(Math.max(state[cannon] + push, 0), size - 1);
    }
    this.rise();
    state[time]++;
    if (state[time] % 4 === 0) this.sink();
    const chance = 0.05 + 0.2 * Math.min(state[time] / 600, 1);
    if (this.random.uniform() < chance) {
      const column = this.random.below(size);
      if (state[drones + column] < 0) state[drones + column] = 0;
    }
  }

  /** Moves the shot, by one cell at a time. */
  private rise(): void {
    const { state } = this;
    for (let i = 0; i < 2 && state[shotRow] >= 0; i++) {
      state[shotRow]--;
      const drone = drones + state[shotColumn];
      if (state[shotRow] < 0 || state[drone] !== state[shotRow]) continue;
      state[drone] = -1;
      state[shotRow] = -1;
      this.reward = 1;
    }
  }

  /** Moves the drones. A shot that a drone sinks into has hit it. */
  private sink(): void {
    const { state } = this;
    for (let column = 0; column < size; column++) {
      if (state[drones + column] < 0) continue;
      state[drones + column]++;
      if (state[drones + column] === ground) this.terminated = true;
      if (state[shotRow] !== state[drones + column] || state[shotColumn] !== column) continue;
      state[drones + column] = -1;
      state[shotRow] = -1;
      this.reward++;
    }
  }

  protected place(shown: Float32Array): void {
    const { state } = this;
    shown[ground * size + state[cannon]] = 1;
    if (state[shotRow] >= 0) shown[cells + state[shotRow] * size + state[shotColumn]] = 1;
    for (let column = 0; column < size; column++) {
      const row = state[drones + column];
      if (row >= 0) shown[2 * cells + row * size + column] = 1;
    }
  }
}
