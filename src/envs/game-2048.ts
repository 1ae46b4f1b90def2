/**
 * 2048, the game by Cirulli 2014: tiles slide on 4 × 4 cells, and two equal ones that meet merge into their sum.
 *
 * Observation: 16 planes of 4 × 4: plane 0 for empty cells, plane k for tiles 2ᵏ, plane 15 for all from 2¹⁵ on. Actions: up, down,
 * left, right; the mask allows those that move a tile. Reward: the sum of the new tiles, which is the game's
 * score; or the sum of their log2. Terminates when no tile can move, a success if 2048 was reached.
 *
 * Each move slides every tile as far as it goes; the tiles nearest the wall merge first, and a new tile does not merge again
 * in that move. Then a tile appears in a random empty cell: 2 with probability 0.9, else 4. Starts with two such tiles.
 */
import type { Floats } from "../core/backend.ts";
import { EnvError } from "../core/errors.ts";
import { Dynamics } from "./env.ts";
import { box, discrete } from "./space.ts";

export interface Game2048Options {
  /** The reward of a new tile: its number (default), or its log2. */
  readonly reward?: "score" | "log2";
  /** Default 10,000. */
  readonly maxSteps?: number;
}

const size = 4;
const cells = size * size;
const planes = 16;
const goal = 11; // 2¹¹ = 2048

/** Per action: the first line's cell at the wall, the step to the next line, the step away from the wall. */
const slides = [
  [0, 1, size],
  [cells - size, 1, -size],
  [0, size, 1],
  [size - 1, size, -1],
] as const;

export class Game2048 extends Dynamics {
  readonly observationSpace = box(0, 1, [planes, size, size]);
  readonly actionSpace = discrete(["up", "down", "left", "right"]);
  /** The log2 of each cell's tile, row by row; 0 for an empty cell. */
  readonly state = new Float64Array(cells);
  private readonly next = new Float64Array(cells);
  private readonly score: boolean;
  /** The reward of the last slide. */
  private gain = 0;

  constructor({ reward = "score", maxSteps = 10_000 }: Game2048Options = {}) {
    super(maxSteps);
    this.score = reward === "score";
  }

  protected begin(): void {
    this.state.fill(0);
    this.appear();
    this.appear();
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const action = actions[at];
    if (!this.slide(action)) {
      const name = this.actionSpace.names?.[action] ?? action;
      throw new EnvError(`2048: expected a move that moves a tile, got ${name}`);
    }
    this.state.set(this.next);
    this.reward = this.gain;
    this.appear();
    this.terminated = !slides.some((_, other) => this.slide(other));
    this.success = this.state.some((tile) => tile >= goal);
  }

  /** Puts a new tile on an empty cell. */
  private appear(): void {
    const { state, random } = this;
    let empty = 0;
    for (let cell = 0; cell < cells; cell++) if (state[cell] === 0) empty++;
    let left = random.below(empty);
    let cell = 0;
    while (state[cell] !== 0 || left-- > 0) cell++;
    state[cell] = random.uniform() < 0.9 ? 1 : 2;
  }

  /** Writes the tiles after a move to `next` and its reward to `gain`. Returns true if a tile moves. */
  slide(action: number): boolean {
    const [first, across, away] = slides[action];
    this.next.fill(0);
    this.gain = 0;
    let moves = false;
    for (let line = 0; line < size; line++)
      if (this.slideLine(first + line * across, away)) moves = true;
    return moves;
  }

  private slideLine(wall: number, away: number): boolean {
    const { state, next } = this;
    let to = wall; // the next free cell
    let merges = false; // whether the last tile may merge
    let moves = false;
    for (let i = 0, from = wall; i < size; i++, from += away) {
      const tile = state[from];
      if (tile === 0) continue;
      if (merges && next[to - away] === tile) {
        next[to - away]++;
        this.gain += this.score ? 1 << (tile + 1) : tile + 1;
        merges = false;
        moves = true;
      } else {
        next[to] = tile;
        if (to !== from) moves = true;
        to += away;
        merges = true;
      }
    }
    return moves;
  }

  override mask(out: Floats, at: number): void {
    const over = this.terminated;
    for (let action = 0; action < slides.length; action++)
      out[at + action] = over || this.slide(action) ? 1 : 0;
  }

  observe(out: Floats, at: number): void {
    out.fill(0, at, at + planes * cells);
    for (let cell = 0; cell < cells; cell++)
      out[at + Math.min(this.state[cell], planes - 1) * cells + cell] = 1;
  }

  render(): string {
    const numbers = Array.from(this.state, (tile) =>
      (tile === 0 ? "·" : String(1 << tile)).padStart(6),
    );
    return Array.from({ length: size }, (_, row) =>
      numbers.slice(row * size, (row + 1) * size).join(""),
    ).join("\n");
  }
}
