// @module-tag deep
/** Advantages that are equal or alone, statistics that workers share, opponents' memory, pixels' scale. */

import { describe, expect, test } from "vitest";
import { a2c, a2cSettings } from "../../src/algos/a2c.ts";
import { ppo, ppoSettings } from "../../src/algos/ppo.ts";
import { reinforce, reinforceSettings } from "../../src/algos/reinforce.ts";
import { Training } from "../../src/algos/training.ts";
import { loops } from "../../src/backends/loops.ts";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { ConnectFour } from "../../src/envs/connect-four.ts";
import { discrete } from "../../src/envs/space.ts";
import { a3cThreads } from "../../src/node/a3c-threads.ts";
import { ActorCritic, type ActorCriticOptions } from "../../src/policies/actor-critic.ts";
import { League } from "../../src/rollout/league.ts";
import { minibatchEnd } from "../../src/rollout/rollout-chunks.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { configOf, openControl } from "../support/sessions.ts";
import { Toy, type ToyOptions } from "../support/toy.ts";

const figures = (report: unknown) => report as Record<string, number>;
function trainingOf(envs: readonly Toy[], options: Partial<ActorCriticOptions> = {}): Training {
  const env = new VectorEnv(envs, { autoreset: options.critic !== undefined });
  const [{ observationSpace: observation, actionSpace: action }] = envs;
  const all = { observation, action, critic: true, hidden: [], ...options };
  return new Training(new ActorCritic(loops(), all, new Random(1)), env, new Random(2), 1e6);
}
const toys = (n: number, options: ToyOptions = {}) =>
  Array.from({ length: n }, () => new Toy(options));

describe("where all advantages are equal, nothing is learned from them", () => {
  for (const baseline of ["value", "mean", "none"] as const) {
    test(`REINFORCE with baseline ${baseline}: five arms that all pay 1`, () => {
      for (const means of ["1,1,1,1,1", "0.1,0.1,0.1"]) {
        const settings = { means, deviation: 0, baseline };
        const session = openControl(configOf({ task: "bandit", algo: "reinforce", settings }));
        for (let i = 0; i < 20; i++) {
          const { policyLoss, gradNorm } = figures(session.reports.next().value);
          expect(Math.abs(policyLoss)).toBeLessThan(1e-6);
          expect(gradNorm).toBeLessThan(10);
        }
      }
    });
  }
});

describe("a minibatch's last row", () => {
  test("that would be alone joins the minibatch before it, where advantages are standardized", () => {
    const sizes = (minibatch: number, size: number, least: number): number[] => {
      const all: number[] = [];
      for (let first = 0; first < size; first += all[all.length - 1])
        all.push(minibatchEnd(first, minibatch, size, least) - first);
      return all;
    };
    expect(sizes(4, 9, 2)).toEqual([4, 5]);
    expect(sizes(4, 9, 1)).toEqual([4, 4, 1]);
    expect(sizes(4, 10, 2)).toEqual([4, 4, 2]);
    expect(sizes(4, 8, 2)).toEqual([4, 4]);
  });
  test("PPO on 3 × 3 steps by minibatches of 4: the mean policy loss at ratio 1 is 0, never a raw advantage", () => {
    const reward = (step: number): number => 100 * step;
    const t = trainingOf(toys(3, { reward }), { critic: true });
    const config = settle(ppoSettings, { envs: 3, rollout: 3, minibatch: 4, epochs: 1 });
    const reports = ppo(t, { ...config, learningRate: 0 });
    for (let i = 0; i < 5; i++)
      expect(Math.abs(reports.next().value.policyLoss)).toBeLessThan(1e-5);
  });
  test("a minibatch or update of one step is refused where advantages are standardized", () => {
    const one = settle(ppoSettings, { envs: 2, rollout: 4, minibatch: 1 });
    expect(() => ppo(trainingOf(toys(2), { critic: true }), one)).toThrow(/at least 2 steps/);
    const raw = ppo(trainingOf(toys(2), { critic: true }), { ...one, standardize: false });
    expect(raw.next().value.update).toBe(1);
    const lone = settle(reinforceSettings, { envs: 1 });
    expect(() => reinforce(trainingOf(toys(1, { maxSteps: 1 })), lone)).toThrow(SettingError);
    const single = configOf({
      task: "line",
      algo: "a2c",
      settings: { envs: 1, rollout: 1, standardize: true },
    });
    expect(() => openControl(single).reports.next()).toThrow(
      /a2c: expected an update of at least 2 steps/,
    );
  });
});

test("one step an update is enough where nothing is standardized", () => {
  const lone = settle(reinforceSettings, { envs: 1, standardize: false });
  expect(reinforce(trainingOf(toys(1, { maxSteps: 1 })), lone).next().value.envSteps).toBe(1);
  const one = settle(a2cSettings, { envs: 1, rollout: 1 });
  expect(a2c(trainingOf(toys(1), { critic: true }), one).next().value.envSteps).toBe(1);
});

