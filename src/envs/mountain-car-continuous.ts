/**
 * MountainCarContinuous-v0 of Gymnasium: MountainCar with a continuous force, which costs reward.
 *
 * Observation and state: position from −1.2 to 0.6, velocity within ±0.07; the state is rounded to
 * float32 after each step, as in Gymnasium. Action: a force from −1 to 1; others are clipped, but cost as
 * given. Reward: 100 for the goal, less 0.1·force². Terminates at position 0.45; truncated after 999
 * steps. Starts: at rest, position uniform from −0.6 to −0.4.
 */
import type { Floats } from "../core/backend.ts";
import { cos, square } from "../core/math.ts";
import { Dynamics } from "./env.ts";
import { drawHill, hill, hillScene } from "./hill.ts";
import type { MountainCarOptions } from "./mountain-car.ts";
import type { Scene } from "./scene.ts";
import { box } from "./space.ts";

const goal = 0.45;
const power = 0.0015;
const gravity = 0.0025;

export class MountainCarContinuous extends Dynamics {
  readonly observationSpace = box(
    [hill.left, -hill.maxSpeed],
    [hill.right, hill.maxSpeed],
    [2],
    ["position", "velocity"],
  );
  readonly actionSpace = box(-1, 1, [1], ["force"]);
  /** [position, velocity] */
  readonly state = new Float64Array(2);
  private readonly goalVelocity: number;

  constructor({ goalVelocity = 0, maxSteps = 999 }: MountainCarOptions = {}) {
    super(maxSteps);
    this.goalVelocity = goalVelocity;
  }

  protected begin(): void {
    const start = hill.startLow + (hill.startHigh - hill.startLow) * this.random.uniform();
    this.state[0] = Math.fround(start);
    this.state[1] = 0;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    const force = Math.min(Math.max(actions[at], -1), 1);
    let velocity = state[1] + force * power - gravity * cos(3 * state[0]);
    velocity = Math.min(Math.max(velocity, -hill.maxSpeed), hill.maxSpeed);
    const position = Math.min(Math.max(state[0] + velocity, hill.left), hill.right);
    if (position === hill.left && velocity < 0) velocity = 0; // the wall
    this.terminated = position >= goal && velocity >= this.goalVelocity;
    this.success = this.terminated;
    this.reward = (this.terminated ? 100 : 0) - 0.1 * square(actions[at]);
    state[0] = Math.fround(position);
    state[1] = Math.fround(velocity);
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
