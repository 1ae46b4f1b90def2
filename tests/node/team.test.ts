// @module-tag deep
/** Trainings on several threads: the bits of one thread, whatever the algorithm; threads that fail or end. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { NumericError } from "../../src/core/errors.ts";
import type { State } from "../../src/core/state.ts";
import { nextOf } from "../../src/core/waiting.ts";
import { encodeState } from "../../src/io/state-file.ts";
import { loadOwn } from "../../src/node/own-files.ts";
import { MovingSession, whyAlone } from "../../src/node/threads.ts";
import type { RunRequest } from "../../src/tasks/run.ts";
import { resolve } from "../../src/tasks/run.ts";
import { open, type Session } from "../../src/tasks/session.ts";
import { temporary } from "../support/pigrad.ts";
import { openConfig } from "../support/sessions.ts";

const at = temporary();
const opened: Session[] = [];
afterEach(() => {
  for (const session of opened.splice(0)) session.close();
});

const noCorpus = (name: string): string => name;

async function start(request: RunRequest, threads: number): Promise<MovingSession> {
  const session = openConfig(request);
  session.prepare();
  const moving = new MovingSession(session, noCorpus);
  opened.push(moving.session);
  if (threads > 1) await moving.move(threads);
  return moving;
}

/** Returns the reports of a number of updates, and a hash of the state after them. */
function train({ reports, training }: Session, updates: number) {
  const said = Array.from({ length: updates }, () => ({ ...reports.next().value }));
  const state = createHash("sha256").update(encodeState(training.save() as State));
  return { said, state: state.digest("hex") };
}

const text = { sftUpdates: 3, sftTexts: 24, prompts: 4, groupSize: 4, layers: 1, width: 16 };
interface Training extends RunRequest {
  readonly updates?: number;
  /** Numbers of threads to compare with one. Default: 2. */
  readonly threads?: readonly number[];
}
const trainings: Readonly<Record<string, Training>> = {
  "PPO, several chunks": {
    task: "cartpole",
    algo: "ppo",
    settings: { minibatch: 300 },
    threads: [3],
  },
  "PPO, masks": { task: "taxi", algo: "ppo", settings: { envs: 3, rollout: 50 } },
  "PPO, statistics of observations and rewards": {
    task: "pendulum",
    algo: "ppo",
    settings: { normalizeObservation: true, normalizeReward: true },
  },
  "PPO, statistics of rewards alone, which a rollout scales when all have stepped": {
    task: "cartpole",
    algo: "ppo",
    settings: { normalizeReward: true, envs: 5, rollout: 40 },
    threads: [2, 3],
  },
  "REINFORCE, whole episodes, statistics of rewards": {
    task: "cartpole",
    algo: "reinforce",
    settings: { normalizeReward: true, envs: 5 },
    threads: [3],
  },
  "PPO, memory": {
    task: "cartpole",
    algo: "ppo",
    settings: { memory: 8, rollout: 32, minibatch: 64 },
  },
  "PPO against past selves": {
    task: "connect-four",
    algo: "ppo",
    settings: { envs: 5, rollout: 16 },
    updates: 12,
  },
  "PPO against past selves, who remember too": {
    task: "connect-four",
    algo: "ppo",
    settings: { envs: 4, rollout: 16, minibatch: 32, memory: 4 },
    updates: 14,
  },
  "PPO, an early end at a KL": {
    task: "cartpole",
    algo: "ppo",
    settings: { stopKl: 0.0005, epochs: 10, learningRate: 0.003 },
  },
  "A2C, more threads than environments": {
    task: "cartpole",
    algo: "a2c",
    settings: { envs: 2, rollout: 70 },
    threads: [3],
  },
  IMPALA: { task: "cartpole", algo: "impala", settings: { memory: 4 } },
  TRPO: { task: "cartpole", algo: "trpo", settings: { rollout: 64 }, threads: [3] },
  "REINFORCE, whole episodes": {
    task: "cartpole",
    algo: "reinforce",
    settings: { envs: 5 },
    threads: [3],
  },
  "GRPO on episodes": {
    task: "cartpole",
    algo: "grpo",
    settings: { starts: 2, groupSize: 3 },
    updates: 3,
  },
  "squashed Gaussian": {
    task: "pendulum",
    algo: "ppo",
    settings: { squash: true, normalizeObservation: false, entropyWeight: 0.01, envs: 3 },
  },
  "GRPO, dropout, a reference": {
    task: "arith",
    algo: "grpo",
    settings: { ...text, sftDropout: 0.1, klWeight: 0.01 },
    threads: [3],
    updates: 4,
  },
  "a learned value, top-k": {
    task: "arith",
    algo: "ppo",
    settings: { ...text, topK: 5, temperature: 0.8 },
    updates: 4,
  },
  "dynamic sampling": {
    task: "arith",
    algo: "dapo",
    settings: { ...text, dynamic: 2 },
    updates: 4,
  },
  "a greedy baseline": { task: "arith", algo: "remax", settings: text, updates: 4 },
  "minimum risk in a dialogue": { task: "guess", algo: "mrt", settings: text, updates: 4 },
};

