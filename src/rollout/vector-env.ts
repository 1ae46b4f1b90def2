/**
 * Several environments stepped together, into arrays made once. One that ended starts anew within the same
 * step: `observation` is then the next episode's first, `finalObservation` what the ended one came to, whose
 * value a truncated episode bootstraps from.
 */
import { ShapeError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Dynamics } from "../envs/env.ts";
import {
  type MomentsState,
  type NormalizeOptions,
  RewardScaler,
  type RewardScalerState,
  RunningMoments,
} from "../returns/running.ts";

export interface VectorEnvOptions {
  /** Standardize observations by the mean and deviation of all seen. Default false. */
  readonly normalizeObservation?: boolean | Partial<NormalizeOptions>;
  /** Divide rewards by the deviation of their discounted sum. Default false. */
  readonly normalizeReward?: boolean | Partial<NormalizeOptions>;
  /** γ of that sum. Default 0.99. */
  readonly gamma?: number;
}

/** The state of a VectorEnv: of its environments, episodes and statistics, as JSON keeps it. */
export interface VectorEnvState {
  readonly envs: readonly (readonly number[])[];
  readonly observation: readonly number[];
  readonly mask: readonly number[] | null;
  readonly episodeReturn: readonly number[];
  readonly episodeLength: readonly number[];
  readonly moments: MomentsState | null;
  readonly rewardScaler: RewardScalerState | null;
}

const chosen = (
  option: boolean | Partial<NormalizeOptions> | undefined,
): Partial<NormalizeOptions> | null => (option === true ? {} : option || null);

export class VectorEnv {
  readonly envs: readonly Dynamics[];
  readonly observationSize: number;
  readonly actionSize: number;
  /** What to act on, [envs, size]. */
  readonly observation: Float32Array;
  /** What the last step came to, [envs, size]: `observation`, except where an episode ended. */
  readonly finalObservation: Float32Array;
  /** Of the last step, [envs]; scaled if so asked. */
  readonly reward: Float32Array;
  readonly terminated: Float32Array;
  readonly truncated: Float32Array;
  /** Return and length so far of each episode, [envs], rewards as the environment gave them. */
  readonly episodeReturn: Float64Array;
  readonly episodeLength: Int32Array;
  /** The same of the episode that ended in the last step, where one did, and 1 where it reached its goal. */
  readonly finalReturn: Float64Array;
  readonly finalLength: Int32Array;
  readonly finalSuccess: Float32Array;
  /** 1 for an action that is allowed, [envs, actions]; null where all always are. */
  readonly mask: Float32Array | null;
  /** Whether steps change the statistics; off for evaluation. */
  learning = true;
  readonly moments: RunningMoments | null;
  readonly rewardScaler: RewardScaler | null;
  private readonly normalize: Partial<NormalizeOptions>;

  constructor(envs: readonly Dynamics[], options: VectorEnvOptions = {}) {
    if (envs.length === 0) throw new ShapeError("VectorEnv: want at least one environment, got 0");
    const { observationSpace, actionSpace } = envs[0];
    const n = envs.length;
    const size = observationSpace.size;
    if (envs.some((env) => env.observationSpace.size !== size)) {
      throw new ShapeError("VectorEnv: want environments with observations of one size");
    }
    this.envs = envs;
    this.observationSize = size;
    this.actionSize = actionSpace.size;
    this.observation = new Float32Array(n * size);
    this.finalObservation = new Float32Array(n * size);
    this.reward = new Float32Array(n);
    this.terminated = new Float32Array(n);
    this.truncated = new Float32Array(n);
    this.episodeReturn = new Float64Array(n);
    this.episodeLength = new Int32Array(n);
    this.finalReturn = new Float64Array(n);
    this.finalLength = new Int32Array(n);
    this.finalSuccess = new Float32Array(n);
    const actions = actionSpace.kind === "discrete" ? actionSpace.n : actionSpace.size;
    this.mask = envs[0].mask === undefined ? null : new Float32Array(n * actions);
    const observations = chosen(options.normalizeObservation);
    const rewards = chosen(options.normalizeReward);
    this.normalize = observations ?? {};
    this.moments = observations && new RunningMoments(size);
    this.rewardScaler =
      rewards && new RewardScaler(n, { gamma: options.gamma ?? 0.99, ...rewards });
  }

