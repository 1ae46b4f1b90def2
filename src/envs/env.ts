/**
 * Environments: Gymnasium's contract. `reset` begins an episode, `step` takes an action; an episode is
 * over when it is `terminated` (a terminal state: nothing follows) or `truncated` (cut short: its last
 * state still has a value).
 */

import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { EnvError, FormatError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Scene, textScene } from "./scene.ts";
import type { Space } from "./space.ts";

/** An action: a number for a discrete space, else numbers. */
export type Action = number | ArrayLike<number>;
export type Info = Readonly<Record<string, unknown>>;

export interface ResetOptions {
  /** Restarts the environment's generator; without it the generator goes on. */
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
  /** Where given, no episode takes more steps. */
  readonly maxSteps?: number;
  reset(options?: ResetOptions): Reset;
  /** Throws EnvError for an action outside the space, or after the episode's end. */
  step(action: Action): Step;
  /** Writes 1 for each action that is allowed now and 0 for the others to out[at …]. Absent: all are. */
  mask?(out: Floats, at: number): void;
}

/**
 * What our environments are made of: a subclass writes `begin`, `advance` and `observe`, and keeps what
 * changes between steps in `state`; this class adds the time limit, the checks, `reset` and `step`, and
 * saving. A trainer drives `start`, `act` and `observe` directly, which allocate nothing.
 */
export abstract class Dynamics implements Env {
  abstract readonly observationSpace: Space;
  abstract readonly actionSpace: Space;
  /** All that changes between steps, but for the generator and the fields below. */
  abstract readonly state: Float64Array;
  /** Of the last action. */
  reward = 0;
  terminated = false;
  truncated = false;
  /** Whether the episode that ended reached its goal; null where there is no such thing. */
  success: boolean | null = null;
  /** The only source of chance; saved with the state. */
  random = new Random(0);
  private readonly unseeded = this.random;
  readonly maxSteps: number;
  private elapsed = 0;
  protected started = false;
  private readonly single = new Float64Array(1);

  /** An episode is cut short after `maxSteps` actions. */
  constructor(maxSteps: number) {
    if (maxSteps !== Infinity) checkInteger("Dynamics", "maxSteps", maxSteps, { min: 1 });
    this.maxSteps = maxSteps;
  }

  /** Draws the first state. */
  protected abstract begin(): void;
  /**
   * Moves by the action at actions[at …]; sets `reward`, `terminated` where that ends the episode, and
   * `truncated` where it is cut short for a reason of the environment's own. `terminated` wins over both.
   */
  protected abstract advance(actions: ArrayLike<number>, at: number): void;
  /** Writes the observation to out[at …]. */
  abstract observe(out: Floats, at: number): void;
  /** The state as text. */
  abstract render(): string;
  /** The state as a picture; of the text, where a subclass has no better one. */
  scene(): Scene {
    return textScene(this.render());
  }
  mask?(out: Floats, at: number): void;

  /** Whether `restore` goes on within an episode; if not, a new one must be started. */
  get canSave(): boolean {
    return true;
  }

  /** Frees what the environment holds. */
  close(): void {}

  seed(seed: number): void {
    this.random = new Random(seed);
  }

  /** Whether anything but the default decides the episodes: a seed was given, or the generator was used. */
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
    this.begin();
  }

  act(actions: ArrayLike<number>, at: number): void {
    if (!this.started || this.terminated || this.truncated) {
      throw new EnvError("step: expected a running episode; call reset first");
    }
    this.advance(actions, at);
    this.elapsed++;
    this.truncated = !this.terminated && (this.truncated || this.elapsed >= this.maxSteps);
  }

  /** Begins an episode in a state given, as `state` has it. */
  startFrom(state: ArrayLike<number>): void {
    this.start();
    this.setState(state);
  }

  /** Everything, as numbers that JSON keeps: `restore` goes on from it, to the last bit. */
  save(): number[] {
    const { elapsed, started, reward, terminated, truncated, success } = this;
    const flags = [started, terminated, truncated].map(Number);
    const won = success === null ? -1 : Number(success);
    return [...this.random.save(), elapsed, ...flags, won, reward, ...this.state];
  }

  /** Throws FormatError for what `save` did not give. */
  restore(saved: readonly number[]): void {
    const numbers = Array.isArray(saved) && saved.every((x) => typeof x === "number");
    const want = generatorSize + 6 + this.state.length;
    if (!numbers || saved.length !== want) {
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

/** An environment whose every state and outcome can be listed, for exact solutions. */
export interface Tabular {
  readonly states: number;
  readonly actions: number;
  readonly maxSteps: number;
  /** Probability of each state to start in. */
  readonly startProbabilities: ArrayLike<number>;
  /** What may follow `action` in `state`: probabilities sum to 1. */
  outcomes(state: number, action: number): readonly Outcome[];
}
export interface Outcome {
  readonly probability: number;
  readonly next: number;
  readonly reward: number;
  readonly terminated: boolean;
}
