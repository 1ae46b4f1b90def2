/** Runs as a report, a plot and a comparison see them. */
import { Random } from "../core/random.ts";
import { type Metric, metricsOf, readConfig } from "../node/run-folder.ts";
import { isSweep, runsOfSweep } from "../node/sweep-folder.ts";
import { type Interval, interquartileMean, mean, quantile } from "../rollout/statistics.ts";
import { modelSettings } from "../tasks/model-settings.ts";
import type { RunConfig } from "../tasks/run.ts";
import { leastOf, mostOf } from "./extent.ts";

export interface Run {
  readonly path: string;
  readonly config: RunConfig;
  /** The last update's metrics; undefined before there is one. */
  readonly last: Metric | undefined;
  readonly curves: Curves;
}

/** Points of a curve, steps ascending. */
export interface Series {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}
const none: Series = { steps: [], values: [] };

/** A curve per metric, thinned. */
export type Curves = ReadonlyMap<string, Series>;

/** Returns the run folders that were named, those of a sweep in place of the sweep's own. */
export const runFolders = (paths: readonly string[]): string[] =>
  paths.flatMap((path) => (isSweep(path) ? runsOfSweep(path) : [path]));

/** Reads a run in two passes over its metrics, so that a long run takes no more memory than a short one. */
export function readRun(path: string): Run {
  const config = readConfig(path);
  let count = 0;
  let last: Metric | undefined;
  for (const metric of metricsOf(path)) {
    count++;
    last = metric;
  }
  return { path, config, last, curves: thinned(metricsOf(path), count, Object.keys(last ?? {})) };
}

const mostPoints = 400;

/**
 * Curves of the named values of `count` metrics over environment steps, or over tokens taught and then sampled, each
 * thinned to at most 400 points by means of neighbors, of values and of steps alike. Updates without the value are left
 * out.
 */
export function thinned(
  metrics: Iterable<Metric>,
  count: number,
  names: readonly string[],
): Curves {
  const per = Math.max(1, Math.ceil(count / mostPoints));
  const curves = new Map(names.map((name) => [name, new Thinned()]));
  let at = 0;
  let taught = 0;
  for (const metric of metrics) {
    if (typeof metric.trainedTokens === "number") taught = metric.trainedTokens;
    for (const [name, curve] of curves) curve.add(taught + metric.envSteps, metric[name]);
    if (++at % per === 0) for (const curve of curves.values()) curve.point();
  }
  for (const curve of curves.values()) curve.point();
  return curves;
}

/** A curve whose points are means of what was added since the last. */
class Thinned implements Series {
  readonly steps: number[] = [];
  readonly values: number[] = [];
  private sums = { n: 0, step: 0, value: 0 };

  add(step: number, value: unknown): void {
    if (typeof value !== "number") return;
    const { sums } = this;
    sums.n++;
    sums.step += step;
    sums.value += value;
  }

  point(): void {
    const { n, step, value } = this.sums;
    if (n === 0) return;
    this.steps.push(step / n);
    this.values.push(value / n);
    this.sums = { n: 0, step: 0, value: 0 };
  }
}

/** Returns whether a run is of a text. Those of environments, and no others, have all settings of a policy. */
export const isOfText = ({ config: { settings } }: Pick<Run, "config">): boolean =>
  !Object.keys(modelSettings).every((name) => Object.hasOwn(settings, name));

/** Returns what the steps of curves count: of texts the tokens taught and then sampled. */
export function unitOf(runs: readonly Run[]): "environment steps" | "tokens" | "steps" {
  const ofText = runs.filter(isOfText).length;
  if (ofText === 0) return "environment steps";
  return ofText === runs.length ? "tokens" : "steps";
}

/** Runs that differ in nothing but their seed, under one name: what differs between the groups. */
export interface RunGroup {
  readonly name: string;
  readonly runs: readonly Run[];
}

export function groupRuns(runs: readonly Run[]): RunGroup[] {
  const settingsOf = ({
    config,
  }: Run): Record<string, unknown> & { task: string; algo: string } => {
    const { task, algo, steps, backend, settings } = config;
    return { task, algo, steps, backend, ...settings };
  };
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const key = JSON.stringify(settingsOf(run));
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].map((list) => {
    const own = settingsOf(list[0]);
    const kin = runs.map(settingsOf).filter((s) => s.task === own.task && s.algo === own.algo);
    const varies = (name: string): boolean =>
      kin.some((other) => JSON.stringify(other[name]) !== JSON.stringify(own[name]));
    const differs = Object.keys(own)
      .filter(varies)
      .map((name) => `${name}=${String(own[name])}`);
    return { name: [own.task, own.algo, ...differs].join(" "), runs: list };
  });
}

