/** Counters and parts of a training: what a report says, what a save holds, and what goes on from it. */
import { describe, expect, test } from "vitest";
import {
  descend,
  keptNumber,
  mustBeFinite,
  mustHaveDeviation,
  Training,
  TrainingState,
  weightsOf,
} from "../../src/algos/training.ts";
import { loops } from "../../src/backends/loops.ts";
import { FormatError, NumericError, SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { sum } from "../../src/ops/reduce.ts";
import { Adam } from "../../src/optim/adam.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { Toy } from "../support/toy.ts";

function training(total = 1000, saved: object | null = null, renews = false, envs = 2): Training {
  const env = new VectorEnv(
    Array.from({ length: envs }, () => new Toy()),
    { normalizeObservation: true, normalizeReward: true },
  );
  const [{ observationSpace: observation, actionSpace: action }] = env.envs;
  const options = { observation, action, critic: true, hidden: [] };
  const model = new ActorCritic(loops(), options, new Random(1));
  return new Training(model, env, new Random(2), total, { saved: saved as never, renews });
}
const rollout = (returns: readonly number[], count: number) => ({
  episodes: returns.length,
  episodeReturn: returns,
  episodeLength: returns.map((r) => 2 * r + 1),
  count,
});
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

describe("a report", () => {
  test("before an episode ended has NaN means; then of all; then of the last 100", () => {
    const t = training();
    expect(t.report()).toEqual({
      update: 0,
      envSteps: 0,
      episodes: 0,
      meanReturn: Number.NaN,
      meanLength: Number.NaN,
    });
    t.count(rollout([1, 4], 7));
    expect(t.report()).toMatchObject({ envSteps: 7, episodes: 2, meanReturn: 2.5, meanLength: 6 });
    t.count(rollout(numbers(0, 130), 500));
    // 30 … 129
    const last = { envSteps: 507, episodes: 132, meanReturn: 79.5, meanLength: 160 };
    expect(t.report()).toMatchObject(last);
  });
  test("goes on as it was after a save, in the middle of the 100", () => {
    const [a, b] = [training(), training()];
    a.restoreOrStart({});
    b.restoreOrStart({});
    a.count(rollout(numbers(0, 70), 90));
    b.restore(a.save());
    for (const t of [a, b]) t.count(rollout(numbers(100, 150), 60));
    expect(b.report()).toEqual(a.report());
    expect(b.report()).toMatchObject({
      episodes: 120,
      envSteps: 150,
      meanReturn: (50 * 44.5 + 50 * 124.5) / 100,
    });
  });
});

test("what is left of a run falls from 1 to 0, and no further", () => {
  const t = training(100);
  const left = [0, 25, 50, 25, 10].map((count) => {
    t.count(rollout([], count));
    return t.left();
  });
  expect(left).toEqual([1, 0.75, 0.25, 0, 0]);
});

test("each update is counted, and told before it begins", () => {
  const t = training();
  t.next();
  const told: number[] = [];
  t.onUpdate = (update) => told.push(update);
  t.next();
  t.next();
  expect(told).toEqual([2, 3]);
  expect(t.report().update).toBe(3);
});

describe("a saved training", () => {
  const play = (t: Training, n: number): void => {
    for (let i = 0; i < n; i++) t.env.step([0, 1, 0].slice(0, t.env.envs.length));
  };
  function saved() {
    const t = training();
    expect(t.restoreOrStart({ counter: keptNumber({ n: 5 }, "n") })).toBe(false);
    for (const { data } of t.model.parameters.list) data.fill(0.25);
    t.next();
    t.random.uniform();
    play(t, 9);
    t.count(rollout([3], 18));
    return { t, state: t.save() as object };
  }
  test("is gone on from by the next: weights, environments, generator, counters and parts", () => {
    const { t, state } = saved();
    const part = { n: 0 };
    const next = training(1000, state);
    expect(next.restoreOrStart({ counter: keptNumber(part, "n") })).toBe(true);
    expect(part.n).toBe(5);
    expect(next.save()).toEqual(state);
    expect(next.random.uniform()).toBe(t.random.uniform());
    play(t, 3);
    play(next, 3);
    expect(next.save()).toEqual(t.save());
  });
  test("waits until the parts are named; it is used once", () => {
    const { state } = saved();
    const next = training();
    next.restore(state as never);
    expect(next.report().update).toBe(0);
    expect(next.restoreOrStart({ counter: keptNumber({ n: 0 }, "n") })).toBe(true);
    expect(next.report()).toMatchObject({ update: 1, envSteps: 18 });
    expect(next.restoreOrStart({})).toBe(false);
  });
  test("without its counters' part, or with weights that are not finite, is refused", () => {
    const { state } = saved();
    expect(() =>
      training(1000, state).restoreOrStart({ other: keptNumber({ n: 0 }, "n") }),
    ).toThrow(/no "other"/);
    const weights = (state as { weights: Record<string, Float32Array> }).weights;
    weights["critic.head.bias"][0] = Number.NaN;
    const next = training(1000, state);
    const before = next.model.parameters.list.map(({ data }) => [...data]);
    expect(() => next.restoreOrStart({})).toThrow(
      'state: expected finite numbers as "critic.head.bias", got NaN at 0',
    );
    expect(next.model.parameters.list.map(({ data }) => [...data])).toEqual(before);
  });
  test("with other environments: these begin anew, freshly seeded; statistics and counters go on", () => {
    const { t, state } = saved();
    const counter = { n: 0 };
    const renewed = training(1000, state, true, 3);
    const forgets = { ...keptNumber({ n: 1 }, "n"), renew: () => void counter.n++ };
    renewed.restoreOrStart({ counter: forgets });
    expect(counter.n).toBe(1);
    expect(renewed.report()).toEqual(t.report());
    expect(renewed.env.moments?.count).toBeCloseTo((t.env.moments?.count ?? 0) + 3, 6);
    expect([...renewed.env.fresh]).toEqual([1, 1, 1]);
    const starts = renewed.env.envs.map((env) => env.save().join());
    expect(new Set(starts).size).toBe(3);
    const late = training(1000, null, false, 3);
    late.renew(state as never);
    late.restoreOrStart({ counter: forgets });
    expect(late.save()).toEqual(renewed.save());
  });
  test("fresh environments are of the run's chance: other seeds, other episodes", () => {
    const { state } = saved();
    const other = { ...state, random: new Random(99).save() };
    const [a, b] = [state, other].map((s) => {
      const t = training(1000, s, true, 2);
      t.restoreOrStart({ counter: keptNumber({ n: 1 }, "n") });
      return t.env.envs.map((env) => env.save().join());
    });
    expect(a).not.toEqual(b);
  });
  test("counters alone tell how far it came", () => {
    const { t, state } = saved();
    const next = training();
    next.restoreCounts(state as never);
    expect(next.report()).toEqual(t.report());
    expect(next.model.parameters.list[0].data[0]).not.toBe(0.25);
  });
  test("a part that is kept later is saved too", () => {
    const progress = new TrainingState(new Random(1), 100);
    progress.restoreOrStart({ a: keptNumber({ n: 1 }, "n") });
    progress.keep("b", keptNumber({ n: 2 }, "n"));
    expect(progress.save()).toMatchObject({ a: 1, b: 2, update: 0 });
  });
});

test("numbers and weights that are kept refuse what is none", () => {
  const of = { n: 3 };
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, "3", null])
    expect(() => keptNumber(of, "n").restore(bad as never)).toThrow(FormatError);
  expect(of.n).toBe(3);
  const parameters = new Parameters(loops());
  parameters.add("w", [2], Float32Array.of(1, 2));
  expect(() => weightsOf(parameters).restore({ w: [1, 2, 3] } as never)).toThrow(FormatError);
});

