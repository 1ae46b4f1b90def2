/** Measures two threads against one on whole updates, with the batch's rows split for forward and backward. */
import { Random } from "../src/core/random.ts";
import { Team } from "../src/node/team.ts";
import { Adam, AdamW } from "../src/optim/adam.ts";
import { clipGlobalNorm } from "../src/optim/clip.ts";
import { standardize } from "../src/returns/normalize.ts";
import { gptSizes } from "./gpt.ts";
import type { BenchCase, Suite } from "./harness.ts";
import { adamOptions, updateBatch, updateSizes } from "./workloads.ts";

const program = new URL("threads-part.ts", import.meta.url);

async function update(name: string, threads: number): Promise<BenchCase> {
  const size = updateSizes[name];
  const batch = updateBatch(size);
  const columns = Object.fromEntries(Object.entries(batch).map(([key, x]) => [key, x.length]));
  const team = await Team.start({ program, settings: size, threads, columns });
  for (const [key, x] of Object.entries(batch)) team.columns[key].set(x);
  const adam = new Adam(team.part.parameters, adamOptions);
  return {
    name: `${threads} thread${threads > 1 ? "s" : ""}, ${name}`,
    amount: size.batch,
    unit: "samples",
    run() {
      standardize(team.columns.advantage, batch.advantage);
      team.run(size.batch);
      clipGlobalNorm(adam.regions, 0.5);
      adam.step();
    },
    ...(threads > 1 ? { against: `1 thread, ${name}` } : {}),
  };
}

const gptProgram = new URL("threads-gpt-part.ts", import.meta.url);

async function train(name: string, threads: number): Promise<BenchCase> {
  const size = gptSizes[name];
  const n = size.batch * size.context;
  const settings = { ...size, rows: size.batch / threads };
  const columns = { tokens: n, labels: n };
  const team = await Team.start({ program: gptProgram, settings, threads, columns });
  const random = new Random(1);
  for (const x of Object.values(team.columns)) for (let i = 0; i < n; i++) x[i] = random.below(64);
  const adam = new AdamW(team.part.parameters, { learningRate: 3e-4, weightDecay: 0.1 });
  return {
    name: `${threads} thread${threads > 1 ? "s" : ""}, GPT ${name}`,
    amount: n,
    unit: "tokens",
    run() {
      team.run(size.batch);
      adam.step();
    },
    ...(threads > 1 ? { against: `1 thread, GPT ${name}` } : {}),
  };
}

export const threads: Suite = {
  about: "PPO updates and GPT steps on one thread and on two",
  async make() {
    const cases: BenchCase[] = [];
    for (const name of ["4-64-64-2 B=256", "4-64-64-2 B=2048", "17-256-256-6 B=256"]) {
      for (const n of [1, 2]) cases.push(await update(name, n));
    }
    for (const name of Object.keys(gptSizes)) {
      for (const n of [1, 2]) cases.push(await train(name, n));
    }
    return cases;
  },
};
