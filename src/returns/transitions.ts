/** What scans read: columns over time and environments, [steps, envs] row-major, time first. */

export type Floats = Float32Array | Float64Array;

export interface Transitions {
  readonly envs: number;
  readonly reward: Floats;
  /** V of the state acted in. */
  readonly value: Floats;
  /** V of the state reached: of an episode's final state where it was cut short, not of the next's first. */
  readonly nextValue: Floats;
  /** 1 where the step ended in a terminal state: nothing follows. */
  readonly terminated: Floats;
  /** 1 where the episode was cut short: its last state still has a value. */
  readonly truncated: Floats;
}