/** One of each kind; the others are long together. */
const kinds = new Set([
  "PPO, several chunks",
  "PPO against past selves",
  "A2C, more threads than environments",
  "GRPO, dropout, a reference",
  "dynamic sampling",
]);

describe("the bits of one thread", () => {
  for (const [name, { updates = 4, threads = [2], ...request }] of Object.entries(trainings)) {
    test(name, { tags: kinds.has(name) ? [] : ["long"] }, async () => {
      const seeded = { seed: 11, steps: 1e6, ...request };
      const alone = train((await start(seeded, 1)).session, updates);
      for (const count of threads)
        expect(train((await start(seeded, count)).session, updates)).toEqual(alone);
    });
  }

  test("a training moves between threads as it goes", { tags: ["long"] }, async () => {
    for (const request of [
      { task: "breakout", algo: "ppo", settings: { envs: 4, rollout: 20, epochs: 1 } },
      { task: "arith", algo: "rloo", settings: text },
    ]) {
      const seeded = { seed: 4, steps: 1e6, ...request };
      const alone = train((await start(seeded, 1)).session, 3);
      const moving = await start(seeded, 1);
      const said = [];
      for (const threads of [2, 1, 3]) {
        await moving.move(threads);
        said.push(...train(moving.session, 1).said);
      }
      expect(said).toEqual(alone.said);
      expect(train(moving.session, 0).state).toBe(alone.state);
    }
  });

  for (const request of [
    { task: "arith", algo: "grpo", seed: 2, steps: 1e6, settings: text },
    { task: "cartpole", algo: "ppo", seed: 2, steps: 1e6 },
    {
      task: "pendulum",
      algo: "ppo",
      seed: 2,
      steps: 1e6,
      settings: { normalizeObservation: true },
    },
  ])
    test(`evaluations in the middle of a training on ${request.task}`, {
      tags: request.task === "pendulum" ? ["long"] : [],
    }, async () => {
      const results = [];
      for (const threads of [1, 2]) {
        const { session } = await start(request, threads);
        train(session, 4);
        const evaluations = [true, false].map((greedy) => session.evaluate(9, 5, greedy, !greedy));
        results.push({ evaluations, after: train(session, 2) });
      }
      expect(results[1]).toEqual(results[0]);
      expect(results[0].evaluations[0].returns).toHaveLength(9);
    });
});

test("the user's own rewards, which answer later, are called once each", async () => {
  const log = at("judged.txt");
  writeFileSync(
    at("judged.mjs"),
    `import { appendFileSync } from "node:fs";
    const judge = (factor) => async (prompt, completion) => {
      appendFileSync(${JSON.stringify(log)}, ".");
      return factor * completion.length + prompt.length;
    };
    export default { prompts: ["ab", "ba", "aab"], completionLength: 4,
      reward: { long: { reward: judge(1), weight: 0.5 }, short: judge(-1) } };`,
  );
  const file = await loadOwn(at("judged.mjs"));
  const settings = { prompts: 2, groupSize: 3, layers: 1, width: 16 };
  const request = {
    task: "judged",
    algo: "rloo",
    seed: 3,
    steps: 1e6,
    files: { task: file },
    settings,
  };
  const results = [];
  for (const threads of [1, 2]) {
    writeFileSync(log, "");
    const { session } = await start(request, threads);
    const said = [];
    for (let i = 0; i < 3; i++) said.push({ ...(await nextOf(session.reports)).value });
    results.push({ said, state: train(session, 0).state });
    expect(readFileSync(log, "utf8")).toHaveLength(3 * 6 * 2);
  }
  expect(results[1]).toEqual(results[0]);
});

