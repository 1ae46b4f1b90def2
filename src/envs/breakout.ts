/**
 * Breakout on 10 × 10 cells, after the description of such small games in Young & Tian 2019, "MinAtar",
 * arXiv:1903.03176, with rules of its own. A ball bounces between walls, bricks and a paddle.
 *
 * Observation: four planes of 10 × 10: the paddle; seen from it (planes.ts), the ball, where the ball was, and the bricks.
 * Actions: left, stay, right; with probability `sticky` the last one is repeated. Reward: 1 per brick. Terminates when the
 * ball passes the paddle; truncated after 1,000 steps. Starts: three full rows of bricks, the ball below them
 * in a random column, moving down to a random side.
 *
 * The ball moves one cell diagonally per step and bounces off walls. At a brick it reverses and removes the
 * brick; at the paddle it turns up, to the side where the paddle was moving. A cleared wall returns when the
 * ball next hits the paddle.
 */
import { cells, PlaneGame, size } from "./planes.ts";
import { colors } from "./scene.ts";
import { discrete } from "./space.ts";

export interface BreakoutOptions {
  /** The probability that the previous action is repeated. Default 0.1. */
  readonly sticky?: number;
  readonly maxSteps?: number;
}

const firstBrick = size; // cell; the top row stays free
const lastBrick = 4 * size - 1;
const startRow = 5;
const bottom = size - 1;

// Indices in the state.
const paddle = 0;
const row = 1;
const column = 2;
const down = 3; // 1 or −1
const right = 4; // 1 or −1
const trail = 5; // cell
const action = 6; // the last one
const left = 7; // bricks
const bricks = 8; // one per cell from here

export class Breakout extends PlaneGame {
  readonly actionSpace = discrete(["left", "stay", "right"]);
  /** [paddle, ball's row, column, down, right, trail, last action, bricks left, a brick in each cell …] */
  readonly state = new Float64Array(bricks + cells);
  private readonly sticky: number;

  constructor({ sticky = 0.1, maxSteps = 1000 }: BreakoutOptions = {}) {
    super(
      [
        { sign: "▂", color: colors.first },
        { sign: "●", color: colors.second },
        { sign: "∘", color: colors.ink },
        { sign: "▭", color: colors.ink },
      ],
      maxSteps,
    );
    if (!(sticky >= 0 && sticky <= 1))
      throw new RangeError(`sticky: expected 0 to 1, got ${sticky}`);
    this.sticky = sticky;
  }

  protected begin(): void {
    const { state } = this;
    state[paddle] = size / 2;
    state[row] = startRow;
    state[column] = this.random.below(size);
    state[down] = 1;
    state[right] = this.random.below(2) === 0 ? -1 : 1;
    state[trail] = state[row] * size + state[column];
    state[action] = 1;
    this.buildWall();
  }

  private buildWall(): void {
    this.state.fill(0, bricks);
    this.state.fill(1, bricks + firstBrick, bricks + lastBrick + 1);
    this.state[left] = lastBrick - firstBrick + 1;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    if (this.random.uniform() >= this.sticky) state[action] = actions[at];
    const push = state[action] - 1;
    state[paddle] = Math.min(Math.max(state[paddle] + push, 0), size - 1);
    state[trail] = state[row] * size + state[column];
    this.reward = 0;
    this.moveBall(push);
  }

  private moveBall(push: number): void {
    const { state } = this;
    if (state[column] + state[right] < 0 || state[column] + state[right] >= size) {
      state[right] = -state[right];
    }
    if (state[row] + state[down] < 0) state[down] = 1;
    const nextRow = state[row] + state[down];
    const nextColumn = state[column] + state[right];
    const cell = nextRow * size + nextColumn;
    if (state[bricks + cell] === 1) {
      state[bricks + cell] = 0;
      state[left]--;
      state[down] = -state[down];
      this.reward = 1;
    } else if (nextRow === bottom && nextColumn === state[paddle]) {
      state[down] = -1;
      if (push !== 0) state[right] = push;
      if (state[left] === 0) this.buildWall();
    } else {
      state[row] = nextRow;
      state[column] = nextColumn;
      this.terminated = nextRow === bottom;
    }
  }

  protected place(shown: Float32Array): void {
    const { state } = this;
    shown[bottom * size + state[paddle]] = 1;
    shown[cells + state[row] * size + state[column]] = 1;
    shown[2 * cells + state[trail]] = 1;
    for (let i = 0; i < cells; i++) shown[3 * cells + i] = state[bricks + i];
  }
}
