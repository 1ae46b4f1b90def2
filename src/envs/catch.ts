/**
 * Catch: Mnih et al. 2014, "Recurrent models of visual attention", section 4.4, as in bsuite. A ball falls
 * from a random column; be below it when it lands.
 *
 * Observation: two planes of rows × columns, the ball and the paddle. Actions: left, stay, right. Reward:
 * 1 for the ball caught, −1 for it missed, on the last step. Terminates when the ball is at the bottom.
 */
import type { Floats } from "../core/backend.ts";
import { Dynamics } from "./env.ts";
import { type Box, box, discrete } from "./space.ts";

export interface CatchOptions {
  /** Default 10. */
  readonly rows?: number;
  /** Default 5. */
  readonly columns?: number;
}

export class Catch extends Dynamics {
  readonly observationSpace: Box;
  readonly actionSpace = discrete(["left", "stay", "right"]);
  /** [ball's row, ball's column, paddle's column] */
  readonly state = new Float64Array(3);
  private readonly rows: number;
  private readonly columns: number;

  constructor({ rows = 10, columns = 5 }: CatchOptions = {}) {
    super(rows);
    if (!(rows >= 2 && columns >= 1))
      throw new RangeError("Catch: expected rows ≥ 2 and columns ≥ 1");
    this.rows = rows;
    this.columns = columns;
    this.observationSpace = box(0, 1, [2, rows, columns]);
  }

  protected begin(): void {
    this.state[0] = 0;
    this.state[1] = this.random.below(this.columns);
    this.state[2] = Math.floor(this.columns / 2);
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    state[2] = Math.min(Math.max(state[2] + actions[at] - 1, 0), this.columns - 1);
    state[0]++;
    this.terminated = state[0] === this.rows - 1;
    this.success = this.terminated && state[1] === state[2];
    this.reward = this.terminated ? (this.success ? 1 : -1) : 0;
  }

  observe(out: Floats, at: number): void {
    const { rows, columns, state } = this;
    out.fill(0, at, at + 2 * rows * columns);
    out[at + state[0] * columns + state[1]] = 1;
    out[at + (2 * rows - 1) * columns + state[2]] = 1;
  }

  render(): string {
    const [row, ball, paddle] = this.state;
    return Array.from({ length: this.rows }, (_, i) =>
      Array.from({ length: this.columns }, (_, j) => {
        if (i === row && j === ball) return "●";
        return i === this.rows - 1 && j === paddle ? "▂" : "·";
      }).join(""),
    ).join("\n");
  }
}
