/**
 * Acrobot-v1 of Gymnasium: Sutton 1996, "Generalization in reinforcement learning"; the equations are
 * those of Sutton & Barto's book. Two links hang from a pivot; a torque at the joint between them must
 * swing the tip one link length above the pivot.
 *
 * State: both angles (0 hangs down; the second from the first) within ±π and their velocities, within
 * ±4π and ±9π. Observation: cosine and sine of each angle, then the velocities. Actions: torque −1, 0, 1.
 * Reward: −1 per step, 0 on the last. Terminates with the tip above the line; truncated after 500 steps.
 * Starts: each number uniform in ±0.1.
 */
import type { Floats } from "../core/backend.ts";
import { cos, sin, square } from "../core/math.ts";
import { armsScene, drawArms } from "./arms.ts";
import { Dynamics } from "./env.ts";
import type { Scene } from "./scene.ts";
import { box, discrete } from "./space.ts";

export interface AcrobotOptions {
  readonly maxSteps?: number;
}

// Both links have length 1, mass 1, moment of inertia 1 and their center of mass at the middle.
const center = 0.5;
const inertia = 1;
const gravity = 9.8;
const tau = 0.2; // seconds per step
const maxSpeed1 = 4 * Math.PI;
const maxSpeed2 = 9 * Math.PI;
const startBound = 0.1;

export class Acrobot extends Dynamics {
  readonly observationSpace = box(
    [-1, -1, -1, -1, -maxSpeed1, -maxSpeed2],
    [1, 1, 1, 1, maxSpeed1, maxSpeed2],
    [6],
    ["cos angle 1", "sin angle 1", "cos angle 2", "sin angle 2", "velocity 1", "velocity 2"],
  );
  readonly actionSpace = discrete(["torque −1", "torque 0", "torque 1"]);
  /** [angle 1, angle 2, velocity 1, velocity 2] */
  readonly state = new Float64Array(4);
  private readonly k1 = new Float64Array(4);
  private readonly k2 = new Float64Array(4);
  private readonly k3 = new Float64Array(4);
  private readonly k4 = new Float64Array(4);
  private readonly point = new Float64Array(4);

  constructor({ maxSteps = 500 }: AcrobotOptions = {}) {
    super(maxSteps);
  }

  protected begin(): void {
    for (let i = 0; i < 4; i++) this.state[i] = startBound * (2 * this.random.uniform() - 1);
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    this.integrate(actions[at] - 1);
    state[0] = wrapped(state[0]);
    state[1] = wrapped(state[1]);
    state[2] = Math.min(Math.max(state[2], -maxSpeed1), maxSpeed1);
    state[3] = Math.min(Math.max(state[3], -maxSpeed2), maxSpeed2);
    this.terminated = -cos(state[0]) - cos(state[1] + state[0]) > 1;
    this.success = this.terminated;
    this.reward = this.terminated ? 0 : -1;
  }

  /** Integrates one step of tau by the fourth-order Runge–Kutta method. */
  private integrate(torque: number): void {
    const { state, point, k1, k2, k3, k4 } = this;
    slope(k1, state, torque);
    for (let i = 0; i < 4; i++) point[i] = state[i] + (tau / 2) * k1[i];
    slope(k2, point, torque);
    for (let i = 0; i < 4; i++) point[i] = state[i] + (tau / 2) * k2[i];
    slope(k3, point, torque);
    for (let i = 0; i < 4; i++) point[i] = state[i] + tau * k3[i];
    slope(k4, point, torque);
    for (let i = 0; i < 4; i++) {
      state[i] += (tau / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    }
  }

  observe(out: Floats, at: number): void {
    const { state } = this;
    out[at] = cos(state[0]);
    out[at + 1] = sin(state[0]);
    out[at + 2] = cos(state[1]);
    out[at + 3] = sin(state[1]);
    out[at + 4] = state[2];
    out[at + 5] = state[3];
  }

  render(): string {
    return drawArms([this.state[0], this.state[0] + this.state[1]]);
  }

  override scene(): Scene {
    return armsScene([this.state[0], this.state[0] + this.state[1]], 1);
  }
}

/** Writes the time derivative of the state s. */
function slope(out: Float64Array, s: Float64Array, torque: number): void {
  const angle1 = s[0];
  const angle2 = s[1];
  const speed1 = s[2];
  const speed2 = s[3];
  const cosine = cos(angle2);
  const sine = sin(angle2);
  const d1 = square(center) + (1 + square(center) + 2 * center * cosine) + 2 * inertia;
  const d2 = square(center) + center * cosine + inertia;
  const phi2 = center * gravity * cos(angle1 + angle2 - Math.PI / 2);
  const phi1 =
    -center * square(speed2) * sine -
    2 * center * speed2 * speed1 * sine +
    (center + 1) * gravity * cos(angle1 - Math.PI / 2) +
    phi2;
  const acceleration2 =
    (torque + (d2 / d1) * phi1 - center * square(speed1) * sine - phi2) /
    (square(center) + inertia - square(d2) / d1);
  out[0] = speed1;
  out[1] = speed2;
  out[2] = -(d2 * acceleration2 + phi1) / d1;
  out[3] = acceleration2;
}

/** Wraps an angle to ±π; it is at most a few turns away. */
function wrapped(angle: number): number {
  let x = angle;
  while (x > Math.PI) x -= 2 * Math.PI;
  while (x < -Math.PI) x += 2 * Math.PI;
  return x;
}
