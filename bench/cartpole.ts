/**
 * `npm run bench:cartpole`: measures 100,000 steps of PPO on CartPole with CleanRL's settings, end to end: wall
 * time, steps per second and peak memory of a separate process, on both backends; and A3C on one and two threads.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRun } from "../src/node/run-folder.ts";
import { trainRun } from "../src/node/train-run.ts";
import { resolve } from "../src/tasks/run.ts";
import { open } from "../src/tasks/session.ts";
import { cleanRl } from "../tests/support/clean-rl.ts";

const runs = {
  "ppo, simd": { task: "cartpole", algo: "ppo", backend: "simd", settings: cleanRl },
  "ppo, loops": { task: "cartpole", algo: "ppo", backend: "loops", settings: cleanRl },
  "a3c, 1 thread": { task: "cartpole", algo: "a3c", steps: 1_000_000, settings: { workers: 2 } },
  "a3c, 2 threads": {
    task: "cartpole",
    algo: "a3c",
    steps: 1_000_000,
    settings: { workers: 2, threads: 2 },
  },
};
type Name = keyof typeof runs;

async function timed(name: Name): Promise<void> {
  const session = open(resolve({ seed: 1, steps: 100_000, ...runs[name] }));
  const folder = mkdtempSync(join(tmpdir(), "pigrad-bench-"));
  createRun(folder, session.config);
  const begun = performance.now();
  let first = 0; // ms until the first report: threads take a while to start
  await trainRun(folder, session, { checkpointEvery: 1e9 }, () => {
    first ||= performance.now() - begun;
  });
  const seconds = (performance.now() - begun) / 1000;
  rmSync(folder, { recursive: true });
  const rate =
    session.training.envSteps / (seconds - (name.endsWith("threads") ? first / 1000 : 0));
  const memory = process.resourceUsage().maxRSS / 1024;
  console.log(
    `${name.padEnd(16)} ${seconds.toFixed(2).padStart(7)} s  ${Math.round(rate).toLocaleString("en").padStart(9)} steps/s  ` +
      `${memory.toFixed(0).padStart(4)} MiB  mean return ${session.training.report().meanReturn.toFixed(1)}`,
  );
}

const [name] = process.argv.slice(2);
if (name !== undefined) await timed(name as Name);
else {
  const self = fileURLToPath(import.meta.url);
  for (const one of Object.keys(runs)) {
    spawnSync(process.execPath, ["--import", "tsx", self, one], { stdio: "inherit" });
  }
}
