/** Performance profiles of groups of runs: the share of a group's runs above each return. */
import { performanceProfile } from "../rollout/statistics.ts";
import { chartsSvg } from "./chart.ts";
import { profileCurve, thresholds } from "./profile.ts";
import type { RunGroup } from "./runs.ts";

/** The section of a report; empty unless a group has several runs. */
export function profilesSection(groups: readonly RunGroup[]): string {
  const scored = groups
    .map(({ name, runs }) => ({
      name,
      returns: runs.map(({ last }) => last?.meanReturn).filter((x) => typeof x === "number"),
    }))
    .filter(({ returns }) => returns.length > 1);
  if (scored.length === 0) return "";
  const tau = thresholds(scored.flatMap(({ returns }) => returns));
  const chart = {
    title: "share of runs above τ",
    xName: "τ, mean return of the last episodes in training",
    curves: scored.map(({ name, returns }) =>
      profileCurve(name, tau, performanceProfile(returns, tau)),
    ),
  };
  return `<h2>Performance profiles</h2>\n<div class="scroll">${chartsSvg([chart])}</div>`;
}
