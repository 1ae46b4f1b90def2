/** Runs as a report, a plot and a comparison see them. */
import { type Metric, metricsOf, openRun, readConfig } from "../node/run-folder.ts";
import type { RunConfig, Session } from "../tasks/session.ts";
import { leastOf, mostOf } from "./extent.ts";

export interface Run {
  readonly path: string;
  readonly config: RunConfig;
  /** The last update's figures; undefined before there is one. */
  readonly last: Metric | undefined;
  readonly curves: Curves;
}

/** Figures over environment steps, thinned; null where an update has none. */
export interface Curves {
  readonly steps: readonly number[];
  readonly values: ReadonlyMap<string, readonly (number | null)[]>;
}

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

/** The named columns of metrics, thinned to at most 400 points by means of neighbors. */
export function thinned(
  metrics: Iterable<Metric>,
  count: number,
  names: readonly string[],
): Curves {
  const per = Math.max(1, Math.ceil(count / mostPoints));
  const steps: number[] = [];
  const values = new Map(names.map((name) => [name, [] as (number | null)[]]));
  let sums = new Map<string, { sum: number; count: number }>();
  let at = 0;
  let last = 0;
  const point = (): void => {
    steps.push(last);
    for (const [name, list] of values) {
      const { sum, count: n } = sums.get(name) ?? { sum: 0, count: 0 };
      list.push(n === 0 ? null : sum / n);
    }
    sums = new Map();
  };
  for (const metric of metrics) {
    for (const name of names) {
      const x = metric[name];
      if (typeof x !== "number") continue;
      const { sum, count: n } = sums.get(name) ?? { sum: 0, count: 0 };
      sums.set(name, { sum: sum + x, count: n + 1 });
    }
    last = metric.envSteps;
    if (++at % per === 0) point();
  }
  if (at % per !== 0) point();
  return { steps, values };
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

/** Names of the figures that any of the runs has, in the order they appear. */
export function figureNames(runs: readonly Run[]): string[] {
  const hidden = new Set(["type", "update", "envSteps"]);
  const names = runs.flatMap(({ last }) => Object.keys(last ?? {}));
  return [...new Set(names)].filter((name) => !hidden.has(name));
}

/** Curves of one figure: each group's mean over its runs at common steps, and the least and largest. */
export interface Band {
  readonly name: string;
  readonly steps: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

export function bands(groups: readonly RunGroup[], figure: string): Band[] {
  return groups.map(({ name, runs }) => {
    const all = runs.map(({ curves: { steps, values } }) => ({
      steps,
      values: values.get(figure) ?? [],
    }));
    const longest = all.reduce((a, b) => (b.steps.length > a.steps.length ? b : a), all[0]);
    const at = (i: number): number[] =>
      all.map(({ values }) => values[i]).filter((x): x is number => typeof x === "number");
    const over = (of: (x: number[]) => number) =>
      longest.steps.map((_, i) => (at(i).length === 0 ? null : of(at(i))));
    return {
      name: runs.length > 1 ? `${name} (${runs.length} seeds)` : name,
      steps: longest.steps,
      mean: over((x) => x.reduce((a, b) => a + b, 0) / x.length),
      low: over(leastOf),
      high: over(mostOf),
    };
  });
}

/** The run's policy, ready to be evaluated. */
export const sessionOf = ({ path }: Run): Session => openRun(path);
