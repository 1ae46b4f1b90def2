/** Training in one call: the policy acts as the evaluation's does, and a saved run goes on. */

import { expect, test } from "vitest";
import { ShapeError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { train } from "../../src/tasks/train.ts";

const small = { envs: 2, rollout: 16, hidden: [8] };

test("act sees what the policy was trained on: scaled and standardized observations", async () => {
  const run = train("cartpole", {
    algo: "ppo",
    steps: 200,
    backend: "loops",
    settings: { ...small, normalizeObservation: true, observationScale: 0.5 },
  });
  await run;
  const { session } = run;
  if (session.kind !== "environment") throw new Error("an environment");
  const [actions, acted]: [number[], number[]] = [[], []];
  let length = 0;
  const env = session.makeEnv();
  env.seed(new Random(9).split().bits());
  env.start();
  session.play(1, 9, true, (_, actor) => void actions.push(actor.command[0]));
  const raw = new Float32Array(4);
  while (length++ < actions.length) {
    env.observe(raw, 0);
    const action = run.policy.act(raw.map((x) => x / 0.5)) as number; // makeEnv scales; act gets the task's own
    acted.push(action);
    env.act([action], 0);
  }
  expect(acted).toEqual(actions);
  expect(new Set(actions).size).toBe(2);
});

test("save and go on, bit for bit", async () => {
  const options = { algo: "ppo", seed: 4, backend: "loops", settings: small };
  const whole = train("cartpole", { ...options, steps: 320 });
  await whole;
  const first = train("cartpole", { ...options, steps: 320 });
  for await (const { envSteps } of first) if (envSteps >= 160) first.stop();
  const second = train("cartpole", { ...options, steps: 320, saved: first.save() });
  expect(second.steps).toBe(160);
  await second;
  expect(second.save()).toEqual(whole.save());
});

test("what does not fit is refused", async () => {
  const run = train("cartpole", { algo: "ppo", steps: 32, settings: small, backend: "loops" });
  expect(() => run.policy.act([1, 2])).toThrow(ShapeError);
  expect(() => run.policy.act([1, 2, 3, Number.NaN])).toThrow(ShapeError);
  expect(() => run.writer).toThrow(UsageError);
  const text = train(
    { prompts: ["a"], reward: () => 1 },
    { settings: { width: 8, layers: 1, heads: 2 }, backend: "loops" },
  );
  expect(() => text.policy).toThrow(UsageError);
  expect(typeof text.writer.complete("a")).toBe("string");
  const misspelled = { setings: {} } as object;
  expect(() => train("line", misspelled)).toThrow(
    /unknown option of train "setings"; allowed: algo/,
  );
});

test("an evaluation that fails leaves the next one whole", async () => {
  const run = train("cartpole", { algo: "ppo", steps: 32, settings: small, backend: "loops" });
  await run;
  const { returns } = await run.evaluate(3, { seed: 1 });
  await expect(run.evaluate(3, { seed: Number.NaN })).rejects.toThrow(RangeError);
  expect((await run.evaluate(3, { seed: 1 })).returns).toEqual(returns);
});

test("updates and evaluations begun at once take turns", async () => {
  const room = () => {
    let t = 0;
    return {
      observationSpace: { type: "box", low: 0, high: 9, shape: [1] },
      actionSpace: { type: "discrete", n: 2 },
      async reset() {
        t = 0;
        return [t];
      },
      step: async (action: number) => [[++t], action, t === 5, false],
    };
  };
  const options = { algo: "ppo", steps: 64, settings: small, backend: "loops" };
  const begin = () => train({ environment: room } as never, options);
  const alone = begin();
  await alone;
  const expected = await alone.evaluate(4);
  expect(expected.lengths).toEqual([5, 5, 5, 5]);
  const run = begin();
  const drawn: number[] = [];
  const draw = async () => {
    for await (const { envSteps } of run) drawn.push(envSteps);
  };
  await Promise.all([draw(), run, run.evaluate(2)]);
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(await Promise.all([run.evaluate(4), run.evaluate(4)])).toEqual([expected, expected]);
});
