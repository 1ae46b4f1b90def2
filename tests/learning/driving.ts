/**
 * `npm run results:driving`: trains `driving` on seeds that its preset was not chosen on (given a seed: that one, and prints), drives beside the baselines, and
 * writes a section of docs/results.md.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Driving } from "../../src/envs/driving.ts";
import {
  type Driven,
  type DrivingRule,
  drive,
  idmDriver,
  ruleDriver,
} from "../../src/envs/driving-baselines.ts";
import { bootstrapInterval, mean } from "../../src/rollout/statistics.ts";
import { train } from "../../src/tasks/train.ts";
import { overCores } from "./over-cores.ts";

const seeds = [501, 502, 503, 504, 505];
const episodes = 1000;
const evaluationSeed = 1_000_000_007;

/** Drives with what a run learned, by its likeliest actions. */
async function learned(seed: number): Promise<Driven> {
  const run = train("driving", { seed });
  await run;
  const env = new Driving();
  const observation = new Float32Array(env.observationSpace.size);
  const act = (): number[] => {
    env.observe(observation, 0);
    return [run.policy.act(observation) as number];
  };
  return drive(env, act, episodes, evaluationSeed);
}

const rate = ({ crashes, kilometers }: Driven): number => crashes / kilometers;
const row = (name: string, driven: Driven): string =>
  `| ${name} | ${driven.crashes} | ${driven.kilometers.toFixed(0)} | ${rate(driven).toFixed(4)} | ${driven.speed.toFixed(2)} | ${driven.meanReturn.toFixed(2)} |`;
const interval = (x: readonly number[], digits: number): string =>
  `${mean(x).toFixed(digits)}, interval ${bootstrapInterval(x, mean)
    .map((bound) => bound.toFixed(digits))
    .join(" to ")}`;

if (process.argv.length > 2) {
  console.log(JSON.stringify(await learned(Number(process.argv[2]))));
  process.exit();
}

/** Trains and drives with one seed in a process of its own. */
async function elsewhere(seed: number): Promise<Driven> {
  const script = [fileURLToPath(import.meta.url), String(seed)];
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, ...script]);
  return JSON.parse(stdout);
}

/** Drives by a rule, as far as the policies of all seeds together. */
const byRule = (rule: DrivingRule): Driven =>
  drive(new Driving({ actions: "controls" }), rule, seeds.length * episodes, evaluationSeed);
const baselines = {
  "rules tuned by hand": byRule(ruleDriver()),
  "intelligent driver model": byRule(idmDriver),
};
const results = await overCores(seeds, elsewhere);
const others = Object.values(baselines);
const safer = bootstrapInterval(results.map(rate), mean)[1] < Math.min(...others.map(rate));
const faster =
  bootstrapInterval(
    results.map(({ speed }) => speed),
    mean,
  )[0] > Math.max(...others.map(({ speed }) => speed));
const say = (holds: boolean): string => (holds ? "Holds." : "Does not hold.");

const section = `## Driving beside its baselines

Asked: fewer crashes per kilometer than both baselines (**${say(safer)}**) and a higher speed (**${say(faster)}**), outside the 95 %
intervals of the seeds' means. Greedy play, ${episodes.toLocaleString("en")} episodes on a seed of their own, ${(seeds.length * episodes).toLocaleString("en")} of the baselines; the preset was chosen on seeds below 100.
The baselines (src/envs/driving-baselines.ts) steer and brake five times a second, the policies choose every 0.3 s and trained for 1,000,000 steps.
Written by \`npm run results:driving\`.

Crashes per kilometer ${interval(results.map(rate), 4)}; speed in m/s ${interval(
  results.map(({ speed }) => speed),
  2,
)}.

| driver | crashes | km | crashes per km | m/s | return |
| --- | --- | --- | --- | --- | --- |
${Object.entries(baselines)
  .map(([name, driven]) => row(name, driven))
  .join("\n")}
${results.map((driven, i) => row(`seed ${seeds[i]}`, driven)).join("\n")}
`;
console.log(section);
const file = new URL("../../docs/results.md", import.meta.url);
const [page, defaults] = readFileSync(file, "utf8").split("\n## Defaults by shape");
const [rest] = page.split("\n## Driving beside");
writeFileSync(file, `${rest.trimEnd()}\n\n${section}\n## Defaults by shape${defaults}`);
