/** An evaluation's figures, by lists; and those over several runs, by hand. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { ConnectFour } from "../../src/envs/connect-four.ts";
import { TimeLimit } from "../../src/envs/wrappers.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { evaluate, poolEvaluations, student95 } from "../../src/rollout/evaluate.ts";
import { bootstrapInterval, mean, median, quantile } from "../../src/rollout/statistics.ts";
import { VectorEnv, type VectorEnvOptions } from "../../src/rollout/vector-env.ts";
import { Walker, type WalkerOptions, walkers } from "../support/walker.ts";

function setUp(walker: WalkerOptions = {}, options: VectorEnvOptions = {}) {
  const env = new VectorEnv(walkers(2, walker), options);
  const [{ observationSpace: observation, actionSpace: action }] = env.envs;
  const model = new ActorCritic(
    loops(),
    { observation, action, critic: true, hidden: [] },
    new Random(1),
  );
  for (const { data } of model.parameters.list) data.fill(0);
  return { env, model };
}
/** Returns, lengths and goals of episodes, each of a child of the seed's generator, where 0 is always done. */
function idle(env: Walker, episodes: number, seed: number): number[][] {
  const random = new Random(seed);
  return Array.from({ length: episodes }, () => {
    env.seed(random.split().bits());
    env.reset();
    for (let [sum, length] = [0, 1]; ; length++) {
      const { reward, terminated, truncated } = env.step([0, 0]);
      sum += reward;
      if (terminated || truncated) return [sum, length, Number(env.success)];
    }
  });
}

describe("evaluate", () => {
  for (const episodes of [1, 2, 3, 30]) {
    test(`${episodes} greedy episodes: returns, lengths, mean, sample deviation, margin, successes`, () => {
      const { env, model } = setUp({}, { normalizeReward: true });
      const got = evaluate(model, env, { episodes, seed: 7, greedy: true });
      const want = idle(new Walker(), episodes, 7);
      const returns = want.map(([r]) => r);
      expect(got.episodes).toBe(episodes);
      expect(got.returns).toEqual(returns);
      expect(got.lengths).toEqual(want.map(([, n]) => n));
      const average = returns.reduce((a, b) => a + b) / episodes;
      const deviation =
        episodes === 1
          ? 0
          : Math.sqrt(returns.reduce((s, r) => s + (r - average) ** 2, 0) / (episodes - 1));
      expect(got.meanReturn).toBeCloseTo(average, 10);
      expect(got.stdReturn).toBeCloseTo(deviation, 10);
      const t = { 1: 0, 2: 12.706, 3: 4.303, 30: 2.0452 }[episodes] ?? Number.NaN;
      expect(got.margin / (deviation || 1)).toBeCloseTo(t / Math.sqrt(episodes), 3);
      expect(got.successRate).toBeCloseTo(want.reduce((s, [, , won]) => s + won, 0) / episodes, 12);
    });
  }
  test("an evaluation is its parts, greedy or sampled: an episode does not depend on those before", () => {
    for (const greedy of [true, false]) {
      const { env, model } = setUp();
      const whole = evaluate(model, env, { episodes: 9, seed: 7, greedy });
      const parts = [
        [0, 2],
        [2, 6],
        [6, 9],
      ].map(([first, end]) =>
        evaluate(model, env, { episodes: end - first, first, seed: 7, greedy }),
      );
      expect(poolEvaluations(parts)).toEqual(whole);
      expect(new Set(whole.returns).size).toBeGreaterThan(3);
    }
  });
  test("no rate where an environment has no goal", () => {
    const { env, model } = setUp({ goals: false });
    expect(evaluate(model, env, { episodes: 4, seed: 7, greedy: true }).successRate).toBeNull();
  });
  test("sampled actions: the same for a seed, others for another; apart from the environment's draws", () => {
    const { env, model } = setUp();
    const seen = (seed: number, greedy = false): string => {
      const actions: number[] = [];
      evaluate(model, env, {
        episodes: 5,
        seed,
        greedy,
        witness: (_, actor) => actions.push(...actor.action),
      });
      return actions.join("");
    };
    expect(seen(3)).toBe(seen(3));
    expect(seen(3)).not.toBe(seen(4));
    expect(seen(3, true)).toMatch(/^0+$/);
    expect(seen(3)).toMatch(/1/);
  });
  test("a witness is called with each step, its episode and V; it may act on masked actions alone", () => {
    const { env, model } = setUp({ masked: true });
    const episodes: number[] = [];
    const bias = model.parameters.get("critic.head.bias")?.data as Float32Array;
    bias[0] = 2.5;
    const got = evaluate(model, env, {
      episodes: 4,
      seed: 7,
      greedy: false,
      witness: (episode, actor, playing) => {
        episodes.push(episode);
        expect(actor.value[0]).toBe(2.5);
        expect([...actor.observation]).toEqual([...playing.observation]);
        expect([...actor.mask]).toEqual([...(playing.mask ?? [])]);
        const allowed = [actor.mask[actor.action[0]], actor.mask[2 + actor.action[1]]];
        expect(allowed).toEqual([1, 1]);
      },
    });
    expect(episodes).toEqual(got.lengths.flatMap((n, episode) => new Array(n).fill(episode)));
  });
  test("it plays the first environment, with the limit it has", () => {
    const env = new VectorEnv([new TimeLimit(new Walker(), 1), new Walker()]);
    const { model } = setUp();
    expect(evaluate(model, env, { episodes: 3, seed: 1, greedy: true }).lengths).toEqual([1, 1, 1]);
    const endless = new VectorEnv(walkers(1, { maxSteps: Infinity }));
    const { lengths } = evaluate(model, endless, { episodes: 30, seed: 1, greedy: true });
    expect(lengths).toEqual(idle(new Walker({ maxSteps: Infinity }), 30, 1).map(([, n]) => n));
  });
  test("a recurrent model forgets at the start of an episode", () => {
    const games = new VectorEnv([new ConnectFour()]);
    const [{ observationSpace: observation, actionSpace: action }] = games.envs;
    const options = { observation, action, critic: false, hidden: [], memory: 2 };
    const model = new ActorCritic(loops(), options, new Random(1));
    const resets: number[] = [];
    const { lengths } = evaluate(model, games, {
      episodes: 3,
      seed: 1,
      greedy: true,
      witness: (_, actor) => resets.push(actor.reset[0]),
    });
    expect(resets).toEqual(lengths.flatMap((n) => [1, ...new Array(n - 1).fill(0)]));
  });
});

