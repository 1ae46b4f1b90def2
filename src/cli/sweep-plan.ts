/** The plan of a sweep, from its arguments. */
import { SettingError } from "../core/errors.ts";
import { type Rung, rungsOf } from "../node/halving.ts";
import { checkMemory } from "../node/memory.ts";
import { type ResolvedRun, resolve, tablesOf } from "../tasks/run.ts";
import { pairs, realNumber, wholeNumber } from "./args.ts";
import { requestFor } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { checkFile } from "./picture.ts";
import { searches } from "./search-points.ts";
import { seedsFrom } from "./sweep-seeds.ts";
import { type Row, type Sampling, sweepRows } from "./sweep-space.ts";
import { workersOptions } from "./workers.ts";

const options = {
  seeds: { type: "string" },
  set: { type: "string", multiple: true },
  algo: { type: "string" },
  reward: { type: "string" },
  model: { type: "string" },
  steps: { type: "string" },
  samples: { type: "string" },
  search: { type: "string" },
  "search-seed": { type: "string" },
  halving: { type: "string" },
  out: { type: "string" },
  csv: { type: "string" },
  svg: { type: "string" },
  against: { type: "string" },
  threshold: { type: "string" },
  episodes: { type: "string" },
  threads: { type: "string" },
  backend: { type: "string" },
  ...workersOptions,
  json: { type: "boolean" },
} as const;
export type SweepOptions = ReturnType<typeof parseSweep>["values"];
export const parseSweep = (args: string[]) => parseOptions(args, options);

/** Everything that a sweep follows from, checked. */
export interface Plan {
  readonly runs: readonly (readonly ResolvedRun[])[];
  readonly rows: readonly Row[];
  readonly seeds: readonly number[];
  readonly rungs: readonly Rung[];
  readonly episodes: number;
  readonly threshold: number | null;
  readonly steps: number;
}

export async function planOf(task: string, values: SweepOptions): Promise<Plan> {
  checkFile("csv", values.csv);
  checkFile("svg", values.svg);
  const { backend } = values;
  const steps = wholeNumber("steps", values.steps, 1);
  const { settings: given, ...names } = await requestFor({
    ...values,
    task,
    settings: pairs(values.set ?? []),
  });
  const request = { ...names, steps, backend };
  const plain = resolve(request);
  const tables = tablesOf(plain.task, plain.algorithm, plain.config.files);
  const settings = { ...tables.algorithm, ...tables.model, ...tables.task };
  const rows = sweepRows(given, settings, samplingOf(values));
  const seeds = seedsFrom(values.seeds ?? "5");
  const runs = rows.map((row) => seeds.map((seed) => resolve({ ...request, settings: row, seed })));
  for (const [run] of runs) checkMemory(run);
  const threshold = realNumber("threshold", values.threshold, -Infinity);
  return {
    runs,
    rows,
    seeds,
    rungs: rungsFrom(values.halving, rows.length, plain),
    episodes: wholeNumber("episodes", values.episodes, 1) ?? 100,
    threshold: threshold ?? plain.task.solved ?? null,
    steps: plain.config.steps,
  };
}

function samplingOf(values: SweepOptions): Sampling | null {
  const samples = wholeNumber("samples", values.samples, 1, 10_000);
  const search = chosen("search", values.search, searches) ?? "quasi";
  const seed = wholeNumber("search-seed", values["search-seed"], 0) ?? 1;
  if (samples !== undefined) return { samples, search, seed };
  for (const name of ["search", "search-seed"] as const)
    if (values[name] !== undefined) throw new SettingError(`--${name} goes with --samples N`);
  return null;
}

function rungsFrom(given: string | undefined, rows: number, { config }: ResolvedRun): Rung[] {
  const eta = wholeNumber("halving", given, 2);
  if (eta === undefined) return [{ rows, steps: config.steps }];
  if (rows < eta)
    throw new SettingError(`--halving: expected at least ${eta} rows of settings, got ${rows}`);
  if (config.algo === "sft")
    throw new SettingError("--halving: expected an algorithm that counts steps, got sft");
  return rungsOf(rows, eta, config.steps);
}

export function chosen<T extends string>(
  flag: string,
  given: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (given === undefined || allowed.some((name) => name === given)) return given as T | undefined;
  throw new SettingError(`--${flag}: expected one of ${allowed.join(", ")}, got "${given}"`);
}

/** The plan as the folder records it. */
export function recordOf({ runs, rows, seeds, rungs, episodes, threshold, steps }: Plan) {
  const { task, algo, backend, files } = runs[0][0].config;
  const names = { format: "pigrad sweep 1", task, algo, backend, ...(files && { files }) };
  return { ...names, steps, settings: rows, seeds, rungs, episodes, threshold };
}