test("REINFORCE refuses an environment whose episodes may never end", () => {
  const t = trainingOf(toys(2, { maxSteps: Infinity }));
  expect(() => reinforce(t, settle(reinforceSettings, { envs: 2 }))).toThrow(/TimeLimit/);
});

test("a policy over discrete(n, start) tells the environment numbers from start on", () => {
  const seen = new Set<number>();
  const end = (_: number, action: number): null => {
    seen.add(action);
    return null;
  };
  const envs = toys(2, { action: discrete(3, -1), end });
  const t = trainingOf(envs, { critic: true });
  ppo(t, settle(ppoSettings, { envs: 2, rollout: 32, minibatch: 32 })).next();
  expect([...seen].sort((a, b) => a - b)).toEqual([-1, 0, 1]);
});

describe("A3C's workers share the statistics that evaluation reads", () => {
  const settings = { normalizeObservation: true, learningRate: 0.005 };
  test("taking turns: all steps of all workers are counted, and the policy is as good in evaluation", () => {
    const session = openControl(configOf({ task: "line", algo: "a3c", steps: 80_000, settings }));
    const { training } = session;
    while (training.envSteps < 80_000) session.reports.next();
    const count = training.env.moments?.count ?? 0;
    expect(count).toBeCloseTo(training.envSteps + 4, 3); // and the four starts
    expect(session.evaluate(20, 5, true).meanReturn).toBe(-33);
  });
  test("on threads too", async () => {
    const threaded = { ...settings, threads: 2 };
    const session = openControl(
      configOf({ task: "line", algo: "a3c", steps: 4000, settings: threaded }),
    );
    const reports = a3cThreads(session);
    const { training } = session;
    while (training.envSteps < 4000) await reports.next();
    // threads may have gone on since they told of their steps
    expect(training.env.moments?.count).toBeGreaterThanOrEqual(training.envSteps);
    await reports.return(undefined as never);
  });
});

describe("opponents of self-play", () => {
  const space = new ConnectFour();
  const options = {
    observation: space.observationSpace,
    action: space.actionSpace,
    critic: true,
    hidden: [8],
    memory: 4,
  };
  /** Moves of the opponent in each of two games that are played in turns, or one after the other. */
  function games(order: readonly number[]): number[][] {
    const model = new ActorCritic(loops(), options, new Random(3));
    for (const { data } of model.parameters.list)
      for (let i = 0; i < data.length; i++) data[i] += 0.5 * Math.sin(i);
    const league = new League(model, new Random(4), { seats: 2 });
    const moves: number[][] = [[], []];
    const envs = [0, 2].map((e, i) => {
      const opponent = league.opponent(e); // one seat
      const env = new ConnectFour({
        opponent: (game, random) => {
          const move = opponent(game, random);
          moves[i].push(move);
          return move;
        },
      });
      env.seed(i);
      return env;
    });
    for (const i of order) {
      const env = envs[i];
      const over = env.terminated || moves[i].length === 0;
      if (over) env.start();
      env.act([Array.from({ length: 7 }, (_, c) => c).find((c) => env.isLegal(c)) ?? 0], 0);
    }
    return moves;
  }
  test("remember their own game: what is played beside it makes no difference", () => {
    const turns = games(Array.from({ length: 24 }, (_, t) => t % 2));
    const apart = games([...Array(12).fill(0), ...Array(12).fill(1)]);
    expect(turns).toEqual(apart);
  });
  test("are saved with it, and forget it with the next game", () => {
    const settings = { envs: 4, rollout: 8, minibatch: 16, hidden: [8], memory: 4, seed: 1 };
    const { seed, ...own } = settings;
    const config = configOf({ task: "connect-four", algo: "ppo", seed, settings: own });
    const whole = openControl(config);
    for (let i = 0; i < 4; i++) whole.reports.next();
    const first = openControl(config);
    for (let i = 0; i < 2; i++) first.reports.next();
    const second = openControl(config, JSON.parse(JSON.stringify(first.training.save(), plain)));
    for (let i = 0; i < 2; i++) second.reports.next();
    expect(JSON.stringify(second.training.save(), plain)).toBe(
      JSON.stringify(whole.training.save(), plain),
    );
  });
  test("a league needs two seats", () => {
    const model = new ActorCritic(loops(), options, new Random(3));
    expect(() => new League(model, new Random(1), { seats: 1 })).toThrow(RangeError);
  });
});

const plain = (_: string, x: unknown): unknown => (ArrayBuffer.isView(x) ? [...(x as never)] : x);

test("a dual clip of 1 or less is refused before anything is played; 0 is none", () => {
  const make = (dualClip: number) => () =>
    ppo(trainingOf(toys(2)), settle(ppoSettings, { envs: 2, rollout: 4, minibatch: 4, dualClip }));
  for (const c of [0.5, 1]) expect(make(c)).toThrow(SettingError);
  for (const c of [0, 1.5]) expect(make(c)).not.toThrow();
});
