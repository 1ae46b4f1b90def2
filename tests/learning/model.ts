/**
 * `npm run results:model [FOLDER]`: a model that people could have, by the commands that they would type. Trains a Llama of 10
 * million weights on real sentences (`pigrad data sentiment`), exports it as on the hub, loads that folder, and improves it by GRPO with
 * adapters on seeds 501 to 503. Prints the table of docs/results.md, A model from its first weight. What FOLDER
 * (default runs/model) has already is not made again.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { lastMetric } from "../../src/node/run-folder.ts";
import { short, table } from "../support/markdown.ts";

const folder = process.argv[2] ?? "runs/model";
const hub = `${folder}/hub`;
const base = {
  ...{ family: "llama", layers: 8, width: 320, heads: 8, tokenizer: "bpe", merges: 1000 },
  ...{ data: "data/sentiment-data.txt", splits: 0.02 },
  ...{ sftUpdates: 900, sftTexts: 32, sftLearningRate: 2e-3 },
};
/** Chosen on seed 1, where a KL of weight 0 ended in one word that the lexicon likes. */
const tuning = {
  ...{ lora: 8, sftUpdates: 0, prompts: 16, groupSize: 8 },
  ...{ learningRate: 2e-3, klWeight: 0.1 },
};
const task = ["tests/learning/model/feelings.ts", "--model", hub];

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

/** Means over samples for held-out prompts, which nothing was trained on: the reward, and the share of known words. */
function evaluated(run: string): readonly [reward: number, words: number] {
  const line = pigrad("eval", run, "--sample", "--episodes", "1000", "--json");
  const { meanReturn, measures } = JSON.parse(line);
  return [meanReturn, measures.words];
}

if (!existsSync(base.data)) pigrad("data", "sentiment", "--out", "data");
const first = train("base", ["text", "--algo", "sft", "--seed", "1"], base);
if (!existsSync(hub)) pigrad("export", first.out, "--format", "hub", "--out", hub);
const { loss, trainedTokens, seconds = 0 } = (first.last ?? {}) as Record<string, number>;
console.log(
  `the base: ${trainedTokens} tokens, loss ${short(loss)}, ${short(seconds / 60)} minutes`,
);

const sft = ["--algo", "sft", "--seed", "1"];
const before = evaluated(
  train("feelings-untaught", [...task, ...sft], { lora: 8, sftUpdates: 0 }).out,
);
const rows = [501, 502, 503].map((seed) => {
  const grpo = ["--algo", "grpo", "--seed", `${seed}`, "--steps", "30000"];
  const { out, last } = train(`feelings-${seed}`, [...task, ...grpo], tuning);
  const after = evaluated(out);
  return [
    `${seed}`,
    ...[0, 1].flatMap((i) => [before[i], after[i]]).map(short),
    short((last?.seconds ?? 0) / 60),
  ];
});
const head = ["seed", "valence: base", "GRPO", "known words: base", "GRPO", "minutes"];
console.log(table(head, rows));
