/**
 * Crossing: walk over a road of eight lanes, again and again, without meeting a car.
 *
 * Observation: five planes of 10 × 10: the walker; seen from it (planes.ts), the cars, and the cell that each car comes
 * from, on a plane of its own for cars that move in every step, every second and every third. Actions: stay, up, down, left,
 * right. Reward: 1 for each row reached for the first time in a crossing, of which there are nine. Terminates when a car and
 * the walker meet, in a cell or between two; truncated after `maxSteps`.
 *
 * The walker moves first, then the cars. Rows 1 to 8 are lanes with two cars each, a random distance of 3 to 5 apart, and a
 * random side and pace; what leaves on one side comes back on the other. Rows 0 and 9 are safe. Who reaches row 0 begins
 * again below, in lanes that are drawn again.
 */
import { cells, directions, PlaneGame, size, stepped, wrapped } from "./planes.ts";
import { colors } from "./scene.ts";
import { discrete } from "./space.ts";

export interface CrossingOptions {
  /** Default 500. */
  readonly maxSteps?: number;
}

const lanes = size - 2;

// Indices in the state.
const walker = 0; // cell
const best = 1; // the least row of this crossing
const time = 2;
const way = 3; // per lane: 1 right, −1 left
const pace = way + lanes; // per lane: steps per cell
const first = pace + lanes; // per lane: the first car's column
const second = first + lanes; // per lane: the second car's column

export class Crossing extends PlaneGame {
  readonly actionSpace = discrete(directions);
  /** [walker's cell, best row, time, ways …, paces …, columns of first cars …, of second cars …] */
  readonly state = new Float64Array(second + lanes);

  constructor({ maxSteps = 500 }: CrossingOptions = {}) {
    super(
      [
        { sign: "●", color: colors.first },
        { sign: "█", color: colors.second },
        { sign: "=", color: colors.ink },
        { sign: "-", color: colors.ink },
        { sign: "∘", color: colors.ink },
      ],
      maxSteps,
    );
  }

  protected begin(): void {
    this.state[time] = 0;
    this.set();
  }

  /** Puts the walker below and draws the lanes. */
  private set(): void {
    const { state, random } = this;
    state[walker] = (size - 1) * size + size / 2;
    state[best] = size - 1;
    for (let lane = 0; lane < lanes; lane++) {
      state[way + lane] = random.below(2) === 1 ? 1 : -1;
      state[pace + lane] = 1 + random.below(3);
      state[first + lane] = random.below(size);
      state[second + lane] = wrapped(state[first + lane] + 3 + random.below(3));
    }
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    const before = state[walker];
    state[walker] = stepped(before, actions[at]);
    this.reward = 0;
    state[time]++;
    for (let lane = 0; lane < lanes; lane++) this.drive(lane, before);
    const row = Math.floor(state[walker] / size);
    if (this.terminated || row >= state[best]) return;
    state[best] = row;
    this.reward = 1;
    if (row === 0) this.set();
  }

  /** Moves a lane's cars if it is time. `before` is the walker's cell before its move. */
  private drive(lane: number, before: number): void {
    const { state } = this;
    const moves = state[time] % state[pace + lane] === 0;
    const row = (1 + lane) * size;
    for (const car of [first + lane, second + lane]) {
      const from = row + state[car];
      if (moves) state[car] = wrapped(state[car] + state[way + lane]);
      const to = row + state[car];
      if (state[walker] === to || (state[walker] === from && before === to)) this.terminated = true;
    }
  }

  protected place(shown: Float32Array): void {
    const { state } = this;
    shown[state[walker]] = 1;
    for (let lane = 0; lane < lanes; lane++) {
      const row = (1 + lane) * size;
      const behind = (1 + state[pace + lane]) * cells + row;
      for (const car of [first + lane, second + lane]) {
        shown[cells + row + state[car]] = 1;
        shown[behind + wrapped(state[car] - state[way + lane])] = 1;
      }
    }
  }
}