/** The value at a step, linear between points; null before the first and after the last. */
function valueAt({ steps, values }: Series, step: number, from: number): number | null {
  const n = steps.length;
  if (n === 0 || step < steps[0] || step > steps[n - 1]) return null;
  if (from + 1 >= n || steps[from] === step) return values[from];
  const share = (step - steps[from]) / (steps[from + 1] - steps[from]);
  return values[from] + share * (values[from + 1] - values[from]);
}

/** The values at ascending steps, as `valueAt`. */
function valuesAt(curve: Series, at: readonly number[]): (number | null)[] {
  let from = 0;
  return at.map((step) => {
    while (from + 1 < curve.steps.length && curve.steps[from + 1] <= step) from++;
    return valueAt(curve, step, from);
  });
}

/** All steps of several curves, ascending, at most `most` of them. */
function commonSteps(curves: readonly Series[], most = 400): number[] {
  const all = [...new Set(curves.flatMap(({ steps }) => steps))].sort((a, b) => a - b);
  const per = Math.max(1, Math.ceil(all.length / most));
  return all.filter((_, i) => (all.length - 1 - i) % per === 0); // the last is among them
}

/** Names of the metrics that any of the runs has, in the order they appear. */
export function figureNames(runs: readonly Run[]): string[] {
  const hidden = new Set(["type", "update", "envSteps"]);
  const names = runs.flatMap(({ last }) => Object.keys(last ?? {}));
  return [...new Set(names)].filter((name) => !hidden.has(name));
}

/**
 * Curves of one metric: the mean or interquartile mean of each group over its runs at common steps. The band is a
 * bootstrap interval of it where the group has three runs or more, and otherwise from the least to the largest. A run
 * that logged at other steps counts by its value between them, linear; before its first and after its last value it
 * does not count.
 */
export interface Band {
  readonly name: string;
  /** The number of runs, and what the band is, in words; empty for one run. */
  readonly runs: number;
  readonly note: string;
  readonly steps: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

/** The statistics over runs that a curve may show. */
export const centers = { mean, iqm: interquartileMean } as const;
export type Center = keyof typeof centers;
const fewRuns = 3; // from here on an interval says more than the least and the largest
const draws = 500;

export function bands(
  groups: readonly RunGroup[],
  figure: string,
  center: Center = "mean",
): Band[] {
  const of = centers[center];
  return groups.map(({ name, runs }) => {
    const curves = runs.map(({ curves: all }) => all.get(figure) ?? none);
    const steps = commonSteps(curves);
    const columns = curves.map((curve) => valuesAt(curve, steps));
    const n = runs.length;
    const resamples = n < fewRuns ? [] : resamplesOf(n);
    const rows = steps.map((_, i) => {
      const at = columns.map((values) => values[i]);
      const present = numbersOf(at);
      if (present.length === 0) return { middle: null, low: null, high: null };
      const [low, high] =
        present.length < fewRuns
          ? [leastOf(present), mostOf(present)]
          : intervalAt(at, resamples, of);
      return { middle: of(present), low, high };
    });
    const what = center === "mean" ? "mean" : "interquartile mean";
    return {
      name: n > 1 ? `${name} (${n} seeds)` : name,
      runs: n,
      note: n === 1 ? "" : n < fewRuns ? "least to greatest" : `95 % interval of the ${what}`,
      steps,
      mean: rows.map(({ middle }) => middle),
      low: rows.map(({ low }) => low),
      high: rows.map(({ high }) => high),
    };
  });
}

const numbersOf = (list: readonly (number | null)[]): number[] =>
  list.filter((x): x is number => x !== null);

/** Returns resamples of n runs with replacement, by index. All steps share them, so that bands are smooth. */
function resamplesOf(n: number): number[][] {
  const random = new Random(1);
  return Array.from({ length: draws }, () => Array.from({ length: n }, () => random.below(n)));
}

/** The percentile interval of 95 % at one step. Resamples in which no run has a value there are left out. */
function intervalAt(
  at: readonly (number | null)[],
  resamples: readonly (readonly number[])[],
  of: (x: readonly number[]) => number,
): Interval {
  const values = resamples
    .map((indices) => numbersOf(indices.map((i) => at[i])))
    .filter((sample) => sample.length > 0)
    .map(of);
  return [quantile(values, 0.025), quantile(values, 0.975)];
}
