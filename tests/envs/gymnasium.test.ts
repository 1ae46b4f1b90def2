/** Environments in Gymnasium's shape: their forms, each fault by its message, and their twins step by step. */
import { describe, expect, test } from "vitest";
import { ppo, ppoSettings } from "../../src/algos/ppo.ts";
import { Training } from "../../src/algos/training.ts";
import { loops } from "../../src/backends/loops.ts";
import {
  EnvError,
  FormatError,
  MaskError,
  NumericError,
  SettingError,
  ShapeError,
  UsageError,
} from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import type { State } from "../../src/core/state.ts";
import { checkEnv } from "../../src/envs/check-env.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { fromGymnasium, type GymnasiumEnv } from "../../src/envs/gymnasium.ts";
import { decodeValue, encodeValue } from "../../src/envs/saved-value.ts";
import { box, dict, discrete, image, multiDiscrete, tuple } from "../../src/envs/space.ts";
import { FrameStack, TimeLimit } from "../../src/envs/wrappers.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { evaluate } from "../../src/rollout/evaluate.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { gymWalk, Walk } from "../support/gym-walk.ts";

/** A plain environment of two numbers and two actions, with some members other. */
const plain = (changes: object = {}): GymnasiumEnv =>
  ({
    observationSpace: { type: "Box", low: -1, high: 1, shape: [2], names: ["a", "b"] },
    actionSpace: { type: "Discrete", n: 2 },
    reset: () => [0.5, -0.5],
    step: () => ({ observation: [0, 0], reward: 1, terminated: false, truncated: false }),
    ...changes,
  }) as GymnasiumEnv;
const seenBy = (changes: object): number[] => [
  ...fromGymnasium(plain(changes)).reset({ seed: 1 }).observation,
];
const stepping = (result: unknown): (() => unknown) => {
  const env = fromGymnasium(plain({ step: () => result }));
  env.reset();
  return () => env.step(0);
};

describe("the same trajectory as a Dynamics twin", () => {
  const steps = (env: Dynamics): unknown[] => {
    const random = new Random(4);
    const mask = new Float32Array(3);
    const record: unknown[] = [[...env.reset({ seed: 9 }).observation]];
    for (let t = 0; t < 200; t++) {
      env.mask?.(mask, 0);
      const step = env.step(env.actionSpace.sample(random, undefined, mask)[0]);
      record.push({ ...step, observation: [...step.observation] }, [...mask]);
      if (step.terminated || step.truncated) record.push([...env.reset().observation]);
    }
    return record;
  };
  for (const masks of ["mask", "info"] as const)
    test(`with a mask from ${masks}`, () => {
      const env = fromGymnasium(() => gymWalk({ masks }));
      expect(steps(env)).toEqual(steps(new Walk()));
      checkEnv(() => fromGymnasium(gymWalk({ masks })));
      checkEnv(() => fromGymnasium(gymWalk({ masks, saves: false })));
    });
  test("without a seed, too", () => {
    const [one, two] = [fromGymnasium(gymWalk()), new Walk()];
    for (let t = 0; t < 3; t++) expect(one.reset()).toEqual(two.reset());
  });
  test("an Env of the library is in Gymnasium's shape: its mask writes", () => {
    expect(steps(fromGymnasium(new Walk()))).toEqual(steps(new Walk()));
  });
});

const train = (make: () => Dynamics, updates: number, saved: State | null = null) => {
  const random = new Random(5);
  const env = new VectorEnv([make(), make()], { normalizeObservation: true });
  env.seed(random);
  const { observationSpace: observation, actionSpace: action } = env.envs[0];
  const model = new ActorCritic(
    loops(),
    { observation, action, hidden: [8], critic: true },
    random.split(),
  );
  const training = new Training(model, env, random.split(), 400, { saved });
  const reports = ppo(
    training,
    settle(ppoSettings, { envs: 2, rollout: 16, minibatch: 16, epochs: 2 }),
  );
  const seen = Array.from({ length: updates }, () => reports.next().value);
  return { training, model, seen, reports };
};
/** A state as it comes back from a run folder. */
const stored = (state: State): State => decodeState(encodeState(state)).state;

