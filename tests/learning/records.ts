/** The results that docs/results.md is written from, one record a claim: `npm run results NAME` renews single ones. */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

export interface Result {
  readonly task: string;
  readonly algo: string;
  /** One line: a mean over seeds with its interval, or values before and after. */
  readonly result: string;
  readonly seeds: string;
  readonly asks: string;
  readonly holds: boolean;
  readonly published: string;
  /** Day and machine. */
  readonly ran: string;
  /** The mark, and the steps in which each seed came there; null where it did not. */
  readonly threshold?: number;
  readonly steps?: readonly (number | null)[];
  /** The section's tables and settings, as Markdown without the heading. */
  readonly text: string;
}

const data = new URL("results.json", import.meta.url);
const page = new URL("../../docs/results.md", import.meta.url);

export const readResults = (): Record<string, Result> => JSON.parse(readFileSync(data, "utf8"));

/** Day and machine. */
export const ran = `${new Date().toISOString().slice(0, 10)} on Node ${process.versions.node}, ${availableParallelism()} cores of ${cpus()[0].model.trim()}`;

/** Returns a run's settings as Markdown that opens. */
export const settingsOf = (
  algo: string,
  steps: number,
  values: Readonly<Record<string, unknown>>,
) =>
  `<details><summary>Settings</summary>\n\n${algo}, ${steps.toLocaleString("en")} steps: ${Object.entries(
    values,
  )
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(" ")}\n\n</details>`;

/** Anchor of a heading, as GitHub and the site make it. */
export const anchor = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, "")
    .replaceAll(" ", "-");

const head = `# Results

What the presets learn, on seeds from 501 on, unless a section names others. Presets were chosen on seeds below 100. Returns and shares are of
greedy play, or greedy answers, on episodes and prompts apart from training; a result over seeds is the interquartile mean with its 95 %
interval, by bootstrap. "Steps to" is the first step at which the mean return of the last 100 training episodes reached
the mark. Seconds are of training alone, on two cores, as many seeds at a time as there are. One seed gives the same result on every
machine, but for the seconds.

\`npm run results\` trains everything again and writes this page; \`npm run results NAME…\` renews single sections. Each section says
when it was run. Published figures are of Stable-Baselines3's zoo (DLR-RM/rl-baselines3-zoo, benchmark.md: one run each, mean ± deviation over
episodes); steps to a mark were measured on its settings with SB3 2.3.2, returns while training, on a machine of two cores.

![Steps to a mark, pigrad beside others](figures/efficiency.svg)

Each dot is a seed and the bar their interquartile mean; below it the range and median of the peer, of the seeds that came there in
100,000 steps.

| task | algorithm | result | asked | published |
| --- | --- | --- | --- | --- |
`;

/** Puts new results beside the known ones, and writes the page: all in the order of `names`. */
export function record(fresh: Readonly<Record<string, Result>>, names: readonly string[]): void {
  const known = { ...readResults(), ...fresh };
  const ordered = Object.fromEntries(
    [...new Set([...names, ...Object.keys(known)])]
      .filter((name) => Object.hasOwn(known, name))
      .map((name) => [name, known[name]]),
  );
  writeFileSync(data, `${JSON.stringify(ordered, null, 2)}\n`);
  const rows = Object.entries(ordered).map(
    ([name, { algo, result, asks, holds, published }]) =>
      `| [${name}](#${anchor(name)}) | ${algo} | ${result} | ${asks}: **${holds ? "holds" : "does not hold"}** | ${published} |`,
  );
  const sections = Object.entries(ordered).map(
    ([name, { asks, holds, seeds, ran, text }]) =>
      `## ${name}\n\nAsked: ${asks}. **${holds ? "Holds." : "Does not hold."}** Seeds ${seeds}. Run ${ran}.\n\n${text.trim()}\n`,
  );
  const old = readFileSync(page, "utf8");
  const [apart = ""] = /\n## (Replay|Driving beside|Defaults by shape)[\s\S]*$/.exec(old) ?? [];
  writeFileSync(page, `${head}${rows.join("\n")}\n\n${sections.join("\n").trimEnd()}\n${apart}`);
}
