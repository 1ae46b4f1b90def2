/** Curves over seeds at common steps, and negative numbers as arguments. */

import { describe, expect, test } from "vitest";
import { tieNegatives } from "../../src/cli/args.ts";
import { bands, type Run, thinned } from "../../src/cli/runs.ts";
import { configOf } from "../support/sessions.ts";

/** A run that logs `value(step)` every `every` steps up to `end`. */
const run = (every: number, end: number, value: (step: number) => number | null): Run => {
  const metrics = Array.from({ length: end / every }, (_, i) => {
    const envSteps = every * (i + 1);
    return { update: i + 1, envSteps, seconds: 0, meanReturn: value(envSteps) };
  });
  return {
    path: `every ${every}`,
    config: configOf({ task: "line" }),
    last: metrics.at(-1),
    curves: thinned(metrics, metrics.length, ["meanReturn"]),
  };
};
const bandOf = (...runs: Run[]) => bands([{ name: "line", runs }], "meanReturn")[0];
const identity = (step: number): number => step;

describe("bands over seeds are taken by steps", () => {
  test("one run logs every 10, one every 100 steps: at each step both say the step", () => {
    const band = bandOf(run(10, 1000, identity), run(100, 1000, identity));
    expect(band.steps).toContain(100);
    for (const curve of [band.mean, band.low, band.high])
      for (const [i, step] of band.steps.entries()) expect(curve[i]).toBeCloseTo(step, 9);
  });
  test("long runs, thinned, too", () => {
    const band = bandOf(run(1, 5000, identity), run(7, 4900, identity));
    expect(band.steps.length).toBeLessThanOrEqual(400);
    for (const [i, step] of band.steps.entries()) expect(band.mean[i]).toBeCloseTo(step, 9);
  });
  test("before its first and after its last figure a run does not count", () => {
    const late = (step: number): number | null => (step < 300 ? null : 5);
    const band = bandOf(
      run(100, 1000, () => 1),
      run(100, 600, late),
    );
    const at = (step: number) => band.mean[band.steps.indexOf(step)];
    expect([at(200), at(300), at(600), at(700)]).toEqual([1, 3, 3, 1]);
  });
});

test("a negative number after an option is its value, and nothing else is", () => {
  expect(tieNegatives(["line", "--until-return", "-200", "--json"])).toEqual([
    "line",
    "--until-return=-200",
    "--json",
  ]);
  expect(tieNegatives(["--threshold", "-.5"])).toEqual(["--threshold=-.5"]);
  expect(tieNegatives(["--set", "x=-1"])).toEqual(["--set", "x=-1"]);
  expect(tieNegatives(["--json", "--quiet"])).toEqual(["--json", "--quiet"]);
  expect(tieNegatives(["--seed=1", "-2"])).toEqual(["--seed=1", "-2"]);
  expect(tieNegatives(["--out", "--", "-2"])).toEqual(["--out", "--", "-2"]);
  expect(tieNegatives(["--", "--seed", "-2"])).toEqual(["--", "--seed", "-2"]); // names, no options
  expect(tieNegatives(["--seed", "-2", "--", "--seed", "-2"])).toEqual([
    "--seed=-2",
    "--",
    "--seed",
    "-2",
  ]);
  expect(tieNegatives(["--set", "-x"])).toEqual(["--set", "-x"]);
  expect(tieNegatives(["--until-return", "-Infinity"])).toEqual(["--until-return=-Infinity"]);
});
