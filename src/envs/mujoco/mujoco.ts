/**
 * A robot of MuJoCo as an environment: an MJCF model, and expressions over the state for reward and end. The action is
 * the actuators' controls, clipped to their ranges (±1 without one), held for `frameSkip` steps of the simulation. The
 * observation is what `observation` lists, as the last step of the simulation leaves it. Starts: the model's own
 * positions and rest, with noise. A simulation that becomes unstable ends the episode: terminated, reward 0.
 */
import type { Floats } from "../../core/backend.ts";
import { EnvError, SettingError } from "../../core/errors.ts";
import { cos, sin } from "../../core/math.ts";
import { Dynamics } from "../env.ts";
import type { Scene } from "../scene.ts";
import { sceneText } from "../scene-text.ts";
import { type Box, box } from "../space.ts";
import { type Field, type MjModel, type Mujoco, type MujocoModel, Simulation } from "./engine.ts";
import { compile, type Value } from "./expression.ts";
import { Measures, measureNames, placesSize } from "./measures.ts";
import { sideView } from "./side-view.ts";

/** Some numbers of a field, all by default, in an observation. */
export interface ObservationPart {
  readonly field: Field;
  readonly from?: number;
  readonly to?: number;
  /** Clipped to ±limit. */
  readonly limit?: number;
  /** Of angles. */
  readonly as?: "sin" | "cos";
}

export interface MujocoOptions {
  readonly model: MujocoModel;
  /** An expression (docs/robots.md has the names), or a function of the simulation after the step. */
  readonly reward: string | ((simulation: Simulation) => number);
  /** The same; anything but 0 ends the episode. Default: it never ends by itself. */
  readonly done?: string | ((simulation: Simulation) => number);
  /** Default: all positions and velocities, activations and sensors. */
  readonly observation?: readonly ObservationPart[];
  /** Steps of the simulation per action. Default 5. */
  readonly frameSkip?: number;
  /** Positions begin within ±noise of the model's; velocities too, or normal with that deviation. Default 0.01. */
  readonly noise?: number;
  readonly velocities?: "uniform" | "normal";
  readonly maxSteps?: number;
}

const everything: readonly ObservationPart[] = [
  { field: "qpos" },
  { field: "qvel" },
  { field: "act" },
  { field: "sensordata" },
];

export class MujocoEnv extends Dynamics {
  readonly observationSpace: Box;
  readonly actionSpace: Box;
  /** The simulation's state (time, qpos, qvel, act, qacc_warmstart, ctrl), the observation, the places of Measures. */
  readonly state: Float64Array;
  readonly simulation: Simulation;
  private readonly options: MujocoOptions;
  private readonly measures: Measures;
  private readonly parts: readonly ObservationPart[];
  private readonly frameSkip: number;
  private readonly rewardOf: Value;
  private readonly doneOf: Value;
  private readonly needsContact: boolean;
  private readonly stateSize: number;
  private readonly seen: Float64Array;
  private closed = false;

  /** Throws SettingError for a model that MuJoCo refuses, and for an expression that is none. */
  constructor(library: Mujoco, options: MujocoOptions) {
    super(options.maxSteps ?? 1000);
    const { model, frameSkip = 5, observation = everything } = options;
    this.options = options;
    this.frameSkip = frameSkip;
    const simulation = Simulation.of(library, model);
    this.simulation = simulation;
    try {
      this.actionSpace = controls(simulation);
      this.measures = new Measures(simulation, frameSkip * simulation.model.opt.timestep);
      this.rewardOf = this.compiledFrom("reward", options.reward);
      this.doneOf = this.compiledFrom("done", options.done ?? "0");
      this.parts = observation.map((part) => withEnds(simulation, part));
      const names = this.parts.flatMap((part) => namesOf(simulation, part));
      if (names.length === 0)
        throw new SettingError("mujoco: expected a model with joints, got none");
      this.observationSpace = box({ names });
    } catch (error) {
      simulation.close();
      throw error;
    }
    this.needsContact =
      this.measures.needsContact || observation.some(({ field }) => field === "cfrc_ext");
    this.stateSize = simulation.stateSize;
    const { size } = this.observationSpace;
    this.state = new Float64Array(this.stateSize + size + placesSize);
    this.seen = this.state.subarray(this.stateSize, this.stateSize + size);
  }

  private compiledFrom(
    what: "reward" | "done",
    given: string | ((s: Simulation) => number),
  ): Value {
    if (typeof given !== "string") return () => Number(given(this.simulation));
    const { names } = this.measures;
    const known = (name: string) => (what === "done" && name === "alive" ? null : names(name));
    return compile(given, what, known, measureNames);
  }

