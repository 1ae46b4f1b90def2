/**
 * Driving: get ahead on a ring road of three lanes among cars that follow the intelligent driver model, some of which
 * change lanes without care (traffic.ts). Designed for this project.
 *
 * Our car is a bicycle without slip, in coordinates along the road (Rajamani 2012, "Vehicle dynamics and control",
 * chapter 2, has the model and the road-aligned form), moved 10 times a second:
 *
 *   ds/dt = v·cos ψ / (1 − κ·d)     dd/dt = v·sin ψ     dψ/dt = v·k − κ·ds/dt
 *
 * with ψ the heading to the road in radians, κ the road's curvature and k that of our path in 1/m: steering's share of
 * 0.05, or of what tires hold at this speed (6 m/s²) where that is less. Acceleration is within −6 and 2 m/s², speed within
 * 0 and 32 m/s.
 *
 * Actions, by `actions`: "manoeuvres", every 0.3 s: keep, left, right (to the lane beside), faster, slower (+1 and
 * −2 m/s on the speed that a controller holds); or "controls", five times a second: steering and acceleration, each a
 * share within ±1 of its limit.
 * Observation: our car's speed, offset to the lane it is in or moves to, heading, ways to both edges, curvature here and
 * 30 and 60 m ahead, the controller's speed; then what `sensors` give (driving-sensors.ts).
 * Reward per second: speed along the road / 30 m/s − 0.1·(acceleration² + sideways acceleration²) / 36 − 0.3 · the part
 * of a second by which the car before is nearer than 1 s; and −40 for a crash: touching a car or leaving the road.
 * Terminates at a crash; cut short after 60 s; `success` without a crash.
 */
import type { Floats } from "../core/backend.ts";
import { checkInteger, checkName, checkNumber } from "../core/check.ts";
import { cos, sin, square } from "../core/math.ts";
import { laneNumbers, lidarNumbers, sensed } from "./driving-sensors.ts";
import { Dynamics } from "./env.ts";
import { colors, type Mark, type Scene } from "./scene.ts";
import { sceneText } from "./scene-text.ts";
import { type Box, box, type Discrete, discrete } from "./space.ts";
import { around, between, car, curvatureAt, field, fields, road, Traffic } from "./traffic.ts";

export interface DrivingOptions {
  /** Default "manoeuvres". */
  readonly actions?: "manoeuvres" | "controls";
  /** Default "neighbours". */
  readonly sensors?: "neighbours" | "lidar";
  /** The number of other cars. Default 45. */
  readonly cars?: number;
  /** The share of drivers without care. Default 0.5. */
  readonly careless?: number;
  /** An episode is cut short after this time. Default 60. */
  readonly seconds?: number;
}

const lanes = 3;
const tau = 0.1; // seconds
const sharpest = 0.05; // 1/m
const grip = 6; // m/s² sideways
const strongest = 2; // m/s² forwards
const brakes = 6;
export const maxSpeed = 32;
const names = [
  ...["speed", "lane offset", "heading", "right edge", "left edge"],
  ...["curvature", "curvature in 30 m", "curvature in 60 m", "wanted speed"],
];
const own = 6; // of our car's numbers before the list of cars

const secondsOf = (actions: string): number => (actions === "controls" ? 0.2 : 0.3);

export class Driving extends Dynamics {
  readonly observationSpace: Box;
  readonly actionSpace: Box | Discrete;
  /** [heading, wanted speed, path's curvature, acceleration, meters driven, seconds driven, the cars' numbers …] */
  readonly state: Float64Array;
  readonly traffic: Traffic;
  /** Seconds per action. */
  readonly seconds: number;
  private readonly sensors: "neighbours" | "lidar";
  private readonly careless: number;

