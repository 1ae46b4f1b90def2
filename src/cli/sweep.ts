/** pigrad sweep TASK: seeds and settings over worker threads, and what they come to. */
import { availableParallelism } from "node:os";
import { SettingError } from "../core/errors.ts";
import { checkMemory } from "../node/memory.ts";
import { type SweepJob, type SweepResult, sweep } from "../node/sweep.ts";
import { bootstrapInterval, interquartileMean, median } from "../rollout/statistics.ts";
import { type RunConfig, resolve } from "../tasks/run.ts";
import { only, pairs, realNumber, wholeNumber } from "./args.ts";
import { evaluationSeed } from "./eval.ts";
import { leastOf } from "./extent.ts";
import { requestFor } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";
import { table } from "./table.ts";

export const sweepHelp = `  pigrad sweep TASK [--seeds N] [--set key=a,b,c]... [--algo NAME] [--steps N]
               [--threshold R] [--episodes N] [--threads N] [--backend NAME] [--json]
      seeds 1 to N (default 5) of every combination of settings over worker threads (values of
      a list setting are separated by ;): the interquartile mean of the greedy returns with a
      bootstrap interval, and the steps until training's mean return reaches R`;

export async function sweepCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    seeds: { type: "string" },
    set: { type: "string", multiple: true },
    algo: { type: "string" },
    reward: { type: "string" },
    steps: { type: "string" },
    threshold: { type: "string" },
    episodes: { type: "string" },
    threads: { type: "string" },
    backend: { type: "string" },
    json: { type: "boolean" },
  });
  const task = only("task", positionals);
  const seeds = wholeNumber("seeds", values.seeds, 1) ?? 5;
  const steps = wholeNumber("steps", values.steps, 1);
  const { backend } = values;
  const request = {
    ...(await requestFor({ task, algo: values.algo, reward: values.reward })),
    steps,
    backend,
  };
  const plain = resolve(request);
  const threshold =
    realNumber("threshold", values.threshold, -Infinity) ?? plain.task.solved ?? null;
  const grid = combinations(pairs(values.set ?? []), plain.config);
  const jobs = grid.flatMap((settings) =>
    Array.from({ length: seeds }, (_, i): SweepJob => {
      const run = resolve({ ...request, settings, seed: i + 1 });
      if (i === 0) checkMemory(run);
      const episodes = wholeNumber("episodes", values.episodes, 1) ?? 100;
      return { config: run.config, episodes, evaluationSeed, threshold };
    }),
  );
  const threads = wholeNumber("threads", values.threads, 1) ?? availableParallelism();
  let done = 0;
  const results = await sweep(jobs, threads, (result) => {
    if (values.json) sayJson({ type: "result", ...result });
    else if (process.stderr.isTTY) process.stderr.write(`\r${++done} of ${jobs.length}`);
  });
  if (process.stderr.isTTY && !values.json) process.stderr.write("\r\x1b[2K");
  const summaries = grid.map((settings, i) =>
    summarize(settings, results.slice(i * seeds, (i + 1) * seeds)),
  );
  for (const summary of summaries) {
    if (values.json) sayJson({ type: "summary", ...summary });
  }
  if (!values.json) say(summaryTable(summaries, threshold, seeds));
}

/** Every combination of the values that were listed. */
function combinations(
  listed: Record<string, string>,
  { settings }: RunConfig,
): Record<string, string>[] {
  let grid: Record<string, string>[] = [{}];
  for (const [name, text] of Object.entries(listed)) {
    const separator = Array.isArray(settings[name]) ? ";" : ",";
    const choices = text.split(separator);
    if (choices.some((choice) => choice === "") && choices.length > 1) {
      throw new SettingError(
        `--set ${name}: expected values between the ${separator}, got "${text}"`,
      );
    }
    grid = grid.flatMap((given) => choices.map((choice) => ({ ...given, [name]: choice })));
  }
  return grid;
}

interface Summary {
  readonly settings: Readonly<Record<string, string>>;
  readonly iqm: number;
  readonly interval: readonly [number, number];
  readonly least: number;
  readonly reached: number;
  readonly medianSteps: number | null;
  readonly seconds: number;
}

function summarize(
  settings: Readonly<Record<string, string>>,
  results: readonly SweepResult[],
): Summary {
  const returns = results.map(({ evaluation }) => evaluation.meanReturn);
  const steps = results.map(({ stepsToThreshold }) => stepsToThreshold ?? Infinity);
  const middle = median(steps);
  return {
    settings,
    iqm: interquartileMean(returns),
    interval: bootstrapInterval(returns, interquartileMean),
    least: leastOf(returns),
    reached: steps.filter(Number.isFinite).length,
    medianSteps: Number.isFinite(middle) ? middle : null,
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0) / results.length,
  };
}

function summaryTable(
  summaries: readonly Summary[],
  threshold: number | null,
  seeds: number,
): string {
  const head = ["settings", "IQM of greedy returns", "95 % interval", "least", "s a seed"];
  const goal = threshold === null ? [] : [`reach ${threshold}`, "median steps"];
  const rows = summaries.map((s) => [
    Object.entries(s.settings)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ") || "presets",
    s.iqm.toFixed(2),
    s.interval.map((x) => x.toFixed(2)).join(" to "),
    s.least.toFixed(2),
    s.seconds.toFixed(1),
    ...(threshold === null
      ? []
      : [`${s.reached} of ${seeds}`, s.medianSteps?.toLocaleString("en") ?? "–"]),
  ]);
  return table([...head, ...goal], rows);
}
