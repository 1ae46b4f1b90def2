/** Summaries of a sweep's rows, and tests of the differences between them (arXiv:2108.13264). */
import type { SweepResult } from "../node/sweep.ts";
import {
  bootstrapInterval,
  type Interval,
  interquartileMean,
  median,
  performanceProfile,
  probabilityOfImprovement,
  stratifiedInterval,
} from "../rollout/statistics.ts";
import { leastOf, mostOf } from "./extent.ts";
import { thresholds } from "./profile.ts";
import type { Row } from "./sweep-space.ts";
import { table } from "./table.ts";

/** The results of a row's seeds, at the steps that the row has come to. */
export interface RowResults {
  readonly settings: Row;
  /** False for a row that successive halving has stopped. */
  readonly finished: boolean;
  readonly results: readonly SweepResult[];
}

export interface Improvement {
  /** The row it is compared with, from 1. */
  readonly over: number;
  readonly probability: number;
  readonly interval: Interval;
  /** The interval excludes ½, and there are seeds enough to say so. */
  readonly real: boolean;
}

export interface Summary {
  readonly settings: Row;
  readonly finished: boolean;
  /** Trainings that diverged. */
  readonly failed: number;
  /** Most environment steps of its trainings. */
  readonly steps: number;
  /** −Infinity where trainings failed that are in the middle half. */
  readonly iqm: number;
  readonly interval: Interval;
  readonly least: number;
  readonly reached: number;
  readonly medianSteps: number | null;
  readonly seconds: number;
  /** Null for the row that the others are compared with, and for rows that were stopped. */
  readonly improvement: Improvement | null;
  /** Share of the row's runs above each of the sweep's thresholds τ. */
  readonly profile: { readonly tau: readonly number[]; readonly share: readonly number[] };
}

/** Each seed's score: its mean greedy return, or −Infinity if its training failed. */
export const scoresOf = ({ results }: RowResults): number[] =>
  results.map(({ evaluation, failure }) =>
    failure === undefined ? evaluation.meanReturn : -Infinity,
  );

export type Baseline = "first" | "best";

/** Summarizes the rows, and compares those that finished with the first or the best of them. */
export function summarize(rows: readonly RowResults[], baseline: Baseline): Summary[] {
  const scores = rows.map(scoresOf);
  const base = baseOf(rows, scores, baseline);
  const tau = thresholds(scores.flat());
  return rows.map(({ settings, finished, results }, i) => {
    const own = scores[i];
    const steps = results.map(({ stepsToThreshold }) => stepsToThreshold ?? Infinity);
    const middle = median(steps);
    return {
      settings,
      finished,
      failed: results.filter(({ failure }) => failure !== undefined).length,
      steps: mostOf(results.map(({ envSteps }) => envSteps)),
      iqm: interquartileMean(own),
      interval: bootstrapInterval(own, interquartileMean),
      least: leastOf(own),
      reached: steps.filter(Number.isFinite).length,
      medianSteps: Number.isFinite(middle) ? middle : null,
      seconds: results.reduce((sum, { seconds }) => sum + seconds, 0) / results.length,
      improvement: finished && i !== base ? improvementOf(own, scores[base], base + 1) : null,
      profile: { tau, share: performanceProfile(own, tau) },
    };
  });
}

function baseOf(
  rows: readonly RowResults[],
  scores: readonly (readonly number[])[],
  baseline: Baseline,
): number {
  const finished = [...rows.keys()].filter((i) => rows[i].finished);
  if (baseline === "first") return finished[0];
  const best = mostOf(finished.map((i) => interquartileMean(scores[i])));
  return finished.find((i) => interquartileMean(scores[i]) === best) ?? finished[0];
}

/** With fewer seeds on a side even a clean sweep has a chance above 5 %: 2 of C(2n, n) orders at n = 3 are 10 %. */
const fewestSeeds = 4;

function improvementOf(x: readonly number[], y: readonly number[], over: number): Improvement {
  const interval = stratifiedInterval([x, y], ([a, b]) => probabilityOfImprovement(a, b));
  return {
    over,
    probability: probabilityOfImprovement(x, y),
    interval,
    real: x.length >= fewestSeeds && (interval[0] > 0.5 || interval[1] < 0.5),
  };
}

export const nameOfRow = (settings: Row): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ") || "presets";

interface TableOptions {
  readonly threshold: number | null;
  readonly seeds: number;
}

/** The summaries as a table, and a line on what its comparison means. */
export function summaryTable(
  summaries: readonly Summary[],
  { threshold, seeds }: TableOptions,
): string {
  const stopped = summaries.some(({ finished }) => !finished);
  const over = summaries.find(({ improvement }) => improvement !== null)?.improvement?.over;
  const columns: [head: string, cell: (s: Summary) => string][] = [
    ["settings", ({ settings }) => nameOfRow(settings)],
    ["IQM of greedy returns", ({ iqm }) => fixed(iqm)],
    ["95 % interval", ({ interval }) => shown(interval)],
    ["least", ({ least }) => fixed(least)],
    ["s a seed", ({ seconds }) => seconds.toFixed(1)],
  ];
  if (summaries.some(({ failed }) => failed > 0))
    columns.push(["failed", ({ failed }) => `${failed} of ${seeds}`]);
  if (stopped) columns.push(["steps", ({ steps }) => steps.toLocaleString("en")]);
  if (threshold !== null)
    columns.push(
      [`reach ${threshold}`, ({ reached }) => `${reached} of ${seeds}`],
      ["median steps", ({ medianSteps }) => medianSteps?.toLocaleString("en") ?? "–"],
    );
  if (over !== undefined)
    columns.push(
      [`P(better than row ${over})`, ({ improvement: i }) => i?.probability.toFixed(2) ?? "–"],
      ["its interval", ({ improvement: i }) => (i === null ? "–" : shown(i.interval))],
      ["real", ({ improvement: i }) => (i === null ? "–" : i.real ? "yes" : "no")],
    );
  const text = table(
    columns.map(([head]) => head),
    summaries.map((summary) => columns.map(([, cell]) => cell(summary))),
  );
  if (over === undefined || seeds >= fewestSeeds) return text;
  return `${text}too few seeds to call a difference real: --seeds ${fewestSeeds} or more\n`;
}

const fixed = (x: number): string => (x === -Infinity ? "−∞" : x.toFixed(2));
const shown = (interval: Interval): string => interval.map(fixed).join(" to ");
