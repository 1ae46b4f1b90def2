/** Resolves a run's names, presets and settings into the definitions and values that a session opens with. */
import {
  type Algorithm,
  algorithms,
  notForEnvironments,
  notForTexts,
  onCompletions,
  onEpisodes,
  type TextAlgorithm,
  textAlgorithms,
} from "../algos/index.ts";
import { loops } from "../backends/loops.ts";
import { simd, simdAvailable } from "../backends/simd.ts";
import type { Backend } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import { type Settings, settle, unknownName } from "../core/settings.ts";
import { tasks } from "./index.ts";
import { gptSettings, hubSettings, modelSettings } from "./model-settings.ts";
import { algorithmFrom } from "./own-algorithm.ts";
import { type OwnFile, type OwnFiles, ownOf } from "./own-files.ts";
import { taskFrom } from "./own-task.ts";
import { shapePreset } from "./shape-presets.ts";
import type { EnvironmentTask, Task } from "./task.ts";

type Named = Readonly<Record<string, unknown>>;

/** Everything that determines a run, as config.json stores it. */
export interface RunConfig {
  /** The path given to --from; not read again. */
  readonly from?: string;
  /** The user's own files: task, algorithm, reward. */
  readonly files?: OwnFiles;
  readonly task: string;
  readonly algo: string;
  readonly seed: number;
  readonly steps: number;
  readonly backend: string;
  /** Values of every setting of the task, the model and the algorithm. */
  readonly settings: Named;
}

/** A RunConfig in which everything but the task may be left out. */
export interface RunRequest {
  readonly from?: string | undefined;
  readonly files?: OwnFiles | undefined;
  readonly task: string;
  readonly algo?: string | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly backend?: string | undefined;
  readonly settings?: Named;
}

/** A complete config, the definitions of task and algorithm, and the values split into task, model and algorithm. */
export interface ResolvedRun<T extends Task = Task> {
  readonly config: RunConfig;
  readonly task: T;
  readonly algorithm: AnyAlgorithm;
  readonly values: { readonly task: Named; readonly model: Named; readonly algorithm: Named };
}

/** An algorithm for environments or for texts, by name or from a file. */
export type AnyAlgorithm = Algorithm<Settings> | TextAlgorithm;
type Algorithms = Readonly<Record<string, AnyAlgorithm>>;

/** The algorithms and the model of each kind of task, and why other algorithms do not fit it. */
const kinds = {
  environment: {
    algorithms: algorithms as unknown as Algorithms,
    model: modelSettings as Settings,
    unfit: notForEnvironments,
  },
  text: {
    algorithms: textAlgorithms as Algorithms,
    model: gptSettings as Settings,
    unfit: notForTexts,
  },
};

/** Returns the algorithm of a name, or of a file. Throws SettingError for one that does not fit the task. */
export function algorithmOf(
  { task: name, algo, files }: Pick<RunRequest, "task" | "files"> & { readonly algo: string },
  { kind }: Task,
): AnyAlgorithm {
  const { algorithms: known, unfit } = kinds[kind];
  if (files?.algo !== undefined) return ownAlgorithm(files.algo, algo, kind);
  if (Object.hasOwn(known, algo)) return known[algo];
  const where = ` for ${files?.task?.path ?? name}`;
  throw unknownName("algorithm", algo, Object.keys(known), where, unfit);
}

function ownAlgorithm(file: OwnFile, name: string, kind: Task["kind"]): AnyAlgorithm {
  const own = algorithmFrom(ownOf(file), name, file.path);
  if (own.kind === "group")
    return kind === "text"
      ? onCompletions(own.group)
      : (onEpisodes(own.group) as unknown as Algorithm<Settings>);
  if (kind === "environment") return own.algorithm;
  throw new SettingError(
    `${file.path}: expected an estimator for a text (base, estimator or compare), got an algorithm that trains in environments`,
  );
}

/** Returns the tables of settings of the algorithm, the model and the task. */
export const tablesOf = (task: Task, algorithm: AnyAlgorithm, files?: OwnFiles) => ({
  algorithm: algorithm.settings,
  model:
    task.kind === "text" && files?.model !== undefined
      ? (hubSettings as Settings)
      : kinds[task.kind].model,
  task: task.settings,
});

/** Returns the task of a name. Throws SettingError that lists the tasks. */
export function taskNamed(name: string): Task {
  if (!Object.hasOwn(tasks, name)) throw unknownName("task", name, Object.keys(tasks));
  return tasks[name as keyof typeof tasks];
}

/** Returns the task of a name, or of a file. */
export function taskOf({ task, files }: Pick<RunRequest, "task" | "files">): Task {
  return files?.task === undefined ? taskNamed(task) : taskFrom(ownOf(files.task), files.task.path);
}

/** Throws SettingError if a setting of the task has the name of one of the algorithm or the model. */
function checkNames(name: string, task: Settings, others: Settings): void {
  const both = Object.keys(task).find((setting) => Object.hasOwn(others, setting));
  if (both === undefined) return;
  throw new SettingError(
    `${name}: expected names of settings that the algorithm and the model do not have, got ${both}`,
  );
}

