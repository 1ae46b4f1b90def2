/**
 * MuJoCo, the library, seen from here: the part of the package `mujoco-js` that we call, and a simulation of one model.
 * MuJoCo keeps megabytes for each simulation, so all environments of a model share one, which is loaded with an
 * environment's state before it steps. Its integration state (qpos, qvel, act, time, qacc_warmstart, ctrl) is all that
 * the next step depends on (mujoco.readthedocs.io, "Computation", The state).
 */
import { SettingError } from "../../core/errors.ts";

/** A model as its MJCF says it. */
export interface MujocoModel {
  readonly xml: string;
  /** Files that it includes or reads, such as meshes, by their path beside it. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** Numbers of a simulation, by MuJoCo's names. Views of its memory: read them anew at each use. */
export type Field =
  | (
      | "qpos"
      | "qvel"
      | "act"
      | "qacc_warmstart"
      | "ctrl"
      | "sensordata"
      | "xpos"
      | "xipos"
      | "site_xpos"
    )
  | ("geom_xpos" | "geom_xmat" | "cinert" | "cvel" | "qfrc_actuator" | "qfrc_constraint")
  | ("cfrc_ext" | "xfrc_applied");

interface Freed {
  delete(): void;
}
export type MjData = Freed & { time: number } & { readonly [field in Field]: Float64Array };

/** Of a compiled model: counts, and tables by joint, actuator, geom or body. */
export interface MjModel extends Freed {
  readonly nu: number;
  readonly nbody: number;
  readonly njnt: number;
  readonly ngeom: number;
  readonly opt: { readonly timestep: number };
  readonly jnt_type: Int32Array;
  readonly jnt_qposadr: Int32Array;
  readonly jnt_dofadr: Int32Array;
  readonly actuator_ctrllimited: ArrayLike<number>;
  readonly actuator_ctrlrange: Float64Array;
  readonly body_mass: Float64Array;
  readonly body_pos: Float64Array;
  readonly body_parentid: Int32Array;
  readonly geom_type: Int32Array;
  readonly geom_size: Float64Array;
  readonly geom_pos: Float64Array;
  readonly geom_bodyid: Int32Array;
  readonly geom_rbound: Float64Array;
}

/** What `mujoco-js` gives once it is loaded. */
export interface MujocoModule {
  readonly FS: {
    mkdirTree(path: string): void;
    writeFile(path: string, content: string | Uint8Array): void;
    unlink(path: string): void;
  };
  readonly MjModel: { loadFromXML(path: string): MjModel | null };
  readonly MjData: new (model: MjModel) => MjData;
  readonly DoubleBuffer: new (size: number) => Freed & { GetView(): Float64Array };
  mj_step(model: MjModel, data: MjData): void;
  mj_forward(model: MjModel, data: MjData): void;
  mj_kinematics(model: MjModel, data: MjData): void;
  mj_rnePostConstraint(model: MjModel, data: MjData): void;
  mj_resetData(model: MjModel, data: MjData): void;
  mj_id2name(model: MjModel, kind: number, id: number): string;
  mj_name2id(model: MjModel, kind: number, name: string): number;
}

/** The library, loaded. */
export interface Mujoco {
  readonly module: MujocoModule;
  /** Returns what the library has printed since the last call. */
  printed(): string;
  /** Is told once if a simulation becomes unstable. */
  warn?(line: string): void;
}

const kept = ["qpos", "qvel", "act", "qacc_warmstart", "ctrl"] as const;
const folder = "/model";
const file = `${folder}/model.xml`;

export class Simulation {
  readonly model: MjModel;
  readonly data: MjData;
  /** Numbers of a state: time, qpos, qvel, act, qacc_warmstart, ctrl. */
  readonly stateSize: number;
  /** Steps after which the simulation was found unstable. */
  unstable = 0;
  private users = 0;
  private readonly views = new Map<Field, Float64Array>();

  readonly library: Mujoco;
  private readonly source: MujocoModel;

  private constructor(library: Mujoco, source: MujocoModel) {
    this.library = library;
    this.source = source;
    const { module } = library;
    this.model = compiled(library, source);
    this.data = new module.MjData(this.model);
    this.stateSize = kept.reduce((size, field) => size + this.field(field).length, 1);
  }