describe("training", () => {
  test("PPO, evaluated in between, is bit-equal to that of the twin", () => {
    const run = (make: () => Dynamics) => {
      const { training, model, seen, reports } = train(make, 8);
      const evaluation = evaluate(model, training.env, { episodes: 5, seed: 3, greedy: true });
      seen.push(...Array.from({ length: 4 }, () => reports.next().value));
      return { seen, evaluation, weights: model.parameters.list.map((p) => [...p.data]) };
    };
    expect(run(() => fromGymnasium(gymWalk()))).toEqual(run(() => new Walk()));
  });
  test("a resumed run is bit-equal where the environment saves", () => {
    const make = () => fromGymnasium(gymWalk());
    const whole = train(make, 10);
    const half = train(make, 5);
    expect(half.training.env.canSave).toBe(true);
    const { model, seen } = train(make, 5, stored(half.training.save()));
    expect(seen).toEqual(whole.seen.slice(5));
    expect(model.parameters.list.map((p) => p.data)).toEqual(
      whole.model.parameters.list.map((p) => p.data),
    );
  });
  for (const [name, wrap] of [
    ["plain", (env: Dynamics) => env],
    ["in wrappers", (env: Dynamics) => new TimeLimit(new FrameStack(env, 2), 9)],
  ] as const)
    test(`${name}, one that does not save begins a new episode, the same at each resume`, () => {
      const make = () => wrap(fromGymnasium(gymWalk({ saves: false })));
      const half = train(make, 5);
      const { env } = half.training;
      expect(env.canSave).toBe(false);
      const state = stored(half.training.save());
      const [one, two] = [0, 1].map(() => {
        const { training, seen } = train(make, 0, state);
        const again = new VectorEnv([make(), make()], { normalizeObservation: true });
        again.seed(new Random(5));
        again.restore(training.env.save());
        return { seen, env: training.env, again };
      });
      expect(one.env.observation).toEqual(two.env.observation);
      one.again.restore(half.training.env.save());
      expect([...one.again.fresh, ...one.again.episodeLength]).toEqual([1, 1, 0, 0]);
      const moments = one.again.saveStatistics();
      expect(moments).toEqual(env.saveStatistics()); // a new start is not counted
      const first = new VectorEnv([make(), make()]);
      first.seed(new Random(5));
      first.start();
      expect([...one.again.observation]).not.toEqual([...first.observation]);
      one.again.step([2, 2]);
      expect([...one.again.episodeLength]).toEqual([1, 1]);
      expect(train(make, 3, state).seen).toEqual(train(make, 3, state).seen);
    });
  test("evaluation in an environment that does not save leaves a new episode, and nothing stale", () => {
    const make = () => fromGymnasium(gymWalk({ saves: false }));
    const { training, model } = train(make, 2);
    const { env } = training;
    const second = env.observation.slice(2);
    const statistics = env.saveStatistics();
    evaluate(model, env, { episodes: 2, seed: 1, greedy: true });
    expect(env.saveStatistics()).toEqual(statistics);
    expect(env.observation.slice(2)).toEqual(second);
    expect([env.fresh[0], env.episodeLength[0], env.episodeReturn[0]]).toEqual([1, 0, 0]);
    const raw = new Float32Array(2);
    env.envs[0].observe(raw, 0);
    env.moments?.normalize(raw, raw, {});
    expect(env.observation.slice(0, 2)).toEqual(raw);
    env.step([2, 2]);
  });
  test("one object in two adapters, or no Dynamics, is refused", () => {
    const shared = gymWalk();
    expect(() => new VectorEnv([fromGymnasium(shared), fromGymnasium(shared)])).toThrow(
      "got one twice, at 1",
    );
    expect(() => new VectorEnv([gymWalk() as never])).toThrow("see fromGymnasium");
  });
});

