/**
 * Reacher: a two-link arm in a horizontal plane brings its tip to a target and holds it there. The task is of the kind
 * of Gymnasium's Reacher; the numbers are our own. The equations of motion are those of Murray, Li & Sastry 1994, "A
 * mathematical introduction to robotic manipulation", section 4.3, example 4.3 (a planar arm of two links):
 *
 *   M(θ)·θ̈ = torque − C(θ, θ̇)·θ̇ − damping·θ̇
 *
 * Links are uniform rods of 1 m and 1 kg. State: both angles in radians (0 points right, counterclockwise, the second
 * from the first), their velocities within ±10 rad/s, and the target in meters. Observation: cosine and sine of each
 * angle, velocities, target, target less tip. Action: the share of each joint's greatest torque, 8 and 4 N·m,
 * within ±1 and clipped beyond. Reward, for the state reached: −(distance in m) − 0.01·|action|². Never
 * terminates; cut short after 100 steps of 0.05 s; `success` if the tip is then within 0.1 m of the target.
 * Starts: at rest at any angles; the target uniform on the disk of 2 m that the tip can reach.
 */
import type { Floats } from "../core/backend.ts";
import { cos, sin, square } from "../core/math.ts";
import { Dynamics } from "./env.ts";
import { colors, type Scene } from "./scene.ts";
import { sceneText } from "./scene-text.ts";
import { box } from "./space.ts";

export interface ReacherOptions {
  /** The greatest distance in m from the tip to the target that counts as reached. Default 0.1. */
  readonly within?: number;
  readonly maxSteps?: number;
}

// α, β and δ of the book, for rods with their center at 1/2 and a moment of inertia of 1/12
const alpha = 1 / 6 + 1 / 4 + 5 / 4;
const beta = 1 / 2;
const delta = 1 / 12 + 1 / 4;
const damping = 2; // N·m·s
const torques = [8, 4];
const maxSpeed = 10;
const substeps = 5;
const tau = 0.05 / substeps; // seconds
const reach = 2;

export class Reacher extends Dynamics {
  readonly observationSpace = box(
    [-1, -1, -1, -1, -maxSpeed, -maxSpeed, -reach, -reach, -2 * reach, -2 * reach],
    [1, 1, 1, 1, maxSpeed, maxSpeed, reach, reach, 2 * reach, 2 * reach],
    [10],
    [
      ...["cos angle 1", "sin angle 1", "cos angle 2", "sin angle 2", "velocity 1", "velocity 2"],
      ...["target x", "target y", "target − tip x", "target − tip y"],
    ],
  );
  readonly actionSpace = box(-1, 1, [2], ["torque 1", "torque 2"]);
  /** [angle 1, angle 2, velocity 1, velocity 2, target x, target y] */
  readonly state = new Float64Array(6);
  private readonly within: number;

  constructor({ within = 0.1, maxSteps = 100 }: ReacherOptions = {}) {
    super(maxSteps);
    this.within = within;
  }

  protected begin(): void {
    const { state, random } = this;
    state.fill(0);
    for (let i = 0; i < 2; i++) state[i] = Math.PI * (2 * random.uniform() - 1);
    const radius = reach * Math.sqrt(random.uniform());
    const direction = 2 * Math.PI * random.uniform();
    state[4] = radius * cos(direction);
    state[5] = radius * sin(direction);
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const share1 = Math.min(Math.max(actions[at], -1), 1);
    const share2 = Math.min(Math.max(actions[at + 1], -1), 1);
    for (let i = 0; i < substeps; i++) this.turn(torques[0] * share1, torques[1] * share2);
    const { state } = this;
    const distance = Math.sqrt(
      square(state[4] - tipX(state[0], state[1])) + square(state[5] - tipY(state[0], state[1])),
    );
    this.reward = -distance - 0.01 * (square(share1) + square(share2));
    this.success = distance <= this.within;
  }

  /** Takes a semi-implicit Euler step: new velocities first, then angles by them. */
  private turn(torque1: number, torque2: number): void {
    const { state } = this;
    const [v, w] = [state[2], state[3]];
    const bend = beta * cos(state[1]);
    const twist = beta * sin(state[1]);
    const force1 = torque1 + twist * w * (2 * v + w) - damping * v;
    const force2 = torque2 - twist * v * v - damping * w;
    const [m11, m12] = [alpha + 2 * bend, delta + bend];
    const determinant = m11 * delta - m12 * m12;
    state[2] = limited(v + (tau * (delta * force1 - m12 * force2)) / determinant);
    state[3] = limited(w + (tau * (m11 * force2 - m12 * force1)) / determinant);
    state[0] += tau * state[2];
    state[1] += tau * state[3];
  }

  observe(out: Floats, at: number): void {
    const [a, b, v, w, x, y] = this.state;
    out[at] = cos(a);
    out[at + 1] = sin(a);
    out[at + 2] = cos(b);
    out[at + 3] = sin(b);
    out[at + 4] = v;
    out[at + 5] = w;
    out[at + 6] = x;
    out[at + 7] = y;
    out[at + 8] = x - tipX(a, b);
    out[at + 9] = y - tipY(a, b);
  }

  render(): string {
    return sceneText(this.scene(), 40);
  }

  override scene(): Scene {
    const [a, b, , , x, y] = this.state;
    const [size, scale] = [240, 55];
    const across = (u: number): number => size / 2 + scale * u;
    const down = (u: number): number => size / 2 - scale * u;
    const elbow = [across(cos(a)), down(sin(a))];
    const points = [across(0), down(0), ...elbow, across(tipX(a, b)), down(tipY(a, b))];
    return {
      width: size,
      height: size,
      marks: [
        { kind: "line", points, width: 8, color: colors.second },
        { kind: "disk", x: across(0), y: down(0), r: 5, color: colors.ink },
        { kind: "disk", x: across(x), y: down(y), r: 5, color: colors.third },
      ],
    };
  }
}

const tipX = (angle1: number, angle2: number): number => cos(angle1) + cos(angle1 + angle2);
const tipY = (angle1: number, angle2: number): number => sin(angle1) + sin(angle1 + angle2);
const limited = (speed: number): number => Math.min(Math.max(speed, -maxSpeed), maxSpeed);
