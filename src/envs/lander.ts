/**
 * Lander: set a craft with two legs down on a pad, with a main engine and two side engines. The task and the scale of the
 * reward are those of Gymnasium's LunarLander; dynamics, contact and numbers are our own.
 *
 * The craft is a rigid body of 1 t under the gravity of Mars, 3.71 m/s². Its feet touch the ground as springs with dampers and
 * friction (contact.ts). The ground is 40 m wide, uneven, and flat on the pad, 4 m to each side of 0.
 *
 * Observation: place of the middle between the feet, in 20 m; speeds in 5 m/s; angle in radians, counterclockwise;
 * angular velocity in rad/s; 1 for each leg that touches the ground. Actions: "discrete": nothing, left engine (pushes to the
 * right), main, right; "continuous": main, of which only the part above 0 counts, and side, positive as the left engine,
 * each within ±1 and clipped beyond.
 * Reward: the change of −100·(distance + speed + |angle|) + 10 per leg that touches, in the observation's units;
 * −0.3 for the main engine at full power, −0.03 for a side engine. In place of these, 100 for standing still on the pad and
 * −100 for a crash: the hull touches the ground, a leg breaks, or the craft leaves the picture. Terminates at each of these, and at standing
 * still elsewhere; cut short after 600 steps of 0.05 s. `success`: it stands on the pad.
 * Starts: 25 m up with speeds within ±3 and −2 … 0 m/s.
 */
import type { Floats } from "../core/backend.ts";
import { checkName, checkNumber } from "../core/check.ts";
import { cos, sin, square } from "../core/math.ts";
import { armOf, type Body, type Ground, heightAt, touch } from "./contact.ts";
import { Dynamics } from "./env.ts";
import { colors, type Mark, type Scene } from "./scene.ts";
import { sceneText } from "./scene-text.ts";
import { type Box, box, type Discrete, discrete } from "./space.ts";

export interface LanderOptions {
  /** Default "discrete". */
  readonly actions?: "discrete" | "continuous";
  /** The greatest acceleration by wind, in m/s², which comes and goes. Default 0. */
  readonly wind?: number;
  readonly maxSteps?: number;
}

const gravity = 3.71;
const mainThrust = 8; // m/s²
const sideThrust = 1.2;
const sideTurn = 1.5; // rad/s²
const substeps = 5;
const tau = 0.05 / substeps; // seconds
const side = 20; // meters from the pad's middle to the picture's edge
const top = 40;
const pad = 4;
const inertia = 1.2; // m² per mass
const feet = [-1.5, -1.5, 1.5, -1.5]; // x and y from the center of mass
const hull = [-0.9, -0.7, 0.9, -0.7, 0.7, 0.8, -0.7, 0.8];
const breaking = 0.08; // meters that a leg may be pressed in
const spacing = 4; // of the ground's points
const points = (2 * side) / spacing + 1;
const at0 = 10; // of the ground's heights in the state

export class Lander extends Dynamics {
  readonly observationSpace = box(
    [...new Array<number>(6).fill(-Infinity), 0, 0],
    [...new Array<number>(6).fill(Infinity), 1, 1],
    [8],
    [
      ...["x", "y", "speed x", "speed y", "angle", "angular velocity"],
      ...["left leg touches", "right leg touches"],
    ],
  );
  readonly actionSpace: Box | Discrete;
  /** [x, y, angle, speed x, speed y, angular velocity, left leg, right leg, seconds, wind's phase, heights …] */
  readonly state = new Float64Array(at0 + points);
  private readonly body: Body = this.state.subarray(0, 6);
  private readonly ground: Ground = { left: -side, spacing, heights: this.state.subarray(at0) };
  private readonly push = new Float64Array(3);
  private readonly wind: number;

  constructor({ actions = "discrete", wind = 0, maxSteps = 600 }: LanderOptions = {}) {
    super(maxSteps);
    checkName("Lander", "actions", actions, ["discrete", "continuous"]);
    checkNumber("Lander", "wind", wind, { min: 0, max: 10 });
    this.actionSpace =
      actions === "continuous"
        ? box(-1, 1, [2], ["main engine", "side engine"])
        : discrete(["nothing", "left engine", "main engine", "right engine"]);
    this.wind = wind;
  }

