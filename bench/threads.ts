/** Two threads against one, on whole updates: rows of the batch over forward and backward. */
import { Team } from "../src/node/team.ts";
import { Adam } from "../src/optim/adam.ts";
import { clipGlobalNorm } from "../src/optim/clip.ts";
import { standardize } from "../src/returns/normalize.ts";
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
      clipGlobalNorm(adam.runs, 0.5);
      adam.step();
    },
    ...(threads > 1 ? { against: `1 thread, ${name}` } : {}),
  };
}

export const threads: Suite = {
  about: "PPO updates on one thread and on two",
  async make() {
    const cases: BenchCase[] = [];
    for (const name of ["4-64-64-2 B=256", "4-64-64-2 B=2048", "17-256-256-6 B=256"]) {
      for (const n of [1, 2]) cases.push(await update(name, n));
    }
    return cases;
  },
};
