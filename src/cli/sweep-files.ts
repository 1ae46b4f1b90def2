/** A sweep's results as tables and a picture. */
import { chartsSvg } from "./chart.ts";
import { csv } from "./csv.ts";
import { profileCurve } from "./profile.ts";
import { nameOfRow, type RowResults, type Summary } from "./sweep-summary.ts";

/** A row per training. */
export function resultsCsv(rows: readonly RowResults[]): string {
  const names = Object.keys(rows[0].settings);
  const figures = [
    "steps",
    "trainingReturn",
    "greedyReturn",
    "stepsToThreshold",
    "seconds",
    "failure",
  ];
  return csv(
    ["row", ...names, "seed", ...figures],
    rows.flatMap(({ settings, results }, i) =>
      results.map((result) => [
        i + 1,
        ...names.map((name) => settings[name]),
        result.config.seed,
        result.envSteps,
        result.trainingReturn,
        result.evaluation.meanReturn,
        result.stepsToThreshold,
        result.seconds,
        result.failure,
      ]),
    ),
  );
}

/** The performance profiles: a row per row of settings and threshold τ. */
export const profilesCsv = (summaries: readonly Summary[]): string =>
  csv(
    ["row", "settings", "tau", "share"],
    summaries.flatMap(({ settings, profile: { tau, share } }, i) =>
      tau.map((threshold, j) => [i + 1, nameOfRow(settings), threshold, share[j]]),
    ),
  );

/** The performance profiles as a chart. */
export const profilesSvg = (summaries: readonly Summary[]): string =>
  chartsSvg([
    {
      title: "performance profile: share of runs above τ",
      xName: "τ, mean greedy return",
      curves: summaries.map(({ settings, profile: { tau, share } }, i) =>
        profileCurve(`${i + 1}: ${nameOfRow(settings)}`, tau, share),
      ),
    },
  ]);
