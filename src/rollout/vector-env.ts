/**
 * Several environments that step together, into arrays allocated once. An environment whose episode ends starts the
 * next one within the same step: `observation` is then the first of the next episode, and `finalObservation` the last
 * of the ended one, from whose value a truncated episode bootstraps.
 */
import { checkLength } from "../core/check.ts";
import { EnvError, FormatError, ShapeError } from "../core/errors.ts";
import type { Helpers } from "../core/helpers.ts";
import type { Random } from "../core/random.ts";
import { type Kept, numbersOf, partOf, type State } from "../core/state.ts";
import { shareOf, solo, type Team } from "../core/team.ts";
import type { Waiting } from "../core/waiting.ts";
import { Dynamics } from "../envs/env.ts";
import { flatSize } from "../envs/space.ts";
import {
  type MomentsState,
  type NormalizeOptions,
  RewardScaler,
  type RewardScalerState,
  RunningMoments,
} from "../returns/running.ts";

export interface VectorEnvOptions {
  /** Standardizes observations by the mean and standard deviation of all so far. Default false. */
  readonly normalizeObservation?: boolean | Partial<NormalizeOptions>;
  /** Divides rewards by the standard deviation of their discounted sum. Default false. */
  readonly normalizeReward?: boolean | Partial<NormalizeOptions>;
  /** γ of that sum. Default 0.99. */
  readonly gamma?: number;
  /** Starts the next episode when one ends. Default true; false: the environment rests until `start`. */
  readonly autoreset?: boolean;
  /** Statistics to standardize observations with, shared with others. Default: its own. */
  readonly moments?: RunningMoments | null;
  /** The members that share out the environments. Default: one. */
  readonly team?: Team;
  /** The leader of the team steps all environments, as where statistics are kept. Default false. */
  readonly together?: boolean;
  /** Others who collect rollouts, where environments do not depend on each other. */
  readonly helpers?: Helpers | null;
}

const chosen = (
  option: boolean | Partial<NormalizeOptions> | undefined,
): Partial<NormalizeOptions> | null => (option === true ? {} : option || null);

const isEnv = (x: unknown): x is object =>
  typeof (x as { step?: unknown } | undefined)?.step === "function";

/** Throws EnvError if two of the environments are the same object, also inside wrappers. */
function mustBeDistinct(envs: readonly Dynamics[]): void {
  const seen = new Set<object>();
  for (const [e, env] of envs.entries()) {
    if (!(env instanceof Dynamics))
      throw new EnvError(
        `VectorEnv: expected Dynamics, got another object at ${e}; see fromGymnasium`,
      );
    let inner: unknown = env;
    for (; isEnv(inner); inner = (inner as { readonly env?: unknown }).env) {
      if (seen.has(inner))
        throw new EnvError(`VectorEnv: expected distinct environments, got one twice, at ${e}`);
      seen.add(inner);
    }
  }
}

/** Throws ShapeError if an environment has other spaces than the first, or masks where that has none. */
function mustBeAlike(envs: readonly Dynamics[]): void {
  const [first, ...others] = envs.map(({ observationSpace, actionSpace, mask }) =>
    JSON.stringify([observationSpace.shape, actionSpace, mask === undefined]),
  );
  const e = others.findIndex((other) => other !== first);
  if (e >= 0)
    throw new ShapeError(
      `VectorEnv: expected environments alike, got other spaces or masks at ${e + 1}`,
    );
}

/** Steps of environments that return promises. */
export interface LaterSteps {
  /** Waits for the started episodes, and reads their first observations. */
  ready(): Waiting<void>;
  stepping(actions: ArrayLike<number>): Waiting<void>;
}

/**
 * Environments that step together. Those that were never seeded are seeded with their index, so that they differ.
 */
