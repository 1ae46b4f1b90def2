/** Wrappers: what each changes, and nothing else. */
import { describe, expect, test } from "vitest";
import { FormatError, UsageError } from "../../src/core/errors.ts";
import { ConnectFour } from "../../src/envs/connect-four.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { Pendulum } from "../../src/envs/pendulum.ts";
import { box, dict, discrete } from "../../src/envs/space.ts";
import {
  ClipAction,
  FrameStack,
  RescaleAction,
  ScaleObservation,
  TimeLimit,
} from "../../src/envs/wrappers.ts";
import { mustBeNear, seen } from "../support/seen.ts";
import { Toy } from "../support/toy.ts";
import { Walker } from "../support/walker.ts";

const wrappers: Record<string, (env: Dynamics) => Dynamics> = {
  TimeLimit: (env) => new TimeLimit(env, 4),
  FrameStack: (env) => new FrameStack(env, 3),
  ClipAction: (env) => new ClipAction(env),
  RescaleAction: (env) => new RescaleAction(env),
  ScaleObservation: (env) => new ScaleObservation(env, 2),
};

describe.each(Object.entries(wrappers))("%s", (_, wrap) => {
  const inner = (o = {}): Walker => new Walker({ action: box(-1, 1, [2]), ...o });
  test("passes rewards, ends, success, seeds, masks, text and picture on", () => {
    const [plain, wrapped] = [inner({ masked: true }), wrap(inner({ masked: true }))];
    expect(wrapped.isSeeded).toBe(false);
    for (const env of [plain, wrapped]) env.seed(7);
    expect(wrapped.isSeeded).toBe(true);
    const met = new Set<string>();
    for (let episode = 0; episode < 30; episode++) {
      for (const env of [plain, wrapped]) env.start();
      for (let t = 1; !wrapped.terminated && !wrapped.truncated; t++) {
        for (const env of [plain, wrapped]) env.act([9, 0.25, -0.5], 1);
        const cut = wrapped instanceof TimeLimit && t === 4 && !plain.terminated;
        expect([wrapped.reward, wrapped.terminated, wrapped.truncated, wrapped.success]).toEqual([
          plain.reward,
          plain.terminated,
          plain.truncated || cut,
          plain.success,
        ]);
        const [a, b] = [plain, wrapped].map((env) => {
          const out = new Float32Array(7).fill(3);
          env.mask?.(out, 1);
          return [...out];
        });
        expect(b).toEqual(a);
        expect(wrapped.render()).toBe(plain.render());
        expect(wrapped.scene()).toEqual(plain.scene());
        met.add(`${wrapped.terminated} ${wrapped.truncated}`);
      }
    }
    expect(met.size).toBe(3);
  });
  test("has no mask where the environment has none; the smaller limit", () => {
    expect(wrap(inner()).mask).toBeUndefined();
    expect(wrap(inner({ maxSteps: 3 })).maxSteps).toBe(3);
    const long = wrap(inner({ maxSteps: 9 }));
    expect(long.maxSteps).toBe(long instanceof TimeLimit ? 4 : 9);
  });
  test("saves what it wraps, too, and goes on from it", () => {
    const [one, two] = [wrap(inner()), wrap(inner())];
    one.reset({ seed: 3 });
    one.act([0.1, 0.2], 0);
    two.reset({ seed: 8 });
    two.restore(JSON.parse(JSON.stringify(one.save())));
    for (let t = 0; t < 3 && !one.terminated && !one.truncated; t++) {
      for (const env of [one, two]) env.act([0.3, -0.1], 0);
      expect([seen(two), two.reward, two.save()]).toEqual([seen(one), one.reward, one.save()]);
    }
    for (const bad of [[], one.save().slice(1), [...one.save(), 1]])
      expect(() => two.restore(bad)).toThrow(FormatError);
  });
});

test("names go through wrappers; stacked frames say how long ago", () => {
  const names = ["cos angle", "sin angle", "angular velocity"];
  for (const wrap of [
    (e: Dynamics) => new TimeLimit(e, 3),
    (e: Dynamics) => new ScaleObservation(e, 2),
    (e: Dynamics) => new ClipAction(e),
    (e: Dynamics) => new RescaleAction(e),
  ]) {
    const env = wrap(new Pendulum());
    expect([env.observationSpace.names, env.actionSpace.names]).toEqual([names, ["torque"]]);
  }
  expect(new FrameStack(new Pendulum(), 2).observationSpace.names).toEqual([
    ...names.map((name) => `${name}, 1 ago`),
    ...names,
  ]);
  expect(new FrameStack(new Toy(), 2).observationSpace.names).toBeNull();
});

test("TimeLimit does not lengthen an environment's own limit", () => {
  const env = new TimeLimit(new Toy({ maxSteps: 2 }), 9);
  expect(env.maxSteps).toBe(2);
  env.reset();
  expect([env.step(0).truncated, env.step(0).truncated]).toEqual([false, true]);
});

