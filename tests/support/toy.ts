/** A small environment to be shaped by a test: spaces, rewards and ends as it says. */
import type { Floats } from "../../src/core/backend.ts";
import { Dynamics } from "../../src/envs/env.ts";
import { box, discrete, type Space } from "../../src/envs/space.ts";

export interface ToyOptions {
  readonly observation?: Space;
  readonly action?: Space;
  readonly maxSteps?: number;
  /** Of the step numbered from 1; 1 by default. */
  readonly reward?: (step: number) => number;
  /** How the episode ends at a step, if it does. */
  readonly end?: (step: number, action: number) => "terminated" | "truncated" | null;
  readonly mask?: (out: Floats, at: number) => void;
}

/** Observes a random number in each element, drawn anew at each step. */
export class Toy extends Dynamics {
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly state: Float64Array;
  private readonly options: ToyOptions;

  constructor(options: ToyOptions = {}) {
    super(options.maxSteps ?? 20);
    this.options = options;
    this.observationSpace = options.observation ?? box(0, 1, [3]);
    this.actionSpace = options.action ?? discrete(2);
    this.state = new Float64Array(1 + this.observationSpace.size);
    if (options.mask !== undefined) this.mask = options.mask;
  }
  protected begin(): void {
    this.state[0] = 0;
    this.draw();
  }
  protected advance(actions: ArrayLike<number>, at: number): void {
    const { reward = () => 1, end = () => null } = this.options;
    const step = ++this.state[0];
    this.draw();
    this.reward = reward(step);
    const how = end(step, actions[at]);
    this.terminated = how === "terminated";
    this.truncated = how === "truncated";
  }
  private draw(): void {
    this.observationSpace.sample(this.random, this.state.subarray(1));
  }
  observe(out: Floats, at: number): void {
    for (let i = 1; i < this.state.length; i++) out[at + i - 1] = this.state[i];
  }
  render(): string {
    return `${this.state[0]}`;
  }
}