export class VectorEnv implements Kept {
  readonly envs: readonly Dynamics[];
  readonly team: Team;
  /** The environments first … end − 1 that this member of the team steps. */
  first: number;
  end: number;
  /** Others who collect rollouts; null for none. */
  readonly helpers: Helpers | null;
  readonly observationSize: number;
  readonly actionSize: number;
  /** The observation to act on, [envs, size]. */
  readonly observation: Float32Array;
  /** The observation that the last step led to, [envs, size]: differs from `observation` where an episode ended. */
  readonly finalObservation: Float32Array;
  /** Rewards of the last step, [envs]; scaled if `normalizeReward`. */
  readonly reward: Float32Array;
  readonly terminated: Float32Array;
  readonly truncated: Float32Array;
  /** Return and length so far of each episode, [envs], of unscaled rewards. */
  readonly episodeReturn: Float64Array;
  readonly episodeLength: Int32Array;
  /**
   * Return, length and success (1, 0, or NaN for an environment without a goal) of the episode that ended in the last
   * step, [envs]; other entries are from earlier steps.
   */
  readonly finalReturn: Float64Array;
  readonly finalLength: Int32Array;
  readonly finalSuccess: Float32Array;
  /** 1 for an action that is allowed, [envs, actions]; null for environments without masks. */
  readonly mask: Float32Array | null;
  /** true: steps update the statistics. false during evaluation. */
  learning = true;
  readonly moments: RunningMoments | null;
  readonly rewardScaler: RewardScaler | null;
  /** 1 where an episode begins with the next step, [envs]. */
  readonly fresh: Float32Array;
  /** 1 where the last step or start changed an environment; 0 for one that rests. */
  protected readonly stepped: Uint8Array;
  /** Steps of environments that return promises (AsyncVectorEnv); null if all return at once. */
  readonly later: LaterSteps | null = null;
  private readonly options: VectorEnvOptions;
  private readonly normalize: Partial<NormalizeOptions>;
  private readonly autoreset: boolean;

  constructor(envs: readonly Dynamics[], options: VectorEnvOptions = {}) {
    if (envs.length === 0)
      throw new ShapeError("VectorEnv: expected at least one environment, got 0");
    mustBeDistinct(envs);
    const { observationSpace, actionSpace } = envs[0];
    const n = envs.length;
    const size = observationSpace.size;
    mustBeAlike(envs);
    for (const [e, env] of envs.entries()) if (!env.isSeeded) env.seed(e);
    this.envs = envs;
    this.observationSize = size;
    this.actionSize = actionSpace.size;
    const { team = solo(), together = false } = options;
    const observations = chosen(options.normalizeObservation);
    const rewards = chosen(options.normalizeReward);
    this.team = team;
    this.autoreset = options.autoreset ?? true;
    const apart = !together && observations === null && (rewards === null || this.autoreset);
    this.helpers = apart && rewards === null ? (options.helpers ?? null) : null;
    if (!apart) [this.first, this.end] = [0, team.index === 0 ? n : 0];
    else [this.first, this.end] = [0, 1].map((i) => shareOf(n, team.size, team.index + i));
    this.observation = team.floats(n * size);
    this.finalObservation = new Float32Array(n * size);
    this.reward = new Float32Array(n);
    this.terminated = new Float32Array(n);
    this.truncated = new Float32Array(n);
    this.episodeReturn = team.doubles(n);
    this.episodeLength = team.ints(n);
    this.finalReturn = new Float64Array(n);
    this.finalLength = new Int32Array(n);
    this.finalSuccess = new Float32Array(n);
    this.fresh = team.floats(n);
    this.stepped = new Uint8Array(n);
    this.options = options;
    this.mask = envs[0].mask === undefined ? null : team.floats(n * flatSize(actionSpace)).fill(1);
    this.normalize = observations ?? {};
    this.moments = observations && (options.moments ?? new RunningMoments(size));
    this.rewardScaler =
      rewards && new RewardScaler(n, { gamma: options.gamma ?? 0.99, ...rewards });
  }

  /** true where other members step some of the environments. Then a rollout, not a step, scales the rewards of all. */
  get isShared(): boolean {
    return this.team.size > 1 && this.end - this.first < this.envs.length;
  }

  /** Returns a VectorEnv of environments first … end − 1, with the same options and statistics of observations. */
  part(first: number, end: number): VectorEnv {
    return this.around(this.envs.slice(first, end));
  }

  /**
   * Returns a VectorEnv of other environments with the same statistics of observations, and the same options but
   * `changes`.
   */
  around(envs: readonly Dynamics[], changes: VectorEnvOptions = {}): VectorEnv {
    return new (this.constructor as typeof VectorEnv)(envs, {
      ...this.options,
      moments: this.moments,
      team: solo(),
      helpers: null,
      ...changes,
    });
  }

  /** Seeds each environment with its own number. */
  seed(random: Random): void {
    for (const env of this.envs) env.seed(random.bits());
  }

