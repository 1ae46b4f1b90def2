/**
 * Taxi-v4 of Gymnasium: Dietterich 2000, "Hierarchical reinforcement learning with the MAXQ value function
 * decomposition". Pick up a passenger at one of four places and drop them off at another.
 *
 * States: ((row·5 + column)·5 + passenger)·4 + destination, passenger and destination one of the places
 * R, G, Y, B, or the passenger 4: in the taxi. Actions: south, north, east, west, pick up, drop off; the
 * mask allows those that change the state. Reward: 20 for the right drop-off, −10 for a wrong pick-up or
 * drop-off, else −1. Terminates with the right drop-off; truncated after 200 steps. Starts: any state
 * with the passenger waiting elsewhere than at the destination.
 */
import type { Floats } from "../core/backend.ts";
import type { Outcome } from "./env.ts";
import { TabularDynamics, tableOf } from "./tabular.ts";

export interface TaxiOptions {
  /** Moves go to either side with probability 0.1 each. Default false. */
  readonly rainy?: boolean;
  readonly maxSteps?: number;
}

const map = [
  "+---------+",
  "|R: | : :G|",
  "| : | : : |",
  "| : : : : |",
  "| | : | : |",
  "|Y| : |B: |",
  "+---------+",
];
const size = 5;
const places = [0, 4, 20, 23]; // R, G, Y, B: row·5 + column
const inTaxi = 4;
const actions = 6;

const encode = (cell: number, passenger: number, destination: number): number =>
  (cell * 5 + passenger) * 4 + destination;

/** Returns the cell that a move south, north, east or west leads to. */
function moved(cell: number, action: number): number {
  const row = Math.floor(cell / size);
  const column = cell % size;
  if (action === 0) return row < size - 1 ? cell + size : cell;
  if (action === 1) return row > 0 ? cell - size : cell;
  if (action === 2) return map[row + 1][2 * column + 2] === ":" ? cell + 1 : cell;
  return map[row + 1][2 * column] === ":" ? cell - 1 : cell;
}

/** The moves to the left and right of each move. */
const sides = [
  [2, 3],
  [3, 2],
  [1, 0],
  [0, 1],
] as const;

function outcomes(state: number, action: number, rainy: boolean): Outcome[] {
  const destination = state % 4;
  const passenger = Math.floor(state / 4) % 5;
  const cell = Math.floor(state / 20);
  const to = (next: number, reward: number, probability = 1, terminated = false): Outcome => ({
    probability,
    next,
    reward,
    terminated,
  });
  if (action === 4) {
    const waits = passenger !== inTaxi && places[passenger] === cell;
    return [waits ? to(encode(cell, inTaxi, destination), -1) : to(state, -10)];
  }
  if (action === 5) {
    const place = passenger === inTaxi ? places.indexOf(cell) : -1;
    if (place < 0) return [to(state, -10)];
    const brought = place === destination;
    return [to(encode(cell, place, destination), brought ? 20 : -1, 1, brought)];
  }
  const move = (a: number, probability: number): Outcome =>
    to(encode(moved(cell, a), passenger, destination), -1, probability);
  if (!rainy) return [move(action, 1)];
  const [left, right] = sides[action];
  return [move(action, 0.8), move(left, 0.1), move(right, 0.1)];
}

export class Taxi extends TabularDynamics {
  constructor({ rainy = false, maxSteps = 200 }: TaxiOptions = {}) {
    const states = size * size * 5 * 4;
    const starts = Array.from({ length: states }, (_, s) => s).filter((s) => {
      const passenger = Math.floor(s / 4) % 5;
      return passenger !== inTaxi && passenger !== s % 4;
    });
    super(
      tableOf(states, actions, (s, a) => outcomes(s, a, rainy)),
      starts,
      maxSteps,
      ["south", "north", "east", "west", "pick up", "drop off"],
    );
  }

  protected override advance(actions: ArrayLike<number>, at: number): void {
    super.advance(actions, at);
    this.success = this.terminated;
  }

  override mask(out: Floats, at: number): void {
    const state = this.state[0];
    for (let a = 0; a < actions; a++) {
      const changes = this.outcomes(state, a)[0].next !== state;
      out[at + a] = changes ? 1 : 0;
    }
  }

  render(): string {
    const state = this.state[0];
    const passenger = Math.floor(state / 4) % 5;
    const cell = Math.floor(state / 20);
    const rows = map.map((row) => [...row]);
    rows[1 + Math.floor(cell / size)][1 + 2 * (cell % size)] = passenger === inTaxi ? "█" : "▒";
    const from = passenger === inTaxi ? "in the taxi" : `at ${"RGYB"[passenger]}`;
    const text = rows.map((row) => row.join("")).join("\n");
    return `${text}\npassenger ${from}, to ${"RGYB"[state % 4]}`;
  }
}
