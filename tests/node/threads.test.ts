// @module-tag deep
/** Trainings on threads: the results of each job, the message of a failure, and that all threads end after it. */

import threads, { type WorkerOptions } from "node:worker_threads";
import { expect, test } from "vitest";
import type { Report } from "../../src/algos/training.ts";
import { shareOf } from "../../src/core/team.ts";
import { a3cThreads } from "../../src/node/a3c-threads.ts";
import { type SweepJob, type SweepResult, sweep } from "../../src/node/sweep.ts";
import { patched } from "../support/patched.ts";
import { configOf, openControl } from "../support/sessions.ts";

const job = (seed: number, more: Partial<SweepJob> = {}, settings = {}): SweepJob => ({
  config: configOf({ task: "bandit", steps: 1600, seed, settings }),
  episodes: 3,
  evaluationSeed: 11,
  threshold: null,
  ...more,
});
/** The reports of a training in this process. */
function reportsOf(config: SweepJob["config"], session = openControl(config)): Report[] {
  const reports: Report[] = [];
  for (const report of session.reports) {
    reports.push({ ...report });
    if (report.envSteps >= config.steps) break;
  }
  return reports;
}
/** Runs the same training in this process. */
function trained({ config, episodes, evaluationSeed, threshold }: SweepJob) {
  const session = openControl(config);
  const reports = reportsOf(config, session);
  const goal = threshold ?? Infinity;
  const reached = reports.find((r) => r.episodes >= 100 && r.meanReturn >= goal);
  const last = reports[reports.length - 1];
  const tenths = Array.from({ length: 10 }, (_, i) => ((i + 1) * config.steps) / 10);
  return {
    config,
    stepsToThreshold: reached?.envSteps ?? null,
    curve: tenths.map((t) => reports.find(({ envSteps }) => envSteps >= t)?.meanReturn),
    trainingReturn: last.meanReturn,
    envSteps: last.envSteps,
    evaluation: session.evaluate(episodes, evaluationSeed, true),
  };
}
const figures = ({ seconds: _, ...rest }: SweepResult) => rest;

test("a sweep's results are those of trainings one by one, in the order of the jobs", async () => {
  const jobs = [job(3), job(1, { threshold: -1e9, episodes: 2 }), job(2, { threshold: 1e9 })];
  const told: SweepResult[] = [];
  const results = await sweep(jobs, 2, (result) => told.push(result));
  expect(results.map(figures)).toEqual(jobs.map(trained));
  expect(new Set(told)).toEqual(new Set(results));
  expect(results[1].stepsToThreshold).not.toBe(null);
  expect(results[2].stepsToThreshold).toBe(null);
  for (const { seconds } of results) {
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(600);
  }
  // a threshold that is met exactly counts, and the first time it is met
  const met = reportsOf(job(4).config).filter(({ episodes }) => episodes >= 100);
  const best = met.reduce((a, b) => (b.meanReturn > a.meanReturn ? b : a));
  const [exact] = await sweep([job(4, { threshold: best.meanReturn })], 1);
  expect(exact.stepsToThreshold).toBe(best.envSteps);
  expect(await sweep([], 3)).toEqual([]);
});

test("a training that diverges is a result with its message; any other failure ends the sweep", async () => {
  const diverges = {
    ...job(9),
    config: configOf({ task: "bandit", seed: 9, settings: { means: "1e308,-1e308" } }),
  };
  const [first, bad, last] = await sweep([job(1), diverges, job(2)], 1);
  expect(bad).toMatchObject({ envSteps: 0, evaluation: { episodes: 0, meanReturn: Number.NaN } });
  expect(bad.failure).toMatch(/^update 1: .*not finite/);
  expect(bad.seconds).toBeGreaterThan(0);
  for (const { failure, evaluation } of [first, last])
    expect([failure, evaluation.episodes]).toEqual([undefined, 3]);
  const gone = { ...job(9).config, files: { task: { path: "/no/such.mjs", sha256: "" } } };
  await expect(sweep([job(1), job(9, { config: gone }), job(2)], 1)).rejects.toThrow(
    /^bandit reinforce, seed 9: .no.such.mjs: the run's task is not there/,
  );
});

