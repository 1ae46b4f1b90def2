/** The numbers of a simulation that rewards and ends are made of, by name. */
import type { Field, Simulation } from "./engine.ts";
import type { Names, Value } from "./expression.ts";

/** In messages: the names there are. */
export const measureNames =
  "qpos0…, qvel0…, act0…, ctrl0…, sensor0…, site0_x…, time, x, y, z, height, x_velocity, y_velocity, z_velocity, " +
  "center_x_velocity, control_cost, contact, contact_within_1, largest, alive";

const numbered: Readonly<Record<string, Field>> = {
  qpos: "qpos",
  qvel: "qvel",
  act: "act",
  ctrl: "ctrl",
  sensor: "sensordata",
};
const axes = ["x", "y", "z"];
/** Numbers of `places`. */
export const placesSize = 6;

export class Measures {
  /** Contact forces are asked for, which MuJoCo computes only then. */
  needsContact = false;
  /** Place of the first body, then the center of all mass, after the step and before it. */
  readonly places = new Float64Array(placesSize);
  readonly before = new Float64Array(placesSize);
  alive = 1;
  private readonly simulation: Simulation;
  private readonly seconds: number;
  private readonly masses: Float64Array;
  private readonly mass: number;

  /** `seconds` is the time of a step of the environment. */
  constructor(simulation: Simulation, seconds: number) {
    this.simulation = simulation;
    this.seconds = seconds;
    this.masses = Float64Array.from(simulation.model.body_mass);
    this.mass = this.masses.reduce((sum, m) => sum + m, 0);
  }

  /** Reads the places in the state that the simulation is in. */
  locate(): void {
    const { simulation, places, masses } = this;
    simulation.library.module.mj_kinematics(simulation.model, simulation.data);
    const first = simulation.field("xpos");
    const centers = simulation.field("xipos");
    for (let axis = 0; axis < 3; axis++) {
      places[axis] = first[3 + axis] ?? 0;
      let sum = 0;
      for (let body = 1; body < masses.length; body++)
        sum += masses[body] * centers[3 * body + axis];
      places[3 + axis] = this.mass > 0 ? sum / this.mass : 0;
    }
  }

  readonly names: Names = (name) => {
    const [, kind, digits] = /^(qpos|qvel|act|ctrl|sensor)(\d+)$/.exec(name) ?? [];
    if (kind !== undefined) return this.numberOf(numbered[kind], Number(digits));
    const [, site, along] = /^site(\d+)_([xyz])$/.exec(name) ?? [];
    if (site !== undefined)
      return this.numberOf("site_xpos", 3 * Number(site) + axes.indexOf(along));
    const [, center, axis, velocity] = /^(center_)?([xyz])(_velocity)?$/.exec(name) ?? [];
    if (axis !== undefined) {
      const at = (center === undefined ? 0 : 3) + axes.indexOf(axis);
      const { places, before, seconds } = this;
      return velocity === undefined ? () => places[at] : () => (places[at] - before[at]) / seconds;
    }
    if (name.startsWith("contact")) this.needsContact = true;
    return Object.hasOwn(this.named, name) ? this.named[name] : null;
  };

  private readonly named: Readonly<Record<string, Value>> = {
    time: () => this.simulation.data.time,
    height: () => this.places[2],
    alive: () => this.alive,
    control_cost: () => this.squares("ctrl", Infinity),
    contact: () => this.squares("cfrc_ext", Infinity),
    contact_within_1: () => this.squares("cfrc_ext", 1),
    largest: () =>
      Math.max(
        greatest(this.simulation.field("qpos"), 2),
        greatest(this.simulation.field("qvel"), 0),
      ),
  };

  private numberOf(field: Field, index: number): Value | null {
    return index < this.simulation.field(field).length
      ? () => this.simulation.field(field)[index]
      : null;
  }

  private squares(field: Field, limit: number): number {
    const numbers = this.simulation.field(field);
    let sum = 0;
    for (let i = 0; i < numbers.length; i++)
      sum += Math.min(numbers[i] * numbers[i], limit * limit);
    return sum;
  }
}

function greatest(numbers: Float64Array, from: number): number {
  let most = 0;
  for (let i = from; i < numbers.length; i++) most = Math.max(most, Math.abs(numbers[i]));
  return most;
}
