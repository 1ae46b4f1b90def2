/** Learning does not depend on the backend: ten seeds on each, with CleanRL's settings. */

import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { sweep } from "../../src/node/sweep.ts";
import { bootstrapInterval, mean } from "../../src/rollout/statistics.ts";
import { cleanRl } from "../support/clean-rl.ts";
import { configOf } from "../support/sessions.ts";

test("full: PPO on CartPole learns alike on loops and on simd", async () => {
  const run = (backend: string) => {
    const jobs = Array.from({ length: 10 }, (_, i) => ({
      config: configOf({
        task: "cartpole",
        algo: "ppo",
        seed: i + 1,
        steps: 100_000,
        backend,
        settings: cleanRl,
      }),
      episodes: 100,
      evaluationSeed: 1_000_000_007,
      threshold: null,
    }));
    return sweep(jobs, availableParallelism());
  };
  const [loops, simd] = [await run("loops"), await run("simd")];
  for (let tenth = 0; tenth < 10; tenth++) {
    const at = (results: typeof loops): number[] => results.map(({ curve }) => curve[tenth]);
    const differences = at(loops).map((x, i) => x - at(simd)[i]);
    const [low, high] = bootstrapInterval(differences, mean);
    console.log(
      `${(tenth + 1) * 10_000} steps: loops ${mean(at(loops)).toFixed(1)}, simd ${mean(at(simd)).toFixed(1)}, ` +
        `difference ${low.toFixed(1)} to ${high.toFixed(1)}`,
    );
    expect(low).toBeLessThanOrEqual(0);
    expect(high).toBeGreaterThanOrEqual(0);
  }
}, 600_000);
