/** pigrad sweep TASK: seeds and settings over worker threads, and what they come to. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { NumericError, SettingError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { writeAtomically } from "../node/files.ts";
import { giveTrainings } from "../node/nats/give-trainings.ts";
import { stopSignals } from "../node/stop-signals.ts";
import { sweep } from "../node/sweep.ts";
import { SweepFolder } from "../node/sweep-folder.ts";
import { only, wholeNumber } from "./args.ts";
import { say, sayJson } from "./stdout.ts";
import { profilesCsv, profilesSvg, resultsCsv } from "./sweep-files.ts";
import { Count, sayResults } from "./sweep-output.ts";
import {
  chosen,
  type Plan,
  parseSweep,
  planOf,
  recordOf,
  type SweepOptions,
} from "./sweep-plan.ts";
import { nameOfRow, type RowResults, summarize, summaryTable } from "./sweep-summary.ts";
import { type TrainJobs, trainRows } from "./sweep-train.ts";
import { openGiver } from "./workers.ts";

export const sweepHelp = `  pigrad sweep TASK [--seeds N|LIST] [--set key=a,b,c|key=LOW..HIGH]... [--algo NAME] [--steps N]
               [--reward FILE] [--model FOLDER]
               [--samples N] [--search random|quasi] [--search-seed N] [--halving ETA]
               [--out DIR] [--csv FILE] [--svg FILE] [--against first|best]
               [--threshold R] [--episodes N] [--threads N] [--backend NAME] [--json]
               [--workers URL [--queue NAME] [--patience SECONDS] [--lease SECONDS]]
      every combination of settings (values of a list setting are separated by ;), or N samples of lists
      and ranges, over worker threads. Seeds are 1 to N (default 5) or a list such as 601,603-605. It says
      the interquartile mean of the greedy returns with a bootstrap interval, the probability that a row
      is better than the first or best one, and the steps until training's mean return reaches R.
      --halving trains on with the best 1/ETA of the rows, in rungs. --out keeps every run; the same
      command again does what is missing. A training that diverges counts as the lowest return, the others
      go on, and the exit code is 1. --csv and --svg write the results and performance profiles
      (docs/sweeps.md). --workers has the machines train that run pigrad worker URL (docs/scale.md)`;

export async function sweepCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseSweep(args);
  const plan = await planOf(only("task", positionals), values);
  const baseline = chosen("against", values.against, ["first", "best"] as const);
  const output = values.json ? sayResults() : new Count();
  const rows = await untilSignal(values, () =>
    inFolder(plan, values.out, (folder) =>
      withTrainer(values, folder, (train) => trainRows(plan, folder, train, output)),
    ),
  );
  output.end();
  const summaries = summarize(rows, baseline ?? (plan.rungs.length > 1 ? "best" : "first"));
  if (values.json) for (const summary of summaries) sayJson({ type: "summary", ...summary });
  else say(summaryTable(summaries, { threshold: plan.threshold, seeds: plan.seeds.length }));
  const write = (path: string, content: string): void => {
    writeAtomically(path, content);
    if (!values.json) say(`${path}\n`);
  };
  if (values.csv !== undefined) {
    write(values.csv, resultsCsv(rows));
    write(values.csv.replace(/\.csv$/i, ".profiles.csv"), profilesCsv(summaries));
  }
  if (values.svg !== undefined) write(values.svg, profilesSvg(summaries));
  refuseFailures(rows);
}

/** Throws NumericError that counts the trainings that diverged and names the first, once all results are said. */
function refuseFailures(rows: readonly RowResults[]): void {
  const results = rows.flatMap((row) => row.results);
  const failed = results.filter(({ failure }) => failure !== undefined);
  if (failed.length === 0) return;
  const [{ config, failure }] = failed;
  const row = rows.findIndex((row) => row.results.includes(failed[0]));
  throw new NumericError(
    `${failed.length} of ${results.length} trainings diverged and count as the lowest return; ` +
      `the first: row ${row + 1} (${nameOfRow(rows[row].settings)}), seed ${config.seed}: ${failure}`,
  );
}

/** Does the work. A signal says what is kept, and ends the process, once a server that keeps nothing has been left. */
async function untilSignal<T>({ out, workers }: SweepOptions, work: () => Promise<T>): Promise<T> {
  const stopped = (signal: string): void => {
    const kept =
      out === undefined
        ? "no result is kept; with --out DIR the results so far would be"
        : `the results so far are in ${printable(out)}; the same command goes on`;
    process.stderr.write(`pigrad: stopped by ${signal}: ${kept}\n`);
    if (workers === undefined || out !== undefined) process.exit(130);
  };
  for (const signal of stopSignals) process.once(signal, stopped);
  try {
    return await work();
  } finally {
    for (const signal of stopSignals) process.off(signal, stopped);
  }
}

/** Does the work with a trainer: threads of this machine, or workers that --workers names. */
async function withTrainer<T>(
  values: SweepOptions,
  folder: SweepFolder | null,
  work: (train: TrainJobs) => Promise<T>,
): Promise<T> {
  const { workers } = values;
  const threads = wholeNumber("threads", values.threads, 1);
  if (workers === undefined) {
    for (const name of ["queue", "patience", "lease"] as const)
      if (values[name] !== undefined) throw new SettingError(`--${name} goes with --workers URL`);
    return work((jobs, tell) => sweep(jobs, threads ?? availableParallelism(), tell));
  }
  if (threads !== undefined)
    throw new SettingError("--threads: expected --workers or --threads, got both");
  const giving = await openGiver(workers, values, folder?.queueName());
  return giving.during(values.out !== undefined, () =>
    work((jobs, tell) => giveTrainings(giving.giver, jobs, tell)),
  );
}

/**
 * Does the work in the sweep's folder; in a temporary one where rungs need folders and none was named; in memory
 * otherwise.
 */
async function inFolder(
  plan: Plan,
  out: string | undefined,
  work: (folder: SweepFolder | null) => Promise<RowResults[]>,
): Promise<RowResults[]> {
  if (out === undefined && plan.rungs.length === 1) return work(null);
  const temporary = out === undefined ? mkdtempSync(join(tmpdir(), "pigrad-sweep-")) : null;
  const folder = new SweepFolder(temporary ?? (out as string), recordOf(plan));
  const leave = (): void => {
    folder.close();
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
  };
  process.once("exit", leave);
  try {
    return await work(folder);
  } finally {
    process.off("exit", leave);
    leave();
  }
}
