/** Environments that answer later, against the same ones that answer at once. */
import { describe, expect, test } from "vitest";
import { ppo, ppoSettings } from "../../src/algos/ppo.ts";
import { Training } from "../../src/algos/training.ts";
import { loops } from "../../src/backends/loops.ts";
import { UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { nextOf, runLater } from "../../src/core/waiting.ts";
import { fromGymnasium } from "../../src/envs/gymnasium.ts";
import { ScaleObservation, TimeLimit } from "../../src/envs/wrappers.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { AsyncVectorEnv } from "../../src/rollout/async-vector-env.ts";
import { evaluate, evaluating } from "../../src/rollout/evaluate.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";

/** A walk whose methods answer at once, or after a turn of the event loop. */
function walk(later: boolean) {
  let [random, place, steps] = [1, 0, 0];
  const answer = <T>(value: T): T | Promise<T> =>
    later ? new Promise((done) => setImmediate(() => done(value))) : value;
  return fromGymnasium({
    observationSpace: { type: "Box", low: -10, high: 10, shape: [1] },
    actionSpace: { type: "Discrete", n: 2 },
    reset({ seed }: { seed?: number }) {
      if (seed !== undefined) random = (seed % 2147483646) + 1;
      random = (random * 16807) % 2147483647;
      [place, steps] = [(random % 5) - 2, 0];
      return answer([place]);
    },
    step(action: number) {
      place += action === 1 ? 1 : -1;
      const over = Math.abs(place) >= 4;
      return answer([[place], place === 4 ? 1 : -0.1, over, !over && ++steps >= 9]);
    },
  });
}

function training(later: boolean, wrapped = false) {
  const random = new Random(3);
  const make = () => {
    const env = walk(later);
    return wrapped ? new TimeLimit(new ScaleObservation(env, 0.5), 6) : env;
  };
  const Envs = later ? AsyncVectorEnv : VectorEnv;
  const env = new Envs(Array.from({ length: 3 }, make), {
    normalizeObservation: true,
    normalizeReward: true,
  });
  env.seed(random);
  const { observationSpace: observation, actionSpace: action } = env.envs[0];
  const model = new ActorCritic(
    loops(),
    { observation, action, hidden: [8], critic: true },
    random,
  );
  const settings = settle(ppoSettings, { envs: 3, rollout: 16, minibatch: 24 });
  const t = new Training(model, env, random, 2000);
  return { t, reports: ppo(t, settings) };
}

describe.each([false, true])("wrapped: %s", (wrapped) => {
  test("PPO learns the same numbers, bit for bit", async () => {
    const now = training(false, wrapped);
    const later = training(true, wrapped);
    expect([now.t.env.later === null, later.t.env.later === null]).toEqual([true, false]);
    for (let i = 0; i < 6; i++)
      expect((await nextOf(later.reports)).value).toEqual(now.reports.next().value);
    const weights = ({ t }: typeof now) => t.model.parameters.list.map(({ data }) => [...data]);
    expect(weights(later)).toEqual(weights(now));
  });
  test("an evaluation is the same", async () => {
    const [now, later] = [training(false, wrapped).t, training(true, wrapped).t];
    const options = { episodes: 7, seed: 5, greedy: false };
    const around = ({ env }: Training, isLater: boolean) => {
      const own = walk(isLater);
      return env.around([wrapped ? new TimeLimit(new ScaleObservation(own, 0.5), 6) : own]);
    };
    const wanted = evaluate(now.model, around(now, false), options);
    expect(await runLater(evaluating(later.model, around(later, true), options))).toEqual(wanted);
  });
});

test("what cannot wait refuses such an environment", () => {
  const { t } = training(true);
  expect(() => (t.env as VectorEnv).step([0, 0, 0])).toThrow(UsageError);
  expect(() => evaluate(t.model, t.env, { episodes: 1, seed: 1, greedy: true })).toThrow(
    UsageError,
  );
});
