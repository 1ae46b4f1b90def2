/**
 * `npm run results:driving`: trains `driving` on seeds that its preset was not chosen on, drives beside the baselines, and
 * writes a section of docs/results.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Driving } from "../../src/envs/driving.ts";
import { type Driven, drive, idmDriver, ruleDriver } from "../../src/envs/driving-baselines.ts";
import { bootstrapInterval, mean } from "../../src/rollout/statistics.ts";
import { train } from "../../src/tasks/train.ts";

const seeds =
  process.argv.length > 2 ? process.argv.slice(2).map(Number) : [501, 502, 503, 504, 505];
const episodes = 2000;
const evaluationSeed = 1_000_000_007;

/** Drives greedily with what a run learned. */
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

const baselines = {
  "rules tuned by hand": drive(
    new Driving({ actions: "controls" }),
    ruleDriver(),
    episodes,
    evaluationSeed,
  ),
  "intelligent driver model": drive(
    new Driving({ actions: "controls" }),
    idmDriver,
    episodes,
    evaluationSeed,
  ),
};
const results: Driven[] = [];
for (const seed of seeds) {
  results.push(await learned(seed));
  console.log(row(`seed ${seed}`, results[results.length - 1]));
}
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
intervals of the seeds' means. Greedy driving of ${episodes.toLocaleString("en")} episodes on a seed of their own; the preset was chosen on seeds below 100.
The baselines (src/envs/driving-baselines.ts) steer and brake five times a second, the policies choose every 0.3 s.
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
if (process.argv.length === 2) {
  const file = new URL("../../docs/results.md", import.meta.url);
  const [page, defaults] = readFileSync(file, "utf8").split("\n## Defaults by shape");
  const [rest] = page.split("\n## Driving beside");
  writeFileSync(file, `${rest.trimEnd()}\n\n${section}\n## Defaults by shape${defaults}`);
}
