/**
 * `npm run results:model [FOLDER]`: a model that people could have, by the commands that they would type. Trains a Llama of 10
 * million weights on real sentences (`pigrad data sentiment`) with sums in words and records among them, exports it as on the
 * hub, loads that folder, and improves it by GRPO with adapters on two rewards, seeds 501 to 503. Prints the tables of
 * docs/results.md, A model from its first weight. What FOLDER (default runs/model) has already is not made again.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { lastMetric } from "../../src/node/run-folder.ts";
import { short, table } from "../support/markdown.ts";
import { mixed } from "./model/texts.ts";

const folder = process.argv[2] ?? "runs/model";
const hub = `${folder}/hub`;
const texts = `${folder}/mix.txt`;
const base = {
  ...{ family: "llama", layers: 4, width: 448, heads: 8, tokenizer: "bpe", merges: 1000 },
  ...{ data: texts, splits: 0.02 },
  ...{ sftUpdates: 900, sftTexts: 32, sftLearningRate: 1e-3, sftWarmup: 50, sftValidate: 300 },
};
const tuning = { lora: 8, sftUpdates: 0, prompts: 16, groupSize: 8, learningRate: 2e-3 };
/** Tasks, each with what it is measured by (the reward first), its sampled tokens, and settings that were chosen on seed 1. */
const tasks = [
  { name: "feelings", measures: ["valence", "words"], steps: 30_000, settings: { klWeight: 0.1 } },
  { name: "records", measures: ["valid", "right"], steps: 60_000, settings: {} },
];

/** Runs pigrad in this clone and returns what it prints. */
function pigrad(...words: readonly string[]): string {
  const flags = ["--import", "tsx", "src/cli/main.ts", ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, flags, { encoding: "utf8" });
  if (status !== 0) throw new Error(`pigrad ${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** Trains into FOLDER/name, unless it is there. Returns the folder and the last line of its metrics. */
function train(
  name: string,
  words: readonly string[],
  settings: Readonly<Record<string, string | number>>,
) {
  const out = `${folder}/${name}`;
  const sets = Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  if (!existsSync(out)) pigrad("train", ...words, ...sets, "--quiet", "--out", out);
  return { out, last: lastMetric(out) };
}

/** Means over samples for held-out prompts, which nothing was trained on. */
function evaluated(run: string): {
  readonly meanReturn: number;
  readonly measures: Readonly<Record<string, number>>;
} {
  return JSON.parse(pigrad("eval", run, "--sample", "--episodes", "1000", "--json"));
}

if (!existsSync("data/sentiment-data.txt")) pigrad("data", "sentiment", "--out", "data");
mkdirSync(folder, { recursive: true });
if (!existsSync(texts)) writeFileSync(texts, mixed());
const first = train("base", ["text", "--algo", "sft", "--seed", "1"], base);
if (!existsSync(hub)) pigrad("export", first.out, "--format", "hub", "--out", hub);
const { loss, trainedTokens, seconds = 0 } = (first.last ?? {}) as Record<string, number>;
console.log(
  `the base: ${trainedTokens} tokens, loss ${short(loss)}, ${short(seconds / 60)} minutes`,
);

for (const { name, measures: names, steps, settings } of tasks) {
  const task = [`tests/learning/model/${name}.ts`, "--model", hub];
  const figures = (run: string): number[] => {
    const { meanReturn, measures } = evaluated(run);
    return [meanReturn, ...names.slice(1).map((measure) => measures[measure])];
  };
  const sft = ["--algo", "sft", "--seed", "1"];
  const before = figures(
    train(`${name}-untaught`, [...task, ...sft], { lora: 8, sftUpdates: 0 }).out,
  );
  const rows = [501, 502, 503].map((seed) => {
    const grpo = ["--algo", "grpo", "--seed", `${seed}`, "--steps", `${steps}`];
    const { out, last } = train(`${name}-${seed}`, [...task, ...grpo], { ...tuning, ...settings });
    const all = figures(out).flatMap((after, i) => [before[i], after]);
    return [`${seed}`, ...all.map(short), short((last?.seconds ?? 0) / 60)];
  });
  const heads = names.flatMap((what) => [`${what}: base`, "GRPO"]);
  console.log(`\n${name}\n${table(["seed", ...heads, "minutes"], rows)}`);
}