  protected begin(): void {
    const { state, random } = this;
    state.fill(0);
    state[1] = 25;
    state[3] = 3 * (2 * random.uniform() - 1);
    state[4] = -2 * random.uniform();
    state[9] = 2 * Math.PI * random.uniform();
    for (let i = 0; i < points; i++) {
      const x = i * spacing - side;
      const height = 4 * random.uniform();
      state[at0 + i] = Math.abs(x) <= pad ? 0 : height;
    }
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const before = this.merit();
    const isDiscrete = this.actionSpace.kind === "discrete";
    const main = isDiscrete ? Number(actions[at] === 2) : share(actions[at], 0);
    const turn = isDiscrete
      ? Number(actions[at] === 1) - Number(actions[at] === 3)
      : share(actions[at + 1], -1);
    for (let i = 0; i < substeps && !this.terminated; i++) {
      const pressed = this.move(main, turn);
      this.terminated = pressed > breaking || this.crashes();
    }
    const crashed = this.terminated;
    const landed = !crashed && this.stands();
    this.success = landed && Math.abs(this.state[0]) <= pad;
    this.terminated = crashed || landed;
    const gained = this.merit() - before - 0.3 * main - 0.03 * Math.abs(turn);
    this.reward = crashed ? -100 : this.success ? 100 : gained;
  }

  /** Returns the sum that the reward is the change of. */
  private merit(): number {
    const [x, y, angle, vx, vy, , left, right] = this.state;
    const distance = Math.sqrt(square(x) + square(y + feet[1])) / 20;
    const speed = Math.sqrt(square(vx) + square(vy)) / 5;
    return -100 * (distance + speed + Math.abs(angle)) + 10 * (left + right);
  }

  /**
   * Takes a semi-implicit Euler step: forces, new speeds, then places by them. Returns how far the ground presses in the
   * more pressed leg, in meters.
   */
  private move(main: number, turn: number): number {
    const { state, push, body, ground } = this;
    let pressed = 0;
    const [c, s] = [cos(state[2]), sin(state[2])];
    push[0] = -s * mainThrust * main + c * sideThrust * turn + this.windNow();
    push[1] = c * mainThrust * main + s * sideThrust * turn - gravity;
    push[2] = -sideTurn * inertia * turn;
    for (const leg of [0, 1]) {
      const depth = touch(push, body, feet[2 * leg], feet[2 * leg + 1], ground);
      state[6 + leg] = Number(depth > 0);
      pressed = Math.max(pressed, depth);
    }
    state[3] += tau * push[0];
    state[4] += tau * push[1];
    state[5] += (tau * push[2]) / inertia;
    for (let i = 0; i < 3; i++) state[i] += tau * state[3 + i];
    state[8] += tau;
    return pressed;
  }

  private windNow(): number {
    const [time, phase] = this.state.subarray(8);
    return (this.wind * (sin(0.7 * time + phase) + sin(1.9 * time + 2 * phase))) / 2;
  }

  /** True if a corner of the hull is in the ground, or the craft out of the picture. */
  private crashes(): boolean {
    const { state, body, ground } = this;
    for (let i = 0; i < hull.length; i += 2) {
      const [x, y] = armOf(body, hull[i], hull[i + 1]);
      if (state[1] + y < heightAt(ground, state[0] + x)) return true;
    }
    return Math.abs(state[0]) > side || state[1] > top;
  }

  /** True if both legs touch and nothing moves. */
  private stands(): boolean {
    const [, , , vx, vy, turn, left, right] = this.state;
    const slow = Math.max(Math.abs(vx), Math.abs(vy), Math.abs(turn)) < 0.05;
    return left === 1 && right === 1 && slow;
  }

  observe(out: Floats, at: number): void {
    const [x, y, angle, vx, vy, turn, left, right] = this.state;
    out[at] = x / 20;
    out[at + 1] = (y + feet[1]) / 20;
    out[at + 2] = vx / 5;
    out[at + 3] = vy / 5;
    out[at + 4] = angle;
    out[at + 5] = turn;
    out[at + 6] = left;
    out[at + 7] = right;
  }

  render(): string {
    return sceneText(this.scene());
  }

  override scene(): Scene {
    const { state, body, ground } = this;
    const scale = 10;
    const height = (top + 4) * scale - 100;
    const across = (x: number): number => scale * (x + side);
    const down = (y: number): number => height - scale * (y + 2);
    const line = (color: string, width: number, place: readonly number[]): Mark => {
      const drawn = place.map((v, i) => (i % 2 === 0 ? across(v) : down(v)));
      return { kind: "line", points: drawn, width, color };
    };
    const own = (shape: readonly number[]): number[] => {
      const placed: number[] = [];
      for (let i = 0; i < shape.length; i += 2) {
        const [x, y] = armOf(body, shape[i], shape[i + 1]);
        placed.push(state[0] + x, state[1] + y);
      }
      return placed;
    };
    const hills = Array.from(ground.heights).flatMap((h, i) => [i * spacing - side, h]);
    return {
      width: 2 * side * scale,
      height,
      marks: [
        line(colors.ink, 2, hills),
        line(colors.third, 4, [-pad, 0, pad, 0]),
        line(colors.second, 4, own([feet[0], feet[1], -0.8, 0])),
        line(colors.second, 4, own([feet[2], feet[3], 0.8, 0])),
        line(colors.first, 6, own([...hull, hull[0], hull[1]])),
      ],
    };
  }
}

const share = (x: number, least: number): number => Math.min(Math.max(x, least), 1);