  /** Seeds each environment apart. */
  seed(random: Random): void {
    for (const env of this.envs) env.seed(random.bits());
  }

  /** Starts an episode everywhere. */
  start(): void {
    const { envs, observationSize: size } = this;
    this.episodeReturn.fill(0);
    this.episodeLength.fill(0);
    this.rewardScaler?.returns.fill(0);
    for (let e = 0; e < envs.length; e++) {
      envs[e].start();
      envs[e].observe(this.observation, e * size);
      this.lookAtMask(e);
    }
    this.finalObservation.set(this.observation);
    this.standardize();
  }

  /** Takes one step everywhere, by actions [envs, actionSize]. */
  step(actions: ArrayLike<number>): void {
    const { envs, observationSize: size, observation, finalObservation } = this;
    for (let e = 0; e < envs.length; e++) {
      const env = envs[e];
      env.act(actions, e * this.actionSize);
      env.observe(finalObservation, e * size);
      this.reward[e] = env.reward;
      this.terminated[e] = env.terminated ? 1 : 0;
      this.truncated[e] = env.truncated ? 1 : 0;
      this.episodeReturn[e] += env.reward;
      this.episodeLength[e]++;
      if (env.terminated || env.truncated) {
        this.finish(e);
        env.start();
        env.observe(observation, e * size);
      } else {
        for (let i = e * size; i < (e + 1) * size; i++) observation[i] = finalObservation[i];
      }
      this.lookAtMask(e);
    }
    this.standardize();
    if (this.learning) {
      this.rewardScaler?.scale(this.reward, this.reward, this.terminated, this.truncated);
    }
  }

  private finish(e: number): void {
    this.finalReturn[e] = this.episodeReturn[e];
    this.finalLength[e] = this.episodeLength[e];
    this.finalSuccess[e] = this.envs[e].success === true ? 1 : 0;
    this.episodeReturn[e] = 0;
    this.episodeLength[e] = 0;
  }

  private lookAtMask(e: number): void {
    const { mask, envs } = this;
    if (mask !== null) envs[e].mask?.(mask, (e * mask.length) / envs.length);
  }

  private standardize(): void {
    const { moments, observation, finalObservation, normalize } = this;
    if (moments === null) return;
    if (this.learning) moments.update(observation);
    moments.normalize(observation, observation, normalize);
    moments.normalize(finalObservation, finalObservation, normalize);
  }

  /** All that the next steps depend on, as numbers that JSON keeps. */
  save(): VectorEnvState {
    return {
      envs: this.envs.map((env) => env.save()),
      observation: [...this.observation],
      mask: this.mask && [...this.mask],
      episodeReturn: [...this.episodeReturn],
      episodeLength: [...this.episodeLength],
      moments: this.moments?.save() ?? null,
      rewardScaler: this.rewardScaler?.save() ?? null,
    };
  }

  /** Goes on where `save` was called, to the last bit. */
  restore(state: VectorEnvState): void {
    if (state.envs.length !== this.envs.length) {
      throw new ShapeError(
        `VectorEnv: want the state of ${this.envs.length} environments, got ${state.envs.length}`,
      );
    }
    for (let e = 0; e < this.envs.length; e++) this.envs[e].restore(state.envs[e]);
    this.observation.set(state.observation);
    if (state.mask) this.mask?.set(state.mask);
    this.episodeReturn.set(state.episodeReturn);
    this.episodeLength.set(state.episodeLength);
    if (state.moments) this.moments?.restore(state.moments);
    if (state.rewardScaler) this.rewardScaler?.restore(state.rewardScaler);
  }
}
