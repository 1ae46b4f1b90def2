/** Settings of trainers: what they are where nobody says, and what they refuse. */
import { describe, expect, test } from "vitest";
import { episodeAlgorithms } from "../../src/algos/episodes.ts";
import { estimatorOf, groupAlgorithms, tuneSettings } from "../../src/algos/group-algorithms.ts";
import { algorithms } from "../../src/algos/index.ts";
import { rewardModelSettings } from "../../src/algos/reward-model.ts";
import { sftSettings } from "../../src/algos/sft.ts";
import { SettingError } from "../../src/core/errors.ts";
import { type Settings, settle } from "../../src/core/settings.ts";

const tables: Readonly<Record<string, Settings>> = {
  ...Object.fromEntries(Object.entries(algorithms).map(([name, { settings }]) => [name, settings])),
  sft: sftSettings,
  tune: tuneSettings,
  "reward model": rewardModelSettings,
};
const discounting = { gamma: 0.99, lambda: 1 };
const losses = { entropyWeight: 0.01, valueWeight: 0.5, maxGradNorm: 0.5 };
const trust = {
  envs: 2,
  rollout: 512,
  maxKl: 0.01,
  damping: 0.1,
  conjugateSteps: 15,
  fisherEvery: 1,
  gamma: 0.99,
  lambda: 0.98,
  standardize: true,
  criticRate: 1e-3,
  criticEpochs: 10,
  minibatch: 128,
};
const clips = ["grpo", "dr-grpo", "dapo", "dppo", "gspo", "cispo", "reinforce++"];
const groups = {
  ...{ epochs: 1, minibatches: 1, learningRate: 1e-3, warmup: 5, anneal: true, maxGradNorm: 1 },
  ...{ clipRange: 0, klWeight: -1, klEstimator: "own", klPlace: "own", targetKl: 0 },
  ...{ reference: true, entropyWeight: 0, riskSharpness: 1 },
};
const onEpisodes = {
  ...groups,
  ...{ starts: 4, groupSize: 8, minibatches: 4, learningRate: 0.01, reference: false },
};
const initial: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  reinforce: {
    ...{ envs: 16, learningRate: 0.01, anneal: true, gamma: 0.99, baseline: "value" },
    ...{ ...losses, standardize: true, maxGradNorm: 1 },
  },
  a2c: {
    ...{ envs: 8, rollout: 5, optimizer: "rmsprop", learningRate: 7e-4, anneal: true },
    ...{ ...discounting, ...losses, standardize: false, entropyWeight: 0, popArt: 0 },
  },
  ppo: {
    ...{ envs: 8, rollout: 128, epochs: 4, minibatch: 256, learningRate: 3e-4, anneal: true },
    ...{ gamma: 0.99, lambda: 0.95, clipRange: 0.2, annealClip: false, dualClip: 0 },
    ...{ ...losses, valueClip: "none", standardize: true, entropyWeight: 0, popArt: 0 },
    ...{ stopKl: 0, klWeight: 0, targetKl: 0.01 },
  },
  trpo: { ...trust, lineSearch: true },
  natural: { ...trust, lineSearch: false },
  a3c: {
    envs: 1,
    workers: 4,
    threads: 1,
    rollout: 20,
    learningRate: 2e-3,
    ...discounting,
    ...losses,
  },
  impala: {
    ...{ envs: 8, rollout: 20, lag: 4, learningRate: 7e-4, rhoBar: 1, cBar: 1 },
    ...{ ...discounting, ...losses },
  },
  sft: {
    ...{ sftUpdates: 300, sftTexts: 64, sftLearningRate: 3e-3, sftWarmup: 20 },
    ...{ sftDecay: 0.01, sftDropout: 0, sftValidate: 50, moments: "f32" },
  },
  tune: {
    ...{ ...groups, prompts: 16, groupSize: 8, temperature: 1, topK: 0, topP: 1 },
    ...{ topPRule: "reach", minP: 0, valueWeight: 0.5, lambda: 1, standardize: true },
    ...{
      cutShort: "score",
      cutShortFactor: 1,
      missingEnd: 0,
      dynamic: 0,
      curriculum: false,
      moments: "f32",
    },
  },
  ...Object.fromEntries(
    episodeAlgorithms.map((name) => [
      name,
      clips.includes(name) ? { ...onEpisodes, epochs: 8 } : onEpisodes,
    ]),
  ),
  "reward model": { updates: 200, pairs: 32, learningRate: 1e-3, decay: 0.01 },
};
test.each(Object.keys(tables))("%s: what nobody says", (name) => {
  expect(settle(tables[name])).toEqual(initial[name]);
});

