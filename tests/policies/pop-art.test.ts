/** PopArt: statistics by hand, outputs that stay, values of large rewards, and a run that goes on. */

import { describe, expect, test } from "vitest";
import { a2c, a2cSettings } from "../../src/algos/a2c.ts";
import { ppo, ppoSettings } from "../../src/algos/ppo.ts";
import { Training } from "../../src/algos/training.ts";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor } from "../../src/core/tensor.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { PopArt } from "../../src/policies/pop-art.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { configOf, openControl } from "../support/sessions.ts";
import { Toy } from "../support/toy.ts";

test("statistics by hand, unbiased from the first batch on", () => {
  const popArt = new PopArt(loops(Float64Array), Float64Array.of(1), Float64Array.of(0));
  popArt.update(Float64Array.of(1, 3), 0.1);
  expect(popArt.mean.data[0]).toBeCloseTo(2, 12);
  expect(popArt.deviation.data[0]).toBeCloseTo(1, 12);
  popArt.update(Float64Array.of(6), 0.5);
  // weights of the batches: 0.1·0.5 and 0.5, over their sum
  const mean = (0.05 * 2 + 0.5 * 6) / 0.55;
  expect(popArt.mean.data[0]).toBeCloseTo(mean, 12);
  const variance = (0.05 * 5 + 0.5 * 36) / 0.55 - mean * mean;
  expect(popArt.deviation.data[0]).toBeCloseTo(Math.sqrt(variance), 12);
  expect(popArt.inverseVariance.data[0]).toBeCloseTo(1 / variance, 12);
  expect(() => popArt.update(Float64Array.of(1), 0)).toThrow(RangeError);
});

test("a deviation is never below 1e-4; no targets change nothing, nor does a state without any", () => {
  const make = () => new PopArt(loops(Float64Array), Float64Array.of(1, 2), Float64Array.of(3));
  const popArt = make();
  popArt.update(Float64Array.of(7, 7), 1);
  expect(popArt.mean.data[0]).toBe(7);
  expect(popArt.deviation.data[0]).toBeCloseTo(1e-4, 12);
  expect(popArt.inverseVariance.data[0]).toBeCloseTo(1e8, 0);
  const before = popArt.save();
  popArt.update(new Float64Array(0), 0.5);
  expect(popArt.save()).toEqual(before);
  const other = make();
  other.restore(make().save());
  expect([other.mean, other.deviation, other.inverseVariance].map(({ data }) => data[0])).toEqual([
    0, 1, 1,
  ]);
  other.restore(before);
  expect(other.mean.data[0]).toBe(7);
  expect(other.deviation.data[0]).toBeCloseTo(1e-4, 12);
});

test.each([false, true])("rescaling keeps every V, shared body = %s", (shared) => {
  const k = loops(Float64Array);
  const env = new Toy();
  const { observationSpace: observation, actionSpace: action } = env;
  const options = { observation, action, critic: true, hidden: [8], shared, popArt: true };
  const model = new ActorCritic(k, options, new Random(1));
  const random = new Random(2);
  const x = input(k, [50, 3]);
  random.fillNormal(x.data);
  const tape = new Tape(k, { grads: false });
  const values = (): number[] => [...tape.run(() => model.value(x) as Tensor).data];
  const before = values();
  for (let i = 0; i < 20; i++) {
    const scale = 10 ** (random.below(7) - 3);
    const target = Float64Array.from({ length: 30 }, () => scale * (5 + random.normal()));
    model.popArt?.update(target, 0.3);
    for (const [row, v] of values().entries()) expect(Math.abs(v - before[row])).toBeLessThan(1e-9);
  }
  model.popArt?.update(new Float64Array(8).fill(7), 1); // without deviation
  for (const [row, v] of values().entries()) expect(Math.abs(v - before[row])).toBeLessThan(1e-9);
});

describe("the value of an endless reward of 1,000 comes to 1,000/(1 − γ) = 20,000", () => {
  const valueAfter = (algo: "a2c" | "ppo", popArt: number): number => {
    const env = new VectorEnv(Array.from({ length: 4 }, () => new Toy({ reward: () => 1000 })));
    const { observationSpace: observation, actionSpace: action } = env.envs[0];
    const options = { observation, action, critic: true, hidden: [], popArt: popArt > 0 };
    const model = new ActorCritic(loops(), options, new Random(1));
    const t = new Training(model, env, new Random(2), 1e9);
    const shared = { envs: 4, rollout: 16, gamma: 0.95, lambda: 0.95, learningRate: 0.05, popArt };
    const reports =
      algo === "a2c"
        ? a2c(t, settle(a2cSettings, { ...shared, optimizer: "adam" }))
        : ppo(t, settle(ppoSettings, { ...shared, minibatch: 64 }));
    for (let i = 0; i < 800; i++) reports.next();
    const x = input(model.parameters.backend, [1, 3], [0.5, 0.5, 0.5]);
    return new Tape(model.parameters.backend).run(() => model.value(x) as Tensor).data[0];
  };
  test.each(["a2c", "ppo"] as const)(
    "%s with it; without, it is nowhere near",
    { tags: ["deep"] },
    (algo) => {
      expect(Math.abs(valueAfter(algo, 0.05) - 20_000)).toBeLessThan(400);
      expect(valueAfter(algo, 0)).toBeLessThan(2000);
    },
  );
});

test("a run goes on to the last bit, and its V is the same in evaluation", {
  tags: ["deep"],
}, () => {
  for (const algo of ["ppo", "a2c"]) {
    const settings = { popArt: 0.1, envs: 2, rollout: 8 };
    const config = configOf({ task: "cartpole", algo, seed: 3, settings });
    const draw = (session: ReturnType<typeof openControl>): string[] =>
      [0, 1, 2].map(() => JSON.stringify(session.reports.next().value));
    const whole = openControl(config);
    const first = openControl(config);
    draw(whole);
    draw(first);
    const { state } = decodeState(encodeState(first.training.save()));
    const second = openControl(config, state);
    expect(draw(second)).toEqual(draw(whole));
    const evaluated = openControl(config);
    evaluated.load(state);
    const seen = [first, evaluated].map((session) => {
      const values: number[] = [];
      session.play(1, 1, true, (_, actor) => values.push(actor.value[0]));
      return values;
    });
    expect(seen[1]).toEqual(seen[0]);
  }
});

test("PPO refuses clipped values with it: their range would change its units", () => {
  const settings = { popArt: 0.1, valueClip: "max" };
  const session = openControl(configOf({ task: "cartpole", algo: "ppo", settings }));
  expect(() => session.reports.next()).toThrow(/valueClip=none/);
});
