/**
 * An environment from a table: states are numbers, and the outcomes of each action are listed. The observation is
 * the one-hot state, where Gymnasium returns its number, which is `state[0]` here.
 */
import type { Floats } from "../core/backend.ts";
import { Dynamics, type Outcome, type Tabular } from "./env.ts";
import { type Box, box, type Discrete, discrete } from "./space.ts";

/** The outcomes of each action in each state: table[state][action]. */
export type Table = readonly (readonly (readonly Outcome[])[])[];

export abstract class TabularDynamics extends Dynamics implements Tabular {
  readonly observationSpace: Box;
  readonly actionSpace: Discrete;
  readonly states: number;
  readonly actions: number;
  readonly startProbabilities: Float64Array;
  /** [number of the state] */
  readonly state = new Float64Array(1);
  private readonly table: Table;

  /** `starts` lists the start states, each equally likely; `names`, if given, names the actions. */
  constructor(
    table: Table,
    starts: readonly number[],
    maxSteps: number,
    names: readonly string[] | null = null,
  ) {
    super(maxSteps);
    this.table = table;
    this.states = table.length;
    this.actions = table[0].length;
    this.observationSpace = box(0, 1, [this.states]);
    this.actionSpace = discrete(names ?? this.actions);
    this.startProbabilities = new Float64Array(this.states);
    for (const s of starts) this.startProbabilities[s] = 1 / starts.length;
  }

  protected begin(): void {
    this.state[0] = this.random.categorical(this.startProbabilities);
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { next, reward, terminated } = this.draw(this.table[this.state[0]][actions[at]]);
    this.state[0] = next;
    this.reward = reward;
    this.terminated = terminated;
  }

  /** Returns the first outcome at which the sum of probabilities exceeds a uniform number. */
  private draw(outcomes: readonly Outcome[]): Outcome {
    const last = outcomes.length - 1;
    let rest = last > 0 ? this.random.uniform() : 0;
    for (let k = 0; k < last; k++) {
      rest -= outcomes[k].probability;
      if (rest < 0) return outcomes[k];
    }
    return outcomes[last];
  }

  observe(out: Floats, at: number): void {
    out.fill(0, at, at + this.states);
    out[at + this.state[0]] = 1;
  }

  outcomes(state: number, action: number): readonly Outcome[] {
    return this.table[state][action];
  }
}

/** Returns the table of `outcomes(state, action)` for every pair. */
export function tableOf(
  states: number,
  actions: number,
  outcomes: (state: number, action: number) => readonly Outcome[],
): Table {
  return Array.from({ length: states }, (_, s) =>
    Array.from({ length: actions }, (_, a) => outcomes(s, a)),
  );
}