/** A task of one's own whose step does `what` once x is 3, but not in the thread that tests. */
async function own(name: string, what: string, more = ""): Promise<RunRequest> {
  writeFileSync(
    at(`${name}.mjs`),
    `import { appendFileSync } from "node:fs";
    import { workerData } from "node:worker_threads";
    const inTeam = workerData?.index > 0;
    export default { environment: () => ({
      observationSpace: { type: "Box", low: 0, high: 9, shape: [1] },
      actionSpace: { type: "Discrete", n: 2 },
      x: 0,
      reset() { this.x = 0; return [0]; },
      step(a) {
        this.x++;
        if (this.x === 3 && inTeam) { ${what} }
        return [[this.x], 1, this.x === 5, false];
      },
      save() { return [this.x]; },
      restore([x]) { this.x = x; },
      ${more}
    }) };`,
  );
  const file = await loadOwn(at(`${name}.mjs`));
  const settings = { normalizeObservation: false, normalizeReward: false };
  return { task: name, algo: "ppo", seed: 1, steps: 1e6, files: { task: file }, settings };
}

describe("a thread that fails", () => {
  test("by an error, or null, of one's own code: the training throws it, and goes no further", async () => {
    for (const [name, what, message] of [
      ["throws", 'throw new Error("out of fuel")', /throws\.mjs: out of fuel/],
      ["nulls", "throw null", /nulls\.mjs: thrown: null/],
    ] as const) {
      const { session } = await start(await own(name, what), 2);
      expect(() => session.reports.next()).toThrow(message);
    }
  });

  test("by ending: with a last word, or without, as where memory runs out", async () => {
    for (const [name, what] of [
      ["exits", "process.exit(0);"],
      ["vanishes", 'process.removeAllListeners("exit"); process.exit(0);'],
    ] as const) {
      const { session } = await start(await own(name, what), 2);
      expect(() => session.reports.next()).toThrow(/^a thread failed: /);
    }
  });

  test("with the typed error of a diverging training", async () => {
    const settings = { means: "1e308,-1e308" };
    const request = { task: "bandit", algo: "reinforce", seed: 9, steps: 1e6, settings };
    const { session } = await start(request, 2);
    const run = (): void => {
      for (let update = 0; update < 500; update++) session.reports.next();
    };
    const alone = openConfig(request);
    const first = (): void => {
      for (let update = 0; update < 500; update++) alone.reports.next();
    };
    expect(first).toThrow(NumericError);
    expect(run).toThrow(NumericError);
  });

  test("does not keep what it leaves: the environments of each session are closed when it moves on", async () => {
    const log = at("closed.txt");
    const close = `close() { appendFileSync(${JSON.stringify(log)}, "."); },`;
    const request = await own("closes", "", close);
    const { settings } = request;
    writeFileSync(log, "");
    const moving = await start({ ...request, settings: { ...settings, envs: 4 } }, 1);
    const closed = async (least: number): Promise<number> => {
      for (let i = 0; i < 100 && readFileSync(log).length < least; i++) await wait(20);
      return readFileSync(log).length;
    };
    const checks = readFileSync(log).length; // of each loading: an environment is made to look at its spaces
    await moving.move(2);
    expect(await closed(2 * checks + 4)).toBe(2 * checks + 4);
    await moving.move(1);
    expect(await closed(2 * checks + 12)).toBe(2 * checks + 12); // in both threads
  });

  test("as it starts: the session stays as it was", async () => {
    const request = await own("starts", "");
    const { session } = await start(request, 1);
    const before = train(session, 1);
    writeFileSync(at("starts.mjs"), "export default { environment: () => null };");
    const moving = new MovingSession(session, noCorpus);
    await expect(moving.move(2)).rejects.toThrow(/starts\.mjs/);
    expect(moving.session.training.update).toBe(1);
    expect(train(moving.session, 1).said).not.toEqual(before.said);
  });
});

test("what stays on one thread says why", () => {
  const alone = (request: RunRequest): string | null => whyAlone(open(resolve(request)));
  expect(alone({ task: "cartpole", algo: "ppo" })).toBeNull();
  expect(alone({ task: "line", algo: "a3c" })).toMatch(/a3c has threads of its own/);
});