describe("forms of results", () => {
  test.each([
    ["the observation", [0.5, -0.5]],
    ["a typed array", Float64Array.of(0.5, -0.5)],
    ["a pair", [[0.5, -0.5], { x: 1 }]],
    ["an object", { observation: [0.5, -0.5], info: {} }],
    ["an object without info", { observation: [0.5, -0.5] }],
  ])("reset may return %s", (_, result) => {
    expect(seenBy({ reset: () => result })).toEqual([0.5, -0.5]);
  });
  test.each([
    ["a list of five", [[0, 1], 2, false, true, { success: true }]],
    ["a list of four", [[0, 1], 2, false, true]],
    ["an object", { observation: [0, 1], reward: 2, terminated: false, truncated: true, info: {} }],
  ])("step may return %s", (_, result) => {
    const step = stepping(result)() as object;
    expect(step).toMatchObject({ reward: 2, terminated: false, truncated: true });
  });
  test("info.success is the episode's", () => {
    for (const [info, success] of [
      [{ success: true }, true],
      [{ is_success: false }, false],
      [{}, null],
    ]) {
      const env = fromGymnasium(plain({ step: () => [[0, 0], 1, true, false, info] }));
      env.reset();
      env.step(1);
      expect(env.success).toBe(success);
    }
  });
  test("actions come in the space's own form", () => {
    const got = (actionSpace: object, action: number | number[]): unknown => {
      let given: unknown;
      const step = (a: unknown) => {
        given = a;
        return [[0, 0], 0, false, false];
      };
      const env = fromGymnasium(plain({ actionSpace, step }));
      env.reset();
      env.step(action);
      return given;
    };
    expect(got({ type: "Discrete", n: 3, start: -1 }, -1)).toBe(-1);
    expect(got({ type: "MultiDiscrete", nvec: Int32Array.of(2, 3) }, [1, 2])).toEqual([1, 2]);
    const shifted = { type: "MultiDiscrete", nvec: [2, 3], start: Int32Array.of(1, -1) };
    expect(got(shifted, [2, -1])).toEqual([2, -1]);
    expect(() => got(shifted, [0, -1])).toThrow(/action/);
    expect(got({ type: "MultiDiscrete", nvec: [2, 3], start: 4 }, [5, 6])).toEqual([5, 6]);
    expect(got({ type: "MultiBinary", n: 2 }, [1, 0])).toEqual([1, 0]);
    expect(got({ type: "Box", low: [-1, 0], high: 5 }, [0.5, 5])).toEqual([0.5, 5]);
    expect(got(discrete(["a", "b"]), 1)).toBe(1);
  });
  test("text and picture: its own, or the observation by name", () => {
    const env = fromGymnasium(plain());
    env.reset();
    expect(env.render()).toBe("a: 0.5\nb: -0.5");
    expect(JSON.stringify(env.scene())).toContain("a: 0.5");
    let open = true;
    const scene = { width: 1, height: 1, marks: [] };
    const close = () => {
      open = false;
    };
    const own = fromGymnasium(plain({ render: () => "hi", scene: () => scene, close }));
    expect([own.render(), own.scene()]).toEqual(["hi", scene]);
    new VectorEnv([new TimeLimit(own, 3)]).close();
    expect(open).toBe(false);
    const big = fromGymnasium(
      plain({ observationSpace: { type: "Box", shape: [50] }, reset: () => new Array(50).fill(0) }),
    );
    expect(big.render()).toBe("step 0, reward 0");
  });
  test("a time limit", () => {
    const env = fromGymnasium(plain({ maxSteps: 2 }));
    env.reset();
    expect([env.step(0).truncated, env.step(0).truncated]).toEqual([false, true]);
  });
});

