/**
 * MountainCar-v0 of Gymnasium: Moore 1990, "Efficient memory-based learning for robot control". A car too
 * weak for the hill must swing up from the valley.
 *
 * Observation and state: position from −1.2 to 0.6, velocity within ±0.07. Actions: push left, none,
 * right. Reward: −1 per step. Terminates at position 0.5; truncated after 200 steps. Starts: at rest,
 * position uniform from −0.6 to −0.4.
 */
import type { Floats } from "../core/backend.ts";
import { cos } from "../core/math.ts";
import { Dynamics } from "./env.ts";
import { drawHill, hill, hillScene } from "./hill.ts";
import type { Scene } from "./scene.ts";
import { box, discrete } from "./space.ts";

export interface MountainCarOptions {
  /** The least velocity at the goal. Default 0. */
  readonly goalVelocity?: number;
  readonly maxSteps?: number;
}

const goal = 0.5;
const force = 0.001;
const gravity = 0.0025;

export class MountainCar extends Dynamics {
  readonly observationSpace = box(
    [hill.left, -hill.maxSpeed],
    [hill.right, hill.maxSpeed],
    [2],
    ["position", "velocity"],
  );
  readonly actionSpace = discrete(["left", "none", "right"]);
  /** [position, velocity] */
  readonly state = new Float64Array(2);
  private readonly goalVelocity: number;

  constructor({ goalVelocity = 0, maxSteps = 200 }: MountainCarOptions = {}) {
    super(maxSteps);
    this.goalVelocity = goalVelocity;
  }

  protected begin(): void {
    this.state[0] = hill.startLow + (hill.startHigh - hill.startLow) * this.random.uniform();
    this.state[1] = 0;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    const push = (actions[at] - 1) * force;
    const velocity = state[1] + push + cos(3 * state[0]) * -gravity;
    state[1] = Math.min(Math.max(velocity, -hill.maxSpeed), hill.maxSpeed);
    state[0] = Math.min(Math.max(state[0] + state[1], hill.left), hill.right);
    if (state[0] === hill.left && state[1] < 0) state[1] = 0; // the wall
    this.reward = -1;
    this.terminated = state[0] >= goal && state[1] >= this.goalVelocity;
    this.success = this.terminated;
  }

  observe(out: Floats, at: number): void {
    out[at] = this.state[0];
    out[at + 1] = this.state[1];
  }

  render(): string {
    return drawHill(this.state[0], goal);
  }

  override scene(): Scene {
    return hillScene(this.state[0], goal);
  }
}