/** Ends the next thread that is started from outside, as a full memory would. */
function endNext(): void {
  process.once("worker", (worker) => worker.once("online", () => worker.terminate()));
}

test("a thread that ends without a message ends the sweep, or A3C, by its seed", async () => {
  endNext();
  await expect(sweep([job(4, {}, { envs: 4 })], 1)).rejects.toThrow(
    "bandit reinforce, seed 4: its thread ended with code 1",
  );
  const config = configOf({ task: "line", algo: "a3c", seed: 6, settings: { threads: 2 } });
  endNext();
  const run = async (): Promise<void> => {
    for await (const _ of a3cThreads(openControl(config)));
  };
  await expect(run()).rejects.toThrow("a3c: thread 0, seed 6: ended with code 1");
});

test("A3C on threads counts every worker's steps and episodes, once", async () => {
  const settings = { threads: 2, workers: 3, rollout: 5 };
  const config = configOf({ task: "line", algo: "a3c", steps: 1e9, settings });
  const session = openControl(config);
  const before = session.training.model.parameters.list.map(({ data }) => [...data]);
  const reports = [];
  for await (const report of a3cThreads(session)) {
    reports.push({ ...report });
    if (report.envSteps > 3000) break;
  }
  const [first, last] = [reports[0], reports[reports.length - 1]];
  expect(first.envSteps).toBeGreaterThan(0);
  for (const { envSteps } of reports) expect(envSteps % 5).toBe(0); // whole rollouts
  expect(reports.map(({ update }) => update)).toEqual(reports.map((_, i) => i + 1));
  expect(last.episodes).toBeGreaterThan(0);
  expect(last.episodes * 8).toBeLessThan(last.envSteps); // an episode of the line takes more than 8 steps
  expect(session.training.envSteps).toBe(last.envSteps);
  const after = session.training.model.parameters.list.map(({ data }) => [...data]);
  expect(after).not.toEqual(before); // the weights came back
  const { envSteps } = session.training;
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(session.training.envSteps).toBe(envSteps); // nobody trains on
});

test("A3C's workers are dealt out to the threads, each to one", async () => {
  const dealt: number[][] = [];
  const { Worker } = threads;
  const restore = patched(threads, {
    Worker: class extends Worker {
      constructor(path: string | URL, options: WorkerOptions) {
        dealt.push(options.workerData.workers);
        super(path, options);
      }
    },
  });
  try {
    const settings = { threads: 3, workers: 7 };
    const config = configOf({ task: "bandit", algo: "a3c", settings });
    for await (const _ of a3cThreads(openControl(config))) break;
    const few = configOf({ task: "bandit", algo: "a3c", settings: { threads: 3, workers: 1 } });
    for await (const _ of a3cThreads(openControl(few))) break;
  } finally {
    restore();
  }
  expect(dealt).toEqual([[0, 3, 6], [1, 4], [2, 5], [0]]);
});

test("a thread of A3C that fails is named, with the run's seed", async () => {
  const settings = { threads: 2, workers: 2, means: "1e308,-1e308" };
  const config = configOf({ task: "bandit", algo: "a3c", seed: 5, settings });
  const reports = a3cThreads(openControl(config));
  const run = async (): Promise<void> => {
    for await (const _ of reports);
  };
  await expect(run()).rejects.toThrow(/^a3c: thread [01], seed 5: .*not finite/);
});

test("rows are shared out whole, in order, as evenly as can be", () => {
  for (const threads of [1, 2, 3, 7]) {
    for (const rows of [0, 1, 6, 7, 100]) {
      const starts = Array.from({ length: threads + 1 }, (_, i) => shareOf(rows, threads, i));
      expect([starts[0], starts[threads]]).toEqual([0, rows]);
      const sizes = starts.slice(1).map((end, i) => end - starts[i]);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(0);
    }
  }
});
