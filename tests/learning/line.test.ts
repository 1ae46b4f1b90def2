/** Seeds that must learn. "quick" ones run in CI; all of them with `npm run test:learning`. */

import { expect, test } from "vitest";
import { exactReturns } from "../../src/oracle/value-iteration.ts";
import { configOf, openControl } from "../support/sessions.ts";

/** Greedy return of each seed after the task's own number of steps. */
function greedyReturns(
  task: string,
  seeds: number,
  settings: Record<string, unknown> = {},
): number[] {
  return Array.from({ length: seeds }, (_, i) => {
    const session = openControl(configOf({ task, seed: i + 1, settings }));
    while (session.reports.next().value.envSteps < session.config.steps);
    return session.evaluate(1, 1, true).meanReturn;
  });
}
const optimum = exactReturns(openControl(configOf({ task: "line" })).makeEnv() as never).optimal;

test("quick: line, learned value: the optimum on at least 9 of seeds 1 to 10", () => {
  const returns = greedyReturns("line", 10);
  console.log(`line, baseline value: ${returns.join(" ")}`);
  expect(returns.filter((r) => r === optimum).length).toBeGreaterThanOrEqual(9);
});

for (const baseline of ["mean", "none"]) {
  test(`line, baseline ${baseline}: the optimum on at least 8 of seeds 1 to 10`, () => {
    const returns = greedyReturns("line", 10, { baseline });
    console.log(`line, baseline ${baseline}: ${returns.join(" ")}`);
    expect(returns.filter((r) => r === optimum).length).toBeGreaterThanOrEqual(8);
  });
}

test("quick: bandit: the best arm on at least 9 of seeds 1 to 10", () => {
  const returns = greedyReturns("bandit", 10, { deviation: 0 });
  expect(returns.filter((r) => r === 1).length).toBeGreaterThanOrEqual(9);
});
