/**
 * `npm run results:defaults`: PPO by the shape of a task's spaces against settings tuned for it, on environments that no
 * preset was chosen on; writes the last section of docs/results.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { defineTask } from "../../src/tasks/own-task.ts";
import { train } from "../../src/tasks/train.ts";
import { freshEnvironments } from "./fresh-environments.ts";

const seeds = [701, 702, 703, 704, 705];
const file = new URL("../../docs/results.md", import.meta.url);

const lines = [
  "## Defaults by shape",
  "",
  "PPO without presets (src/tasks/shape-presets.ts), on four environments that no preset was chosen on",
  "(tests/learning/fresh-environments.ts), beside settings found for each by a random search of 16 on seeds 11 and 12.",
  "Greedy returns of 100 episodes after the same steps; written by `npm run results:defaults`.",
  "",
  "The defaults of continuous actions were chosen among 46 settings on six other tasks, with seeds 1 to 3, the last ones with 1",
  "to 5, and a few not on all six: pendulum, mountain-car-continuous, docking a mass in the plane, swinging up a pole on a cart, following a noisy target,",
  "and filling two tanks. Docking is of the kind of `reach`; `beam` was written when they stood.",
  "",
  "| environment | steps | seed | default | tuned | within 10 % |",
  "| --- | --- | --- | --- | --- | --- |",
];
for (const [name, { environment, steps, tuned }] of Object.entries(freshEnvironments)) {
  const task = defineTask({ environment });
  const plain = { ...task, byShape: false };
  let within = 0;
  for (const seed of seeds) {
    const returns: number[] = [];
    for (const [which, settings] of [
      [task, {}],
      [plain, tuned],
    ] as const) {
      const run = train(which, { algo: "ppo", steps, seed, settings });
      await run;
      returns.push((await run.evaluate(100)).meanReturn);
    }
    const [own, best] = returns;
    const holds = own >= best - 0.1 * Math.abs(best);
    if (holds) within++;
    const cells = [name, steps.toLocaleString("en"), seed, own.toFixed(3), best.toFixed(3)];
    lines.push(`| ${[...cells, holds ? "yes" : "no"].join(" | ")} |`);
    console.log(lines.at(-1));
  }
  lines.push(`| ${name} | | all | | | ${within} of ${seeds.length} |`);
}
const page = readFileSync(file, "utf8").replace(/\n## Defaults by shape[\s\S]*$/, "");
writeFileSync(file, `${page.trimEnd()}\n\n${lines.join("\n")}\n`);
