/**
 * What every trainer shares: the model, the generator, the counters; and everything that changes while it
 * trains, saved and gone on from as one. A trainer sets up, calls `begin` with its own parts, and loops;
 * between two reports `save` gives all that the rest of the run follows from.
 */
import { FormatError, NumericError, SettingError } from "../core/errors.ts";
import { firstNotFinite } from "../core/not-finite.ts";
import type { Random } from "../core/random.ts";
import { type Kept, numberOf, numbersOf, partOf, type State } from "../core/state.ts";
import type { Tape } from "../core/tape.ts";
import type { Parameters } from "../core/tensor.ts";
import { clipGlobalNorm } from "../optim/clip.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { VectorEnv } from "../rollout/vector-env.ts";

/** One update's figures, by name; every algorithm of control has at least these. NaN: none yet. */
export interface Report {
  readonly update: number;
  readonly envSteps: number;
  readonly episodes: number;
  /** Mean undiscounted return and length of the last 100 episodes that ended. */
  readonly meanReturn: number;
  readonly meanLength: number;
}

/** What a rollout is counted by. */
export type Counted = {
  readonly [K in "episodeReturn" | "episodeLength"]: ArrayLike<number>;
} & Pick<Rollout, "episodes" | "count">;

/** The numbers of a part. Throws FormatError where one is not finite, too. */
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

/** A model's weights as a part that is kept. */
export const weightsOf = ({ list }: Parameters): Kept => ({
  save: () => Object.fromEntries(list.map(({ name, data }) => [name, data.slice()])),
  restore(state) {
    const saved = list.map(({ name, data }) => finiteNumbersOf(state, name, data.length));
    for (const [i, { data }] of list.entries()) data.set(saved[i]);
  },
});

/** PopArt's statistics as a part that is kept, where a model has them. */
export const popArtOf = ({ popArt }: ActorCritic): Readonly<Record<string, Kept>> =>
  popArt === null ? {} : { popArt };

/** A number of an object as a part that is kept. */
export const keptNumber = <K extends string>(of: Record<K, number>, name: K): Kept => ({
  save: () => of[name],
  restore(state) {
    if (typeof state !== "number" || !Number.isFinite(state))
      throw new FormatError(`state: expected a finite number as "${name}"`);
    of[name] = state;
  },
});

/** The phases of an update that samples and then learns. */
export type Phase = "sample" | "reward" | "update";

/** The run that a training resumes. */
export interface Resume {
  /** The result of `save`; null for a fresh run. */
  readonly saved?: State | null;
  /** Resumes with other environments: their own state starts afresh, everything else is restored. */
  readonly renews?: boolean;
}

/** Counters and saved state of any training. A subclass adds the model and the environments or the task. */
export class TrainingState implements Kept {
  update = 0;
  /** Environment steps, or sampled tokens, so far. */
  envSteps = 0;
  /** Those of the whole run; schedules anneal over them. */
  readonly totalSteps: number;
  readonly random: Random;
  /** Called before each update: what changes with the policy besides itself, such as opponents. */
  onUpdate: ((update: number) => void) | null = null;
  /** Called when a phase begins; with null when an update ends. For measuring: there is no clock here. */
  onPhase: ((phase: Phase | null) => void) | null = null;
  private parts: Readonly<Record<string, Kept>> = {};
  protected begun = false;
  private saved: State | null;
  private renews: boolean;

  constructor(random: Random, totalSteps: number, { saved = null, renews = false }: Resume = {}) {
    this.random = random;
    this.totalSteps = totalSteps;
    this.saved = saved;
    this.renews = renews;
  }

  /** Names one more part that changes. */
  keep(name: string, part: Kept): void {
    this.parts = { ...this.parts, [name]: part };
  }

  /** Names what changes, and goes on where the saved run stood. Returns whether there was one. */
  restoreOrStart(parts: Readonly<Record<string, Kept>>): boolean {
    this.parts = { ...this.parts, ...parts };
    this.begun = true;
    if (this.saved === null) return false;
    if (this.renews) this.renew(this.saved);
    else this.restore(this.saved);
    this.saved = null;
    return true;
  }

  /** Begins the next update. */
  next(): void {
    this.update++;
    this.onUpdate?.(this.update);
  }

  /** The share of the run that is still to come, from 1 to 0. */
  left(): number {
    return Math.max(0, 1 - this.envSteps / this.totalSteps);
  }

  save(): State {
    const parts = Object.entries(this.parts).map(([name, part]) => [name, part.save()]);
    const { random, update, envSteps } = this;
    return { ...Object.fromEntries(parts), random: random.save(), update, envSteps };
  }

  /** Before `begin` has named the parts, the state waits for it. */
  restore(state: State): void {
    if (!this.begun) {
      this.saved = state;
      return;
    }
    for (const [name, part] of Object.entries(this.parts)) part.restore(partOf(state, name));
    this.restoreCounts(state);
  }

  /** `restore` with other environments. */
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

  /** Takes the counters and the generator alone: what tells how far a saved run has come. */
  restoreCounts(state: State): void {
    this.random.restore(Array.from(numbersOf(state, "random")));
    this.update = numberOf(state, "update");
    this.envSteps = numberOf(state, "envSteps");
  }
}

const remembered = 100; // episodes

/** The training of a policy in environments. */
export class Training extends TrainingState {
  readonly model: ActorCritic;
  readonly env: VectorEnv;
  episodes = 0;
  private readonly returns = new Float64Array(remembered);
  private readonly lengths = new Float64Array(remembered);

  constructor(
    model: ActorCritic,
    env: VectorEnv,
    random: Random,
    totalSteps: number,
    resume: Resume = {},
  ) {
    super(random, totalSteps, resume);
    this.model = model;
    this.env = env;
  }

  override restoreOrStart(parts: Readonly<Record<string, Kept>>): boolean {
    const { env, model } = this;
    const resumed = super.restoreOrStart({ weights: weightsOf(model.parameters), env, ...parts });
    if (!resumed) env.start();
    return resumed;
  }

  /** Takes a rollout's steps and episodes into the counts. */
  count(rollout: Counted): void {
    for (let i = 0; i < rollout.episodes; i++) {
      this.returns[this.episodes % remembered] = rollout.episodeReturn[i];
      this.lengths[this.episodes++ % remembered] = rollout.episodeLength[i];
    }
    this.envSteps += rollout.count;
  }

  report(): Report {
    const { update, envSteps, episodes } = this;
    const n = Math.min(episodes, remembered);
    const mean = (x: Float64Array): number =>
      n === 0 ? Number.NaN : x.subarray(0, n).reduce((sum, r) => sum + r, 0) / n;
    return {
      update,
      envSteps,
      episodes,
      meanReturn: mean(this.returns),
      meanLength: mean(this.lengths),
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
    this.returns.set(numbersOf(state, "returns", remembered));
    this.lengths.set(numbersOf(state, "lengths", remembered));
  }
}

/**
 * Throws SettingError where advantages are to be standardized over a single step: it has no deviation, and
 * would never be learned from.
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
 * One optimizer step on gradients clipped to `maxNorm`; returns their norm before. Throws NumericError that
 * names the update and the op, and moves nothing, where it is not finite.
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

/** Throws NumericError that names the update and the op where a gradient's norm is not finite. */
export function mustBeFinite(norm: number, tape: Tape, update: number): void {
  if (Number.isFinite(norm)) return;
  const found = firstNotFinite(tape) ?? "a weight is not finite";
  throw new NumericError(`update ${update}: the gradient's norm is ${norm}: ${found}`);
}