/** The least and the most of a setting's numbers; what is just outside is refused. */
const [shares, rates, weights, some] = [
  [0, 1],
  [0, 10],
  [0, 100],
  [1, 2 ** 31],
] as const;
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  envs: [1, 4096],
  rollout: [1, 100_000],
  learningRate: rates,
  criticRate: rates,
  sftLearningRate: rates,
  decay: rates,
  sftDecay: rates,
  gamma: shares,
  lambda: shares,
  popArt: shares,
  minP: shares,
  cutShortFactor: shares,
  topP: [1e-9, 1],
  sftDropout: [0, 0.99],
  temperature: [1e-3, 1e3],
  entropyWeight: weights,
  valueWeight: weights,
  maxGradNorm: [1e-9, Infinity],
  maxKl: [1e-9, Infinity],
  riskSharpness: [1e-6, Infinity],
  rhoBar: [1e-6, Infinity],
  cBar: [1e-6, Infinity],
  damping: [0, Infinity],
  dualClip: [0, Infinity],
  stopKl: [0, Infinity],
  missingEnd: [0, Infinity],
  conjugateSteps: [1, 1000],
  criticEpochs: [1, 1000],
  fisherEvery: some,
  lag: some,
  updates: some,
  sftValidate: some,
  workers: [1, 64],
  threads: [1, 64],
  prompts: [1, 65_536],
  starts: [1, 4096],
  groupSize: [1, 4096],
  minibatches: [1, 4096],
  pairs: [1, 4096],
  sftTexts: [1, 1_000_000],
};
const own: Readonly<Record<string, readonly [number, number]>> = {
  "ppo.epochs": [1, 1000],
  "ppo.minibatch": [1, 1_000_000],
  "ppo.clipRange": [1e-6, Infinity],
  "ppo.klWeight": [0, Infinity],
  "ppo.targetKl": [1e-9, Infinity],
  "trpo.minibatch": some,
  "trpo.rollout": [2, 100_000],
  "natural.minibatch": some,
  "natural.rollout": [2, 100_000],
  ...Object.fromEntries(
    ["tune", ...episodeAlgorithms].flatMap((name) => [
      [`${name}.epochs`, [1, 100]],
      [`${name}.clipRange`, [0, Infinity]],
      [`${name}.klWeight`, [-1, Infinity]],
      [`${name}.targetKl`, [0, Infinity]],
    ]),
  ),
};
describe.each(Object.entries(tables))("%s refuses", (table, settings) => {
  const numbers = Object.entries(settings).filter(([, { initial: x }]) => typeof x === "number");
  test.each(numbers.map(([name]) => name))("%s outside its range", (name) => {
    const whole = settings[name].allowed.startsWith("a whole");
    const [low, high] = own[`${table}.${name}`] ?? ranges[name] ?? [0, 2 ** 31];
    const given = (x: number): unknown => settle(settings, { [name]: x })[name];
    expect(given(low)).toBe(low);
    const below = whole ? low - 1 : low > 0 ? low / 2 : low - 1e-3;
    expect(() => given(below)).toThrow(SettingError);
    if (high === Infinity) {
      expect(given(1e6)).toBe(1e6);
      return;
    }
    expect(given(high)).toBe(high);
    expect(() => given(whole ? high + 1 : high * 1.001)).toThrow(SettingError);
    if (whole) expect(() => given(low + 0.5)).toThrow(SettingError);
  });
});

