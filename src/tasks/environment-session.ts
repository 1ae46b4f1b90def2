/** A session of an environment task. */
import type { Algorithm } from "../algos/index.ts";
import { loadWeights } from "../algos/load-weights.ts";
import { type Report, Training } from "../algos/training.ts";
import type { Backend } from "../core/backend.ts";
import { Random } from "../core/random.ts";
import type { Settings, Values } from "../core/settings.ts";
import { partOf, type State } from "../core/state.ts";
import { solo } from "../core/team.ts";
import { runNow } from "../core/waiting.ts";
import type { Dynamics } from "../envs/env.ts";
import { FrameStack, ScaleObservation } from "../envs/wrappers.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import type { RunningMoments } from "../returns/running.ts";
import { AsyncVectorEnv } from "../rollout/async-vector-env.ts";
import {
  type Evaluation,
  evaluate,
  evaluating as playing,
  type Witness,
} from "../rollout/evaluate.ts";
import { League } from "../rollout/league.ts";
import { VectorEnv } from "../rollout/vector-env.ts";
import type { ModelConfig } from "./model-settings.ts";
import { makeBackend, type ResolvedRun, type RunConfig } from "./run.ts";
import type { OpenOptions, SessionBase } from "./session-base.ts";
import type { EnvironmentTask } from "./task.ts";

export interface EnvironmentSession extends SessionBase {
  readonly kind: "environment";
  readonly reports: Generator<Report, never>;
  readonly training: Training;
  /** Plays episodes; `witness` sees every step. */
  play(episodes: number, seed: number, greedy: boolean, witness?: Witness): Evaluation;
  /** Makes another environment of the task. */
  makeEnv(): Dynamics;
}

type EnvironmentRun = ResolvedRun<EnvironmentTask>;
const environmentAlgorithm = ({ algorithm }: EnvironmentRun) => algorithm as Algorithm<Settings>;

/** Opens a session of an environment, new or from a saved training. */
export function openEnvironment(
  run: EnvironmentRun,
  options: OpenOptions = {},
): EnvironmentSession {
  const { config, values } = run;
  const { saved = null } = options;
  const { environments, train } = environmentAlgorithm(run);
  const envs = environments?.(values.algorithm as never) ?? Number(config.settings.envs);
  const { training, makeEnv } = assemble(run, envs, new Random(config.seed), options);
  let begun: Generator<Report, never> | null = null;
  const begin = (): Generator<Report, never> => {
    begun ??= train(training, values.algorithm as never);
    return begun;
  };
  const { play, evaluating } = playsOf(training, makeEnv);
  return {
    kind: "environment",
    run,
    config,
    training,
    makeEnv,
    play,
    evaluate: (...how) => runNow(evaluating(...how), "evaluate"),
    evaluating,
    reports: (function* () {
      return yield* begin();
    })(),
    close: () => training.env.close(),
    load(state, shapes) {
      loadWeights(training.model.parameters, partOf(state, "weights"), shapes);
      training.env.loadMoments(partOf(state, "env"));
      const { popArt } = state as { readonly popArt?: State };
      if (popArt !== undefined) training.model.popArt?.restore(popArt);
      return [];
    },
    prepare() {
      if (!isThreaded(config)) begin();
      else if (saved !== null) {
        training.restoreCounts(saved); // the threads' training begins with the first report
        this.load(saved);
      }
    },
  };
}

/** The ways to play episodes in an environment of their own. */
function playsOf(
  { env, model }: Training,
  makeEnv: () => Dynamics,
): Pick<EnvironmentSession, "play" | "evaluating"> {
  return {
    play(episodes, seed, greedy, witness) {
      const playground = env.around([makeEnv()]);
      try {
        return evaluate(model, playground, { episodes, seed, greedy, witness });
      } finally {
        playground.close();
      }
    },
    *evaluating(episodes, seed, greedy, _heldOut, first = 0) {
      const team = env.moments === null ? env.team : solo(); // the statistics are the leader's
      team.call(JSON.stringify({ evaluate: [episodes, seed, greedy, false, first] }));
      const playground = env.around([makeEnv()]);
      try {
        return yield* playing(model, playground, { episodes, first, seed, greedy, team });
      } finally {
        playground.close();
      }
    },
  };
}

/** Returns whether the algorithm's workers run in threads of their own (node/a3c-threads.ts). */
export const isThreaded = ({ algo, settings }: Pick<RunConfig, "algo" | "settings">): boolean =>
  algo === "a3c" && Number(settings.threads) > 1;

/** Returns the training of one of several workers, with its own model, environments and random numbers. */
export function openWorker(
  run: EnvironmentRun,
  index: number,
  moments: (size: number) => RunningMoments | null = () => null,
): Training {
  const { seed, settings } = run.config;
  const random = new Random(seed);
  let own = random.split();
  for (let i = 0; i <= index; i++) own = random.split();
  return assemble(run, Number(settings.envs), own, { moments }).training;
}

function assemble(
  run: EnvironmentRun,
  envs: number,
  random: Random,
  {
    saved = null,
    renews = false,
    backend = makeBackend(run.config.backend),
    moments = () => null,
    team = solo(),
    helpers = null,
  }: OpenOptions & {
    readonly moments?: (size: number) => RunningMoments | null;
  },
) {
  const { config, task, values } = run;
  const modelConfig = values.model as ModelConfig;
  const makeEnv = (): Dynamics => {
    const raw = task.make(values.task as Values<Settings>);
    const scale = modelConfig.observationScale;
    const env = scale === 1 ? raw : new ScaleObservation(raw, scale);
    return modelConfig.frames > 1 ? new FrameStack(env, modelConfig.frames) : env;
  };
  const environments = Array.from({ length: envs }, makeEnv);
  const model = makeModel(run, backend, environments[0], random.split());
  const Envs = environments[0].isAsync ? AsyncVectorEnv : VectorEnv;
  const env = new Envs(environments, {
    ...modelConfig,
    gamma: Number(config.settings.gamma ?? 1),
    autoreset: environmentAlgorithm(run).wholeEpisodes !== true,
    moments: moments(model.options.observation.size),
    team,
    helpers: environments.every(isShared) && !task.seatOpponents ? helpers : null,
    together: task.seatOpponents !== undefined && model.memorySize > 0, // opponents' memories are the leader's
  });
  env.seed(random);
  const training = new Training(model, env, random.split(), config.steps, { saved, renews });
  seatPastSelves(training, run, random.split());
  return { training, makeEnv };
}

/** Returns whether others can step an environment, which must be saved and return no promises. */
const isShared = ({ canSave, isAsync }: Dynamics): boolean => canSave && !isAsync;

function makeModel(
  run: EnvironmentRun,
  backend: Backend,
  env: Dynamics,
  random: Random,
): ActorCritic {
  const { config, values } = run;
  const options = {
    ...(values.model as ModelConfig),
    observation: env.observationSpace,
    action: env.actionSpace,
    critic: environmentAlgorithm(run).needsCritic(values.algorithm as never),
    popArt: Number(config.settings.popArt ?? 0) > 0,
  };
  return new ActorCritic(backend, options, random);
}

/** Sets past versions of the policy as the environments' opponents if the task is a game. */
function seatPastSelves(
  training: Training,
  { task, values }: EnvironmentRun,
  random: Random,
): void {
  if (task.seatOpponents === undefined) return;
  const league = new League(training.model, random);
  training.keep("league", league);
  for (const [e, env] of training.env.envs.entries())
    task.seatOpponents(env, league.opponent(e), e, values.task as Values<Settings>);
  training.onUpdate = (update) => league.advance(update);
}
