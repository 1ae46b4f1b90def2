/**
 * Dive: bring pearls to the surface before the air runs out.
 *
 * Observation: six planes of 10 × 10: the diver; seen from it (planes.ts), pearls, fish, and the cell that each fish comes
 * from; the air, as that many of the first cells, and the pearls carried, likewise. Actions: stay, up, down, left, right.
 * Reward: 1 per pearl brought to the surface, which is row 0. Terminates when a fish meets the diver, in a cell or between
 * two, or without air; truncated after `maxSteps`.
 *
 * The diver moves first and picks up a pearl where one lies, up to three. Fish in rows 2, 4, 6 and 8 swim by one cell in
 * every second step, and come back on the other side. The air lasts 40 steps and is full again at the surface. There are
 * three pearls, at random cells below the surface; a pearl picked up appears elsewhere.
 */
import { cells, directions, PlaneGame, size, stepped, wrapped } from "./planes.ts";
import { colors } from "./scene.ts";
import { discrete } from "./space.ts";

export interface DiveOptions {
  /** Default 500. */
  readonly maxSteps?: number;
}

const fullAir = 40;
const most = 3; // pearls lying, and carried
const shoals = 4;

// Indices in the state.
const diver = 0; // cell
const air = 1;
const carried = 2;
const time = 3;
const pearls = 4; // cells
const fish = pearls + most; // columns
const way = fish + shoals; // per fish: 1 right, −1 left

/** Returns the first cell of a fish's row. */
const rowOf = (i: number): number => (2 + 2 * i) * size;

export class Dive extends PlaneGame {
  readonly actionSpace = discrete(directions);
  /** [diver's cell, air, carried, time, cells of pearls …, columns of fish …, their ways …] */
  readonly state = new Float64Array(way + shoals);

  constructor({ maxSteps = 500 }: DiveOptions = {}) {
    super(
      [
        { sign: "●", color: colors.first },
        { sign: "∘", color: colors.third },
        { sign: "█", color: colors.second },
        { sign: "-", color: colors.ink },
        null,
        null,
      ],
      maxSteps,
    );
  }

  protected begin(): void {
    const { state, random } = this;
    state.fill(0);
    state[diver] = size / 2;
    state[air] = fullAir;
    for (let i = 0; i < most; i++) this.drop(i);
    for (let i = 0; i < shoals; i++) {
      state[fish + i] = random.below(size);
      state[way + i] = random.below(2) === 1 ? 1 : -1;
    }
  }

  /** Puts pearl i on a random cell without another. */
  private drop(i: number): void {
    const { state } = this;
    state[pearls + i] = 0;
    let cell: number;
    do cell = size + this.random.below(cells - size);
    while (state.subarray(pearls, pearls + most).includes(cell));
    state[pearls + i] = cell;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    const before = state[diver];
    state[diver] = stepped(before, actions[at]);
    state[air]--;
    state[time]++;
    this.reward = 0;
    for (let i = 0; i < most; i++) {
      if (state[pearls + i] !== state[diver] || state[carried] === most) continue;
      state[carried]++;
      this.drop(i);
    }
    for (let i = 0; i < shoals; i++) this.swim(i, before);
    if (state[diver] < size) {
      this.reward = state[carried];
      state[carried] = 0;
      state[air] = fullAir;
    }
    if (state[air] === 0) this.terminated = true;
  }

  /** Moves fish i if it is time. `before` is the diver's cell before its move. */
  private swim(i: number, before: number): void {
    const { state } = this;
    const from = rowOf(i) + state[fish + i];
    if (state[time] % 2 === 0) state[fish + i] = wrapped(state[fish + i] + state[way + i]);
    const to = rowOf(i) + state[fish + i];
    if (state[diver] === to || (state[diver] === from && before === to)) this.terminated = true;
  }

  protected place(shown: Float32Array): void {
    const { state } = this;
    shown[state[diver]] = 1;
    for (let i = 0; i < most; i++) shown[cells + state[pearls + i]] = 1;
    for (let i = 0; i < shoals; i++) {
      shown[2 * cells + rowOf(i) + state[fish + i]] = 1;
      shown[3 * cells + rowOf(i) + wrapped(state[fish + i] - state[way + i])] = 1;
    }
    shown.fill(1, 4 * cells, 4 * cells + state[air]);
    shown.fill(1, 5 * cells, 5 * cells + state[carried]);
  }

  protected override caption(): string {
    return `air ${this.state[air]}, pearls carried ${this.state[carried]}`;
  }
}