describe("algorithms by name", () => {
  test("need a critic, except REINFORCE with another baseline and those that compare episodes", () => {
    const { reinforce, ...others } = algorithms;
    const needs = (baseline: string): boolean =>
      reinforce.needsCritic(settle(reinforce.settings, { baseline }));
    expect(["none", "mean", "value"].map(needs)).toEqual([false, false, true]);
    for (const [name, each] of Object.entries(others)) {
      const compares = (episodeAlgorithms as readonly string[]).includes(name);
      expect((each.needsCritic as () => boolean)()).toBe(!compares);
    }
  });
  test("take as many environments as `envs` says: of each worker, or of each start state, where there are some", () => {
    const { a3c, grpo } = algorithms;
    expect(a3c.environments(settle(a3c.settings, { envs: 3, workers: 5 }))).toBe(15);
    expect(grpo.environments?.(settle(grpo.settings, { starts: 3, groupSize: 5 }))).toBe(15);
    const told = Object.entries(algorithms).filter(([, each]) => "environments" in each);
    expect(told.map(([name]) => name)).toEqual(["a3c", ...episodeAlgorithms]);
  });
  test("play whole episodes where episodes are weighed or compared", () => {
    const whole = Object.entries(algorithms).filter(([, each]) => "wholeEpisodes" in each);
    expect(whole.map(([name]) => name)).toEqual(["reinforce", ...episodeAlgorithms]);
  });
});

describe("an estimator of a name and settings", () => {
  const kl = (name: "rloo" | "ppo" | "reinforce++", changes: Record<string, unknown>) =>
    estimatorOf(name, settle(tuneSettings, changes)).kl;
  test("has the KL that it has by itself, unless its weight is said; 0 is none", () => {
    expect(kl("rloo", {})).toBeNull();
    expect(kl("ppo", {})).toBeNull();
    expect(kl("reinforce++", {})).toMatchObject({ weight: 0.01, place: "reward", estimator: "k1" });
    expect(kl("reinforce++", { klWeight: 0 })).toBeNull();
    const none = { inputClamp: null, outputClamp: null };
    expect(kl("rloo", { klWeight: 0.2 })).toEqual({
      ...none,
      weight: 0.2,
      place: "loss",
      estimator: "k2",
    });
    expect(kl("ppo", { klWeight: 0.2 })).toEqual({
      ...none,
      weight: 0.2,
      place: "reward",
      estimator: "k1",
    });
    const told = { klWeight: 0.2, klPlace: "loss", klEstimator: "k3" };
    expect(kl("ppo", told)).toEqual({ ...none, weight: 0.2, place: "loss", estimator: "k3" });
  });
  test("has its own clip, unless a range is said: of both sides, and of nothing else", () => {
    const { surrogate } = groupAlgorithms.dapo.estimator;
    const of = (clipRange: number) => estimatorOf("dapo", settle(tuneSettings, { clipRange }));
    expect(of(0).surrogate).toEqual(surrogate);
    expect(surrogate).toMatchObject({ clipLow: 0.2, clipHigh: 0.28 });
    expect(of(0.1).surrogate).toEqual({ ...surrogate, clipLow: 0.1, clipHigh: 0.1 });
  });
  test("usual settings: several passes where the algorithm clips, dynamic sampling for DAPO", () => {
    const several = { epochs: 2, minibatches: 2 };
    const usual = Object.fromEntries(
      Object.entries(groupAlgorithms).map(([name, a]) => [name, "usual" in a ? a.usual : {}]),
    );
    const passes = (name: string): boolean => name === "ppo" || clips.includes(name);
    for (const [name, settings] of Object.entries(usual)) {
      const dynamic = name === "dapo" ? { dynamic: 2 } : {};
      expect(settings).toEqual(passes(name) ? { ...several, ...dynamic } : {});
    }
  });
});
