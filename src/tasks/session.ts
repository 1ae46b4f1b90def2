/** A training session from names and settings: what the command line runs, and a run folder remembers. */
import { type AlgorithmName, algorithms, notForEnvironments } from "../algos/index.ts";
import { type Report, Training, weightsOf } from "../algos/training.ts";
import { loops } from "../backends/loops.ts";
import { simd, simdAvailable } from "../backends/simd.ts";
import type { Backend } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Settings, settle, unknownName, type Values } from "../core/settings.ts";
import { partOf, type State } from "../core/state.ts";
import type { Dynamics } from "../envs/env.ts";
import { FrameStack, ScaleObservation } from "../envs/wrappers.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import type { RunningMoments } from "../returns/running.ts";
import { type Evaluation, evaluate, type Witness } from "../rollout/evaluate.ts";
import { League } from "../rollout/league.ts";
import { VectorEnv } from "../rollout/vector-env.ts";
import { type AnyTask, type TaskName, tasks } from "./index.ts";
import { type ModelConfig, modelSettings } from "./model-settings.ts";

/** Everything a run follows from. JSON keeps it. */
export interface RunConfig {
  /** The run whose weights it began with, as it was named then; for the record. */
  readonly from?: string;
  readonly task: string;
  readonly algo: string;
  readonly seed: number;
  readonly steps: number;
  readonly backend: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Session {
  readonly config: RunConfig;
  readonly reports: Generator<Report, never>;
  readonly training: Training;
  /** Plays with the policy as it stands, in an environment of its own. */
  evaluate(episodes: number, seed: number, greedy: boolean, witness?: Witness): Evaluation;
  /** A new environment of the task. */
  makeEnv(): Dynamics;
  /**
   * Takes weights and statistics of observations alone from a saved training; before `prepare`, to train on. Returns
   * an empty list: nothing stays fresh.
   */
  load(state: State): readonly string[];
  /**
   * Sets up the trainer and restores the saved training, if there is one; without this call the first report does it.
   * Throws if the settings or the saved state do not fit.
   */
  prepare(): void;
}

const backends: Readonly<Record<string, () => Backend>> = {
  loops: () => loops(),
  simd: () => simd(),
};
/** "auto" is simd where the machine has it. */
export const backendNames = ["auto", ...Object.keys(backends)];

/** A new backend by its name, as `backendOf` gives it. */
export const makeBackend = (name: string): Backend => backends[name]();

/** The backend that a name means. Throws SettingError that names what is allowed. */
export function backendOf(name = "auto"): string {
  if (!backendNames.includes(name)) {
    throw unknownName("backend", name, backendNames);
  }
  return name !== "auto" ? name : simdAvailable() ? "simd" : "loops";
}

/** What a caller may leave out. */
export interface SessionRequest {
  readonly from?: string | undefined;
  readonly task: string;
  readonly algo?: string | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly backend?: string | undefined;
  /** Settings of the task, the model and the algorithm, by name. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Resolves names, presets and settings. Throws SettingError that names what is allowed. */
export function resolve(request: SessionRequest): RunConfig {
  const task = named("task", request.task, tasks);
  const { algo: usual, steps: usualSteps, presets } = tasks[task];
  const algo = named("algorithm", request.algo ?? usual, algorithms, notForEnvironments);
  const backend = backendOf(request.backend);
  const { steps: presetSteps, ...preset } = presets[algo] ?? {};
  const { seed = 1, steps = (presetSteps as number | undefined) ?? usualSteps } = request;
  checkWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkWhole("steps", steps, 1, 1e12);
  const settings = settle(settingsOf(task, algo), { ...preset, ...request.settings });
  return { ...originOf(request), task, algo, seed, steps, backend, settings };
}

/** `from`, where it is given. */
export const originOf = ({ from }: SessionRequest): Pick<RunConfig, "from"> =>
  typeof from === "string" ? { from } : {};

/** The settings of task, model and algorithm in one table. */
export const settingsOf = (task: TaskName, algo: AlgorithmName): Settings => ({
  ...algorithms[algo].settings,
  ...modelSettings,
  ...tasks[task].settings,
});

/**
 * A training, fresh or from where `saved` was saved, ready to be drawn from. `renews`: the number of environments
 * has changed, so they begin anew; weights and optimizer are kept.
 */
export function open(given: RunConfig, saved: State | null = null, renews = false): Session {
  const config = resolve(given);
  const algorithm = algorithms[config.algo as AlgorithmName];
  const own = settle(algorithm.settings, pick(config.settings, algorithm.settings));
  const envs =
    "environments" in algorithm && algorithm.environments !== undefined
      ? algorithm.environments(own as never)
      : Number(config.settings.envs);
  const parts = assemble(config, envs, new Random(config.seed), { saved, renews });
  const { training, makeEnv } = parts;
  let begun: Generator<Report, never> | null = null;
  const begin = (): Generator<Report, never> => {
    begun ??= algorithm.train(training, own as never);
    return begun;
  };
  return {
    config,
    reports: drawn(begin),
    prepare() {
      if (!isThreaded(config)) begin();
      else if (saved !== null) {
        training.restoreCounts(saved); // the threads' training begins with the first report
        this.load(saved);
      }
    },
    training,
    makeEnv,
    evaluate(episodes, seed, greedy, witness) {
      const playground = training.env.around([makeEnv()]);
      return evaluate(training.model, playground, { episodes, seed, greedy, witness });
    },
    load(state) {
      weightsOf(training.model.parameters).restore(partOf(state, "weights"));
      training.env.loadMoments(partOf(state, "env"));
      const { popArt } = state as { readonly popArt?: State };
      if (popArt !== undefined) training.model.popArt?.restore(popArt);
      return [];
    },
  };
}

/** Whether its workers want threads of their own; see node/a3c-threads.ts. */
export const isThreaded = ({ algo, settings }: Pick<RunConfig, "algo" | "settings">): boolean =>
  algo === "a3c" && Number(settings.threads) > 1;

function* drawn(begin: () => Generator<Report, never>): Generator<Report, never> {
  return yield* begin();
}

/** The training of one worker of several, with a model, environments and chance of its own. */
export function openWorker(
  config: RunConfig,
  index: number,
  moments: (size: number) => RunningMoments | null = () => null,
): Training {
  const random = new Random(config.seed);
  let own = random.split();
  for (let i = 0; i <= index; i++) own = random.split();
  return assemble(config, Number(config.settings.envs), own, { moments }).training;
}

function assemble(
  config: RunConfig,
  envs: number,
  random: Random,
  {
    saved = null,
    renews = false,
    moments = () => null,
  }: {
    readonly saved?: State | null;
    readonly renews?: boolean;
    readonly moments?: (size: number) => RunningMoments | null;
  },
) {
  const { settings } = config;
  const shape = settle(modelSettings, pick(settings, modelSettings));
  const task = tasks[config.task as TaskName];
  const makeEnv = (): Dynamics => {
    const raw = task.make(settings as Values<Settings>);
    const scale = shape.observationScale;
    const env = scale === 1 ? raw : new ScaleObservation(raw, scale);
    return shape.frames > 1 ? new FrameStack(env, shape.frames) : env;
  };
  const model = makeModel(config, shape, makeEnv(), random.split());
  const whole = "wholeEpisodes" in algorithms[config.algo as AlgorithmName];
  const env = new VectorEnv(Array.from({ length: envs }, makeEnv), {
    ...shape,
    gamma: Number(settings.gamma ?? 1),
    autoreset: !whole,
    moments: moments(model.options.observation.size),
  });
  env.seed(random);
  const training = new Training(model, env, random.split(), config.steps, { saved, renews });
  playItself(training, task, random.split());
  return { training, makeEnv };
}

function makeModel(
  { backend, algo, settings }: RunConfig,
  shape: ModelConfig,
  env: Dynamics,
  random: Random,
): ActorCritic {
  const { needsCritic } = algorithms[algo as AlgorithmName];
  const options = {
    ...shape,
    observation: env.observationSpace,
    action: env.actionSpace,
    critic: needsCritic(settings as never),
    popArt: Number(settings.popArt ?? 0) > 0,
  };
  return new ActorCritic(makeBackend(backend), options, random);
}

/** Gives the environments past selves of the policy as opponents, where the task is a game. */
function playItself(training: Training, task: AnyTask, random: Random): void {
  if (task.seatOpponents === undefined) return;
  const league = new League(training.model, random);
  training.keep("league", league);
  for (const [e, env] of training.env.envs.entries()) task.seatOpponents(env, league.opponent(e));
  training.onUpdate = (update) => league.advance(update);
}

const pick = (
  values: Readonly<Record<string, unknown>>,
  table: Settings,
): Record<string, unknown> =>
  Object.fromEntries(Object.keys(table).map((name) => [name, values[name]]));

function named<T extends object>(
  kind: string,
  name: string,
  table: T,
  elsewhere: Readonly<Record<string, string>> = {},
): keyof T & string {
  if (!Object.hasOwn(table, name)) throw unknownName(kind, name, Object.keys(table), "", elsewhere);
  return name as keyof T & string;
}

export function checkWhole(name: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new SettingError(`${name}: want a whole number from ${min} to ${max}, got ${value}`);
  }
}
