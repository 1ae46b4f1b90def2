/** Every trainer resumes bit for bit, counts its steps, and names the place of a fault. */

import { describe, expect, test } from "vitest";
import { a2c, a2cSettings } from "../../src/algos/a2c.ts";
import { ppo, ppoSettings } from "../../src/algos/ppo.ts";
import { Training } from "../../src/algos/training.ts";
import { loops } from "../../src/backends/loops.ts";
import { NumericError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { Bandit } from "../../src/envs/bandit.ts";
import { Dynamics } from "../../src/envs/env.ts";
import { box, discrete } from "../../src/envs/space.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { standardizeRows } from "../../src/returns/normalize.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { configOf, openControl } from "../support/sessions.ts";

const small = { envs: 4, rollout: 16 };
const runs: readonly [string, string, Record<string, unknown>][] = [
  ["line", "reinforce", {}],
  ["cartpole", "reinforce", { memory: 4, envs: 2, maxSteps: 20 }],
  ["cartpole", "a2c", {}],
  ["cartpole", "a2c", { memory: 8 }],
  ["cartpole", "ppo", { ...small, normalizeObservation: true, normalizeReward: true }],
  ["cartpole", "ppo", { ...small, minibatch: 32, memory: 8, frames: 2 }],
  ["pendulum", "ppo", { ...small, squash: true, klWeight: 1, annealClip: true }],
  [
    "breakout",
    "ppo",
    { ...small, filters: [2], hidden: [8], minibatch: 16, memory: 4, shared: true },
  ],
  ["recommend", "ppo", small],
  ["connect-four", "ppo", { ...small, hidden: [16] }],
  ["cartpole", "trpo", { rollout: 64 }],
  ["pendulum", "natural", { rollout: 64 }],
  ["cartpole", "a3c", { workers: 3 }],
  ["cartpole", "impala", {}],
  ["cartpole", "grpo", { starts: 2, groupSize: 3, maxSteps: 30, normalizeObservation: true }],
  ["cartpole", "rloo", { starts: 2, groupSize: 3, maxSteps: 30, klWeight: 0.1, targetKl: 0.01 }],
  ["pendulum", "gspo", { starts: 2, groupSize: 2, maxSteps: 20, frames: 2 }],
  ["recommend", "reinforce++", { starts: 2, groupSize: 2, reference: true }],
  ["connect-four", "mrt", { starts: 2, groupSize: 2, hidden: [8] }],
];

describe("resume: 2N updates are N, saved as bytes, and N more", () => {
  for (const [task, algo, settings] of runs) {
    test(`${algo} on ${task} ${JSON.stringify(settings)}`, { tags: ["deep"] }, () => {
      const n = 4;
      const config = configOf({ task, algo, steps: 50_000, seed: 3, settings });
      const draw = (session: ReturnType<typeof openControl>, lines: string[]): void => {
        for (let i = 0; i < n; i++) lines.push(JSON.stringify(session.reports.next().value));
      };
      const [whole, parts]: [string[], string[]] = [[], []];
      const straight = openControl(config);
      draw(straight, whole);
      draw(straight, whole);
      const first = openControl(config);
      draw(first, parts);
      const second = openControl(config, decodeState(encodeState(first.training.save())).state);
      draw(second, parts);
      expect(parts).toEqual(whole);
      const end = encodeState(straight.training.save());
      expect(Buffer.from(encodeState(second.training.save())).equals(Buffer.from(end))).toBe(true);
    });
  }
});

test("another run's state is refused, and names what is missing", () => {
  const from = openControl(configOf({ task: "cartpole", algo: "a2c" }));
  from.reports.next();
  const session = openControl(configOf({ task: "cartpole", algo: "ppo" }), from.training.save());
  expect(() => session.reports.next()).toThrow(/state: no "adam"/);
});

test("PPO's first minibatch has ratio 1: with one epoch of one minibatch, KL and clip fraction are 0", () => {
  for (const memory of [0, 8]) {
    const settings = { ...small, epochs: 1, minibatch: 64, memory };
    const session = openControl(
      configOf({ task: "cartpole", algo: "ppo", settings, backend: "loops" }),
    );
    for (let i = 0; i < 5; i++) {
      const report = session.reports.next().value as unknown as Record<string, number>;
      expect(report.approximateKl).toBeLessThan(1e-9);
      expect(report.clipFraction).toBe(0);
    }
  }
});

test("IMPALA without lag sees its own policy: ratios are 1; with lag they are not", () => {
  const drift = (lag: number): number => {
    const session = openControl(configOf({ task: "cartpole", algo: "impala", settings: { lag } }));
    let last = 0;
    for (let i = 0; i < 8; i++) {
      last = (session.reports.next().value as unknown as Record<string, number>)
        .meanSquaredLogRatio;
    }
    return last;
  };
  expect(drift(1)).toBeLessThan(1e-9);
  expect(drift(8)).toBeGreaterThan(1e-6);
});

test("TRPO keeps each step's exact KL within its bound, and takes steps", () => {
  for (const task of ["cartpole", "pendulum"]) {
    const session = openControl(
      configOf({ task, algo: "trpo", settings: { rollout: 128, maxKl: 0.02 } }),
    );
    let moved = 0;
    for (let i = 0; i < 10; i++) {
      const report = session.reports.next().value as unknown as Record<string, number>;
      expect(report.kl).toBeLessThanOrEqual(0.02);
      if (report.stepFraction > 0) moved++;
    }
    expect(moved).toBeGreaterThan(7);
  }
});

test("a small natural step's KL is what it aims at, less the damping: the Fisher matrix is the KL's", {
  tags: ["deep"],
}, () => {
  const settings = { rollout: 256, maxKl: 1e-4, damping: 0.01, conjugateSteps: 40 };
  for (const task of ["pendulum", "acrobot"]) {
    const session = openControl(configOf({ task, algo: "natural", settings }));
    for (let i = 0; i < 5; i++) {
      const { kl } = session.reports.next().value as unknown as Record<string, number>;
      expect(kl).toBeGreaterThan(0.3e-4);
      expect(kl).toBeLessThan(1.1e-4);
    }
  }
});

/** Reward 1 forever; episodes are only ever cut short. */
class Endless extends Dynamics {
  readonly observationSpace = box(0, 1, [1]);
  readonly actionSpace = discrete(2);
  readonly state = new Float64Array(0);
  constructor() {
    super(10);
  }
  protected begin(): void {}
  protected advance(): void {
    this.reward = 1;
  }
  observe(out: { [i: number]: number }, at: number): void {
    out[at] = 1;
  }
  render(): string {
    return "";
  }
}

test("time limits bootstrap: the value of an endless reward of 1 comes to 1/(1 − γ) = 50", () => {
  const k = loops();
  const random = new Random(1);
  const train = (algo: "a2c" | "ppo"): number => {
    const env = new VectorEnv(Array.from({ length: 4 }, () => new Endless()));
    const { observationSpace: observation, actionSpace: action } = env.envs[0];
    const options = { observation, action, critic: true, hidden: [] };
    const model = new ActorCritic(k, options, random);
    const t = new Training(model, env, random, 1e9);
    const shared = { envs: 4, rollout: 16, gamma: 0.98, lambda: 0.9, learningRate: 0.5 };
    const reports =
      algo === "a2c"
        ? a2c(t, settle(a2cSettings, { ...shared, optimizer: "adam", maxGradNorm: 1e9 }))
        : ppo(t, settle(ppoSettings, { ...shared, maxGradNorm: 1e9 }));
    for (let i = 0; i < 500; i++) reports.next();
    const [w, b] = ["critic.head.weight", "critic.head.bias"].map(
      (name) => model.parameters.get(name)?.data[0] ?? 0,
    );
    return w + b;
  };
  expect(train("a2c")).toBeCloseTo(50, 0);
  expect(train("ppo")).toBeCloseTo(50, 0);
});

test("a NaN reward stops with the update and the op, weights as they were", () => {
  const k = loops();
  class Broken extends Bandit {
    protected override advance(actions: ArrayLike<number>, at: number): void {
      super.advance(actions, at);
      this.reward = Number.NaN;
    }
  }
  const env = new VectorEnv([new Broken()]);
  const { observationSpace: observation, actionSpace: action } = env.envs[0];
  const model = new ActorCritic(
    k,
    { observation, action, critic: true, hidden: [4] },
    new Random(1),
  );
  const before = model.parameters.list.map(({ data }) => [...data]);
  const t = new Training(model, env, new Random(1), 1000);
  const reports = ppo(t, settle(ppoSettings, { envs: 1, rollout: 8 }));
  expect(() => reports.next()).toThrow(NumericError);
  expect(model.parameters.list.map(({ data }) => [...data])).toEqual(before);
});

test("standardizeRows by hand, only the rows it is given; one row, or equal ones, give 0", () => {
  const y = Float64Array.of(9, 9, 9, 9);
  const x = Float64Array.of(1, 100, 3, 5);
  standardizeRows(y, x, [0, 2, 3]); // 1, 3, 5: mean 3, deviation 2
  expect([...y].map((v) => Math.round(v * 1e6) / 1e6)).toEqual([-1, 9, 0, 1]);
  standardizeRows(y, x, [1]);
  expect(y[1]).toBe(0);
  standardizeRows(y, Float64Array.of(0.1, 7, 0.1, 0.1), [0, 2, 3]);
  expect([y[0], y[2], y[3]]).toEqual([0, 0, 0]);
});

test("a recurrent PPO refuses minibatches that cut sequences", () => {
  const first = (minibatch: number) => {
    const settings = { ...small, memory: 4, minibatch };
    return openControl(configOf({ task: "cartpole", algo: "ppo", settings })).reports.next();
  };
  // of 4 sequences of 16: not a multiple of 16, no divisor of 64, or neither
  for (const minibatch of [8, 48, 24])
    expect(() => first(minibatch)).toThrow(
      /whole sequences for a recurrent policy: a multiple of rollout 16/,
    );
  for (const minibatch of [16, 32]) expect(first(minibatch).done).toBe(false);
});
