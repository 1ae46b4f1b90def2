/** Runs as a report, a plot and a comparison see them. */
import { type Metric, openRun, readConfig, readMetrics } from "../node/run-folder.ts";
import type { RunConfig, Session } from "../tasks/session.ts";

export interface Run {
  readonly path: string;
  readonly config: RunConfig;
  readonly metrics: readonly Metric[];
}

export const readRun = (path: string): Run => ({
  path,
  config: readConfig(path),
  metrics: readMetrics(path),
});

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

/** A column of metrics over environment steps, thinned to at most `most` points by means of neighbors. */
export function series(
  metrics: readonly Metric[],
  name: string,
  most = 400,
): { steps: number[]; values: (number | null)[] } {
  const per = Math.max(1, Math.ceil(metrics.length / most));
  const steps: number[] = [];
  const values: (number | null)[] = [];
  for (let i = 0; i < metrics.length; i += per) {
    const some = metrics.slice(i, i + per);
    const numbers = some.map((metric) => metric[name]).filter((x) => typeof x === "number");
    steps.push(some[some.length - 1].envSteps);
    values.push(numbers.length === 0 ? null : numbers.reduce((a, b) => a + b, 0) / numbers.length);
  }
  return { steps, values };
}

/** Names of the figures that any of the runs has, in the order they appear. */
export function figureNames(runs: readonly Run[]): string[] {
  const hidden = new Set(["type", "update", "envSteps"]);
  const names = runs.flatMap(({ metrics }) => Object.keys(metrics.at(-1) ?? {}));
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
    const all = runs.map(({ metrics }) => series(metrics, figure));
    const longest = all.reduce((a, b) => (b.steps.length > a.steps.length ? b : a), all[0]);
    const at = (i: number): number[] =>
      all.map(({ values }) => values[i]).filter((x): x is number => typeof x === "number");
    const over = (of: (x: number[]) => number) =>
      longest.steps.map((_, i) => (at(i).length === 0 ? null : of(at(i))));
    return {
      name: runs.length > 1 ? `${name} (${runs.length} seeds)` : name,
      steps: longest.steps,
      mean: over((x) => x.reduce((a, b) => a + b, 0) / x.length),
      low: over((x) => Math.min(...x)),
      high: over((x) => Math.max(...x)),
    };
  });
}

/** The run's policy, ready to be evaluated. */
export const sessionOf = ({ path }: Run): Session => openRun(path);
