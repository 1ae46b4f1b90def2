/**
 * The state that every trainer shares: model, random generator, counters, and all parts that change during training,
 * which are saved and restored together. A trainer sets up, calls `restoreOrStart` with its own parts, and loops.
 * Between two reports `save` returns everything that the rest of the run depends on.
 */
import type { Floats } from "../core/backend.ts";
import { FormatError, NumericError, SettingError } from "../core/errors.ts";
import type { Helpers } from "../core/helpers.ts";
import { firstNotFinite } from "../core/not-finite.ts";
import type { Random } from "../core/random.ts";
import { type Kept, numberOf, numbersOf, partOf, type State } from "../core/state.ts";
import type { Tape } from "../core/tape.ts";
import { solo, type Team } from "../core/team.ts";
import type { Parameters } from "../core/tensor.ts";
import { clipGlobalNorm } from "../optim/clip.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { VectorEnv } from "../rollout/vector-env.ts";

/** Metrics of one update. Every algorithm has at least these. */
export interface Report {
  readonly update: number;
  /** Environment steps, or sampled tokens, so far. */
  readonly envSteps: number;
  /** Episodes, or completions, so far. */
  readonly episodes: number;
  /**
   * Mean undiscounted return and mean length: in environments over the last 100 episodes that ended, on texts over the
   * completions of the last batch. NaN before the first one.
   */
  readonly meanReturn: number;
  readonly meanLength: number;
}

/** The rollout fields that `count` reads. */
export type Counted = {
  readonly [K in "episodeReturn" | "episodeLength"]: ArrayLike<number>;
} & Pick<Rollout, "episodes" | "count">;

/** Returns the numbers of a part. Throws FormatError unless all are finite. */
function finiteNumbersOf(state: State, name: string, length: number): ArrayLike<number> {
  const numbers = numbersOf(state, name, length);
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(numbers[i]))
      throw new FormatError(
        `state: expected finite numbers as "${name}", got ${numbers[i]} at ${i}`,
      );
  }
  return numbers;
}

/** A model's weights as a part of a checkpoint. */
export const weightsOf = ({ list }: Parameters): Kept => ({
  save: () => Object.fromEntries(list.map(({ name, data }) => [name, data.slice()])),
  restore(state) {
    const saved = list.map(({ name, data }) => finiteNumbersOf(state, name, data.length));
    for (const [i, { data }] of list.entries()) data.set(saved[i]);
  },
});

/** PopArt's statistics as a part of a checkpoint; no part for a model without them. */
export const popArtOf = ({ popArt }: ActorCritic): Readonly<Record<string, Kept>> =>
  popArt === null ? {} : { popArt };

/** One number of an object as a part of a checkpoint. */
export const keptNumber = <K extends string>(of: Record<K, number>, name: K): Kept => ({
  save: () => of[name],
  restore(state) {
    if (typeof state !== "number" || !Number.isFinite(state))
      throw new FormatError(`state: expected a finite number as "${name}"`);
    of[name] = state;
  },
});

/** The phases of an update on groups: sampling, scoring, learning. */
export type Phase = "sample" | "reward" | "update";

/** The run that a training resumes, and who runs it. */
export interface Resume {
  /** The result of `save`; null for a fresh run. */
  readonly saved?: State | null;
  /** Resumes with other environments: their own state starts afresh, everything else is restored. */
  readonly renews?: boolean;
  /** The members that run this training together. Default: one. */
  readonly team?: Team;
  /** Others who sample. Default: none. */
  readonly helpers?: Helpers | null;
}

