/** A bandit: one state, one choice among arms, a normal reward around the arm's mean. Every step terminates. */

import type { Floats } from "../core/backend.ts";
import { checkFinite } from "../core/check.ts";
import { Dynamics, type Outcome, type Tabular } from "./env.ts";
import { box, type Discrete, discrete } from "./space.ts";

export interface BanditOptions {
  /** The mean reward of each arm. Default 0, 0.25, 0.5, 0.75, 1. */
  readonly means?: readonly number[];
  /** The standard deviation of every arm's reward. Default 1. */
  readonly deviation?: number;
}

export class Bandit extends Dynamics implements Tabular {
  readonly observationSpace = box(1, 1, [1]);
  readonly actionSpace: Discrete;
  readonly state = new Float64Array(0);
  readonly states = 1;
  readonly actions: number;
  readonly startProbabilities = [1];
  private readonly means: readonly number[];
  private readonly deviation: number;

  constructor({ means = [0, 0.25, 0.5, 0.75, 1], deviation = 1 }: BanditOptions = {}) {
    super(1);
    checkFinite("Bandit", "deviation", deviation, { min: 0 });
    for (const [i, mean] of means.entries()) checkFinite("Bandit", `means[${i}]`, mean);
    this.actionSpace = discrete(means.length);
    this.actions = means.length;
    this.means = means;
    this.deviation = deviation;
  }

  protected begin(): void {}

  protected advance(actions: ArrayLike<number>, at: number): void {
    const mean = this.means[actions[at]];
    this.reward = mean + this.deviation * this.random.normal();
    this.terminated = true;
    this.success = mean === Math.max(...this.means);
  }

  observe(out: Floats, at: number): void {
    out[at] = 1;
  }

  render(): string {
    return `arms: ${this.means.join(" ")}`;
  }

  outcomes(_state: number, action: number): readonly Outcome[] {
    return [{ probability: 1, next: 0, reward: this.means[action], terminated: true }];
  }
}
