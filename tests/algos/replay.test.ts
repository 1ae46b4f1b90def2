// @module-tag deep
/** The experiment of tests/learning/replay.ts does what its name says: PPO, and on old rollouts V-trace. */
import { describe, expect, test } from "vitest";
import { BatchEvaluator } from "../../src/algos/batch-evaluator.ts";
import type { PpoConfig } from "../../src/algos/ppo.ts";
import { Actor } from "../../src/policies/actor.ts";
import { vtrace } from "../../src/returns/vtrace.ts";
import { Rollout } from "../../src/rollout/rollout.ts";
import { RolloutChunks } from "../../src/rollout/rollout-chunks.ts";
import { append, Estimates, replayPpo } from "../learning/replay.ts";
import { openControl } from "../support/sessions.ts";

const tasks: readonly (readonly [string, object])[] = [
  ["cartpole", { envs: 4, rollout: 16, epochs: 2, maxSteps: 12 }], // 16 steps see both ends of episodes
  ["acrobot", { envs: 3, rollout: 16, epochs: 2, minibatch: 20, maxSteps: 10 }],
  ["pendulum", { envs: 2, rollout: 16, epochs: 2, minibatch: 16 }],
];
const opened = (task: string, settings: object) => {
  const session = openControl({ task, algo: "ppo", seed: 5, settings: { ...settings } });
  return { ...session, config: session.run.values.algorithm as unknown as PpoConfig };
};

describe.each(tasks)("%s", (task, settings) => {
  test("one rollout in each update: PPO, bit for bit", () => {
    const [plain, replayed, uncorrected, four] = [0, 1, 2, 3].map(() => opened(task, settings));
    const own = replayPpo(replayed.training, replayed.config, 1);
    const naive = replayPpo(uncorrected.training, plain.config, 1, false);
    const more = replayPpo(four.training, plain.config, 4);
    const weights = (session: typeof plain) =>
      session.training.model.parameters.list.map(({ data }) => Array.from(data));
    for (let update = 0; update < 3; update++) {
      expect(plain.reports.next().value).toMatchObject(own.next().value);
      for (const reports of [naive, more]) reports.next();
      expect(weights(replayed)).toEqual(weights(plain));
      expect(weights(uncorrected)).toEqual(weights(plain));
      if (update === 0)
        expect(weights(four)).toEqual(weights(plain)); // there is one rollout so far
      else expect(weights(four)).not.toEqual(weights(plain));
    }
  });

  test("four rollouts, end to end: their targets are those of V-trace", () => {
    const { training, config } = opened(task, settings);
    const { model, env, random } = training;
    env.start();
    const fresh = new Rollout(env, new Actor(model, env.envs.length), config.rollout);
    const kept = new Rollout(env, fresh.actor, 4 * config.rollout);
    const { size, envs, value, nextValue, terminated, truncated } = kept;
    const estimates = new Estimates(size);
    const { oldLogProb, ratio, target } = estimates;
    const seen: number[] = [];
    for (let update = 0; update < 5; update++) {
      fresh.collect(random);
      append(kept, fresh);
      seen.push(...fresh.action);
      if (update === 4) break;
      for (const { data } of model.parameters.list)
        for (let i = 0; i < data.length; i++) data[i] += 0.1 * Math.sin(i);
    }
    new BatchEvaluator(new RolloutChunks(model, kept, 16), size).evaluate(oldLogProb, value);
    estimates.write(kept, config, true);
    expect(Array.from(kept.action)).toEqual(seen.slice(-kept.action.length));
    const [v, other] = [target, target].map(({ length }) => new Float64Array(length));
    const difference = (): number => Math.max(...target.map((x, i) => Math.abs(x - v[i])));
    const logRatio = oldLogProb.map((x, i) => x - kept.logProb[i]);
    vtrace({ target: v, advantage: other }, kept, logRatio, config.gamma, {
      lambda: config.lambda,
    });
    expect(difference()).toBeLessThan(1e-5);
    for (let i = 0; i < size - envs; i++)
      if (terminated[i] === 0 && truncated[i] === 0) expect(nextValue[i]).toBe(value[i + envs]);
    expect(Array.from(nextValue.slice(-envs))).toEqual(Array.from(fresh.nextValue.slice(-envs)));
    expect(Math.min(...ratio)).toBeLessThan(0.95);
    expect(Array.from(ratio.slice(-fresh.size))).toEqual(Array.from(fresh.mask)); // ρ of fresh actions is 1

    estimates.write(kept, config, false);
    vtrace({ target: v, advantage: other }, kept, logRatio.fill(0), config.gamma, {
      lambda: config.lambda,
    });
    expect(difference()).toBeLessThan(1e-5);
  });
});
