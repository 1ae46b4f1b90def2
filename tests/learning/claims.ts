/** Claims of what presets learn, by task and algorithm: docs/results.md reports their numbers, tests hold them. */

import { availableParallelism } from "node:os";
import type { Dynamics, Tabular } from "../../src/envs/env.ts";
import { type SweepResult, sweep } from "../../src/node/sweep.ts";
import { exactReturns } from "../../src/oracle/value-iteration.ts";
import { bootstrapInterval, mean, median } from "../../src/rollout/statistics.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { configOf } from "../support/sessions.ts";
import { bestFixed, type Fixed } from "./fixed.ts";
import { type Baseline, baselines, unmoved } from "./scripted.ts";

export interface Claim {
  readonly name: string;
  readonly task: string;
  readonly algo: string;
  /** The number of seeds, from 501 on: presets were chosen on seeds below 100. */
  readonly seeds: number;
  /** The figure of others, published or measured, with its source. */
  readonly published?: string;
  readonly steps?: number;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Of the greedy evaluation; default 100. */
  readonly episodes?: number;
  /** Mean return of the last 100 training episodes whose first reaching counts. */
  readonly threshold?: number;
  /** The claim in words. */
  readonly asks: string;
  readonly holds: (outcome: Outcome) => boolean;
}
export interface Outcome {
  readonly results: readonly SweepResult[];
  /** Greedy returns, one a seed, and shares of success. */
  readonly greedy: readonly number[];
  readonly success: readonly number[];
  /** Steps to the threshold, one a seed; Infinity where it was not reached. */
  readonly steps: readonly number[];
  /** The exact optimum, where the task is small enough. */
  readonly optimum: number | null;
  /** The best policy that does not look, where the claim is about beating it. */
  readonly fixed: Fixed | null;
  /** Random play and a simple rule, for games; a robot of MuJoCo that does nothing. */
  readonly baselines: readonly Baseline[];
}

const least = (x: readonly number[]): number => Math.min(...x);
const reached = (steps: readonly number[], within: number): number =>
  steps.filter((s) => s <= within).length;
const nearOptimum = ({ greedy, optimum }: Outcome): boolean =>
  optimum !== null && mean(greedy) >= optimum - 0.05 * Math.abs(optimum);

const zoo: Readonly<Record<string, string>> = {
  ppo: "SB3 zoo 500, 100,000 steps; 475 at a median of 65,944 steps (9 of 10 seeds)",
  trpo: "SB3 zoo 500, 100,000 steps",
  a2c: "SB3 zoo 500, 500,000 steps",
};
const cartpole = (algo: string, steps: number, medianSteps = Infinity): Claim => ({
  name: `CartPole-v1, ${algo}`,
  task: "cartpole",
  algo,
  seeds: 10,
  steps,
  threshold: 475,
  ...(zoo[algo] === undefined ? {} : { published: zoo[algo] }),
  asks: `475 within ${steps.toLocaleString("en")} steps on ≥ 8 of 10 seeds${
    Number.isFinite(medianSteps) ? `, median ≤ ${medianSteps.toLocaleString("en")}` : ""
  }; greedy ≥ 475 on all`,
  holds: ({ steps: taken, greedy }) =>
    reached(taken, steps) >= 8 && least(greedy) >= 475 && median(taken) <= medianSteps,
});
const beatsFixed = (task: string): Claim => ({
  name: task,
  task,
  algo: "ppo",
  seeds: 5,
  episodes: 2000,
  asks: "above the best fixed policy, outside the 95 % interval of the seeds' means",
  holds: ({ greedy, fixed }) =>
    fixed !== null && bootstrapInterval(greedy, mean)[0] > fixed.mean + 2 * fixed.error,
});
/** A game's policy on seeds that no setting was chosen on. */
const beats = (name: string, task: string, episodes = 100): Claim => ({
  name,
  task,
  algo: "ppo",
  seeds: 5,
  episodes,
  asks: "above random play and a simple rule, outside the 95 % intervals",
  holds: ({ greedy, baselines }) =>
    baselines.every((one) => bootstrapInterval(greedy, mean)[0] > one.mean + one.margin),
});
/** A robot in MuJoCo. The model is our own, so there is no published figure. */
const robot = (name: string, task: string, atLeast: number, asks: string): Claim => ({
  name,
  task,
  algo: "ppo",
  seeds: 5,
  asks: `${asks} on every seed`,
  holds: ({ greedy }) => least(greedy) >= atLeast,
});

/** Robots of which no more is asked than to do better than without their motors. */
const moves = (name: string, task: string): Claim => ({
  name,
  task,
  algo: "ppo",
  seeds: 5,
  asks: "above the robot with its motors unused, outside the 95 % intervals",
  holds: ({ greedy, baselines: [{ mean: still, margin }] }) =>
    bootstrapInterval(greedy, mean)[0] > still + margin,
});