  protected begin(): void {
    const { simulation, random } = this;
    const { noise = 0.01, velocities = "uniform" } = this.options;
    const { model, data, library } = simulation;
    const uniform = (): number => noise * (2 * random.uniform() - 1);
    library.module.mj_resetData(model, data);
    const [qpos, qvel] = [simulation.field("qpos"), simulation.field("qvel")];
    for (let i = 0; i < qpos.length; i++) qpos[i] += uniform();
    for (let i = 0; i < qvel.length; i++)
      qvel[i] = velocities === "uniform" ? uniform() : noise * random.normal();
    library.module.mj_forward(model, data);
    this.record();
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { simulation, measures, actionSpace } = this;
    simulation.load(this.state);
    const ctrl = simulation.field("ctrl");
    const { low, high } = actionSpace;
    for (let i = 0; i < ctrl.length; i++)
      ctrl[i] = Math.min(Math.max(actions[at + i], low[i]), high[i]);
    measures.before.set(this.state.subarray(this.state.length - placesSize));
    if (!simulation.step(this.frameSkip)) {
      this.reward = 0;
      this.terminated = true;
      return;
    }
    this.record();
    const done = this.doneOf();
    this.terminated = done !== 0;
    measures.alive = this.terminated ? 0 : 1;
    this.reward = this.rewardOf();
    if (!Number.isFinite(this.reward) || Number.isNaN(done))
      throw new EnvError(
        `mujoco: reward and done: expected finite numbers, got ${this.reward} and ${done} at time ${simulation.data.time}`,
      );
  }

  /** Copies the simulation's state and what is observed of it to `state`. */
  private record(): void {
    const { simulation, measures, state } = this;
    const { module } = simulation.library;
    if (this.needsContact) module.mj_rnePostConstraint(simulation.model, simulation.data);
    let next = this.stateSize;
    for (const { field, from, to, limit = Infinity, as } of this.parts) {
      const numbers = simulation.field(field);
      for (let i = from as number; i < (to as number); i++) {
        const x = Math.min(Math.max(numbers[i], -limit), limit);
        state[next++] = as === undefined ? x : as === "sin" ? sin(x) : cos(x);
      }
    }
    simulation.store(state);
    measures.locate();
    state.set(measures.places, next);
  }

  observe(out: Floats, at: number): void {
    out.set(this.seen, at);
  }

  render(): string {
    return sceneText(this.scene(), 80);
  }

  override scene(): Scene {
    const { simulation } = this;
    simulation.load(this.state);
    simulation.library.module.mj_kinematics(simulation.model, simulation.data);
    return sideView(simulation);
  }

  override close(): void {
    if (!this.closed) this.simulation.close();
    this.closed = true;
  }
}

/** Returns the space of the actuators' controls. Throws SettingError for a model without actuators. */
function controls(simulation: Simulation): Box {
  const { nu, actuator_ctrllimited: limited, actuator_ctrlrange: range } = simulation.model;
  if (nu === 0) throw new SettingError("mujoco: expected a model with actuators, got none");
  const bound = (side: 0 | 1): number[] =>
    Array.from({ length: nu }, (_, i) => (limited[i] ? range[2 * i + side] : 2 * side - 1));
  const names = Array.from({ length: nu }, (_, i) => simulation.nameOf(actuator, i) || `ctrl${i}`);
  return box({ low: bound(0), high: bound(1), names });
}

const [joint, actuator] = [3, 19]; // MuJoCo's mjtObj

const withEnds = (simulation: Simulation, part: ObservationPart): ObservationPart => {
  const { length } = simulation.field(part.field);
  return {
    ...part,
    from: Math.min(part.from ?? 0, length),
    to: Math.min(part.to ?? length, length),
  };
};

function namesOf(
  simulation: Simulation,
  { field, from = 0, to = 0, as }: ObservationPart,
): string[] {
  const { model } = simulation;
  const names = Array.from({ length: simulation.field(field).length }, (_, i) => `${field}${i}`);
  for (let j = 0; j < model.njnt; j++) {
    const name = simulation.nameOf(joint, j);
    const at = atOf(model, field, j);
    if (name !== "" && at !== null) names[at] = field === "qvel" ? `${name} velocity` : name;
  }
  return names.slice(from, to).map((name) => (as === undefined ? name : `${as} ${name}`));
}

/** Returns where a joint of one number is in qpos or qvel; null for other joints and fields. */
function atOf(
  { jnt_type, jnt_qposadr, jnt_dofadr }: MjModel,
  field: Field,
  j: number,
): number | null {
  if (jnt_type[j] < 2) return null; // free, ball
  return field === "qpos" ? jnt_qposadr[j] : field === "qvel" ? jnt_dofadr[j] : null;
}
