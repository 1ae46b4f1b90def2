/** Control tasks that must be learned: "quick" ones run in CI, all of them with `npm run test:learning`. */
import { expect, test } from "vitest";
import { claims, judge } from "./claims.ts";

const quick = new Set(["CartPole-v1, a2c", "MountainCarContinuous-v0", "Catch"]);

for (const claim of claims) {
  test(`${quick.has(claim.name) ? "quick" : "full"}: ${claim.name}: ${claim.asks}`, async () => {
    const outcome = await judge(claim);
    console.log(claim.name, JSON.stringify({ greedy: outcome.greedy, steps: outcome.steps }));
    expect(claim.holds(outcome)).toBe(true);
  });
}