  /** Starts an episode in every environment. */
  start(): void {
    const { first, end } = this;
    this.rewardScaler?.returns.fill(0);
    if (first === end) return;
    for (let e = first; e < end; e++) this.startEpisode(e);
    this.stepped.fill(1);
    this.standardize();
  }

  /** Starts an episode in environment e, dropping the current one. The statistics do not change. */
  restart(e: number): void {
    const { learning } = this;
    this.startEpisode(e);
    this.stepped.fill(0);
    this.stepped[e] = 1;
    this.learning = false;
    this.standardize();
    this.learning = learning;
  }

  protected startEpisode(e: number): void {
    const { episodeReturn, episodeLength, terminated, truncated, rewardScaler } = this;
    for (const list of [episodeReturn, episodeLength, terminated, truncated, rewardScaler?.returns])
      list?.fill(0, e, e + 1);
    this.envs[e].start();
    this.observeStart(e);
  }

  protected observeStart(e: number): void {
    const { observation, finalObservation, observationSize: size } = this;
    this.envs[e].observe(observation, e * size);
    this.readMask(e);
    this.fresh[e] = 1;
    for (let i = e * size; i < (e + 1) * size; i++) finalObservation[i] = observation[i];
  }

  /** true if `restore` resumes all episodes; an environment that cannot be saved begins a new one. */
  get canSave(): boolean {
    return this.envs.every((env) => env.canSave);
  }

  /** Frees the environments' resources. */
  close(): void {
    for (const env of this.envs) env.close();
  }

  /** Returns true if the episode of environment e is over and it waits for `start`. */
  resting(e: number): boolean {
    return !this.autoreset && (this.terminated[e] !== 0 || this.truncated[e] !== 0);
  }

  /** Takes one step in this member's environments, with their actions [end − first, actionSize]. */
  step(actions: ArrayLike<number>): void {
    this.act(actions);
    this.readResults();
    this.observeNext();
  }

  protected act(actions: ArrayLike<number>): void {
    const { envs, stepped, actionSize, first, end } = this;
    checkLength("VectorEnv", "actions", actions, (end - first) * actionSize);
    for (let e = first; e < end; e++) {
      stepped[e] = this.resting(e) ? 0 : 1;
      this.reward[e] = 0;
      if (stepped[e] === 1) envs[e].act(actions, (e - first) * actionSize);
    }
  }

  /** Reads the step's results, and starts the next episode where one ended. */
  protected readResults(): void {
    const { envs, observationSize: size, first, end } = this;
    for (let e = first; e < end; e++) {
      if (this.stepped[e] === 0) continue;
      const env = envs[e];
      this.fresh[e] = 0;
      env.observe(this.finalObservation, e * size);
      this.reward[e] = env.reward;
      this.terminated[e] = env.terminated ? 1 : 0;
      this.truncated[e] = env.truncated ? 1 : 0;
      this.episodeReturn[e] += env.reward;
      this.episodeLength[e]++;
      if (!env.terminated && !env.truncated) continue;
      this.finish(e);
      if (!this.autoreset) continue;
      this.fresh[e] = 1;
      env.start();
    }
  }

  /** Reads the observations and masks for the next actions; standardizes observations and scales rewards. */
  protected observeNext(): void {
    const { envs, observationSize: size, observation, finalObservation, first, end } = this;
    for (let e = first; e < end; e++) {
      if (this.stepped[e] === 0) continue;
      if (this.fresh[e] === 1) envs[e].observe(observation, e * size);
      else for (let i = e * size; i < (e + 1) * size; i++) observation[i] = finalObservation[i];
      this.readMask(e);
    }
    this.standardize();
    if (this.learning && !this.isShared) {
      const { reward, terminated, truncated, stepped } = this;
      this.rewardScaler?.scale(reward, reward, terminated, truncated, stepped);
    }
  }

  private finish(e: number): void {
    this.finalReturn[e] = this.episodeReturn[e];
    this.finalLength[e] = this.episodeLength[e];
    const { success } = this.envs[e];
    this.finalSuccess[e] = success === null ? Number.NaN : Number(success);
    this.episodeReturn[e] = 0;
    this.episodeLength[e] = 0;
  }

  /** Reads the mask of environment e; allows everything in one that rests, which may have no choice left. */
  private readMask(e: number): void {
    const { mask, envs } = this;
    if (mask === null) return;
    const n = mask.length / envs.length;
    if (this.resting(e)) mask.fill(1, e * n, (e + 1) * n);
    else envs[e].mask?.(mask, e * n);
  }

