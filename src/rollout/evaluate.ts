/** Evaluation of a policy: whole episodes without learning. */
import { checkInteger } from "../core/check.ts";
import { Random } from "../core/random.ts";
import { solo, type Team } from "../core/team.ts";
import { runNow, type Waiting } from "../core/waiting.ts";
import { TimeLimit } from "../envs/wrappers.ts";
import { Actor } from "../policies/actor.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { VectorEnv } from "./vector-env.ts";

export interface Evaluation {
  readonly episodes: number;
  /** Undiscounted return of each episode. */
  readonly returns: readonly number[];
  /** Steps of each episode. */
  readonly lengths: readonly number[];
  readonly meanReturn: number;
  /** Sample standard deviation of the returns. */
  readonly stdReturn: number;
  /** Half of a 95 % confidence interval of the mean, by Student's t. */
  readonly margin: number;
  /** Fraction of episodes that reached their goal; null for an environment without one. */
  readonly successRate: number | null;
  /** Means of the measures that a text task has besides its reward, by name. */
  readonly measures?: Readonly<Record<string, number>>;
}

/**
 * Called at every step of an evaluation, after the action is chosen and before the environment takes it. The environment
 * takes what is then in `actor.command`.
 */
export type Witness = (episode: number, actor: Actor, env: VectorEnv) => void;

/** Steps after which an episode without a limit of its own is cut short. */
export const evaluationLimit = 100_000;

export interface EvaluateOptions {
  readonly episodes: number;
  /** Number of the first episode. Default 0. */
  readonly first?: number;
  /** Gives each episode its random numbers by its own number: of the environment, and of the sampled actions. */
  readonly seed: number;
  /** Takes the likeliest actions rather than sampled ones. */
  readonly greedy: boolean;
  readonly witness?: Witness | undefined;
  /** The members that share out the episodes. Default: one. */
  readonly team?: Team;
}

/**
 * Plays episodes in the first of the environments. It reads the environments' statistics of observations and changes
 * nothing: the environment's state and generator are restored, and no step is counted. An environment that cannot be
 * saved begins a new episode instead. An episode without a step limit of its own is cut short after `evaluationLimit`
 * steps. Throws ShapeError for a policy that does not fit the environment.
 */
export const evaluate = (
  model: ActorCritic,
  envs: VectorEnv,
  options: EvaluateOptions,
): Evaluation => runNow(evaluating(model, envs, options), "evaluate");

/** `evaluate` that waits for an environment that answers later. */
export function* evaluating(
  model: ActorCritic,
  envs: VectorEnv,
  options: EvaluateOptions,
): Waiting<Evaluation> {
  checkInteger("evaluate", "episodes", options.episodes, { min: 1 });
  const [only] = envs.envs;
  model.mustFit("evaluate", only.observationSpace, only.actionSpace);
  const before = only.save();
  try {
    return yield* play(model, playground(envs), options);
  } finally {
    only.restore(before);
    if (!only.canSave) envs.restart(0);
  }
}

/** Returns the first environment alone, with the statistics of all, which it does not change. */
function playground(envs: VectorEnv): VectorEnv {
  const [first] = envs.envs;
  const only = Number.isFinite(first.maxSteps) ? first : new TimeLimit(first, evaluationLimit);
  const env = envs.around([only], { autoreset: false, normalizeReward: false });
  env.learning = false;
  return env;
}

function* play(model: ActorCritic, env: VectorEnv, options: EvaluateOptions): Waiting<Evaluation> {
  const { witness } = options;
  const actor = new Actor(model, 1, { masked: env.mask !== null, value: witness !== undefined });
  try {
    return yield* playWith(actor, env, options);
  } finally {
    actor.free();
  }
}

