/**
 * `npm run results:four`: trains `connect-four` by the command line on seeds that its preset was not chosen on, lets each
 * play random play and search, and seed 501 in a league, and writes the section of docs/results.md.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { mean } from "../../src/rollout/statistics.ts";
import { table } from "../support/markdown.ts";
import { configOf } from "../support/sessions.ts";

import { overCores } from "./over-cores.ts";
import { ran, readResults, record, settingsOf } from "./records.ts";

const seeds = [501, 502, 503, 504, 505];
const games = 400;
/** Opponents, and the share of games to win against them. */
const opponents = [
  { name: "random play", set: [], asked: 0.95 },
  { name: "depth 2", set: ["opponent=search", "depth=2"], asked: 0.9 },
  { name: "depth 4", set: ["opponent=search", "depth=4"], asked: 0.5 },
  { name: "depth 6", set: ["opponent=search", "depth=6"], asked: 0 },
];
const folder = mkdtempSync(join(tmpdir(), "pigrad-four-"));
const runOf = (seed: number): string => join(folder, String(seed));

async function pigrad(...args: string[]): Promise<string> {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...process.execArgv, main, ...args],
    { maxBuffer: 2 ** 26 },
  );
  return stdout;
}

interface Played {
  readonly meanReturn: number;
  readonly successRate: number;
}

/** Trains with a seed and returns what comes of it against each opponent. */
async function learned(seed: number) {
  const begun = performance.now();
  await pigrad(
    "train",
    "connect-four",
    "--seed",
    `${seed}`,
    "--threads",
    "1",
    "--out",
    runOf(seed),
  );
  const seconds = (performance.now() - begun) / 1000;
  const played: Played[] = [];
  for (const { set } of opponents) {
    const settings = set.flatMap((value) => ["--set", value]);
    const flags = ["--episodes", `${games}`, "--threads", "1", "--json"];
    played.push(JSON.parse(await pigrad("eval", runOf(seed), ...flags, ...settings)));
  }
  console.log(seed, ...played.map(({ successRate }) => successRate));
  return { seconds, played };
}

const results = await overCores(seeds, learned);
const league = await pigrad("elo", runOf(seeds[0]), "--games", "20");
rmSync(folder, { recursive: true });

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const won = opponents.map((_, i) => mean(results.map(({ played }) => played[i].successRate)));
const { algo, steps, settings } = configOf({ task: "connect-four" });
const rows = results.map(({ seconds, played }, i) => [
  `${seeds[i]}`,
  ...played.map(
    ({ successRate, meanReturn }) => `${percent(successRate)} (${meanReturn.toFixed(2)})`,
  ),
  seconds.toFixed(0),
]);
const text = `Games won of ${games} by the likeliest moves; in parentheses the mean return. Search of depth 2 and 4 was among the opponents of the
training; depth 6 was not. Written by \`npm run results:four\`.

${table(["seed", ...opponents.map(({ name }) => name), "seconds"], [...rows, ["mean", ...won.map(percent), ""]])}

${settingsOf(algo, steps, settings)}

\`pigrad elo\` of seed ${seeds[0]}, 20 games per pair:

\`\`\`text
${league.trim()}
\`\`\``;
const fresh = {
  task: "connect-four",
  algo,
  result: `won: ${won.map((share, i) => `${percent(share)} of ${opponents[i].name}`).join(", ")}`,
  seeds: `${seeds[0]} to ${seeds.at(-1)}`,
  asks: "≥ 95 % won against random play, ≥ 90 % against search of depth 2, ≥ 50 % against depth 4, who begins drawn by lot",
  holds: opponents.every(({ asked }, i) => won[i] >= asked),
  published: "",
  ran,
  text,
};
record({ "Connect four, self-play with sparring": fresh }, Object.keys(readResults()));