/** Counters and saved state of any training. A subclass adds the model and the environments or the task. */
export class TrainingState implements Kept {
  update = 0;
  /** Environment steps, or sampled tokens, so far. */
  envSteps = 0;
  /** Environment steps, or tokens, of the whole run; schedules anneal over them. */
  readonly totalSteps: number;
  readonly random: Random;
  readonly team: Team;
  readonly helpers: Helpers | null;
  /** Called before each update, for parts that follow the policy, such as opponents. */
  onUpdate: ((update: number) => void) | null = null;
  /** Called when a phase begins, and with null when an update ends, so that a caller can time the phases. */
  onPhase: ((phase: Phase | null) => void) | null = null;
  private parts: Readonly<Record<string, Kept>> = {};
  protected begun = false;
  private saved: State | null;
  private renews: boolean;

  constructor(
    random: Random,
    totalSteps: number,
    { saved = null, renews = false, team = solo(), helpers = null }: Resume = {},
  ) {
    if (!(totalSteps >= 0))
      throw new RangeError(`training: expected a number of steps ≥ 0, got ${totalSteps}`);
    this.helpers = helpers;
    this.random = random;
    this.team = team;
    this.totalSteps = totalSteps;
    this.saved = saved;
    this.renews = renews;
  }

  /** Adds one more part to the checkpoint. */
  keep(name: string, part: Kept): void {
    this.parts = { ...this.parts, [name]: part };
  }

  /** Adds the trainer's parts to the checkpoint, and restores the saved run if there is one. Returns true if it did. */
  restoreOrStart(parts: Readonly<Record<string, Kept>>): boolean {
    this.parts = { ...this.parts, ...parts };
    this.begun = true;
    if (this.saved === null) return false;
    if (this.renews) this.renew(this.saved);
    else this.restore(this.saved);
    this.saved = null;
    return true;
  }

  /** Begins the next update, in all members of the team: increments `update` and calls `onUpdate`. */
  next(): void {
    this.team.call("update");
    this.team.barrier(); // nobody reads the columns of the last update any longer
    this.update++;
    this.onUpdate?.(this.update);
  }

  /** Returns the fraction of the run that is left, from 1 to 0. */
  left(): number {
    return Math.max(0, 1 - this.envSteps / this.totalSteps);
  }

  save(): State {
    const parts = Object.entries(this.parts).map(([name, part]) => [name, part.save()]);
    const { random, update, envSteps } = this;
    return { ...Object.fromEntries(parts), random: random.save(), update, envSteps };
  }

  /** Restores a saved state: at once, or in `restoreOrStart` if that was not called yet. */
  restore(state: State): void {
    if (!this.begun) {
      this.saved = state;
      return;
    }
    for (const [name, part] of Object.entries(this.parts)) part.restore(partOf(state, name));
    this.restoreCounts(state);
  }

  /** Restores everything but the environments' own state. */
  renew(state: State): void {
    if (!this.begun) {
      this.saved = state;
      this.renews = true;
      return;
    }
    for (const [name, part] of Object.entries(this.parts)) {
      if (part.renew === undefined) part.restore(partOf(state, name));
      else part.renew(partOf(state, name));
    }
    this.restoreCounts(state);
  }

  /** Restores the counters and the random generator alone. */
  restoreCounts(state: State): void {
    this.random.restore(Array.from(numbersOf(state, "random")));
    this.update = numberOf(state, "update");
    this.envSteps = numberOf(state, "envSteps");
  }
}

/** Number of last episodes that the means of a report cover. */
const reportWindow = 100;

/** The steps that an update learned from, with the advantage of each row of the rollout. */
export interface LearnedSteps {
  readonly rollout: Rollout;
  readonly advantage: Floats;
}

/** The training of a policy in environments. */
export class Training extends TrainingState {
  readonly model: ActorCritic;
  readonly env: VectorEnv;
  episodes = 0;
  /** Columns that every update overwrites; null for algorithms whose workers have columns of their own. */
  learned: LearnedSteps | null = null;
  private readonly returns = new Float64Array(reportWindow);
  private readonly lengths = new Float64Array(reportWindow);

  constructor(
    model: ActorCritic,
    env: VectorEnv,
    random: Random,
    totalSteps: number,
    resume: Omit<Resume, "team"> = {},
  ) {
    super(random, totalSteps, { ...resume, team: env.team });
    this.model = model;
    this.env = env;
  }