export const claims: readonly Claim[] = [
  cartpole("ppo", 100_000, 70_000),
  cartpole("trpo", 120_000),
  cartpole("a2c", 250_000),
  cartpole("reinforce", 250_000),
  {
    name: "Acrobot-v1",
    published: "SB3 zoo −73.5 ± 18.2, 1,000,000 steps; −100 at a median of 72,672 steps",
    task: "acrobot",
    algo: "ppo",
    seeds: 10,
    threshold: -100,
    asks: "−100 in a median of ≤ 65,000 steps, every seed within 150,000",
    holds: ({ steps }) => median(steps) <= 65_000 && reached(steps, 150_000) === steps.length,
  },
  {
    name: "Pendulum-v1",
    published:
      "SB3 zoo −172.2 ± 104.2, 100,000 steps; −200 at a median of 68,000 steps (3 of 4 seeds)",
    task: "pendulum",
    algo: "ppo",
    seeds: 5,
    threshold: -200,
    asks: "greedy ≥ −200 within 200,000 steps",
    holds: ({ greedy }) => least(greedy) >= -200,
  },
  {
    name: "MountainCar-v0",
    published: "SB3 zoo −110.4 ± 19.5, 1,000,000 steps",
    task: "mountain-car",
    algo: "ppo",
    seeds: 5,
    asks: "greedy ≥ −115 within 1,000,000 steps",
    holds: ({ greedy }) => least(greedy) >= -115,
  },
  {
    name: "MountainCarContinuous-v0",
    published: "SB3 zoo 88.3 ± 2.6, 20,000 steps",
    task: "mountain-car-continuous",
    algo: "ppo",
    seeds: 5,
    asks: "greedy ≥ 88 within 100,000 steps",
    holds: ({ greedy }) => least(greedy) >= 88,
  },
  {
    name: "FrozenLake-v1 4×4, slippery",
    task: "frozen-lake",
    algo: "ppo",
    seeds: 5,
    episodes: 2000,
    asks: "success ≥ 0.70",
    holds: ({ success }) => least(success) >= 0.7,
  },
  {
    name: "CliffWalking-v1",
    task: "cliff-walking",
    algo: "ppo",
    seeds: 5,
    steps: 200_000,
    asks: "within 5 % of the optimum",
    holds: nearOptimum,
  },
  {
    name: "Taxi-v4",
    task: "taxi",
    algo: "ppo",
    seeds: 5,
    episodes: 2000,
    asks: "within 5 % of the optimum",
    holds: nearOptimum,
  },
  {
    name: "Catch",
    task: "catch",
    algo: "ppo",
    seeds: 5,
    asks: "greedy ≥ 0.95",
    holds: ({ greedy }) => least(greedy) >= 0.95,
  },
  {
    name: "CartPole without velocities, LSTM",
    published: "SB3 zoo, recurrent PPO, 500, 100,000 steps",
    task: "cartpole",
    algo: "ppo",
    seeds: 3,
    steps: 300_000,
    settings: {
      velocities: false,
      memory: 32,
      hidden: [32],
      envs: 16,
      minibatch: 512,
      epochs: 10,
      lambda: 0.9,
      learningRate: 2e-3,
      normalizeObservation: true,
      normalizeReward: true,
    },
    asks: "greedy ≥ 400",
    holds: ({ greedy }) => least(greedy) >= 400,
  },
  beats("Blackjack-v1", "blackjack", 100_000),
  beats("Breakout", "breakout"),
  beats("Dodge", "dodge"),
  beats("Shoot", "shoot"),
  beats("Crossing", "crossing"),
  beats("Dive", "dive"),
  beats("2048", "game-2048"),
  beatsFixed("recommend"),
  beatsFixed("portfolio"),
  {
    name: "Reacher",
    task: "reacher",
    algo: "ppo",
    seeds: 5,
    episodes: 1000,
    asks: "≥ 95 % of targets reached",
    holds: ({ success }) => least(success) >= 0.95,
  },
  {
    name: "Lander",
    task: "lander",
    algo: "ppo",
    seeds: 5,
    asks: "greedy ≥ 200 on ≥ 4 of 5 seeds within 500,000 steps",
    holds: ({ greedy }) => greedy.filter((x) => x >= 200).length >= 4,
  },
  robot("InvertedPendulum", "inverted-pendulum", 1000, "1000, the most there is,"),
  robot(
    "InvertedDoublePendulum",
    "inverted-double-pendulum",
    9000,
    "greedy ≥ 9,000 of about 9,350",
  ),
  robot("Hopper", "hopper", 2000, "greedy ≥ 2000, twice what standing gives,"),
  robot("Walker2d", "walker2d", 2000, "greedy ≥ 2000, twice what standing gives,"),
  robot("HalfCheetah", "half-cheetah", 2000, "greedy ≥ 2000, 2 m/s,"),
  moves("Ant", "ant"),
  moves("Humanoid", "humanoid"),
];

/** Trains all seeds over worker threads. */
export async function judge(claim: Claim, threads = availableParallelism()): Promise<Outcome> {
  const { task, algo, seeds, steps, settings = {}, episodes = 100, threshold = null } = claim;
  const jobs = Array.from({ length: seeds }, (_, i) => ({
    config: configOf({ task, algo, steps, settings, seed: 501 + i }),
    episodes,
    evaluationSeed: 1_000_000_007,
    threshold,
  }));
  const results = await sweep(jobs, threads);
  const made = environmentTasks[task as keyof typeof environmentTasks]; // none of MuJoCo
  const env = made?.make(jobs[0].config.settings as never);
  return {
    results,
    greedy: results.map(({ evaluation }) => evaluation.meanReturn),
    success: results.map(({ evaluation }) => evaluation.successRate ?? Number.NaN),
    steps: results.map(({ stepsToThreshold }) => stepsToThreshold ?? Infinity),
    optimum:
      env !== undefined && "outcomes" in env
        ? exactReturns(env as Dynamics & Tabular).optimal
        : null,
    fixed: bestFixed(task),
    baselines: [...baselines(task, Math.max(episodes, 500)), ...(await unmoved(task))],
  };
}
