// @module-tag deep
/** Training in a folder: why it stops, when it writes a checkpoint, what its figures say. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import type { LanguageTraining } from "../../src/algos/language-training.ts";
import type { Report } from "../../src/algos/training.ts";
import { EventFile } from "../../src/node/event-file.ts";
import { closeRun, createRun, openRun, readMetrics, resumeRun } from "../../src/node/run-folder.ts";
import { type TrainRunOptions, trainRun } from "../../src/node/train-run.ts";
import type { Session } from "../../src/tasks/session.ts";
import { readEvents } from "../support/event-file.ts";
import { temporary } from "../support/pigrad.ts";
import { configOf, openConfig } from "../support/sessions.ts";

const at = temporary();
let count = 0;
const perUpdate = 32; // environment steps

/** Trains in a new folder; `watch` is asked after each update. */
async function train(
  stop: Partial<TrainRunOptions>,
  watch?: (report: Report) => void,
  steps = 320,
) {
  const folder = at(`run${count++}`);
  const settings = { envs: 2, rollout: 16, epochs: 1, hidden: [4] };
  const session = openConfig(configOf({ task: "cartpole", steps, settings }));
  createRun(folder, session.config);
  const updates: number[] = [];
  const trained = await trainRun(folder, session, { checkpointEvery: 1e9, ...stop }, (report) => {
    updates.push(report.update);
    watch?.(report);
  });
  closeRun(folder);
  return { ...trained, folder, updates, session };
}

test("it ends at its steps, or at the steps it is told where they are fewer", async () => {
  const whole = await train({});
  expect([whole.why, whole.last?.envSteps, whole.updates.length]).toEqual(["steps", 320, 10]);
  const sooner = await train({ untilSteps: 100 });
  expect([sooner.why, sooner.last?.envSteps]).toEqual(["steps", 128]);
  const later = await train({ untilSteps: 1000 });
  expect([later.why, later.last?.envSteps]).toEqual(["steps", 320]);
  const exact = await train({ untilSteps: 2 * perUpdate });
  expect(exact.updates.length).toBe(2);
});

test("it ends after its seconds; none at all for none", async () => {
  const none = await train({ untilSeconds: 0 });
  expect([none.why, none.last, none.updates]).toEqual(["time", null, []]);
  expect(existsSync(`${none.folder}/checkpoint.safetensors`)).toBe(false);
  const some = await train({ untilSeconds: 0.05 }, undefined, 1e9);
  expect(some.why).toBe("time");
  expect(some.seconds).toBeGreaterThanOrEqual(0.05);
  expect(some.updates.length).toBeGreaterThan(0);
});

test("it ends at its return, once a hundred episodes have ended", async () => {
  const reports: Report[] = [];
  const { why, last } = await train({ untilReturn: 5 }, (r) => reports.push({ ...r }), 1e6);
  expect(why).toBe("return");
  expect(last?.episodes).toBeGreaterThanOrEqual(100);
  const before = reports.slice(0, -1).filter(({ meanReturn }) => meanReturn >= 5);
  expect(before.length).toBeGreaterThan(0); // reached it before, with fewer episodes
  expect(before.every(({ episodes }) => episodes < 100)).toBe(true);
  expect((await train({ untilReturn: 1e6 })).why).toBe("steps");
});

test("it ends as the caller wishes, or at a signal, with a checkpoint; no listener is left", async () => {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const listeners = () => signals.map((name) => process.listenerCount(name));
  const before = listeners();
  let asked = 0;
  const asking = await train({ interrupted: () => ++asked > 3 });
  expect([asking.why, asking.updates.length]).toEqual(["signal", 3]);
  expect(existsSync(`${asking.folder}/checkpoint.safetensors`)).toBe(true);
  for (const name of signals) {
    const { why, updates } = await train({}, ({ update }) => {
      if (update === 2) process.emit(name);
    });
    expect([why, updates.length]).toEqual(["signal", 2]);
  }
  expect(listeners()).toEqual(before);
});

test("a checkpoint is written at the first update, then each time its steps are passed, and at the end", async () => {
  const written: number[] = [];
  let last = "none";
  const folder = at(`run${count}`); // the one that train makes
  const look = (): void => {
    const file = `${folder}/checkpoint.safetensors`;
    const now = existsSync(file) ? readFileSync(file, "latin1") : "none"; // two may have one time
    if (now !== last) written.push(readMetrics(folder).length);
    last = now;
  };
  await train({ checkpointEvery: 100 }, look);
  look();
  // after updates of 32 steps: 32 (the first), 128, 224, 320; seen at the next update
  expect(written).toEqual([1, 4, 7, 10]);
});

test("metrics have a line an update, whose seconds go on from those before", async () => {
  const { folder } = await train({ secondsBefore: 1000 });
  const metrics = readMetrics(folder);
  expect(metrics.map(({ update }) => update)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(metrics.map(({ envSteps }) => envSteps)).toEqual(metrics.map(({ update }) => 32 * update));
  for (const { seconds } of metrics) {
    expect(seconds).toBeGreaterThan(1000);
    expect(seconds).toBeLessThan(1100);
  }
});

test("a finished run has nothing left to do", async () => {
  const { folder } = await train({});
  const before = readFileSync(`${folder}/metrics.jsonl`, "utf8");
  const session = resumeRun(folder);
  const { last, why } = await trainRun(folder, session, { checkpointEvery: 1 }, () => {});
  closeRun(folder);
  expect([last, why]).toEqual([null, "steps"]);
  expect(readFileSync(`${folder}/metrics.jsonl`, "utf8")).toBe(before);
});

test("a run that has nothing to learn is a run all the same, with its first weights", async () => {
  const config = configOf({ task: "number-words", algo: "sft", settings: { sftUpdates: 0 } });
  const [folder, session] = [at(`run${count++}`), openConfig(config)];
  createRun(folder, session.config);
  const { why, last } = await trainRun(folder, session, { checkpointEvery: 1 }, () => {});
  closeRun(folder);
  expect([why, last]).toEqual(["end", null]);
  const weights = ({ training }: Session): unknown =>
    (training as LanguageTraining).gpt.parameters.list.map(({ data }) => [...data]);
  expect(weights(openRun(folder))).toEqual(weights(session));
});

test("an event file has the finite figures of each report at its environment steps", () => {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  const board = new EventFile(at());
  const [name] = readdirSync(at()).filter((file) => file.startsWith("events.out.tfevents."));
  const events = () => readEvents(readFileSync(at(name)));
  const add = (report: { envSteps: number }): void => board.add(report);
  add({ envSteps: 300, meanReturn: -1.5, loss: 0.25, bad: Number.NaN } as { envSteps: number });
  now = 2000;
  add({ envSteps: 7, meanReturn: 2 } as { envSteps: number });
  expect(events()).toHaveLength(1); // written every two seconds
  now = 2001;
  add({ envSteps: 8 });
  expect(events()).toHaveLength(4);
  add({ envSteps: 9 });
  expect(events()).toHaveLength(4);
  board.flush();
  board.flush();
  clock.mockRestore();
  const [header, ...written] = events();
  expect(header.version).toBe("brain.Event:2");
  expect(Number(name.split(".")[3])).toBe(Math.floor(header.time));
  expect(Math.abs(header.time - Date.now() / 1000)).toBeLessThan(600);
  expect(written.map(({ step, scalars }) => [step, scalars])).toEqual([
    [300, { meanReturn: -1.5, loss: 0.25 }],
    [7, { meanReturn: 2 }],
    [8, {}],
    [9, {}],
  ]);
});
