/**
 * Environments: Gymnasium's contract. `reset` begins an episode, `step` takes an action; an episode is
 * over when it is `terminated` (a terminal state: nothing follows) or `truncated` (cut short by a limit: its
 * last state still has a value).
 */

import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { EnvError, FormatError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Scene, textScene } from "./scene.ts";
import type { Space } from "./space.ts";

/** An action: a number for a discrete space, else a list of numbers. */
export type Action = number | ArrayLike<number>;
export type Info = Readonly<Record<string, unknown>>;

export interface ResetOptions {
  /** Seeds the environment's generator; without it the generator continues. */
  readonly seed?: number;
}
export interface Reset {
  readonly observation: Float32Array;
  readonly info: Info;
}
export interface Step extends Reset {
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
}

export interface Env {
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** If given, the most steps of an episode. */
  readonly maxSteps?: number;
  reset(options?: ResetOptions): Reset;
  /** Throws EnvError for an action outside the space, or after the episode's end. */
  step(action: Action): Step;
  /** Writes 1 for each allowed action and 0 for the others to out[at …]. Absent: all actions are allowed. */
  mask?(out: Floats, at: number): void;
}

/**
 * The base class of our environments. A subclass implements `begin`, `advance` and `observe`, and keeps what
 * changes between steps in `state`; this class adds the time limit, the checks, `reset` and `step`, and
 * saving. Trainers call `start`, `act` and `observe` directly, which allocate nothing.
 */
export abstract class Dynamics implements Env {
  abstract readonly observationSpace: Space;
  abstract readonly actionSpace: Space;
  /** All that changes between steps, except the generator and the fields below. */
  abstract readonly state: Float64Array;
  /** The reward of the last action. */
  reward = 0;
  terminated = false;
  truncated = false;
  /** True if the episode that ended reached its goal; null for environments without one. */
  success: boolean | null = null;
  /**
   * Resolves when what `start` or `act` began elsewhere is done, such as a game in another process; null where it is
   * done already.
   */
  pending: Promise<void> | null = null;
  /** The only source of randomness; saved with the state. */
  random = new Random(0);
  private readonly unseeded = this.random;
  readonly maxSteps: number;
  private elapsed = 0;
  protected started = false;
  private readonly single = new Float64Array(1);

  /** Episodes are truncated after `maxSteps` actions. */
  constructor(maxSteps: number) {
    if (maxSteps !== Infinity) checkInteger("Dynamics", "maxSteps", maxSteps, { min: 1 });
    this.maxSteps = maxSteps;
  }

  /** Draws the first state. */
  protected abstract begin(): void;
  /**
   * Takes the action at actions[at …]; sets `reward`, `terminated` if that ends the episode, and `truncated`
   * if the environment itself cuts it short. `terminated` takes precedence over truncation.
   */
  protected abstract advance(actions: ArrayLike<number>, at: number): void;
  /** Writes the observation to out[at …]. */
  abstract observe(out: Floats, at: number): void;
  /** Returns the state as text. */
  abstract render(): string;
  /** Returns the state as a picture; by default, of the text. */
  scene(): Scene {
    return textScene(this.render());
  }
  mask?(out: Floats, at: number): void;

  /** True if `restore` continues within an episode; if false, a new one must be started. */
  get canSave(): boolean {
    return true;
  }

  /** Frees the environment's resources. */
  close(): void {}

  seed(seed: number): void {
    this.random = new Random(seed);
  }

  /** True if a seed was given or the generator was used; false if the default decides the episodes. */
  get isSeeded(): boolean {
    return this.random !== this.unseeded || this.random.save().some((n) => n !== 0);
  }

  start(): void {
    this.reward = 0;
    this.terminated = false;
    this.truncated = false;
    this.success = null;
    this.elapsed = 0;
    this.started = true;
    this.pending = null;
    this.begin();
  }

  act(actions: ArrayLike<number>, at: number): void {
    if (!this.started || this.terminated || this.truncated) {
      throw new EnvError("step: expected a running episode; call reset first");
    }
    this.pending = null;
    this.advance(actions, at);
    if (this.pending === null) this.count();
    else this.pending = this.after(() => this.count());
  }

  private count(): void {
    this.elapsed++;
    this.truncated = !this.terminated && (this.truncated || this.elapsed >= this.maxSteps);
  }

  /** Does something when `pending` is done. */
  protected after(work: () => void, pending = this.pending): Promise<void> {
    return (pending as Promise<void>).then(work);
  }

  /** true where `start` and `act` leave something pending. */
  get isAsync(): boolean {
    return false;
  }

  /** Begins an episode in a given state, laid out as `state`. */
  startFrom(state: ArrayLike<number>): void {
    this.start();
    this.setState(state);
  }

  /** Returns everything as numbers that JSON preserves; `restore` resumes from them bit for bit. */
  save(): number[] {
    const { elapsed, started, reward, terminated, truncated, success } = this;
    const flags = [started, terminated, truncated].map(Number);
    const won = success === null ? -1 : Number(success);
    return [...this.random.save(), elapsed, ...flags, won, reward, ...this.state];
  }

  /** Resumes from what `save` returned. Throws FormatError for anything else. */
  restore(saved: readonly number[]): void {
    const want = generatorSize + 6 + this.state.length;
    if (!Array.isArray(saved) || saved.length !== want || !saved.every(Number.isFinite)) {
      throw new FormatError(`environment: expected ${want} numbers as saved state`);
    }
    const [elapsed, started, terminated, truncated, won, reward] = saved.slice(generatorSize);
    this.random.restore(saved.slice(0, generatorSize));
    this.setState(saved.slice(generatorSize + 6));
    this.elapsed = elapsed;
    this.started = started === 1;
    this.terminated = terminated === 1;
    this.truncated = truncated === 1;
    this.success = won < 0 ? null : won === 1;
    this.reward = reward;
  }

  private setState(state: ArrayLike<number>): void {
    if (state.length !== this.state.length) {
      throw new FormatError(
        `environment: expected a state of ${this.state.length} numbers, got ${state.length}`,
      );
    }
    this.state.set(state);
  }

  reset({ seed }: ResetOptions = {}): Reset {
    if (seed !== undefined) this.seed(seed);
    this.start();
    return { observation: this.look(), info: {} };
  }

  step(action: Action): Step {
    this.single[0] = Number(action);
    const actions = typeof action === "number" ? this.single : action;
    if (!this.actionSpace.contains(actions)) {
      throw new EnvError(`step: expected an action of the space, got ${String(action)}`);
    }
    this.act(actions, 0);
    const { reward, terminated, truncated } = this;
    return { observation: this.look(), reward, terminated, truncated, info: {} };
  }

  private look(): Float32Array {
    const observation = new Float32Array(this.observationSpace.size);
    this.observe(observation, 0);
    return observation;
  }
}

const generatorSize = new Random(0).save().length;

/** An environment whose states and outcomes can all be listed, for exact solutions. */
export interface Tabular {
  readonly states: number;
  readonly actions: number;
  readonly maxSteps: number;
  /** The probability of starting in each state. */
  readonly startProbabilities: ArrayLike<number>;
  /** Returns the possible outcomes of `action` in `state`; their probabilities sum to 1. */
  outcomes(state: number, action: number): readonly Outcome[];
}
export interface Outcome {
  readonly probability: number;
  readonly next: number;
  readonly reward: number;
  readonly terminated: boolean;
}
