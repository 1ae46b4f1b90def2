// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkEnv, fromGymnasium, train } from "pigrad";
import task, { Lander } from "./lander.js";

const make = () => fromGymnasium(new Lander({ fuel: 0 }));

test("it holds to the contract of environments", () => checkEnv(make));

test("who only falls lands hard", () => {
  const env = make();
  env.reset({ seed: 1 });
  let last = env.step(0);
  while (!last.terminated) last = env.step(0);
  assert.ok(last.reward < -0.5);
  assert.equal(env.success, false);
});

test("it trains", async () => {
  const run = train(task, { steps: 2000, seed: 1 });
  await run;
  assert.ok(Number.isFinite((await run.evaluate(5)).meanReturn));
});
