// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { train } from "pigrad";
import task, { pluralOf } from "./plurals.js";

test("the rule", () => {
  const plurals = ["cat", "box", "city", "day"].map(pluralOf);
  assert.deepEqual(plurals, ["cats", "boxes", "cities", "days"]);
});

test("it trains", async () => {
  const run = train(task, { steps: 200, seed: 1, settings: { sftUpdates: 20 } });
  await run;
  const { meanReturn } = await run.evaluate(5);
  assert.ok(meanReturn >= 0 && meanReturn <= 1);
});
