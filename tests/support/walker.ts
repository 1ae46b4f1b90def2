/** A walk with everything that an environment can have: chance, both ends, masks, goals, actions of two numbers. */
import type { Floats } from "../../src/core/backend.ts";
import { Dynamics } from "../../src/envs/env.ts";
import { box, multiDiscrete, type Space } from "../../src/envs/space.ts";

export interface WalkerOptions {
  readonly masked?: boolean;
  readonly goals?: boolean;
  readonly maxSteps?: number;
  readonly action?: Space;
}

export class Walker extends Dynamics {
  readonly observationSpace = box(-Infinity, Infinity, [2]);
  readonly actionSpace: Space;
  /** [position, steps] */
  readonly state = new Float64Array(2);
  private readonly goals: boolean;

  constructor({ masked = false, goals = true, maxSteps = 7, action }: WalkerOptions = {}) {
    super(maxSteps);
    this.actionSpace = action ?? multiDiscrete([2, 3]);
    this.goals = goals;
    if (masked) this.mask = this.alternate;
  }

  protected begin(): void {
    this.state[0] = this.random.normal();
    this.state[1] = 0;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    this.state[0] += 0.5 + actions[at] - 0.7 * actions[at + 1];
    this.state[1]++;
    this.reward = 3 + this.state[0];
    const u = this.random.uniform();
    this.terminated = u < 0.15;
    this.truncated = u > 0.85;
    this.success = this.goals ? this.state[0] > 0 : null;
  }

  observe(out: Floats, at: number): void {
    out[at] = this.state[0];
    out[at + 1] = this.state[1];
  }

  render(): string {
    return `${this.state}`;
  }

  private alternate(out: Floats, at: number): void {
    const odd = this.state[1] % 2;
    [1, odd, 1 - odd, 1, odd].forEach((m, i) => {
      out[at + i] = m;
    });
  }
}

/** Walkers with seeds of their own. */
export function walkers(n: number, options: WalkerOptions = {}, seed = 100): Walker[] {
  return Array.from({ length: n }, (_, e) => {
    const env = new Walker(options);
    env.seed(seed + e);
    return env;
  });
}
