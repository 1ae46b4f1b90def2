/**
 * Pendulum-v1 of Gymnasium: swing a pendulum up and hold it there with a torque too weak to lift it.
 *
 * State: angle (0 upright, not wrapped) and angular velocity within ±8. Observation: cosine and sine of
 * the angle, and the velocity. Action: a torque within ±2, clipped beyond. Reward, for the state
 * before the step: −(angle² + 0.1·velocity² + 0.001·torque²), angle wrapped to ±π. Never terminates; cut short
 * after 200 steps. Starts: angle uniform in ±π, velocity in ±1.
 */
import type { Floats } from "../core/backend.ts";
import { cos, sin, square } from "../core/math.ts";
import { armsScene, drawArms } from "./arms.ts";
import { Dynamics } from "./env.ts";
import type { Scene } from "./scene.ts";
import { box } from "./space.ts";

export interface PendulumOptions {
  /** Default 10. */
  readonly gravity?: number;
  readonly maxSteps?: number;
}

const maxSpeed = 8;
const maxTorque = 2;
const tau = 0.05; // seconds per step
const mass = 1;
const length = 1;

export class Pendulum extends Dynamics {
  readonly observationSpace = box(
    [-1, -1, -maxSpeed],
    [1, 1, maxSpeed],
    [3],
    ["cos angle", "sin angle", "angular velocity"],
  );
  readonly actionSpace = box(-maxTorque, maxTorque, [1], ["torque"]);
  /** [angle, angular velocity] */
  readonly state = new Float64Array(2);
  private readonly gravity: number;

  constructor({ gravity = 10, maxSteps = 200 }: PendulumOptions = {}) {
    super(maxSteps);
    this.gravity = gravity;
  }

  protected begin(): void {
    this.state[0] = Math.PI * (2 * this.random.uniform() - 1);
    this.state[1] = 2 * this.random.uniform() - 1;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state, gravity } = this;
    const angle = state[0];
    const velocity = state[1];
    const torque = Math.min(Math.max(actions[at], -maxTorque), maxTorque);
    this.reward = -(square(wrapped(angle)) + 0.1 * square(velocity) + 0.001 * square(torque));
    const fall = ((3 * gravity) / (2 * length)) * sin(angle);
    const acceleration = fall + (3 / (mass * square(length))) * torque;
    state[1] = Math.min(Math.max(velocity + acceleration * tau, -maxSpeed), maxSpeed);
    state[0] = angle + state[1] * tau;
  }

  observe(out: Floats, at: number): void {
    out[at] = cos(this.state[0]);
    out[at + 1] = sin(this.state[0]);
    out[at + 2] = this.state[1];
  }

  render(): string {
    return drawArms([this.state[0] + Math.PI]);
  }

  override scene(): Scene {
    return armsScene([this.state[0] + Math.PI]);
  }
}

/** Wraps an angle to −π … π. */
function wrapped(angle: number): number {
  const turn = 2 * Math.PI;
  return angle + Math.PI - turn * Math.floor((angle + Math.PI) / turn) - Math.PI;
}
