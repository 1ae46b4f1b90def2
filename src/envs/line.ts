/**
 * The corrected example of docs/article.md: walk to the middle of a line and stay. Positions 0 to 10, start at 0,
 * actions 0 left and 1 right, clamped at the ends; the reward after a move is −|position − 5|. Truncated
 * after 50 steps. The observation is (position − 5)/5.
 */
import type { Floats } from "../core/backend.ts";
import { Dynamics, type Outcome, type Tabular } from "./env.ts";
import { box, discrete } from "./space.ts";

export interface LineOptions {
  /** The first position: "zero" (default), or "uniform" over all positions. */
  readonly start?: "zero" | "uniform";
  /** "article" also terminates at position 10, where the reward is worst. Default "none". */
  readonly end?: "none" | "article";
  readonly maxSteps?: number;
}

const positions = 11;
const goal = 5;

export class Line extends Dynamics implements Tabular {
  readonly observationSpace = box(-1, 1, [1], ["position"]);
  readonly actionSpace = discrete(["left", "right"]);
  readonly states = positions;
  readonly actions = 2;
  readonly startProbabilities: readonly number[];
  private readonly end: "none" | "article";
  /** [position] */
  readonly state = new Float64Array(1);

  constructor({ start = "zero", end = "none", maxSteps = 50 }: LineOptions = {}) {
    super(maxSteps);
    this.startProbabilities = Array.from({ length: positions }, (_, i) =>
      start === "uniform" ? 1 / positions : Number(i === 0),
    );
    this.end = end;
  }

  protected begin(): void {
    this.state[0] = this.random.categorical(this.startProbabilities);
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const position = moved(this.state[0], actions[at]);
    this.state[0] = position;
    this.reward = -Math.abs(position - goal);
    this.terminated = this.isEnd(position);
    this.success = Math.abs(position - goal) <= 1; // each step moves: the middle, or next to it
  }

  observe(out: Floats, at: number): void {
    out[at] = (this.state[0] - goal) / goal;
  }

  render(): string {
    return Array.from({ length: positions }, (_, i) =>
      i === this.state[0] ? "●" : i === goal ? "+" : "·",
    ).join("");
  }

  outcomes(state: number, action: number): readonly Outcome[] {
    const next = moved(state, action);
    return [{ probability: 1, next, reward: -Math.abs(next - goal), terminated: this.isEnd(next) }];
  }

  private isEnd(position: number): boolean {
    return this.end === "article" && position === positions - 1;
  }
}

const moved = (position: number, action: number): number =>
  Math.min(Math.max(position + (action === 1 ? 1 : -1), 0), positions - 1);