  protected standardize(): void {
    const { observation, finalObservation, observationSize: size } = this;
    if (this.moments === null) return;
    if (!this.stepped.includes(0)) {
      this.standardizeRows(observation, finalObservation);
      return;
    }
    for (let at = 0, e = 0; e < this.envs.length; e++, at += size) {
      if (this.stepped[e] === 0) continue;
      const end = at + size;
      this.standardizeRows(observation.subarray(at, end), finalObservation.subarray(at, end));
    }
  }

  private standardizeRows(observation: Float32Array, finalObservation: Float32Array): void {
    const { moments, normalize } = this;
    if (this.learning) moments?.update(observation);
    moments?.normalize(observation, observation, normalize);
    moments?.normalize(finalObservation, finalObservation, normalize);
  }

  /** Returns everything that the next steps depend on. */
  save(): State {
    return {
      envs: this.states(),
      observation: this.observation.slice(),
      mask: this.mask?.slice() ?? null,
      fresh: this.fresh.slice(),
      episodeReturn: this.episodeReturn.slice(),
      episodeLength: [...this.episodeLength],
      ...this.saveStatistics(),
    };
  }

  /** Returns the state of every environment; the leader has the others join in. */
  private states(): readonly (readonly number[])[] {
    const { team, envs } = this;
    if (!this.isShared) return envs.map((env) => env.save());
    team.call("states");
    return this.joinStates();
  }

  /** Called by each member of a team: returns the states that members have for each environment. */
  joinStates(): readonly (readonly number[])[] {
    const { team, envs, first, end } = this;
    return team.gather(envs.slice(first, end).map((env) => env.save()));
  }

  /** Resumes where `save` was called, bit for bit; environments that cannot be saved begin a new episode. */
  restore(state: State): void {
    this.restoreEpisodes(state, 0, this.envs.length);
    this.restoreStatistics(state);
    for (const [e, { canSave }] of this.envs.entries()) {
      if (canSave) continue;
      this.rewardScaler?.returns.fill(0, e, e + 1);
      if (this.first <= e && e < this.end) this.restart(e);
    }
  }

  /** Restores the episodes of the environments first … end − 1. */
  restoreEpisodes(state: State, first: number, end: number): void {
    const { envs, observation, mask, fresh, episodeReturn, episodeLength } = this;
    for (let e = first; e < end; e++) {
      envs[e].restore(Array.from(numbersOf(partOf(state, "envs"), `${e}`)));
      this.terminated[e] = Number(envs[e].terminated);
      this.truncated[e] = Number(envs[e].truncated);
    }
    const columns = { observation, fresh, episodeReturn, episodeLength, ...(mask && { mask }) };
    for (const [name, column] of Object.entries(columns)) {
      const saved = numbersOf(state, name, column.length);
      const width = column.length / envs.length;
      for (let i = first * width; i < end * width; i++) column[i] = saved[i];
    }
  }

  /** Restores the statistics alone, for other environments, which start afresh. */
  renew(state: State): void {
    this.moments?.restore(partOf(state, "moments") as unknown as MomentsState);
    this.rewardScaler?.moments.restore(
      partOf(partOf(state, "rewardScaler"), "moments") as unknown as MomentsState,
    );
  }

  /**
   * Restores the statistics of observations alone. Throws FormatError if only one side standardizes observations: the
   * policy would see numbers on another scale than in training.
   */
  loadMoments(state: State): void {
    const { moments = null } = state as { readonly moments?: MomentsState | null };
    if ((moments === null) !== (this.moments === null)) {
      throw new FormatError(
        `state: expected normalizeObservation=${moments !== null}, as it was saved, got ${moments === null}`,
      );
    }
    if (moments !== null) this.moments?.restore(moments);
  }

  /** Returns the statistics of observations and rewards, which evaluation needs too. */
  saveStatistics(): { moments: State; rewardScaler: State } {
    const { moments, rewardScaler } = this;
    return {
      moments: moments?.save() ?? null,
      rewardScaler: rewardScaler?.save() ?? null,
    };
  }

  restoreStatistics(state: State): void {
    this.moments?.restore(partOf(state, "moments") as unknown as MomentsState);
    this.rewardScaler?.restore(partOf(state, "rewardScaler") as unknown as RewardScalerState);
  }
}
