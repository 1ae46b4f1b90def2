/** The README's picture: two trainings on seeds that no preset was chosen on. `npx tsx docs/figures/training.ts train` runs them again. */
import { readFileSync, writeFileSync } from "node:fs";
import { train } from "../../src/tasks/train.ts";
import { type Curve, charts } from "./svg.ts";

const file = new URL("data/training.json", import.meta.url);
const trainings = {
  cartpole: { algo: "ppo", seeds: [501, 502, 503] },
  arith: { algo: "grpo", seeds: [501] },
} as const;
type Name = keyof typeof trainings;
/** The steps of all, and the mean return of each seed at each fiftieth of them. */
type Data = Readonly<
  Record<Name, { readonly steps: number; readonly means: readonly (readonly number[])[] }>
>;

const points = 50;

async function curveOf(task: Name, seed: number): Promise<{ steps: number; means: number[] }> {
  const run = train(task, { algo: trainings[task].algo, seed });
  const { steps } = run.session.config;
  const means: number[] = [];
  for await (const { envSteps, meanReturn } of run)
    if (envSteps >= ((means.length + 1) * steps) / points)
      means.push(Number(meanReturn.toPrecision(4)));
  return { steps, means };
}

if (process.argv[2] === "train") {
  const data: Record<string, { steps: number; means: number[][] }> = {};
  for (const task of Object.keys(trainings) as Name[])
    for (const seed of trainings[task].seeds) {
      const { steps, means } = await curveOf(task, seed);
      data[task] ??= { steps, means: [] };
      data[task].means.push(means);
      console.log(`${task}, seed ${seed}`);
    }
  writeFileSync(file, `${JSON.stringify(data)}\n`);
}

const curves = (data: Data, task: Name, unit: number): Curve[] =>
  data[task].means.map((run, i) => ({
    name: i === 0 ? `seed ${trainings[task].seeds.join(", ")}` : "",
    points: run.map((mean, at) => [((at + 1) * data[task].steps) / points / unit, mean] as const),
    color: task === "cartpole" ? 1 : 2,
  }));

export function training(): string {
  const data: Data = JSON.parse(readFileSync(file, "utf8"));
  return charts("Two policies learn: a pole is balanced, and a small language model adds", [
    {
      title: "CartPole by PPO: steps the pole stays up",
      x: "environment steps / 1,000",
      range: [0, 500],
      curves: curves(data, "cartpole", 1000),
    },
    {
      title: "A GPT learns to add by GRPO: mean reward",
      x: "sampled tokens / 1,000,000",
      range: [0, 1],
      curves: curves(data, "arith", 1e6),
    },
  ]);
}