describe("observations", () => {
  const read = (observationSpace: object, value: unknown): number[] =>
    seenBy({ observationSpace, reset: () => ({ observation: value }) });
  test("choices are one-hot", () => {
    expect(read({ type: "Discrete", n: 3, start: 1 }, 2)).toEqual([0, 1, 0]);
    expect(read({ type: "MultiDiscrete", nvec: [2, 3] }, [1, 0])).toEqual([0, 1, 1, 0, 0]);
    const shifted = { type: "MultiDiscrete", nvec: [2, 3], start: [1, -1] };
    expect(read(shifted, [2, -1])).toEqual([0, 1, 1, 0, 0]);
    expect(() => read(shifted, [2, 2])).toThrow("expected a whole number from -1 to 1, got 2");
    expect(read({ type: "MultiBinary", n: [1, 3] }, [true, false, 1])).toEqual([1, 0, 1]);
    const env = plain({ observationSpace: { type: "Discrete", n: 2, start: 5 }, reset: () => 6 });
    expect(fromGymnasium(env).observationSpace.names).toEqual(["5", "6"]);
  });
  test("nested lists, as the shape says", () => {
    const space = { type: "box", shape: [2, 3] };
    for (const value of [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [Float32Array.of(1, 2, 3), [4, 5, 6]],
      [1, 2, 3, 4, 5, 6],
    ])
      expect(read(space, value)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(read({ type: "Box", low: [0, null], high: null }, [7, -7])).toEqual([7, -7]);
    expect(read({ type: "Box" }, 3)).toEqual([3]);
  });
  test("dictionaries by name, tuples by place", () => {
    const at = { type: "Discrete", n: 2 };
    const spaces = { z: { type: "Box", shape: [2] }, a: at, in: { type: "Dict", spaces: { at } } };
    const value = { in: { at: 1 }, z: [3, 4], a: 0 };
    expect(read({ type: "Dict", spaces }, value)).toEqual([1, 0, 0, 1, 3, 4]);
    const many = Array.from({ length: 12 }, () => ({ type: "Box", shape: [] }));
    const values = many.map((_, i) => i);
    expect(read({ type: "Tuple", spaces: many }, values)).toEqual(values);
    const mixed = tuple([box({ names: ["x"] }), discrete(["l", "r"]), dict({ b: box({}) })]);
    expect(read(mixed, [1, 1, { b: 2 }])).toEqual([1, 0, 1, 2]);
    expect(mixed.names).toEqual(["0 x", "1 l", "1 r", "2 b"]);
    // a tuple of two parts is not taken for an observation with its info
    const observationSpace = tuple([box({}), dict({ b: box({}) })]);
    for (const result of [
      [7, { b: 2 }],
      [[7, { b: 2 }], {}],
      [{ 0: 7, 1: { b: 2 } }, {}],
    ])
      expect(seenBy({ observationSpace, reset: () => result })).toEqual([7, 2]);
    // a dictionary that has an entry of this name itself
    const own = { type: "Dict", spaces: { observation: { type: "Box", shape: [1] } } };
    expect(seenBy({ observationSpace: own, reset: () => ({ observation: [3] }) })).toEqual([3]);
    const both = () => ({ observation: { observation: [4] }, info: {} });
    expect(seenBy({ observationSpace: own, reset: both })).toEqual([4]);
  });
  test("images are scaled and laid out as convolutions want them", () => {
    const bytes = { type: "Box", low: 0, high: 255, dtype: "uint8" };
    const pixels = Uint8Array.of(0, 51, 255, 102, 0, 51); // 1 × 2 of three channels
    const want = [0, 0.4, 0.2, 0, 1, 0.2].map(Math.fround);
    expect(read({ ...bytes, shape: [1, 2, 3] }, pixels)).toEqual(want);
    const nested = [[Array.from(pixels.slice(0, 3)), Array.from(pixels.slice(3))]];
    expect(read({ ...bytes, shape: [1, 2, 3] }, nested)).toEqual(want);
    expect(read(image(1, 2, 3), pixels)).toEqual(want);
    const first = Uint8Array.of(0, 102, 51, 0, 255, 51);
    expect(read({ ...bytes, shape: [3, 1, 2], channels: "first" }, first)).toEqual(want);
    expect(read(image(1, 2, 3, "first"), first)).toEqual(want);
    expect(read({ ...bytes, shape: [2, 2] }, [[0, 255], Uint8Array.of(255, 0)])).toEqual([
      0, 1, 1, 0,
    ]);
    expect(
      read(image(2, 2, 1), [
        [0, 255],
        [255, 0],
      ]),
    ).toEqual([0, 1, 1, 0]);
    const made = fromGymnasium(
      plain({ observationSpace: { ...bytes, shape: [4, 5, 3] }, reset: () => new Uint8Array(60) }),
    );
    expect(made.observationSpace.shape).toEqual([3, 4, 5]);
    expect(read({ ...bytes, shape: [2] }, [255, 3])).toEqual([255, 3]);
  });
  test("the environment may reuse its array", () => {
    const shared = new Float32Array(2);
    const env = fromGymnasium(plain({ reset: () => shared.fill(0.25) }));
    const { observation } = env.reset();
    shared.fill(0);
    expect([...observation]).toEqual([0.25, 0.25]);
  });
  test("float32 rounding just past a bound is let through", () => {
    expect(read({ type: "Box", low: 0, high: 0.7 }, Math.fround(0.7))).toEqual([Math.fround(0.7)]);
  });
});

describe("refused, and why", () => {
  const bytes = { type: "Box", low: 0, high: 255, dtype: "uint8" };
  test.each<[string, object, new (m: string) => Error, string]>([
    ["no reset", { reset: undefined }, SettingError, "expected a method reset, got undefined"],
    ["no step", { step: 5 }, SettingError, "expected a method step, got 5"],
    [
      "a mask that is a list",
      { mask: [1, 1] },
      SettingError,
      "expected mask as a method, got a list of 2",
    ],
    ["save alone", { save: () => 1 }, SettingError, "expected both save and restore"],
    [
      "no space",
      { observationSpace: undefined },
      SettingError,
      "observationSpace: expected a space, got undefined",
    ],
    [
      "an unknown space",
      { actionSpace: { type: "Text" } },
      SettingError,
      "actionSpace: expected a space of type Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple, got Text",
    ],
    [
      "a name of objects",
      { actionSpace: { type: "constructor" } },
      SettingError,
      "got constructor",
    ],
    [
      "an unknown space inside",
      { observationSpace: { type: "Dict", spaces: { x: { type: "Graph" } } } },
      SettingError,
      "observationSpace.x: expected a space of type",
    ],
    [
      "and in a tuple",
      { observationSpace: { type: "Tuple", spaces: [{}] } },
      SettingError,
      "observationSpace[0]: expected a space of type",
    ],
    [
      "a tuple of names",
      { observationSpace: { type: "Tuple", spaces: {} } },
      SettingError,
      "tuple: expected a list of spaces",
    ],
    [
      "no choices",
      { actionSpace: { type: "Discrete" } },
      SettingError,
      "actionSpace: discrete: expected",
    ],
    [
      "names of another count",
      { actionSpace: { type: "Discrete", n: 3, names: ["a"] } },
      SettingError,
      "expected 3 names, got 1",
    ],
    [
      "names of bits",
      { actionSpace: { type: "MultiBinary", n: 3, names: ["a"] } },
      SettingError,
      "expected 3 names, got 1",
    ],
    [
      "names of choices",
      { actionSpace: { type: "MultiDiscrete", nvec: [1, 2], names: ["a"] } },
      SettingError,
      "expected 3 names, got 1",
    ],
    [
      "starts of another number",
      { actionSpace: { type: "MultiDiscrete", nvec: [2], start: [1, 2] } },
      SettingError,
      "expected 1 whole starts, got [1,2]",
    ],
    [
      "bounds of another length",
      { observationSpace: { type: "Box", low: [0, 0, 0], shape: [2] } },
      SettingError,
      "observationSpace: observationSpace bounds: expected 2 numbers, got a list of 3",
    ],
    [
      "bounds upside down",
      { observationSpace: { type: "Box", low: 1, high: 0 } },
      SettingError,
      "low ≤ high",
    ],
    [
      "an image of unsaid channels",
      { observationSpace: { ...bytes, shape: [3, 8, 8] } },
      SettingError,
      'say channels: "first"',
    ],
    [
      "a mask of a box",
      { actionSpace: box(0, 1, [1]), mask: () => [1] },
      SettingError,
      "mask: expected none",
    ],
    [
      "a short observation",
      { reset: () => [1] },
      ShapeError,
      "reset: observation: expected 2 numbers, got a list of 1",
    ],
    [
      "no observation",
      { reset: () => undefined },
      ShapeError,
      "reset: observation: expected 2 numbers, got undefined",
    ],
    ["text", { reset: () => "ab" }, ShapeError, 'got "ab"'],
    [
      "NaN",
      { reset: () => [0, Number.NaN] },
      NumericError,
      "reset: observation[1] (b): expected a finite number from -1 to 1, got NaN",
    ],
    [
      "out of bounds",
      { reset: () => [2, 0] },
      NumericError,
      "reset: observation[0] (a): expected a finite number from -1 to 1, got 2",
    ],
    ["text among numbers", { reset: () => ["x", 0] }, NumericError, 'got "x"'],
    [
      "a number beyond float32",
      { reset: () => [1e39, 0] },
      NumericError,
      "got 1e+39, more than float32 holds",
    ],
    ["nothing among numbers", { reset: () => [null, 0] }, NumericError, "got null"],
    [
      "a choice that is none",
      { observationSpace: discrete(2, 1), reset: () => 3 },
      NumericError,
      "reset: observation: expected a whole number from 1 to 2, got 3",
    ],
    [
      "a missing part",
      { observationSpace: dict({ x: box({}), y: box({}) }), reset: () => ({ x: 1 }) },
      ShapeError,
      "reset: observation: expected values of x, y, got x",
    ],
    [
      "an unknown part",
      { observationSpace: dict({ x: box({}) }), reset: () => ({ x: 1, z: 1 }) },
      ShapeError,
      "got x, z",
    ],
    [
      "a fault in a part",
      { observationSpace: dict({ x: box(0, 1, [2]) }), reset: () => ({ x: [0, 7] }) },
      NumericError,
      "reset: observation.x[1]: expected",
    ],
    [
      "a ragged list",
      { observationSpace: box(0, 1, [2, 2]), reset: () => [[0, 0], [0]] },
      ShapeError,
      "reset: observation[1]: expected 2 numbers, got a list of 1",
    ],
    [
      "a pixel that is none",
      { observationSpace: image(1, 2, 1), reset: () => [0, 256] },
      NumericError,
      "observation[1]: expected a pixel from 0 to 255, got 256",
    ],
    [
      "infinity in an open box",
      { observationSpace: box({}), reset: () => Infinity },
      NumericError,
      "got Infinity",
    ],
    [
      "info that is none",
      { reset: () => ({ observation: [0, 0], info: 3 }) },
      EnvError,
      "reset: expected info to be an object, got 3",
    ],
  ])("%s", (_, changes, type, message) => {
    const make = () => fromGymnasium(plain(changes));
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });
  const end = { terminated: false, truncated: false };
  test.each<[string, unknown, new (m: string) => Error, string]>([
    [
      "nothing",
      undefined,
      EnvError,
      "step 1: expected [observation, reward, terminated, truncated, info] or an object",
    ],
    ["a list of three", [[0, 0], 1, false], EnvError, "got a list of 3"],
    ["the old form", [[0, 0], 1, false, {}], EnvError, "split done into terminated and truncated"],
    ["no observation", { reward: 1, ...end }, EnvError, "got no observation"],
    [
      "a reward that is text",
      [[0, 0], "1", false, false],
      NumericError,
      'step 1: expected a finite number as reward, got "1"',
    ],
    ["an infinite reward", [[0, 0], Infinity, false, false], NumericError, "got Infinity"],
    [
      "terminated as 1",
      [[0, 0], 1, 1, false],
      EnvError,
      "step 1: expected terminated to be true or false, got 1",
    ],
    [
      "truncated left out",
      { observation: [0, 0], reward: 1, terminated: false },
      EnvError,
      "expected truncated to be true or false, got undefined",
    ],
    [
      "an observation of another length",
      [[0], 1, false, false],
      ShapeError,
      "step 1: observation: expected 2 numbers, got a list of 1",
    ],
    [
      "an observation out of bounds",
      [[0, -3], 1, false, false],
      NumericError,
      "step 1: observation[1] (b)",
    ],
    [
      "info that is none",
      [[0, 0], 1, false, false, 7],
      EnvError,
      "step 1: expected info to be an object",
    ],
    ["a promise", Promise.resolve(1), EnvError, "step 1: expected a result, got a promise"],
  ])("step returns %s", (_, result, type, message) => {
    expect(stepping(result)).toThrow(type);
    expect(stepping(result)).toThrow(message);
  });
  test.each<[string, unknown, new (m: string) => Error, string]>([
    ["of another length", [1], ShapeError, "reset: expected a mask of 2 numbers, got a list of 1"],
    ["of nothing", null, ShapeError, "reset: expected a mask of 2 numbers, got null"],
    ["of other numbers", [0.5, 1], NumericError, "reset: expected a mask of 0 and 1, got 0.5 at 0"],
    [
      "that allows nothing",
      [0, false],
      MaskError,
      "reset: expected a mask with an allowed action, got none; end the episode instead",
    ],
  ])("a mask %s", (_, mask, type, message) => {
    const env = fromGymnasium(plain({ mask: () => mask }));
    expect(() => env.reset()).toThrow(type);
    expect(() => env.reset()).toThrow(message);
  });
  test("a mask of several choices, flat or nested, and each with one allowed", () => {
    const make = (mask: unknown) =>
      fromGymnasium(plain({ actionSpace: multiDiscrete([["up", "down"], 3]), mask: () => mask }));
    for (const mask of [
      [1, 0, 1, 1, 0],
      [
        [true, false],
        [1, 1, 0],
      ],
    ]) {
      const env = make(mask);
      env.reset();
      const out = new Float32Array(5);
      env.mask?.(out, 0);
      expect([...out]).toEqual([1, 0, 1, 1, 0]);
      expect(env.actionSpace.names).toEqual(["up", "down", "0", "1", "2"]);
    }
    expect(() => make([1, 0, 0, 0, 0]).reset()).toThrow("allowed action for choice 1, got none");
  });
  test("an info mask that stops to come", () => {
    let t = 0;
    const reset = () => [[0, 0], t++ === 0 ? { action_mask: [1, 1] } : {}];
    expect(() => fromGymnasium(plain({ reset })).reset()).toThrow(
      "expected a mask of 2 numbers, got undefined",
    );
  });
  test("no mask is needed at the end", () => {
    const mask = () => [0, over ? 0 : 1];
    let over = false;
    const step = () => {
      over = true;
      return [[0, 0], 1, true, false];
    };
    const env = fromGymnasium(plain({ mask, step }));
    env.reset();
    expect(env.step(1).terminated).toBe(true);
  });
  test("an action outside the space, and a step after the end", () => {
    const env = fromGymnasium(plain({ step: () => [[0, 0], 1, true, true] }));
    env.reset();
    expect(() => env.step(2)).toThrow(EnvError);
    expect(env.step(1)).toMatchObject({ terminated: true, truncated: false });
    expect(() => env.step(1)).toThrow(EnvError);
  });
  test("no environment, or a promise of one", () => {
    expect(() => fromGymnasium(null as never)).toThrow("expected an environment, got null");
    const later = async () => plain();
    expect(() => fromGymnasium(later as never)).toThrow("got a promise; await it first");
  });
  test("a start from a state given: they are its own", () => {
    expect(() => fromGymnasium(plain()).startFrom()).toThrow(UsageError);
  });
  test("checkEnv names a generator that no seed decides, and a space that is none", () => {
    const chance = new Random(1);
    const make = () => fromGymnasium(plain({ reset: () => [chance.uniform(), 0] }));
    expect(() => checkEnv(make, { steps: 5 })).toThrow(
      "draw all chance from a generator that the seed",
    );
    expect(() => checkEnv(() => plain() as never)).toThrow("fromGymnasium adapts plain ones");
    const forgets = () => ({ ...gymWalk(), save: () => 0, restore() {} });
    expect(() => checkEnv(() => fromGymnasium(forgets()))).toThrow("save all that changes");
  });
});

describe("saved values", () => {
  test("come back as they were, −0 and NaN too", () => {
    const value = {
      a: [1.5, -0, Number.NaN, Infinity, []],
      b: { "": null, deep: { er: [true, false, "tëxt 🙂"] } },
      __proto__x: 0,
    };
    const numbers = encodeValue(value);
    expect(numbers.every((x) => typeof x === "number")).toBe(true);
    expect(decodeValue(numbers)).toEqual(value);
    expect(Object.is((decodeValue(numbers) as typeof value).a[1], -0)).toBe(true);
    expect(decodeValue(encodeValue({ x: undefined, y: 1 }))).toEqual({ y: 1 });
  });
  test.each([
    [undefined, "save(): expected plain data (numbers, strings, lists, objects), got undefined"],
    [
      { s: Float64Array.of(1) },
      "save().s: expected plain data (numbers, strings, lists, objects), got Float64Array; save Array.from of it",
    ],
    [[new Map()], "save()[0]: expected plain data (numbers, strings, lists, objects), got Map"],
    [{ f: () => 1 }, "got function"],
    [1n, "got bigint"],
  ])("%s is refused", (value, message) => {
    expect(() => encodeValue(value)).toThrow(EnvError);
    expect(() => encodeValue(value)).toThrow(message);
  });
  test("neither cycles nor deep lists overflow", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => encodeValue(cycle)).toThrow("at most 64 levels");
  });
  test("numbers that were not saved are refused", () => {
    const good = encodeValue({ a: [1, "x"] });
    for (const bad of [
      [],
      good.slice(0, -1),
      [...good, 1],
      [9],
      [4, -1],
      [5, 1e9],
      [5, 0.5],
      new Array(500).fill(5),
    ])
      expect(() => decodeValue(bad)).toThrow(FormatError);
    const env = fromGymnasium(gymWalk());
    env.reset();
    for (const bad of [[], env.save().slice(0, -1), [...env.save(), 0]])
      expect(() => env.restore(bad)).toThrow(FormatError);
  });
  test("an environment that promises to save is refused", () => {
    const env = fromGymnasium(plain({ save: async () => 1, restore: async () => {} }));
    expect(() => env.save()).toThrow("save: expected a result, got a promise");
  });
});