describe("statistics by hand", () => {
  test("mean, median and quantiles, of numbers in any order", () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(median([9, 1, 4])).toBe(4);
    expect(median([9, 1, 4, 10])).toBe(6.5);
    expect([0, 0.25, 0.5, 1].map((q) => quantile([40, 10, 20, 30, 100], q))).toEqual([
      10, 20, 30, 100,
    ]);
    expect(quantile([10, 20], 0.1)).toBeCloseTo(11, 12);
    const given = [3, 1, 2];
    quantile(given, 0.5);
    expect(given).toEqual([3, 1, 2]);
  });
  test("Student's quantile: Abramowitz & Stegun 26.7.5 from 4 degrees on", () => {
    const z = 1.959964;
    const terms = [
      (z ** 3 + z) / 4,
      (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
      (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    ];
    for (const n of [4, 5, 30])
      expect(student95(n)).toBeCloseTo(
        terms.reduce((sum, g, i) => sum + g / n ** (i + 1), z),
        12,
      );
    expect([1, 2, 3].map(student95)).toEqual([12.706, 4.303, 3.182]);
  });
  test("the bootstrap: 2.5 % and 97.5 % of the figure over draws with replacement", () => {
    const x = [1, 5, 7];
    const random = new Random(3);
    const values = Array.from({ length: 41 }, () => mean(x.map(() => x[random.below(3)]))).sort(
      (a, b) => a - b,
    );
    const [low, high] = bootstrapInterval(x, mean, { draws: 41, seed: 3 });
    expect(low).toBeCloseTo(values[1], 12); // 0.025·40 = 1
    expect(high).toBeCloseTo(values[39], 12);
    expect(bootstrapInterval(x, mean)).toEqual(
      bootstrapInterval(x, mean, { draws: 2000, seed: 1 }),
    );
  });
});
