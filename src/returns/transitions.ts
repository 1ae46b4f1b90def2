/** Columns that scans read, over time and environments: [steps, envs] row-major, time first. */
import type { Floats } from "../core/backend.ts";
import { checkLength, checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";

export interface Transitions {
  readonly envs: number;
  readonly reward: Floats;
  /** V of the state acted in. */
  readonly value: Floats;
  /**
   * V of the state reached. Where an episode was cut short, it is that of its final state, not of the next episode's
   * first. Not read where terminated.
   */
  readonly nextValue: Floats;
  /** 1 where the step led to a terminal state, after which nothing follows. Takes precedence over `truncated`. */
  readonly terminated: Floats;
  /** 1 where the episode was cut short: its last state still has a value. */
  readonly truncated: Floats;
}

/** A setting that is one number, or one per step: [steps, envs]. */
export type PerStep = number | Floats;

// A loop that checks the type in each step keeps its sums on the heap (measured: 3 times slower). Scans therefore
// split the setting before the loop: `at(fixed(x), varying(x), i)`.
export const fixed = (x: PerStep): number => (typeof x === "number" ? x : 0);
export const varying = (x: PerStep): Floats | null => (typeof x === "number" ? null : x);
export const at = (x: number, each: Floats | null, i: number): number =>
  each === null ? x : each[i];

/** Columns that `nextValues` reads, [steps, envs]; `lastValue` is [envs]. */
export interface ValueColumns extends Pick<Transitions, "envs" | "terminated" | "truncated"> {
  /** V of the state acted in. */
  readonly value: Floats;
  /** V of the states after the last row. */
  readonly lastValue: Floats;
  /** V of an episode's final observation, read where truncated. */
  readonly finalValue: Floats;
}

/**
 * Fills `nextValue` from the values of a rollout:
 *
 *   nextValueₜ = 0              where terminated
 *              = finalValueₜ    where truncated: V of the episode's final observation
 *              = valueₜ₊₁       else; lastValue after the last row
 *
 * `nextValue` may be `value` or `finalValue` itself.
 */
export function nextValues(
  nextValue: Floats,
  { envs, value, lastValue, finalValue, terminated, truncated }: ValueColumns,
): void {
  const n = nextValue.length;
  checkRows("nextValues", envs, n);
  checkLength("nextValues", "value", value, n);
  checkLength("nextValues", "lastValue", lastValue, envs);
  checkLength("nextValues", "finalValue", finalValue, n);
  checkLength("nextValues", "terminated", terminated, n);
  checkLength("nextValues", "truncated", truncated, n);
  for (let i = 0; i < n; i++) {
    if (terminated[i] !== 0) nextValue[i] = 0;
    else if (truncated[i] !== 0) nextValue[i] = finalValue[i];
    else nextValue[i] = i + envs < n ? value[i + envs] : lastValue[i + envs - n];
  }
}

// ---- checks, once per call

export function checkRows(caller: string, envs: number, n: number): void {
  if (!(Number.isInteger(envs) && envs > 0 && n % envs === 0))
    throw new ShapeError(`${caller}: expected whole rows of ${envs} numbers, got ${n}`);
}

/** Throws unless a discount or trace decay is a number from 0 to 1, or has one number for each of n steps. */
export function checkUnit(caller: string, name: string, x: PerStep, n: number): void {
  if (typeof x !== "number") checkLength(caller, name, x, n);
  else checkNumber(caller, name, x, { min: 0, max: 1 });
}

type Ends = Pick<Transitions, "envs" | "reward" | "terminated" | "truncated">;

/** Checks the columns that every scan over n steps reads, and its discount. */
export function checkEnds(caller: string, n: number, r: Ends, gamma: PerStep): void {
  checkRows(caller, r.envs, n);
  checkLength(caller, "reward", r.reward, n);
  checkLength(caller, "terminated", r.terminated, n);
  checkLength(caller, "truncated", r.truncated, n);
  checkUnit(caller, "gamma", gamma, n);
}

/** Checks the columns of `checkEnds` and the values. */
export function checkTransitions(caller: string, n: number, r: Transitions, gamma: PerStep): void {
  checkEnds(caller, n, r, gamma);
  checkLength(caller, "value", r.value, n);
  checkLength(caller, "nextValue", r.nextValue, n);
}