function* playWith(actor: Actor, env: VectorEnv, options: EvaluateOptions): Waiting<Evaluation> {
  const { episodes, first = 0, team = solo() } = options;
  const mark = team.mark();
  const [returns, lengths, successes] = [0, 1, 2].map(() => team.doubles(episodes));
  const next = team.claims();
  for (let i = next(); i < episodes; i = next()) {
    yield* playEpisode(actor, env, first + i, options);
    returns[i] = env.finalReturn[0];
    lengths[i] = env.finalLength[0];
    successes[i] = env.finalSuccess[0];
  }
  team.barrier();
  const reached = successes.reduce((sum, success) => sum + success, 0); // NaN without goals
  const evaluation = {
    episodes,
    returns: Array.from(returns),
    lengths: Array.from(lengths),
    ...statisticsOf(Array.from(returns)),
    successRate: Number.isNaN(reached) ? null : reached / episodes,
  };
  team.release(mark);
  return evaluation;
}

function* playEpisode(
  actor: Actor,
  env: VectorEnv,
  episode: number,
  { seed, greedy, witness }: EvaluateOptions,
): Waiting<void> {
  const { later } = env;
  const random = beginEpisode(env, seed, episode);
  if (later !== null) yield* later.ready();
  while (!env.resting(0)) {
    actor.observation.set(env.observation);
    if (env.mask !== null) actor.mask.set(env.mask);
    actor.reset.set(env.fresh);
    if (greedy) actor.actGreedily();
    else actor.act(random);
    witness?.(episode, actor, env);
    if (later === null) env.step(actor.command);
    else yield* later.stepping(actor.command);
  }
}

/** Starts an episode of an evaluation, by its number. Returns the generator of its actions. */
export function beginEpisode(env: VectorEnv, seed: number, episode: number): Random {
  const [key0, key1] = new Random(seed).save();
  const random = Random.from([key0, key1, 0, episode, 0]).split(); // the episode's child of the seed's generator
  env.envs[0].seed(random.bits());
  env.start();
  return random;
}

/** Returns the evaluation of all episodes of several evaluations of one policy, in their order. */
export function poolEvaluations(evaluations: readonly Evaluation[]): Evaluation {
  if (evaluations.length === 1) return evaluations[0];
  const returns = evaluations.flatMap((evaluation) => evaluation.returns);
  const lengths = evaluations.flatMap((evaluation) => evaluation.lengths);
  const successes = evaluations.map(({ successRate, episodes }) =>
    successRate === null ? Number.NaN : Math.round(successRate * episodes),
  );
  const reached = successes.reduce((sum, n) => sum + n, 0);
  const episodes = returns.length;
  const successRate = Number.isNaN(reached) ? null : reached / episodes;
  return { episodes, returns, lengths, ...statisticsOf(returns), successRate };
}

/** Mean, sample deviation and margin of returns. */
export function statisticsOf(
  returns: readonly number[],
): Pick<Evaluation, "meanReturn" | "stdReturn" | "margin"> {
  const n = returns.length;
  const meanReturn = returns.reduce((sum, r) => sum + r, 0) / n;
  const squares = returns.reduce((sum, r) => sum + (r - meanReturn) * (r - meanReturn), 0);
  const stdReturn = n > 1 ? Math.sqrt(squares / (n - 1)) : 0;
  return {
    meanReturn,
    stdReturn,
    margin: n > 1 ? (student95(n - 1) * stdReturn) / Math.sqrt(n) : 0,
  };
}

/** Returns the 97.5 % quantile of Student's t, by the Cornish–Fisher expansion; exact tables below 4 degrees. */
export function student95(degrees: number): number {
  const small = [12.706, 4.303, 3.182];
  if (degrees <= small.length) return small[degrees - 1];
  const z = 1.959964;
  const z2 = z * z;
  const g1 = (z * (z2 + 1)) / 4;
  const g2 = (z * (z2 * (5 * z2 + 16) + 3)) / 96;
  const g3 = (z * (z2 * (z2 * (3 * z2 + 19) + 17) - 15)) / 384;
  return z + (g1 + (g2 + g3 / degrees) / degrees) / degrees;
}