test("two steps are enough to standardize, one is not", () => {
  expect(() => mustHaveDeviation("x", "an update", 2)).not.toThrow();
  expect(() => mustHaveDeviation("x", "an update", 1)).toThrow(SettingError);
  expect(() => mustHaveDeviation("x", "an update", 1)).toThrow(
    "x: expected an update of at least 2 steps where advantages are standardized, got 1; or set standardize=false",
  );
});

describe("a descent", () => {
  const make = (g: readonly number[]) => {
    const k = loops();
    const parameters = new Parameters(k);
    const w = parameters.add("w", [2], Float32Array.of(1, 1));
    const tape = new Tape(k);
    tape.run(() => sum(w));
    w.grad.set(g);
    return { w, tape, adam: new Adam(parameters) };
  };
  test("clips to the norm, tells the norm before, and steps at the rate", () => {
    const { w, tape, adam } = make([3, 4]);
    expect(descend(adam, 1, 0.5, tape, 1)).toBeCloseTo(5, 6);
    expect(Array.from(w.data, (x) => Number(x.toFixed(4)))).toEqual([0.5, 0.5]); // Adam's first step is the rate
    expect(adam.steps).toBe(1);
  });
  test("moves nothing where the norm is not finite, and says where", () => {
    const { w, tape, adam } = make([Number.NaN, 1]);
    expect(() => descend(adam, 1, 0.5, tape, 7)).toThrow(NumericError);
    expect(() => descend(adam, 1, 0.5, tape, 7)).toThrow(/^update 7: the gradient's norm is NaN: /);
    expect([...w.data]).toEqual([1, 1]);
    expect(() => mustBeFinite(Number.POSITIVE_INFINITY, tape, 1)).toThrow(/^update 1: .* Infinity/);
    expect(() => mustBeFinite(3, tape, 1)).not.toThrow();
  });
});
