/** The README's picture: two trainings on seeds that no preset was chosen on. `npx tsx docs/figures/training.ts train` runs them again. */
import { readFileSync, writeFileSync } from "node:fs";
import { train } from "../../src/tasks/train.ts";
import { type Curve, charts } from "./svg.ts";

const file = new URL("data/training.json", import.meta.url);
const seeds = [501, 502, 503];
const trainings = { cartpole: "ppo", arith: "grpo" } as const;
type Name = keyof typeof trainings;
/** [steps, mean return] of each seed. */
type Data = Readonly<Record<Name, readonly (readonly (readonly [number, number])[])[]>>;

const points = 50;

async function curveOf(task: Name, seed: number): Promise<[number, number][]> {
  const run = train(task, { algo: trainings[task], seed });
  const all = run.session.config.steps;
  const curve: [number, number][] = [];
  for await (const { envSteps, meanReturn } of run)
    if (envSteps >= ((curve.length + 1) * all) / points && Number.isFinite(meanReturn))
      curve.push([envSteps, Number(meanReturn.toPrecision(4))]);
  return curve;
}

if (process.argv[2] === "train") {
  const data: Record<string, [number, number][][]> = {};
  for (const task of Object.keys(trainings) as Name[]) {
    data[task] = [];
    for (const seed of seeds) {
      data[task].push(await curveOf(task, seed));
      console.log(`${task}, seed ${seed}`);
    }
  }
  writeFileSync(file, `${JSON.stringify(data)}\n`);
}

const curves = (data: Data, task: Name, unit: number): Curve[] =>
  data[task].map((run, i) => ({
    name: i === 0 ? "seeds 501 to 503" : "",
    points: run.map(([steps, mean]) => [steps / unit, mean] as const),
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