  override restoreOrStart(parts: Readonly<Record<string, Kept>>): boolean {
    const { env, model } = this;
    const resumed = super.restoreOrStart({ weights: weightsOf(model.parameters), env, ...parts });
    if (!resumed) env.start();
    return resumed;
  }

  /** Adds a rollout's steps and episodes to the counters. */
  count(rollout: Counted): void {
    for (let i = 0; i < rollout.episodes; i++) {
      this.returns[this.episodes % reportWindow] = rollout.episodeReturn[i];
      this.lengths[this.episodes++ % reportWindow] = rollout.episodeLength[i];
    }
    this.envSteps += rollout.count;
  }

  report(): Report {
    const { update, envSteps, episodes } = this;
    const n = Math.min(episodes, reportWindow);
    const staleness = this.env.helpers?.staleness ?? null;
    const mean = (x: Float64Array): number =>
      n === 0 ? Number.NaN : x.subarray(0, n).reduce((sum, r) => sum + r, 0) / n;
    return {
      update,
      envSteps,
      episodes,
      meanReturn: mean(this.returns),
      meanLength: mean(this.lengths),
      ...(staleness !== null && { staleness }),
    };
  }

  override save(): State {
    const { episodes, returns, lengths } = this;
    return {
      ...(super.save() as object),
      episodes,
      returns: returns.slice(),
      lengths: lengths.slice(),
    };
  }

  override renew(state: State): void {
    super.renew(state);
    if (!this.begun) return;
    this.env.seed(this.random.split());
    this.env.start();
  }

  override restoreCounts(state: State): void {
    super.restoreCounts(state);
    this.episodes = numberOf(state, "episodes");
    this.returns.set(numbersOf(state, "returns", reportWindow));
    this.lengths.set(numbersOf(state, "lengths", reportWindow));
  }
}

/**
 * Throws SettingError if advantages would be standardized over a single step: it has no standard deviation, so that
 * nothing would be learned.
 */
export function mustHaveDeviation(algorithm: string, over: string, steps: number): void {
  if (steps >= 2) return;
  throw new SettingError(
    `${algorithm}: expected ${over} of at least 2 steps where advantages are standardized, got ${steps}; ` +
      "or set standardize=false",
  );
}

/** Returns the steps of the longest episode. Throws SettingError where an environment has no step limit. */
export function longestEpisode(algorithm: string, { envs }: VectorEnv): number {
  const steps = Math.max(...envs.map(({ maxSteps }) => maxSteps));
  if (Number.isFinite(steps)) return steps;
  throw new SettingError(
    `${algorithm}: expected environments whose episodes end, got one without a step limit; ` +
      "wrap it in TimeLimit, or give it maxSteps",
  );
}

/**
 * Clips the gradients to `maxNorm` and takes one optimizer step. Returns the norm before clipping. If it is not finite,
 * throws NumericError that names the update and the op, and changes no parameter.
 */
export function descend(
  optimizer: Optimizer,
  maxNorm: number,
  learningRate: number,
  tape: Tape,
  update: number,
): number {
  const norm = clipGlobalNorm(optimizer.regions, maxNorm);
  mustBeFinite(norm, tape, update);
  optimizer.step(learningRate);
  return norm;
}

/** Throws NumericError that names the update and the op if a gradient's norm is not finite. */
export function mustBeFinite(norm: number, tape: Tape, update: number): void {
  if (Number.isFinite(norm)) return;
  const found = firstNotFinite(tape) ?? "a weight is not finite";
  throw new NumericError(`update ${update}: the gradient's norm is ${norm}: ${found}`);
}

/**
 * Collects a rollout within a trainer's generator. A Pending passes through that generator to whoever draws from it
 * (`nextOf`), which the types hide.
 */
export const collected = (rollout: Rollout, random: Random): Generator<never, void> =>
  rollout.collecting(random) as Generator<never, void>;
