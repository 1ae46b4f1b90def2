/** A squashed Gaussian's entropy is read off the very actions that were taken: −ln p of each, by every trainer. */
import { expect, test } from "vitest";
import { a2c, a2cSettings } from "../../../src/algos/a2c.ts";
import { a3c, a3cSettings } from "../../../src/algos/a3c.ts";
import { impala, impalaSettings } from "../../../src/algos/impala.ts";
import { ppo, ppoSettings } from "../../../src/algos/ppo.ts";
import { reinforce, reinforceSettings } from "../../../src/algos/reinforce.ts";
import { trpo, trpoSettings } from "../../../src/algos/trpo.ts";
import { settle } from "../../../src/core/settings.ts";
import { box } from "../../../src/envs/space.ts";
import { mean } from "./learner.ts";
import { type Setup, setup, varied, type Watched } from "./play.ts";

const still = { envs: 2, learningRate: 0 };
const trainers: Readonly<Record<string, (s: Setup) => Generator<object, never>>> = {
  a2c: (s) => a2c(s.training, settle(a2cSettings, still)),
  ppo: (s) => ppo(s.training, settle(ppoSettings, { ...still, rollout: 7, minibatch: 5 })),
  impala: (s) => impala(s.training, settle(impalaSettings, { ...still, rollout: 7 })),
  a3c: (s) => a3c(s.training, settle(a3cSettings, { ...still, envs: 1, workers: 2 })),
  reinforce: (s) => reinforce(s.training, settle(reinforceSettings, still)),
  // no step fits a KL of 1e-9 but the smallest, which changes no digit that is looked at
  trpo: (s) => trpo(s.training, settle(trpoSettings, { envs: 2, rollout: 7, maxKl: 1e-9 })),
};

test.each(Object.keys(trainers))("%s", (name) => {
  const toy = { ...varied, action: box(-2, 3, [1]), end: () => null };
  const s = setup(2, 1e9, toy, { squash: true, autoreset: name !== "reinforce" });
  const numbers = (of: string): number[] => Array.from(s.model.parameters.get(of)?.data ?? []);
  const [weight, [bias], [logStd]] = [
    "policy.head.weight",
    "policy.head.bias",
    "policy.logStd",
  ].map(numbers);
  const { entropy } = trainers[name](s).next().value as { entropy: number };
  const envs = s.env.made.length > 0 ? (s.env.made as Watched[]) : [s.env];
  const rows = envs.flatMap((env) => env.taken().flat()).filter(({ taken }) => taken);
  const surprise = rows.map(({ x, action }) => {
    const y = (2 * (action + 2)) / 5 - 1;
    const m = x.reduce((sum, v, i) => sum + v * weight[i], bias);
    const z = (Math.atanh(y) - m) / Math.exp(logStd);
    return 0.5 * z * z + logStd + 0.5 * Math.log(2 * Math.PI) + Math.log((1 - y * y) * 2.5);
  });
  expect(rows.length).toBeGreaterThan(9);
  expect(entropy).toBeCloseTo(mean(surprise), 3);
});