  /** Returns the model's simulation, which `close` gives back. Throws SettingError with MuJoCo's message. */
  static of(library: Mujoco, source: MujocoModel): Simulation {
    const open = simulations(library);
    const simulation = open.get(source) ?? new Simulation(library, source);
    open.set(source, simulation);
    simulation.users++;
    return simulation;
  }

  /** Frees the library's memory if no other environment uses the simulation. */
  close(): void {
    if (--this.users > 0) return;
    simulations(this.library).delete(this.source);
    this.data.delete();
    this.model.delete();
  }

  /** Returns numbers of the simulation. */
  field(name: Field): Float64Array {
    let view = this.views.get(name);
    if (view === undefined || view.buffer.byteLength === 0) {
      view = this.data[name]; // the first, or detached because the library's memory has grown
      this.views.set(name, view);
    }
    return view;
  }

  load(state: Float64Array): void {
    this.data.time = state[0];
    let at = 1;
    for (const name of kept) {
      const field = this.field(name);
      for (let i = 0; i < field.length; i++) field[i] = state[at++];
    }
  }

  store(state: Float64Array): void {
    state[0] = this.data.time;
    let at = 1;
    for (const name of kept) {
      const field = this.field(name);
      for (let i = 0; i < field.length; i++) state[at++] = field[i];
    }
  }

  /** Takes `count` steps. Returns false if the numbers became too large or none: MuJoCo then starts over by itself. */
  step(count: number): boolean {
    const { module } = this.library;
    // a force on the world moves nothing; starting over clears it
    this.field("xfrc_applied")[0] = 1;
    for (let i = 0; i < count; i++) module.mj_step(this.model, this.data);
    const stable =
      this.field("xfrc_applied")[0] === 1 &&
      finite(this.field("qpos")) &&
      finite(this.field("qvel"));
    if (!stable) this.unstable++;
    if (!stable && this.unstable === 1)
      this.library.warn?.(
        "mujoco: the simulation became unstable; such episodes end there, with reward 0",
      );
    return stable;
  }

  /** Returns the names that the model gives its joints, sensors …; "" for one without a name. */
  nameOf(kind: number, id: number): string {
    const { module } = this.library;
    const name = module.mj_id2name(this.model, kind, id); // any text for one without a name
    return module.mj_name2id(this.model, kind, name) === id ? name : "";
  }
}

const finite = (numbers: Float64Array): boolean => {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
};

const opened = new WeakMap<Mujoco, Map<MujocoModel, Simulation>>();

/** Returns the library's open simulations. */
export function simulations(library: Mujoco): Map<MujocoModel, Simulation> {
  const open = opened.get(library) ?? new Map<MujocoModel, Simulation>();
  opened.set(library, open);
  return open;
}

function compiled(library: Mujoco, { xml, files = {} }: MujocoModel): MjModel {
  const { FS, MjModel } = library.module;
  const all = [
    ...Object.entries(files).map(([path, bytes]) => [`${folder}/${path}`, bytes] as const),
    [file, xml] as const,
  ];
  library.printed();
  try {
    for (const [path, content] of all) {
      FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
      FS.writeFile(path, content);
    }
    const model = MjModel.loadFromXML(file);
    if (model === null) throw new SettingError(`mujoco: ${oneLine(library.printed())}`);
    return model;
  } catch (error) {
    if (!(error instanceof Error && "excPtr" in error)) throw error;
    throw new SettingError(`mujoco: ${oneLine(messageAt(library.module, Number(error.excPtr)))}`);
  } finally {
    for (const [path] of all) FS.unlink(path);
  }
}

/** Reads the message of MuJoCo's errors, which begin with it and are no std::exception. */
function messageAt({ DoubleBuffer }: MujocoModule, at: number): string {
  const buffer = new DoubleBuffer(1);
  const bytes = new Uint8Array(buffer.GetView().buffer);
  const letters = bytes.slice(at, Math.min(bytes.indexOf(0, at), at + 1000));
  buffer.delete();
  return String.fromCharCode(...letters);
}

const oneLine = (text: string): string =>
  text
    .replaceAll(`${folder}/`, "")
    .trim()
    .split(/\s*\n\s*/)
    .join("; ");
