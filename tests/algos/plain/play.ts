/** What a trainer saw: environments and a generator that write down what passes through them. */
import { Training } from "../../../src/algos/training.ts";
import { loops } from "../../../src/backends/loops.ts";
import { Random } from "../../../src/core/random.ts";
import { discrete } from "../../../src/envs/space.ts";
import { ActorCritic, type ActorCriticOptions } from "../../../src/policies/actor-critic.ts";
import { VectorEnv, type VectorEnvOptions } from "../../../src/rollout/vector-env.ts";
import { Toy, type ToyOptions } from "../../support/toy.ts";

/** One step of one environment. */
export interface Row {
  readonly x: readonly number[];
  readonly mask: readonly number[];
  readonly action: number;
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  /** What the step came to, before any new episode. */
  readonly reached: readonly number[];
  /** false for an environment that rests. */
  readonly taken: boolean;
}

/** `steps[t][e]` are the steps since `steps` was last emptied. */
export class Watched extends VectorEnv {
  steps: Row[][] = [];
  readonly made: Watched[] = [];
  private readonly given: VectorEnvOptions;

  constructor(envs: VectorEnv["envs"], given: VectorEnvOptions = {}) {
    super(envs, given);
    this.given = given;
  }

  override around(envs: VectorEnv["envs"], changes: VectorEnvOptions = {}): VectorEnv {
    const made = new Watched(envs, { ...this.given, moments: this.moments, ...changes });
    this.made.push(made);
    return made;
  }

  override step(actions: ArrayLike<number>): void {
    const n = this.envs.length;
    const part = (data: ArrayLike<number>, e: number): number[] =>
      Array.from(data).slice((e * data.length) / n, ((e + 1) * data.length) / n);
    const before = this.envs.map((_, e) => ({
      x: part(this.observation, e),
      mask: this.mask === null ? [] : part(this.mask, e),
      action: actions[e],
      taken: !this.resting(e),
    }));
    super.step(actions);
    this.steps.push(
      before.map((row, e) => ({
        ...row,
        reward: this.reward[e],
        terminated: this.terminated[e] !== 0,
        truncated: this.truncated[e] !== 0,
        reached: part(this.finalObservation, e),
      })),
    );
  }

  /** The steps since the last call. */
  taken(): Row[][] {
    const { steps } = this;
    this.steps = [];
    return steps;
  }
}

/** `orders` are the arrays as they were after each shuffle since it was last emptied. */
export class WatchedRandom extends Random {
  orders: number[][] = [];
  override shuffle(array: Int32Array): void {
    super.shuffle(array);
    this.orders.push(Array.from(array));
  }
}

/** Rewards that differ by step, action-independent, on episodes that end in both ways. */
export const varied: ToyOptions = {
  maxSteps: 5,
  reward: (step) => [1, -2, 0.5, 3, -1][step % 5],
  end: (step, action) => (step === 3 && action === 1 ? "terminated" : null),
};

/** With three choices of which the last is never allowed. */
export const masked = {
  ...varied,
  action: discrete(3),
  mask: (out: { [i: number]: number }, at: number) => {
    out[at + 2] = 0;
  },
};

export interface Setup {
  readonly training: Training;
  readonly env: Watched;
  readonly random: WatchedRandom;
  readonly model: ActorCritic;
}

/** A linear policy with weights that matter, in float64. */
export function setup(
  envs: number,
  totalSteps: number,
  toy: ToyOptions = varied,
  options: Partial<ActorCriticOptions> & VectorEnvOptions = {},
): Setup {
  const env = new Watched(
    Array.from({ length: envs }, () => new Toy(toy)),
    options,
  );
  const [{ observationSpace: observation, actionSpace: action }] = env.envs;
  const shape = { observation, action, critic: true, hidden: [], ...options };
  const model = new ActorCritic(loops(Float64Array), shape, new Random(1));
  for (const { data } of model.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.4 * Math.sin(i + data.length);
  const random = new WatchedRandom(2);
  return { training: new Training(model, env, random, totalSteps), env, random, model };
}