/** Throws SettingError if the task's presets name a setting or an algorithm that there is not. */
function checkPresets({ task: name, files }: RunRequest, task: Task, algo: string, own: Settings) {
  const { algorithms: known, model } = kinds[task.kind];
  const tables = Object.values(known).map(({ settings }) => settings);
  const all = Object.keys(Object.assign({}, own, model, ...tables));
  const names = [...Object.keys(known), algo];
  const where = ` for ${files?.task?.path ?? name}`;
  const setting = Object.keys(task.preset ?? {}).find((one) => !all.includes(one));
  if (setting !== undefined) throw unknownName("setting of preset", setting, all, where);
  const other = Object.keys(task.presets ?? {}).find((one) => !names.includes(one));
  if (other !== undefined) throw unknownName("algorithm of presets", other, names, where);
}

/**
 * Resolves names, presets and settings. Precedence of values: defaults, presets by shape, the task's `preset`, the
 * algorithm's `usual`, the task's `presets` for the algorithm, the request. Throws SettingError that lists what is
 * allowed.
 */
export function resolve(request: RunRequest, task: Task = taskOf(request)): ResolvedRun {
  const { files, algo = task.algo } = request;
  const algorithm = algorithmOf({ task: request.task, algo, files }, task);
  if (files?.model !== undefined && task.kind !== "text" && !Object.hasOwn(task.settings, "model"))
    throw new SettingError(`--model: expected a task of texts or on MuJoCo, got ${request.task}`);
  const tables = tablesOf(task, algorithm, files);
  const others = { ...tables.algorithm, ...tables.model };
  checkNames(files?.task?.path ?? request.task, tables.task, others);
  const all = { ...others, ...tables.task };
  checkPresets(request, task, algo, all);
  const shape = shapeOf(task, algo, tables.task, request.settings ?? {});
  const { steps: presetSteps = task.steps, ...preset } = {
    ...shape,
    ...presetOf(task, algo, algorithm, all),
  };
  const { from, seed = 1, steps = presetSteps as number } = request;
  checkWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkWhole("steps", steps, 1, 1e12);
  const backend = backendOf(request.backend);
  const settings = settle(all, { ...preset, ...request.settings });
  const record = {
    ...(from === undefined ? {} : { from }),
    ...(files === undefined || Object.keys(files).length === 0 ? {} : { files }),
  };
  return {
    config: { ...record, task: request.task, algo, seed, steps, backend, settings },
    task,
    algorithm,
    values: {
      task: pick(settings, tables.task),
      model: pick(settings, tables.model),
      algorithm: pick(settings, tables.algorithm),
    },
  };
}

/** Returns presets by the shape of the spaces if the task asks for them; its own presets are laid over them. */
function shapeOf(task: Task, algo: string, table: Settings, given: Named): Named {
  if (task.kind === "text" || task.byShape !== true) return {};
  const taskValues = Object.entries({ ...task.preset, ...given }).filter(([name]) =>
    Object.hasOwn(table, name),
  );
  const env = task.make(settle(table, Object.fromEntries(taskValues)) as never);
  env.close();
  return shapePreset(env, algo);
}

/** Returns values that replace defaults; later ones win: task.preset, algorithm.usual, task.presets[algo]. */
function presetOf(task: Task, algo: string, { usual }: AnyAlgorithm, table: Settings): Named {
  const general = Object.entries({ ...task.preset, ...usual });
  const fitting = general.filter(([name]) => Object.hasOwn(table, name));
  return { ...Object.fromEntries(fitting), ...task.presets?.[algo] };
}

const pick = (values: Named, table: Settings): Named =>
  Object.fromEntries(Object.keys(table).map((name) => [name, values[name]]));

export const isEnvironmentRun = (run: ResolvedRun): run is ResolvedRun<EnvironmentTask> =>
  run.task.kind === "environment";

const backends: Readonly<Record<string, (memory: number) => Backend>> = {
  loops: () => loops(),
  simd: (memory) => simd({ memory }),
};
/** Allowed names; "auto" is simd if the machine supports it, else loops. */
export const backendNames = ["auto", ...Object.keys(backends)];

// bytes, of which the machine commits what is used
const usualMemory = 2 ** 28;
const mostMemory = 2 ** 32;

/** Makes the backend of a name that `backendOf` returned; `large` for all the memory that WebAssembly can have. */
export const makeBackend = (name: string, large = false): Backend =>
  backends[name](large ? mostMemory : usualMemory);

/** Returns the name of a backend, with "auto" resolved. Throws SettingError that lists the backends. */
export function backendOf(name = "auto"): string {
  if (!backendNames.includes(name)) throw unknownName("backend", name, backendNames);
  return name !== "auto" ? name : simdAvailable() ? "simd" : "loops";
}

function checkWhole(name: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new SettingError(`${name}: expected a whole number from ${min} to ${max}, got ${value}`);
  }
}
