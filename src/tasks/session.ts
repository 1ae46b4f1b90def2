/** A training session from names and settings: what the command line runs, and a run folder remembers. */
import { type AlgorithmName, algorithms, type Report } from "../algos/index.ts";
import { loops } from "../backends/loops.ts";
import { simd, simdAvailable } from "../backends/simd.ts";
import type { Backend } from "../core/backend.ts";
import { FormatError, SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Settings, settle } from "../core/settings.ts";
import { sameShape, show } from "../core/tensor.ts";
import type { Dynamics } from "../envs/env.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import { type TaskName, tasks } from "./index.ts";

/** Everything a run follows from. JSON keeps it. */
export interface RunConfig {
  readonly task: string;
  readonly algo: string;
  readonly seed: number;
  readonly steps: number;
  readonly backend: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Session {
  readonly config: RunConfig;
  readonly model: ActorCritic;
  readonly reports: Generator<Report, never>;
  /** A new environment of the task, for evaluation. */
  makeEnv(): Dynamics;
}

const backends: Readonly<Record<string, () => Backend>> = {
  loops: () => loops(),
  simd: () => simd(),
};
/** "auto" is simd where the machine has it. */
export const backendNames = ["auto", ...Object.keys(backends)];

/** What a caller may leave out. */
export interface SessionRequest {
  readonly task: string;
  readonly algo?: string | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly backend?: string | undefined;
  /** Settings of the task and of the algorithm, by name. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Resolves names, presets and settings. Throws SettingError that names what is allowed. */
export function resolve(request: SessionRequest): RunConfig {
  const task = named("task", request.task, tasks);
  const algo = named("algorithm", request.algo ?? "reinforce", algorithms);
  const backend = request.backend ?? "auto";
  if (!backendNames.includes(backend)) {
    throw new SettingError(`unknown backend "${backend}"; allowed: ${backendNames.join(", ")}`);
  }
  const { seed = 1, steps = tasks[task].steps } = request;
  wholeNumber("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  wholeNumber("steps", steps, 1, 1e12);
  const presets = tasks[task].presets[algo];
  const settings = settle(settingsOf(task, algo), { ...presets, ...request.settings });
  const chosen = backend !== "auto" ? backend : simdAvailable() ? "simd" : "loops";
  return { task, algo, seed, steps, backend: chosen, settings };
}

/** The task's and the algorithm's settings in one table. */
export const settingsOf = (task: TaskName, algo: AlgorithmName): Settings => ({
  ...algorithms[algo].settings,
  ...tasks[task].settings,
});

/** A fresh model and its training, ready to be drawn from. */
export function open(config: RunConfig): Session {
  const { task, algo, seed, steps, backend, settings } = resolve(config);
  const make = tasks[task as TaskName].make as (settings: unknown) => Dynamics;
  const makeEnv = (): Dynamics => make(settings);
  const random = new Random(seed);
  const algorithm = algorithms[algo as AlgorithmName];
  const own = settle(algorithm.settings, pick(settings, algorithm.settings));
  const env = makeEnv();
  const space = env.actionSpace;
  if (space.kind !== "discrete")
    throw new SettingError(`${algo}: want a task with discrete actions`);
  const model = new ActorCritic(
    backends[backend](),
    {
      observationSize: env.observationSpace.size,
      actions: space.n,
      hidden: own.hidden,
      critic: algorithm.needsCritic(own),
    },
    random.split(),
  );
  const envs = Array.from({ length: own.envs }, () => {
    const copy = makeEnv();
    copy.seed(random.below(2 ** 32));
    return copy;
  });
  const reports = algorithm.train(model, envs, own, steps, random.split());
  return { config: { task, algo, seed, steps, backend, settings }, model, reports, makeEnv };
}

const pick = (
  values: Readonly<Record<string, unknown>>,
  table: Settings,
): Record<string, unknown> =>
  Object.fromEntries(Object.keys(table).map((name) => [name, values[name]]));

/** The model's weights as a safetensors file. */
export const saveModel = (model: ActorCritic): Uint8Array =>
  encodeSafetensors(model.parameters.list);

/** Reads weights into the model. Throws FormatError where the file does not fit it. */
export function loadModel(model: ActorCritic, file: Uint8Array): void {
  const { tensors } = decodeSafetensors(file);
  const { list } = model.parameters;
  for (const { name, shape } of list) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new FormatError(`model: no tensor "${name}"`);
    if (!sameShape(tensor.shape, shape)) {
      throw new FormatError(`model: want ${name} of ${show(shape)}, got ${show(tensor.shape)}`);
    }
  }
  if (tensors.size !== list.length) {
    throw new FormatError(`model: want ${list.length} tensors, got ${tensors.size}`);
  }
  for (const { name, data } of list) data.set(tensors.get(name)?.data ?? []);
}

function named<T extends object>(kind: string, name: string, table: T): keyof T & string {
  if (!Object.hasOwn(table, name)) {
    throw new SettingError(`unknown ${kind} "${name}"; allowed: ${Object.keys(table).join(", ")}`);
  }
  return name as keyof T & string;
}

function wholeNumber(name: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new SettingError(`${name}: want a whole number from ${min} to ${max}, got ${value}`);
  }
}
