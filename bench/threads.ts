/** Measures two threads against one on whole updates of trainings, as `pigrad train --threads` runs them. */
import { MovingSession } from "../src/node/threads.ts";
import { resolve } from "../src/tasks/run.ts";
import { open } from "../src/tasks/session.ts";
import type { BenchCase, Suite } from "./harness.ts";

interface Workload {
  readonly task: string;
  readonly algo: string;
  readonly settings: Readonly<Record<string, number>>;
  /** What an update has: environment steps, or completions. */
  readonly amount: number;
  readonly unit: string;
}

const workloads: Readonly<Record<string, Workload>> = {
  "PPO on cartpole, minibatches of 2048": {
    task: "cartpole",
    algo: "ppo",
    settings: { envs: 32, rollout: 64, minibatch: 2048, epochs: 10 },
    amount: 2048,
    unit: "steps",
  },
  "PPO on breakout": {
    task: "breakout",
    algo: "ppo",
    settings: { envs: 8, rollout: 32, epochs: 2 },
    amount: 256,
    unit: "steps",
  },
  "GRPO on arith": {
    task: "arith",
    algo: "grpo",
    settings: { sftUpdates: 0 },
    amount: 128,
    unit: "completions",
  },
};

async function update(name: string, threads: number): Promise<BenchCase> {
  const { task, algo, settings, amount, unit } = workloads[name];
  const session = open(resolve({ task, algo, seed: 1, steps: 1e9, settings }));
  session.prepare();
  const moving = new MovingSession(session, (file) => file);
  if (threads > 1) await moving.move(threads);
  const { reports } = moving.session;
  return {
    name: `${threads} thread${threads > 1 ? "s" : ""}, ${name}`,
    amount,
    unit,
    run: () => void reports.next(),
    ...(threads > 1 ? { against: `1 thread, ${name}` } : {}),
  };
}

export const threads: Suite = {
  about: "whole updates on one thread and on two",
  async make() {
    const cases: BenchCase[] = [];
    for (const name of Object.keys(workloads))
      for (const count of [1, 2]) cases.push(await update(name, count));
    return cases;
  },
};
