/** A session is what its settings say: each setting on and off, the environments, the weights it begins with. */
import { describe, expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { FrameStack, ScaleObservation } from "../../src/envs/wrappers.ts";
import { type EnvironmentSession, openWorker } from "../../src/tasks/environment-session.ts";
import { backendNames, backendOf, resolve } from "../../src/tasks/run.ts";
import { configOf, openControl } from "../support/sessions.ts";
import { session } from "../support/small-session.ts";

const parametersOf = ({ training }: EnvironmentSession): string[] =>
  training.model.parameters.list.map(({ name, shape }) => `${name} ${shape}`);

describe("resolve", () => {
  test("what is left out is the task's: algorithm, steps, presets; then the defaults", () => {
    const cartpole = configOf({ task: "cartpole", backend: "loops" });
    expect(cartpole).toMatchObject({
      task: "cartpole",
      algo: "ppo",
      seed: 1,
      steps: 100_000,
      backend: "loops",
    });
    expect(cartpole.settings).toMatchObject({
      envs: 8,
      gamma: 0.98,
      hidden: [64, 64],
      maxSteps: 500,
      velocities: true,
    });
    expect(cartpole).not.toHaveProperty("from");
    const a2c = configOf({ task: "cartpole", algo: "a2c" });
    expect(a2c.steps).toBe(250_000); // the preset's
    expect(a2c.settings).toMatchObject({ rollout: 32, optimizer: "adam" });
    expect(a2c.settings).not.toHaveProperty("steps");
    expect(configOf({ task: "line", algo: "impala" }).steps).toBe(80_000);
  });
  test("what is given comes before presets; names and numbers that are none are refused", () => {
    const given = configOf({
      task: "cartpole",
      algo: "a2c",
      seed: 0,
      steps: 5,
      from: "runs/x",
      settings: { gamma: 0.5, hidden: "8,4" },
    });
    expect(given).toMatchObject({ seed: 0, steps: 5, from: "runs/x" });
    expect(given.settings).toMatchObject({ gamma: 0.5, hidden: [8, 4], rollout: 32 });
    for (const bad of [
      { task: "no" },
      { task: "toString" },
      { task: "line", algo: "no" },
      { task: "line", backend: "no" },
      { task: "line", seed: -1 },
      { task: "line", seed: 0.5 },
      { task: "line", steps: 0 },
      { task: "line", steps: 1e12 + 1 },
      { task: "line", settings: { slippery: true } },
      { task: "line", settings: { gamma: 2 } },
    ])
      expect(() => configOf(bad)).toThrow(SettingError);
    configOf({ task: "line", seed: Number.MAX_SAFE_INTEGER, steps: 1e12 });
    configOf({ task: "line", steps: 1 });
  });
  test("backends by name; auto is one of them", () => {
    expect(backendNames).toEqual(["auto", "loops", "simd"]);
    expect([backendOf("loops"), backendOf("simd")]).toEqual(["loops", "simd"]);
    expect(backendOf()).toBe(backendOf("auto"));
    expect(["loops", "simd"]).toContain(backendOf());
    expect(session().training.model.parameters.backend.name).toBe("loops");
  });
});

describe("settings of the model", () => {
  const has = (part: string, settings: object, how = {}): boolean =>
    parametersOf(session(settings, how)).some((name) => name.includes(part));
  test("hidden, memory and shared make the networks", () => {
    const matrices = parametersOf(session({ hidden: [5, 3] })).filter((name) =>
      name.includes("weight"),
    );
    expect(matrices.sort()).toEqual([
      "critic.0.weight 5,1",
      "critic.1.weight 3,5",
      "critic.head.weight 1,3",
      "policy.0.weight 5,1",
      "policy.1.weight 3,5",
      "policy.head.weight 2,3",
    ]);
    expect(session().training.model.memorySize).toBe(0);
    expect(session({ memory: 3, minibatch: 4 }).training.model.memorySize).toBe(12);
    expect([
      has("critic.0", {}),
      has("critic.0", { shared: true }),
      has("body.0", { shared: true }),
    ]).toEqual([true, false, true]);
  });
  test("activation, squash, logStd and PopArt reach the model", () => {
    const options = (settings: object, task = "line") =>
      session(settings, { task }).training.model.options;
    expect([options({}).activation, options({ activation: "relu" }).activation]).toEqual([
      "tanh",
      "relu",
    ]);
    const pendulum = (settings: object) => session(settings, { task: "pendulum" }).training.model;
    expect([pendulum({}).head.kind, pendulum({ squash: true }).head.kind]).toEqual([
      "gaussian",
      "squashed",
    ]);
    expect([...(pendulum({ logStd: -1 }).parameters.get("policy.logStd")?.data ?? [])]).toEqual([
      -1,
    ]);
    expect([
      session().training.model.popArt,
      session({ popArt: 0.1 }).training.model.popArt,
    ]).toEqual([null, expect.anything()]);
  });
  test("filters are convolutions over planes", () => {
    const image = { task: "catch" };
    expect([has("weight 3,2,3,3", { filters: [3] }, image), has("3,3", {}, image)]).toEqual([
      true,
      false,
    ]);
  });
  test("a critic only where the algorithm has one", () => {
    const critic = (baseline: string): boolean => {
      const settings = { baseline, hidden: [2] };
      const config = configOf({ task: "line", algo: "reinforce", backend: "loops", settings });
      return openControl(config).training.model.hasCritic;
    };
    expect([critic("mean"), critic("value"), session().training.model.hasCritic]).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("settings of what is seen", () => {
  test("frames and scale wrap each environment, and the one that evaluates; 1 of each wraps none", () => {
    const plain = session().makeEnv();
    expect([plain instanceof FrameStack, plain instanceof ScaleObservation]).toEqual([
      false,
      false,
    ]);
    const { training, makeEnv } = session({ frames: 3, observationScale: 0.5 });
    for (const env of [...training.env.envs, makeEnv()]) {
      expect(env).toBeInstanceOf(FrameStack);
      expect((env as FrameStack).env).toBeInstanceOf(ScaleObservation);
      expect(env.observationSpace.size).toBe(3);
    }
    const scaled = session({ observationScale: 0.5 }).makeEnv();
    expect(scaled).toBeInstanceOf(ScaleObservation);
    expect([...scaled.reset().observation]).toEqual([-0.5]);
    expect(session({ frames: 2 }).makeEnv().observationSpace.size).toBe(2);
  });
  test("observations are standardized, rewards scaled by γ's returns, where asked", () => {
    const { env } = session().training;
    expect([env.moments, env.rewardScaler]).toEqual([null, null]);
    const both = session({ normalizeObservation: true, normalizeReward: true, gamma: 0.7 }).training
      .env;
    expect(both.moments).not.toBeNull();
    expect(both.rewardScaler?.options.gamma).toBe(0.7);
  });
  test("as many environments as the algorithm has; they rest only where it takes whole episodes", () => {
    expect(session({ envs: 3 }).training.env.envs.length).toBe(3);
    const a3c = openControl(
      configOf({ task: "line", algo: "a3c", backend: "loops", settings: { envs: 2, workers: 3 } }),
    );
    expect(a3c.training.env.envs.length).toBe(6);
    const rests = (algo: string): boolean => {
      const settings = { envs: 1, maxSteps: 1, hidden: [2] };
      const { env } = openControl(
        configOf({ task: "line", algo, backend: "loops", settings }),
      ).training;
      env.start();
      env.step([1]);
      return env.resting(0);
    };
    expect([rests("reinforce"), rests("ppo"), rests("a2c"), rests("trpo")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
  test("settings of the task reach its environment", () => {
    expect(session({ maxSteps: 7 }).makeEnv().maxSteps).toBe(7);
    const { training } = session({ end: "article" });
    const [env] = training.env.envs;
    env.startFrom([9]);
    env.act([1], 0);
    expect(env.terminated).toBe(true);
  });
});

test("workers draw from splits of the seed's generator, the first after the one the model of all is made by", () => {
  const config = configOf({ task: "line", algo: "a3c", seed: 9, settings: { envs: 2 } });
  const key = (random: Random): number[] => random.save().slice(0, 2);
  const seed = new Random(9);
  seed.split(); // the model's
  const own = [0, 1, 2].map(() => seed.split());
  const streams = own.map((random) => {
    random.split(); // its model's
    return key(random.split());
  });
  const got = [0, 1, 2].map((i) => key(openWorker(resolve(config) as never, i).random));
  expect(got).toEqual(streams);
  const all = [...got, key(openControl(config).training.random)];
  expect(new Set(all.map(String)).size).toBe(4);
});
