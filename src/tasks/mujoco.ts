/**
 * Tasks on MuJoCo: `mujoco` takes any MJCF model, the others follow Gymnasium's tasks of the same names, version 5, in
 * observation, reward, start and end (gymnasium.farama.org/environments/mujoco), on models of our own.
 */
import { SettingError } from "../core/errors.ts";
import { integer, real, text } from "../core/settings.ts";
import type { Mujoco, MujocoModel } from "../envs/mujoco/engine.ts";
import * as models from "../envs/mujoco/models.ts";
import { MujocoEnv, type MujocoOptions, type ObservationPart } from "../envs/mujoco/mujoco.ts";
import { ownOf } from "./own-files.ts";
import { presets } from "./presets.ts";
import { type EnvironmentTask, environmentTask } from "./task.ts";

let library: Mujoco | null = null;

/** Sets the library that the tasks here run on: node/mujoco.ts loads it, because tasks are made without waiting. */
export const useMujoco = (loaded: Mujoco): void => {
  library = loaded;
};

const loadedLibrary = (): Mujoco => {
  if (library !== null) return library;
  throw new SettingError("mujoco: expected the library to be loaded: await loadMujoco() first");
};

interface Robot extends Pick<MujocoOptions, "observation" | "velocities"> {
  readonly about: string;
  /** Null: the setting `model` must name one. */
  readonly model: MujocoModel | null;
  readonly reward: string;
  readonly done: string;
  readonly frameSkip: number;
  readonly noise: number;
  readonly steps: number;
  readonly presets?: EnvironmentTask["presets"];
}

const robotTask = ({ about, model, reward, done, frameSkip, noise, steps, ...robot }: Robot) =>
  environmentTask({
    about,
    settings: {
      model: text("", `the robot: an MJCF file${model === null ? "" : "; none: a model of ours"}`),
      reward: text(reward, "of a step: an expression (docs/robots.md lists the names)"),
      done: text(done, "ends the episode where it is not 0: an expression"),
      frameSkip: integer(frameSkip, "steps of the simulation per action", { min: 1, max: 1000 }),
      noise: real(noise, "of positions and velocities at the start", { min: 0 }),
      maxSteps: integer(1000, "an episode is cut short after this many steps", {
        min: 1,
        max: 1_000_000,
      }),
    },
    make: ({ model: path, ...values }) =>
      new MujocoEnv(loadedLibrary(), { ...robot, ...values, model: modelOf(path, model) }),
    algo: "ppo",
    steps,
    byShape: model === null,
    ...(robot.presets === undefined ? {} : { presets: robot.presets }),
  });

function modelOf(path: string, ours: MujocoModel | null): MujocoModel {
  if (path !== "") return ownOf({ path }) as MujocoModel;
  if (ours !== null) return ours;
  throw new SettingError("mujoco: expected a robot: --set model=FILE.xml");
}

const planar = (limit = Infinity): readonly ObservationPart[] => [
  { field: "qpos", from: 1 },
  { field: "qvel", limit },
];

export const mujocoTasks = {
  mujoco: robotTask({
    about: "a robot of yours in MuJoCo: --set model=FILE.xml --set reward=… --set done=…",
    model: null,
    reward: "x_velocity - 0.1 * control_cost",
    done: "0",
    frameSkip: 5,
    noise: 0.01,
    steps: 200_000,
  }),
  "inverted-pendulum": robotTask({
    about: "balance a pole on a cart in MuJoCo (the rules of InvertedPendulum-v5)",
    model: models.invertedPendulum,
    reward: "alive",
    done: "abs(qpos1) > 0.2",
    frameSkip: 2,
    noise: 0.01,
    steps: 100_000,
    presets: presets["inverted-pendulum"],
  }),
  "inverted-double-pendulum": robotTask({
    about: "balance two poles, one on the other (the rules of InvertedDoublePendulum-v5)",
    model: models.doublePendulum,
    observation: [
      { field: "qpos", to: 1 },
      { field: "qpos", from: 1, as: "sin" },
      { field: "qpos", from: 1, as: "cos" },
      { field: "qvel", limit: 10 },
      { field: "qfrc_constraint", to: 1, limit: 10 },
    ],
    reward:
      "10 * alive - 0.01 * site0_x * site0_x - (site0_z - 2) * (site0_z - 2) - 0.001 * qvel1 * qvel1 - 0.005 * qvel2 * qvel2",
    done: "site0_z <= 1",
    frameSkip: 5,
    noise: 0.1,
    velocities: "normal",
    steps: 200_000,
    presets: presets["inverted-double-pendulum"],
  }),
  hopper: robotTask({
    about: "hop forward on one leg (the rules of Hopper-v5)",
    model: models.hopper,
    observation: planar(10),
    reward: "x_velocity + alive - 0.001 * control_cost",
    done: "qpos1 <= 0.7 || abs(qpos2) >= 0.2 || largest >= 100",
    frameSkip: 4,
    noise: 0.005,
    steps: 1_000_000,
    presets: presets.hopper,
  }),
  "half-cheetah": robotTask({
    about: "run on two legs in a plane (the rules of HalfCheetah-v5)",
    model: models.cheetah,
    observation: planar(),
    reward: "x_velocity - 0.1 * control_cost",
    done: "0",
    frameSkip: 5,
    noise: 0.1,
    velocities: "normal",
    steps: 1_000_000,
    presets: presets["half-cheetah"],
  }),
  walker2d: robotTask({
    about: "walk on two legs in a plane (the rules of Walker2d-v5)",
    model: models.walker,
    observation: planar(10),
    reward: "x_velocity + alive - 0.001 * control_cost",
    done: "qpos1 <= 0.8 || qpos1 >= 2 || abs(qpos2) >= 1",
    frameSkip: 4,
    noise: 0.005,
    steps: 1_000_000,
    presets: presets.walker2d,
  }),
  ant: robotTask({
    about: "walk on four legs (the rules of Ant-v5)",
    model: models.ant,
    observation: [
      { field: "qpos", from: 2 },
      { field: "qvel" },
      { field: "cfrc_ext", from: 6, limit: 1 },
    ],
    reward: "x_velocity + alive - 0.5 * control_cost - 0.0005 * contact_within_1",
    done: "qpos2 < 0.2 || qpos2 > 1",
    frameSkip: 5,
    noise: 0.1,
    velocities: "normal",
    steps: 1_000_000,
    presets: presets.ant,
  }),
  humanoid: robotTask({
    about: "walk upright (the rules of Humanoid-v5)",
    model: models.humanoid,
    observation: [
      { field: "qpos", from: 2 },
      { field: "qvel" },
      { field: "cinert", from: 10 },
      { field: "cvel", from: 6 },
      { field: "qfrc_actuator", from: 6 },
      { field: "cfrc_ext", from: 6 },
    ],
    reward:
      "1.25 * center_x_velocity + 5 * alive - 0.1 * control_cost - min(0.0000005 * contact, 10)",
    done: "qpos2 <= 1 || qpos2 >= 2",
    frameSkip: 5,
    noise: 0.01,
    steps: 1_000_000,
    presets: presets.humanoid,
  }),
};
export type MujocoTaskName = keyof typeof mujocoTasks;
