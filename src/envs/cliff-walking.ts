/**
 * CliffWalking-v1 of Gymnasium: Sutton & Barto, "Reinforcement learning", example 6.6. Walk along a cliff
 * from one corner to the other.
 *
 * States: cells of 4 rows and 12 columns, row by row. Actions: up, right, down, left; where it is
 * slippery, a move goes to either side with equal probability. Reward: −1 per step; −100 for the cliff,
 * which leads back to the start. Terminates at the goal. Gymnasium sets no step limit; here it is 500.
 */
import { drawGrid, moved } from "./grid.ts";
import { TabularDynamics, tableOf } from "./tabular.ts";

export interface CliffWalkingOptions {
  readonly slippery?: boolean;
  readonly maxSteps?: number;
}

const map = ["............", "............", "............", "SCCCCCCCCCCG"];
const start = 36;
const goal = 47;
const isCliff = (cell: number): boolean => cell > start && cell < goal;

/** [rows, columns] of up, right, down, left. */
const steps = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1],
] as const;

export class CliffWalking extends TabularDynamics {
  constructor({ slippery = false, maxSteps = 500 }: CliffWalkingOptions = {}) {
    const table = tableOf(48, 4, (cell, action) => {
      const moves = slippery ? [(action + 3) % 4, action, (action + 1) % 4] : [action];
      return moves.map((a) => {
        const [down, right] = steps[a];
        const to = moved(cell, 4, 12, down, right);
        return {
          probability: 1 / moves.length,
          next: isCliff(to) ? start : to,
          reward: isCliff(to) ? -100 : -1,
          terminated: to === goal,
        };
      });
    });
    super(table, [start], maxSteps, ["up", "right", "down", "left"]);
  }

  protected override advance(actions: ArrayLike<number>, at: number): void {
    super.advance(actions, at);
    this.success = this.terminated;
  }

  render(): string {
    return drawGrid(map, this.state[0], "●");
  }
}
