/**
 * CartPole-v1 of Gymnasium: Barto, Sutton & Anderson 1983, "Neuronlike adaptive elements that can solve
 * difficult learning control problems". A pole stands on a cart; push the cart so that it stays up.
 *
 * Observation and state: cart position and velocity, pole angle (0 upright) and angular velocity.
 * Actions: 0 pushes left, 1 right. Reward: 1 per step. Terminates when the cart leaves ±2.4 or the pole
 * ±12°; truncated after 500 steps. Starts: each number uniform in ±0.05.
 */
import type { Floats } from "../core/backend.ts";
import { cos, sin, square } from "../core/math.ts";
import { Dynamics } from "./env.ts";
import { colors, type Scene } from "./scene.ts";
import { type Box, box, discrete } from "./space.ts";

export interface CartPoleOptions {
  /** Rewards 0 per step and −1 at the end, as in Sutton & Barto's book. Default false. */
  readonly suttonBartoReward?: boolean;
  /** Observes the velocities too. Default true; without them a policy needs memory. */
  readonly velocities?: boolean;
  readonly maxSteps?: number;
}

const gravity = 9.8;
const cartMass = 1;
const poleMass = 0.1;
const totalMass = cartMass + poleMass;
const halfLength = 0.5; // of the pole
const poleMassLength = poleMass * halfLength;
const force = 10;
const tau = 0.02; // seconds per step
const maxAngle = (12 * 2 * Math.PI) / 360;
const maxPosition = 2.4;
const startBound = 0.05;

export class CartPole extends Dynamics {
  readonly observationSpace: Box;
  readonly actionSpace = discrete(["left", "right"]);
  /** [position, velocity, angle, angular velocity] */
  readonly state = new Float64Array(4);
  private readonly suttonBartoReward: boolean;
  private readonly velocities: boolean;

  constructor({
    suttonBartoReward = false,
    velocities = true,
    maxSteps = 500,
  }: CartPoleOptions = {}) {
    super(maxSteps);
    const high = velocities
      ? [2 * maxPosition, Infinity, 2 * maxAngle, Infinity]
      : [2 * maxPosition, 2 * maxAngle];
    const low = high.map((x) => -x);
    const names = ["cart position", "cart velocity", "pole angle", "pole angular velocity"];
    const observed = names.filter((_, i) => velocities || i % 2 === 0);
    this.observationSpace = box(low, high, [high.length], observed);
    this.velocities = velocities;
    this.suttonBartoReward = suttonBartoReward;
  }

  protected begin(): void {
    for (let i = 0; i < 4; i++) this.state[i] = startBound * (2 * this.random.uniform() - 1);
  }

  /** Takes an Euler step of Florian 2007, "Correct equations for the dynamics of the cart-pole system". */
  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state } = this;
    const velocity = state[1];
    const angle = state[2];
    const angularVelocity = state[3];
    const cosine = cos(angle);
    const sine = sin(angle);
    const push = actions[at] === 1 ? force : -force;
    const pull = (push + poleMassLength * square(angularVelocity) * sine) / totalMass;
    const angularAcceleration =
      (gravity * sine - cosine * pull) /
      (halfLength * (4 / 3 - (poleMass * square(cosine)) / totalMass));
    const acceleration = pull - (poleMassLength * angularAcceleration * cosine) / totalMass;
    state[0] += tau * velocity;
    state[1] += tau * acceleration;
    state[2] += tau * angularVelocity;
    state[3] += tau * angularAcceleration;
    this.terminated = Math.abs(state[0]) > maxPosition || Math.abs(state[2]) > maxAngle;
    this.reward = this.suttonBartoReward ? (this.terminated ? -1 : 0) : 1;
  }

  observe(out: Floats, at: number): void {
    const stride = this.velocities ? 1 : 2; // position, angle
    for (let i = 0; i < 4; i += stride) out[at++] = this.state[i];
  }

  render(): string {
    const width = 49;
    const column = (x: number): number => Math.round(((x / maxPosition + 1) / 2) * (width - 1));
    const rows = [0.75, 0.5, 0.25].map((height) => {
      const tip = column(this.state[0] + height * sin(this.state[2]));
      return `${" ".repeat(Math.max(0, tip))}o`;
    });
    const cart = Math.min(Math.max(0, column(this.state[0])), width - 1);
    return [...rows, `${"─".repeat(cart)}█${"─".repeat(width - 1 - cart)}`].join("\n");
  }

  override scene(): Scene {
    const [position, , angle] = this.state;
    const [width, height, ground] = [400, 200, 170];
    const x = (position / maxPosition + 1) * 0.5 * (width - 60) + 30;
    const tip = [x + 110 * sin(angle), ground - 20 - 110 * cos(angle)];
    return {
      width,
      height,
      marks: [
        { kind: "line", points: [0, ground, width, ground], width: 1, color: colors.ink },
        { kind: "box", x: x - 25, y: ground - 20, w: 50, h: 20, color: colors.first },
        { kind: "line", points: [x, ground - 20, ...tip], width: 6, color: colors.second },
      ],
    };
  }
}
