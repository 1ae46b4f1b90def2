// @module-tag deep
/**
 * On fresh data the trainer's forward pass gives the log-probabilities that were recorded while acting, bit for bit:
 * with one epoch of one minibatch every ratio is exactly 1 in every update, and KL estimates are exactly 0.
 */
import { describe, expect, test } from "vitest";
import { type GroupAlgorithmName, groupAlgorithms } from "../../src/algos/group-algorithms.ts";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { configOf, openControl, openText } from "../support/sessions.ts";

type Numbers = Readonly<Record<string, number>>;
const once = { epochs: 1, minibatches: 1 };
const backends: Record<string, () => Backend> = { loops, simd: () => simd({ memory: 2 ** 26 }) };
const names = Object.keys(groupAlgorithms) as GroupAlgorithmName[];

describe.each(Object.entries(backends))("language models on %s", (backend, make) => {
  const short = backend === "simd" ? ["grpo", "ppo", "reinforce++"] : [];
  const samplings: object[] = [
    {},
    { temperature: 0.8, topK: 4, width: 20, heads: 5, layers: 2 },
    { temperature: 1.2, topP: 0.9, minP: 0.02, width: 6, heads: 2 },
  ];
  const kinds = names.map((algo) => ({ algo, tags: short.includes(algo) ? [] : ["long"] }));
  for (const { algo, tags } of kinds)
    test(algo, { tags }, () => {
      for (const [i, sampling] of samplings.entries()) {
        const size = { width: 16, layers: 1, heads: 2, prompts: 7, groupSize: 5, reference: true };
        const settings = { ...size, ...once, learningRate: 1e-2, warmup: 1, ...sampling };
        const request = { task: "tokens", algo, seed: 3 + i, steps: 1e5, settings };
        const { reports } = openText(request, { backend: make() });
        for (let update = 0; update < 4; update++) {
          const report = reports.next().value as unknown as Numbers;
          expect(report.gradNorm).toBeGreaterThan(0);
          if (update === 0) expect(report.kl).toBe(0); // the reference has the policy's weights
          if (algo === "mrt" || algo === "best-of-n") continue; // without ratios
          expect(report.approximateKl, `update ${update}`).toBe(0);
          expect(report.clipFraction).toBe(0);
        }
      }
    });
});

describe.each(["loops", "simd"] as const)("control on %s", (backend) => {
  test.each([
    ["cartpole", { memory: 0 }],
    ["cartpole", { memory: 8 }],
    ["catch", {}],
    ["pendulum", {}],
    ["taxi", { hidden: [33] }],
  ])("PPO on %s, %o", (task, changes) => {
    for (const envs of [1, 3, 8, 11]) {
      const settings = { envs, rollout: 24, epochs: 1, minibatch: 24 * envs, ...changes };
      const session = openControl(configOf({ task, algo: "ppo", seed: envs, settings, backend }));
      for (let update = 0; update < 3; update++) {
        const report = session.reports.next().value as unknown as Numbers;
        expect(report.approximateKl, `${envs} environments, update ${update}`).toBe(0);
        expect(report.clipFraction).toBe(0);
      }
    }
  });
});