  constructor({
    actions = "manoeuvres",
    sensors = "neighbours",
    cars = 45,
    careless = 0.5,
    seconds = 60,
  }: DrivingOptions = {}) {
    super(Math.round(seconds / secondsOf(actions)));
    checkName("Driving", "actions", actions, ["manoeuvres", "controls"]);
    checkName("Driving", "sensors", sensors, ["neighbours", "lidar"]);
    checkInteger("Driving", "cars", cars, { min: 0, max: 200 });
    checkNumber("Driving", "careless", careless, { min: 0, max: 1 });
    this.seconds = secondsOf(actions);
    this.actionSpace =
      actions === "controls"
        ? box(-1, 1, [2], ["steering", "acceleration"])
        : discrete(["keep", "left", "right", "faster", "slower"]);
    const seen = sensors === "lidar" ? lidarNumbers : laneNumbers;
    const all = [...names, ...seen];
    this.observationSpace = box(-2, 2, [all.length], all);
    this.state = new Float64Array(own + (cars + 1) * fields);
    this.traffic = new Traffic(this.state.subarray(own), lanes);
    this.sensors = sensors;
    this.careless = careless;
  }

  protected begin(): void {
    const { state, traffic } = this;
    state.fill(0);
    traffic.spread(this.random, this.careless);
    traffic.cars[field.desired] = maxSpeed;
    state[1] = traffic.cars[field.speed];
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state, traffic } = this;
    const start = state[4];
    const steps = Math.round(this.seconds / tau);
    if (this.actionSpace.kind === "discrete") this.choose(actions[at]);
    let cost = 0;
    for (let i = 0; i < steps && !this.terminated; i++) {
      if (this.actionSpace.kind === "discrete") this.control(...this.controller());
      else this.control(actions[at], actions[at + 1]);
      this.steer();
      traffic.move(tau, this.random);
      cost += tau * this.discomfort();
      this.terminated = this.crashes();
    }
    this.reward = (state[4] - start) / 30 - cost - (this.terminated ? 40 : 0);
    this.success = !this.terminated;
  }

  /** Sets the lane and the speed that the controller holds. */
  private choose(manoeuvre: number): void {
    const { state } = this;
    const { cars } = this.traffic;
    const lane = cars[field.lane] + (manoeuvre === 1 ? 1 : manoeuvre === 2 ? -1 : 0);
    cars[field.lane] = Math.min(Math.max(lane, 0), lanes - 1);
    const speed = state[1] + (manoeuvre === 3 ? 1 : manoeuvre === 4 ? -2 : 0);
    state[1] = Math.min(Math.max(speed, 0), maxSpeed);
  }

  /** Returns the shares of steering and acceleration that bring the car to its lane's center and wanted speed. */
  private controller(): [number, number] {
    const wish = this.state[1] - this.traffic.cars[field.speed];
    return [this.steeringTo(this.traffic.cars[field.lane]), this.shareOf(wish / 0.3)];
  }

  /** Returns the share of steering that brings the car to a lane's center: with the road, and back at 1 m/s² for 1 m. */
  steeringTo(lane: number): number {
    const { cars } = this.traffic;
    const { state } = this;
    const speed = Math.max(cars[field.speed], 5);
    const offset = Math.min(Math.max(lane * road.laneWidth - cars[field.d], -2), 2);
    const sideways = offset - 2 * speed * sin(state[0]);
    const kappa = curvatureAt(cars[field.s]);
    const along = kappa / (1 - kappa * cars[field.d]);
    return (along + sideways / square(speed)) / this.sharpest();
  }

  /** Returns the share that gives an acceleration in m/s². */
  shareOf(acceleration: number): number {
    return acceleration / (acceleration < 0 ? brakes : strongest);
  }

  private sharpest(): number {
    return Math.min(sharpest, grip / square(Math.max(this.traffic.cars[field.speed], 1)));
  }

  private control(steering: number, acceleration: number): void {
    const share = Math.min(Math.max(acceleration, -1), 1);
    this.state[2] = Math.min(Math.max(steering, -1), 1) * this.sharpest();
    this.state[3] = share * (share < 0 ? brakes : strongest);
  }

  /** Moves our car by one Euler step; the controls' lane is the one it is in. */
  private steer(): void {
    const { state } = this;
    const { cars } = this.traffic;
    const speed = Math.min(Math.max(cars[field.speed] + tau * state[3], 0), maxSpeed);
    const kappa = curvatureAt(cars[field.s]);
    const along = (speed * cos(state[0])) / (1 - kappa * cars[field.d]);
    state[3] = (speed - cars[field.speed]) / tau;
    state[4] += tau * speed * cos(state[0]);
    state[5] += tau;
    cars[field.s] = around(cars[field.s] + tau * along);
    cars[field.d] += tau * speed * sin(state[0]);
    cars[field.speed] = speed;
    state[0] += tau * (speed * state[2] - kappa * along);
    const lane = Math.round(cars[field.d] / road.laneWidth);
    if (this.actionSpace.kind === "box") cars[field.lane] = Math.min(Math.max(lane, 0), lanes - 1);
  }

  private discomfort(): number {
    const { state, traffic } = this;
    const { cars } = traffic;
    const sideways = square(cars[field.speed]) * state[2];
    const ahead = traffic.nearest(0, cars[field.d], true);
    const way = ahead < 0 ? Infinity : around(cars[ahead * fields] - cars[field.s]) - car.length;
    const near = Math.max(0, 1 - Math.max(way, 0) / Math.max(cars[field.speed], 1));
    return (0.1 * (square(state[3]) + square(sideways))) / 36 + 0.3 * near;
  }

  /** True if our car touches another, as rectangles along the road, or has left the road. */
  private crashes(): boolean {
    const { cars } = this.traffic;
    const d = cars[field.d];
    const edge = (road.laneWidth - car.width) / 2;
    if (d < -edge || d > (lanes - 1) * road.laneWidth + edge) return true;
    for (let at = fields; at < cars.length; at += fields) {
      const isBeside = Math.abs(cars[at + field.d] - d) < car.width;
      if (isBeside && Math.abs(between(cars[0], cars[at])) < car.length) return true;
    }
    return false;
  }

  observe(out: Floats, at: number): void {
    const { state } = this;
    const { cars } = this.traffic;
    this.traffic.arrange(); // after a restored state
    const put = (i: number, x: number): void => {
      out[at + i] = Math.min(Math.max(x, -2), 2);
    };
    const width = road.laneWidth;
    put(0, cars[field.speed] / 30);
    put(1, (cars[field.lane] * width - cars[field.d]) / width);
    put(2, 5 * state[0]);
    put(3, cars[field.d] / (2 * width));
    put(4, lanes - 1 - cars[field.d] / (2 * width));
    for (let i = 0; i < 3; i++) put(5 + i, curvatureAt(cars[field.s] + 30 * i) / road.curvature);
    put(8, (state[1] - cars[field.speed]) / 5);
    sensed(this.sensors, this.traffic, state[0], (i, x) => put(names.length + i, x));
  }

  render(): string {
    return sceneText(this.scene(), 80);
  }

  /** The road from 60 m behind our car to 140 m ahead, straightened. */
  override scene(): Scene {
    const { cars } = this.traffic;
    const [width, scale, lane] = [600, 3, 20];
    const height = (lanes + 2) * lane;
    const across = (s: number): number => 60 * scale + scale * between(cars[0], s);
    const down = (d: number): number => height - lane * (1 + 0.5 + d / road.laneWidth);
    const marks: Mark[] = [];
    for (let i = 0; i <= lanes; i++) {
      const y = height - lane * (1 + i);
      marks.push({ kind: "line", points: [0, y, width, y], width: 1, color: colors.ink });
    }
    const [w, h] = [car.length * scale, (car.width / road.laneWidth) * lane];
    for (let j = 0; j * fields < cars.length; j++) {
      const [s, d] = cars.subarray(j * fields);
      const color = j === 0 ? colors.first : colors.second;
      const [x, y] = [across(s) - w / 2, down(d) - h / 2];
      if (x > -w && x < width) marks.push({ kind: "box", x, y, w, h, color });
    }
    const turn = curvatureAt(cars[0]) === 0 ? "straight" : "left";
    const text = `${cars[field.speed].toFixed(1)} m/s, ${turn}`;
    marks.push({ kind: "text", x: 5, y: 14, size: 12, text });
    return { width, height, marks };
  }
}
