/** What a VectorEnv keeps, takes from another and shares with its parts. */
import { describe, expect, test } from "vitest";
import { EnvError, FormatError, ShapeError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { box, discrete, multiBinary } from "../../src/envs/space.ts";
import { TimeLimit } from "../../src/envs/wrappers.ts";
import { VectorEnv, type VectorEnvOptions } from "../../src/rollout/vector-env.ts";
import { Toy } from "../support/toy.ts";
import { Walker, walkers } from "../support/walker.ts";

const envs = 3;

test("success is NaN where an environment has no goal", () => {
  const env = new VectorEnv(walkers(2, { goals: false, maxSteps: 1 }));
  env.start();
  env.step([0, 0, 0, 0]);
  expect([...env.finalSuccess]).toEqual([Number.NaN, Number.NaN]);
});

test("the mask has a number for each choice, all 1 at first; null where no action is masked", () => {
  const mask = (): void => {};
  for (const [action, n] of [
    [discrete(4), 4],
    [multiBinary(3), 3],
  ] as const)
    expect([
      ...(new VectorEnv([new Toy({ action, mask }), new Toy({ action, mask })]).mask ?? []),
    ]).toEqual(new Array(2 * n).fill(1));
  expect(new VectorEnv(walkers(1, { masked: true })).mask?.length).toBe(5);
  expect(new VectorEnv(walkers(1)).mask).toBeNull();
});

test("no environment, and observations of two sizes, are refused", () => {
  expect(() => new VectorEnv([])).toThrow(ShapeError);
  const other = new Toy({ observation: box(0, 1, [4]) });
  expect(() => new VectorEnv([new Toy(), other])).toThrow(ShapeError);
});

test("one environment given twice is refused, inside of wrappers too", () => {
  const env = new Toy();
  expect(() => new VectorEnv([env, new Toy(), env])).toThrow("twice, at 2");
  const limits = [env, env].map((inner) => new TimeLimit(inner, 5));
  expect(() => new VectorEnv(limits)).toThrow(EnvError);
  expect(() => new VectorEnv([new TimeLimit(env, 5), env])).toThrow(EnvError);
});

test("seed gives each environment the next bits", () => {
  const env = new VectorEnv([new Walker(), new Walker()]);
  env.seed(new Random(8));
  env.start();
  const bits = new Random(8);
  const alone = [0, 1].map(() => {
    const one = new Walker();
    return [...one.reset({ seed: bits.bits() }).observation];
  });
  expect([...env.observation]).toEqual(alone.flat());
});

describe("save and restore", () => {
  const options = { normalizeObservation: true, normalizeReward: true };
  const make = (seed: number, o: VectorEnvOptions = options): VectorEnv =>
    new VectorEnv(walkers(envs, { masked: true }, seed), o);
  const walk = (env: VectorEnv, steps: number, seed: number): unknown[] => {
    const random = new Random(seed);
    return Array.from({ length: steps }, () => {
      env.step(env.envs.flatMap(() => [random.below(2), random.below(3)]));
      return structuredClone([columns(env), env.finalReturn, env.finalLength]);
    });
  };
  const columns = (env: VectorEnv): unknown =>
    structuredClone([env.observation, env.mask, env.fresh, env.episodeReturn, env.episodeLength]);

  test("another's goes on as the first does, to the last bit", () => {
    const [one, two] = [make(1), make(50)];
    for (const env of [one, two]) env.start();
    walk(one, 11, 3);
    walk(two, 4, 4);
    two.restore(
      JSON.parse(
        JSON.stringify(one.save(), (_, x) => (ArrayBuffer.isView(x) ? Array.from(x as never) : x)),
      ),
    );
    expect(columns(two)).toEqual(columns(one));
    const rest = walk(one, 15, 5);
    expect(JSON.stringify(walk(two, 15, 5).map((r) => (r as unknown[])[0]))).toEqual(
      JSON.stringify(rest.map((r) => (r as unknown[])[0])),
    );
    expect(two.saveStatistics()).toEqual(one.saveStatistics());
  });

  test("what was saved stands still while the environments go on", () => {
    const env = make(1);
    env.start();
    const state = env.save();
    const before = JSON.stringify(state);
    walk(env, 5, 3);
    expect(JSON.stringify(state)).toBe(before);
  });

  test("renew takes both statistics, and no environment's", () => {
    const [one, two] = [make(1), make(50)];
    for (const env of [one, two]) env.start();
    walk(one, 11, 3);
    const before = [columns(two), [...(two.rewardScaler?.returns ?? [])]];
    two.renew(one.save());
    expect([columns(two), [...(two.rewardScaler?.returns ?? [])]]).toEqual(before);
    expect(two.moments?.save()).toEqual(one.moments?.save());
    expect(two.rewardScaler?.moments.save()).toEqual(one.rewardScaler?.moments.save());
  });

  test("where one has no statistics, the others are taken alone", () => {
    const full = make(1);
    full.start();
    walk(full, 5, 3);
    for (const o of [{ normalizeObservation: true }, { normalizeReward: true }, {}]) {
      for (const load of ["renew", "restoreStatistics"] as const) {
        const env = make(2, o);
        env[load](full.save());
        expect(env.moments?.save()).toEqual(o.normalizeObservation && full.moments?.save());
        expect(env.rewardScaler?.moments.save()).toEqual(
          o.normalizeReward && full.rewardScaler?.moments.save(),
        );
      }
      expect(make(2, o).saveStatistics()).toEqual({
        moments: o.normalizeObservation ? expect.anything() : null,
        rewardScaler: o.normalizeReward ? expect.anything() : null,
      });
    }
  });

  test("loadMoments takes those of observations, where both sides standardize or neither does", () => {
    const [full, none] = [make(1), make(1, {})];
    full.start();
    const other = make(2);
    other.loadMoments(full.save());
    expect(other.moments?.save()).toEqual(full.moments?.save());
    expect(other.rewardScaler?.moments.count).toBe(1e-4);
    expect(() => none.loadMoments(full.save())).toThrow(FormatError);
    expect(() => full.loadMoments(none.save())).toThrow(FormatError);
    none.loadMoments({});
    none.loadMoments(none.save());
    expect(none.moments).toBeNull();
  });
});

describe("part and around", () => {
  test("a part is of the environments named, with the statistics of all", () => {
    const env = new VectorEnv(walkers(4), {
      normalizeObservation: { clip: 0.1 },
      autoreset: false,
    });
    const part = env.part(1, 3);
    expect(part.envs).toEqual([env.envs[1], env.envs[2]]);
    expect(part.moments).toBe(env.moments);
    part.start();
    expect(Math.max(...part.observation.map(Math.abs))).toBeCloseTo(0.1, 6);
    for (let t = 0; t < 7; t++) part.step([0, 0, 0, 0]);
    expect([part.resting(0), part.resting(1)]).toEqual([true, true]);
    expect(env.moments?.count).toBeGreaterThan(2);
  });
  test("others have the same options but the changes", () => {
    const env = new VectorEnv(walkers(2), { normalizeReward: true, gamma: 0.5 });
    const like = env.around(walkers(3));
    expect(like.rewardScaler?.options.gamma).toBe(0.5);
    expect(like.moments).toBeNull();
    expect(env.around(walkers(1), { normalizeReward: false }).rewardScaler).toBeNull();
  });
  test("statistics of others' are used and updated, where observations are standardized at all", () => {
    const { moments } = new VectorEnv(walkers(1), { normalizeObservation: true });
    expect(new VectorEnv(walkers(1), { normalizeObservation: true, moments }).moments).toBe(
      moments,
    );
    expect(new VectorEnv(walkers(1), { moments }).moments).toBeNull();
  });
});