describe("FrameStack", () => {
  test("the last n observations, oldest first; the first fills them all, at each start", () => {
    const [plain, env] = [new Toy({ maxSteps: 9 }), new FrameStack(new Toy({ maxSteps: 9 }), 3)];
    for (let episode = 0; episode < 2; episode++) {
      const frames = [[...plain.reset(episode === 0 ? { seed: 2 } : {}).observation]];
      env.reset(episode === 0 ? { seed: 2 } : {});
      for (let t = 0; t < 6; t++) {
        const last = [-3, -2, -1].map((i) => frames[Math.max(0, frames.length + i)]);
        const early = new Array(Math.max(0, 3 - frames.length)).fill(frames[0]);
        const want = frames.length >= 3 ? last : [...early, ...frames];
        expect(seen(env)).toEqual(want.flat());
        frames.push([...plain.step(1).observation]);
        env.step(1);
      }
    }
  });
  test("its space: a first dimension of frames, the bounds once for each", () => {
    const space = box([0, -1], [1, 5], [2]);
    const { observationSpace } = new FrameStack(new Toy({ observation: space }), 3);
    expect(observationSpace.shape).toEqual([3, 2]);
    expect(observationSpace).toMatchObject({ kind: "box" });
    expect([...(observationSpace as { low: Float64Array }).low]).toEqual([0, -1, 0, -1, 0, -1]);
    expect([...(observationSpace as { high: Float64Array }).high]).toEqual([1, 5, 1, 5, 1, 5]);
    const planes = new FrameStack(new ConnectFour(), 2).observationSpace;
    expect(planes.shape).toEqual([2, 2, 6, 7]);
    const named = dict({ a: discrete(2), b: box(-3, 3, [1]) });
    const { low } = new FrameStack(new Toy({ observation: named }), 2)
      .observationSpace as ReturnType<typeof box>;
    expect([...low]).toEqual([0, 0, -3, 0, 0, -3]);
    for (const frames of [0, -1, 1.5, Number.NaN])
      expect(() => new FrameStack(new Toy(), frames)).toThrow(RangeError);
    expect(() => new FrameStack(new Toy({ observation: discrete(3) }), 2)).toThrow(UsageError);
    expect(new FrameStack(new Toy(), 1).observationSpace.size).toBe(3);
  });
});

describe("actions and observations", () => {
  /** What the environment is told, of actions given at place 1. */
  const told = (
    wrap: (env: Dynamics) => Dynamics,
    action: ReturnType<typeof box>,
    ...given: number[]
  ): number[] => {
    const inner = new Toy({ action });
    let heard: number[] = [];
    const act = inner.act.bind(inner);
    inner.act = (actions, at) => {
      heard = Array.from({ length: action.size }, (_, i) => actions[at + i]);
      act(actions, at);
    };
    const env = wrap(inner);
    env.start();
    env.act([Number.NaN, ...given], 1);
    return heard;
  };
  const bounds = box([0, -10], [1, 10], [2]);
  test("ClipAction: the nearest within each dimension's bounds; any number is an action", () => {
    const clip = (env: Dynamics): Dynamics => new ClipAction(env);
    expect(told(clip, bounds, 0.5, 3)).toEqual([0.5, 3]);
    expect(told(clip, bounds, -2, 30)).toEqual([0, 10]);
    expect(told(clip, bounds, 2, -30)).toEqual([1, -10]);
    const { actionSpace } = new ClipAction(new Toy({ action: bounds }));
    expect(actionSpace.contains([1e30, -1e30])).toBe(true);
    expect(actionSpace.shape).toEqual([2]);
    expect(() => new ClipAction(new Toy())).toThrow(UsageError);
  });
  test("RescaleAction: −1 to 1, or bounds of its own, linearly to the environment's", () => {
    expect(told((env) => new RescaleAction(env), bounds, -1, 0.5)).toEqual([0, 5]);
    expect(told((env) => new RescaleAction(env, 0, 2), bounds, 1.5, 0)).toEqual([0.75, -10]);
    expect(told((env) => new RescaleAction(env, [1, 3], [2, 5]), bounds, 1.25, 4)).toEqual([
      0.25, 0,
    ]);
    const { actionSpace } = new RescaleAction(new Toy({ action: bounds }), [1, 3], [2, 5]);
    expect([...(actionSpace as typeof bounds).low, ...(actionSpace as typeof bounds).high]).toEqual(
      [1, 3, 2, 5],
    );
    for (const make of [
      () => new RescaleAction(new Pendulum(), 1, 1),
      () => new RescaleAction(new Pendulum(), -Infinity, 1),
      () => new RescaleAction(new Toy({ action: box(0, Infinity, [1]) })),
      () => new RescaleAction(new Toy({ action: bounds }), [0, 1], [1, 1]),
    ])
      expect(make).toThrow(RangeError);
    expect(() => new RescaleAction(new Toy())).toThrow(UsageError);
  });
  test("ScaleObservation: observations and bounds times the scale", () => {
    const space = box([-1, 0], [2, 8], [2]);
    const [plain, env] = [
      new Toy({ observation: space }),
      new ScaleObservation(new Toy({ observation: space }), 0.25),
    ];
    for (const e of [plain, env]) e.reset({ seed: 5 });
    mustBeNear(
      seen(env),
      seen(plain).map((x) => x / 4),
      6,
    );
    const { low, high } = env.observationSpace as typeof space;
    expect([...low, ...high]).toEqual([-0.25, 0, 0.5, 2]);
    for (const scale of [0, -1, Infinity, Number.NaN])
      expect(() => new ScaleObservation(new Toy(), scale)).toThrow(RangeError);
    expect(() => new ScaleObservation(new Toy({ observation: discrete(3) }), 2)).toThrow(
      UsageError,
    );
    expect(seen(env)).not.toEqual(seen(plain));
  });
});
