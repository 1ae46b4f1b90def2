/**
 * Environments: Gymnasium's contract. `reset` begins an episode, `step` takes an action; an episode is
 * over when it is `terminated` (a terminal state: nothing follows) or `truncated` (cut short: its last
 * state still has a value).
 */
import type { Floats } from "../core/backend.ts";
import { EnvError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
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
  reset(options?: ResetOptions): Reset;
  /** Throws EnvError for an action outside the space, or after the episode's end. */
  step(action: Action): Step;
}

/**
 * What our environments are made of: a subclass writes `begin`, `advance` and `observe`; this class adds
 * the time limit, the checks, and `reset` and `step`. A trainer drives `start`, `act` and `observe`
 * directly, which allocate nothing.
 */
export abstract class Dynamics implements Env {
  abstract readonly observationSpace: Space;
  abstract readonly actionSpace: Space;
  /** Of the last action. */
  reward = 0;
  terminated = false;
  truncated = false;
  /** Whether the episode that ended reached its goal; null where there is no such thing. */
  success: boolean | null = null;
  protected random = new Random(0);
  readonly maxSteps: number;
  private elapsed = 0;
  private started = false;
  private readonly single = new Float64Array(1);

  /** An episode is cut short after `maxSteps` actions. */
  constructor(maxSteps: number) {
    if (!(maxSteps >= 1)) throw new RangeError(`maxSteps: want ≥ 1, got ${maxSteps}`);
    this.maxSteps = maxSteps;
  }

  /** Draws the first state. */
  protected abstract begin(): void;
  /** Moves by the action at actions[at …]; sets `reward`, and `terminated` where that ends it. */
  protected abstract advance(actions: ArrayLike<number>, at: number): void;
  /** Writes the observation to out[at …]. */
  abstract observe(out: Floats, at: number): void;

  seed(seed: number): void {
    this.random = new Random(seed);
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
      throw new EnvError("step: want a running episode; call reset first");
    }
    this.advance(actions, at);
    this.elapsed++;
    this.truncated = !this.terminated && this.elapsed >= this.maxSteps;
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
      throw new EnvError(`step: want an action of the space, got ${String(action)}`);
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
