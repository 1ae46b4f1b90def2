/**
 * FrozenLake-v1 of Gymnasium: cross a frozen lake from S to G over ice F, past holes H. On slippery
 * ice, a move may go to either side instead.
 *
 * States: cells, row by row. Actions: left, down, right, up. Reward: 1 for the goal. Terminates at the
 * goal or in a hole; truncated after 100 steps (4x4) or 200 (8x8).
 */
import { SettingError } from "../core/errors.ts";
import type { Outcome } from "./env.ts";
import { drawGrid, moved } from "./grid.ts";
import { TabularDynamics, tableOf } from "./tabular.ts";

export const frozenLakeMaps = {
  "4x4": ["SFFF", "FHFH", "FFFH", "HFFG"],
  "8x8": [
    "SFFFFFFF",
    "FFFFFFFF",
    "FFFHFFFF",
    "FFFFFHFF",
    "FFFHFFFF",
    "FHHFFFHF",
    "FHFFHFHF",
    "FFFHFFFG",
  ],
} as const;

export interface FrozenLakeOptions {
  /** The name of a map, or rows of S, F, H and G. Default "4x4". */
  readonly map?: keyof typeof frozenLakeMaps | readonly string[];
  readonly slippery?: boolean;
  /** The probability that a move on slippery ice goes in the chosen direction. Default 1/3. */
  readonly successRate?: number;
  /** The rewards of the goal, a hole, and any other cell. Default 1, 0, 0. */
  readonly rewards?: readonly [number, number, number];
  readonly maxSteps?: number;
}

/** [rows, columns] of left, down, right, up. */
const steps = [
  [0, -1],
  [1, 0],
  [0, 1],
  [-1, 0],
] as const;

export class FrozenLake extends TabularDynamics {
  private readonly map: readonly string[];
  private readonly goals: readonly boolean[];

  constructor({
    map = "4x4",
    slippery = true,
    successRate = 1 / 3,
    rewards = [1, 0, 0],
    maxSteps = map === "8x8" ? 200 : 100,
  }: FrozenLakeOptions = {}) {
    const rows = typeof map === "string" ? frozenLakeMaps[map] : map;
    const cells = checked(rows);
    const outcome = (cell: number, action: number, probability: number): Outcome => {
      const [down, right] = steps[action];
      const next = moved(cell, rows.length, rows[0].length, down, right);
      const kind = cells[next];
      const reward = rewards[kind === "G" ? 0 : kind === "H" ? 1 : 2];
      return { probability, next, reward, terminated: kind === "G" || kind === "H" };
    };
    const table = tableOf(cells.length, 4, (cell, action) => {
      if (cells[cell] === "G" || cells[cell] === "H") {
        return [{ probability: 1, next: cell, reward: 0, terminated: true }];
      }
      if (!slippery) return [outcome(cell, action, 1)];
      const astray = (1 - successRate) / 2;
      return [
        outcome(cell, (action + 3) % 4, astray),
        outcome(cell, action, successRate),
        outcome(cell, (action + 1) % 4, astray),
      ];
    });
    const starts = [...cells].flatMap((kind, cell) => (kind === "S" ? [cell] : []));
    super(table, starts, maxSteps, ["left", "down", "right", "up"]);
    this.map = rows;
    this.goals = [...cells].map((kind) => kind === "G");
  }

  protected override advance(actions: ArrayLike<number>, at: number): void {
    super.advance(actions, at);
    this.success = this.goals[this.state[0]];
  }

  render(): string {
    return drawGrid(this.map, this.state[0], "●");
  }
}

function checked(rows: readonly string[] | undefined): string {
  const cells = rows?.join("") ?? "";
  const fits = rows?.every((row) => row.length === rows[0].length) && /^[SFHG]+$/.test(cells);
  if (!fits || !cells.includes("S") || !cells.includes("G")) {
    throw new SettingError(
      "map: expected 4x4, 8x8, or equal rows of S, F, H and G with a start and a goal",
    );
  }
  return cells;
}
