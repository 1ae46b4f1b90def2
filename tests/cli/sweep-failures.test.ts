// @module-tag deep
/** Trainings of a sweep that diverge: they count as the lowest return, the others go on, and the exit code tells. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type RowResults, summarize, summaryTable } from "../../src/cli/sweep-summary.ts";
import type { SweepResult } from "../../src/node/sweep.ts";
import { interquartileMean, quantile } from "../../src/rollout/statistics.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const file = at("rewards.mjs");
/** Rewards are higher with `huge`, and from that step of an environment on their sums do not fit a float32. */
writeFileSync(
  file,
  `export default {
  settings: { huge: 0 },
  environment: ({ huge }) => {
    let [steps, total] = [0, 0];
    return {
      observationSpace: { type: "Box", low: 0, high: 1, shape: [1] },
      actionSpace: { type: "Discrete", n: 2 },
      reset: () => [(steps = 0)],
      step: (a) => [[0], huge > 0 && ++total > huge ? 3e38 : a + huge, ++steps >= 10, false],
    };
  },
  preset: { hidden: [4], normalizeReward: false },
};
`,
);
const args = ["sweep", file, "--steps", "2000", "--seeds", "2", "--episodes", "3"];
const rows = ["--set", "huge=100,0", "--threads", "1"];

test("the table, the CSV and stderr say it, and the others are trained", async () => {
  const { status, stdout, stderr } = await pigrad(...args, ...rows, "--csv", at("s.csv"));
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^pigrad: failed: 2 of 4 trainings diverged .*the first: row 1 \(huge=100\), seed 1: update 2: .*not finite\n$/,
  );
  expect(stdout).toMatch(/huge=100 +−∞ +−∞ to −∞ +−∞ .*2 of 2/);
  expect(stdout).toMatch(/huge=0 +10.00 .*0 of 2/);
  const lines = readFileSync(at("s.csv"), "utf8").split("\n");
  expect(lines[1]).toMatch(/^1,100,1,512,[\d.]+,,,[\d.]+,update 2: .*not finite/);
  expect(lines[3]).toMatch(/^2,0,1,2048,[\d.]+,10,,[\d.]+,$/);
});

test("halving drops them first and trains them no more; the folder remembers them", async () => {
  const out = ["--halving", "2", "--json", "--out", at("sweep"), "--set", "huge=1,100,0"];
  const first = await pigrad(...args, ...out);
  expect(first.status).toBe(1);
  const lines = jsonLines(first.stdout);
  const results = lines.filter(({ type }) => type === "result");
  expect(results.map(({ envSteps, failure }) => [envSteps, failure?.slice(0, 8)])).toEqual([
    ...[0, 0].map((steps) => [steps, "update 1"]),
    ...[512, 512].map((steps) => [steps, "update 2"]),
    ...[1024, 1024, 2048, 2048].map((steps) => [steps, undefined]),
  ]);
  expect(results[0]).toMatchObject({ evaluation: { meanReturn: null, returns: [] } });
  expect(lines.filter(({ type }) => type === "summary")).toMatchObject([
    { finished: false, failed: 2, iqm: null },
    { finished: false, failed: 2, iqm: null },
    { finished: true, failed: 0, iqm: 10 },
  ]);
  const runs = readdirSync(at("sweep")).filter((name) => name.startsWith("row"));
  expect(runs).toEqual(["row2-seed1", "row2-seed2", "row3-seed1", "row3-seed2"]);
  const again = await pigrad(...args, ...out);
  expect([again.status, again.stdout, again.stderr]).toEqual([1, first.stdout, first.stderr]);
});

test("a row with a failed training that goes on to the next rung keeps its result", async () => {
  const out = ["--halving", "2", "--json", "--set", "huge=1,2"];
  const { status, stdout } = await pigrad(...args, ...out);
  expect(status).toBe(1);
  const results = jsonLines(stdout).filter(({ type }) => type === "result");
  expect(results).toHaveLength(6);
  expect(results.slice(4)).toEqual(results.slice(0, 2)); // to the microsecond that it took
});

test("statistics: a failed training is below all others, and trimmed where few failed", () => {
  const row = (returns: (number | null)[]): RowResults => ({
    settings: {},
    finished: true,
    results: returns.map((meanReturn) => ({
      envSteps: 10,
      seconds: 1,
      stepsToThreshold: null,
      evaluation: { meanReturn: meanReturn ?? Number.NaN },
      ...(meanReturn === null && { failure: "update 1" }),
    })) as unknown as SweepResult[],
  });
  const [all, one, two] = summarize(
    [row([1, 2, 3, 4]), row([null, 8, 8, 9]), row([null, null])],
    "first",
  );
  expect([all.failed, one.failed, two.failed]).toEqual([0, 1, 2]);
  expect([all.iqm, one.iqm, two.iqm]).toEqual([2.5, 8, -Infinity]);
  expect(one.improvement?.probability).toBe(0.75); // 3 of its 4 runs win over all 4
  expect(one.profile.tau.every(Number.isFinite)).toBe(true);
  expect(one.profile.share[0]).toBe(0.75);
  expect(summarize([row([null])], "first")[0].profile.share[0]).toBe(0);
  expect(summaryTable([all], { threshold: null, seeds: 4 })).not.toContain("failed");
});

test("quantiles and interquartile means of lists with infinite numbers are no NaN", () => {
  expect(interquartileMean([-Infinity, 1, 2, 9])).toBe(1.5);
  expect(quantile([-Infinity, -Infinity, 1], 0.5)).toBe(-Infinity);
  expect(quantile([-Infinity, 1], 0.5)).toBe(-Infinity);
  expect(quantile([1, Infinity, Infinity], 0.5)).toBe(Infinity);
});
