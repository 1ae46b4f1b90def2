// @module-tag deep
/** --threads of the commands: the same files and figures with any number; and what finds a number by itself. */
import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { AutoThreads } from "../../src/node/auto-threads.ts";
import type { MovingSession } from "../../src/node/threads.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";
import { openConfig } from "../support/sessions.ts";

const at = temporary();
const checkpoint = (run: string): Buffer => readFileSync(at(run, "checkpoint.safetensors"));

test("train, resume and eval give the same with one thread and with two", async () => {
  const train = ["train", "cartpole", "--quiet", "--steps"];
  const of = async (run: string, ...args: string[]): Promise<void> => {
    const { status, stderr } = await pigrad(...args, "--out", at(run));
    expect([status, stderr]).toEqual([0, ""]);
  };
  await of("one", ...train, "4096", "--threads", "1");
  await of("two", ...train, "4096", "--threads", "2");
  await of("both", ...train, "4096", "--threads", "2", "--until-steps", "2048");
  expect((await pigrad("train", "--resume", at("both"), "--threads", "1")).stderr).toBe("");
  for (const run of ["two", "both"]) expect(checkpoint(run)).toEqual(checkpoint("one"));
  const evaluations = [];
  for (const threads of ["1", "2"]) {
    const how = ["--episodes", "7", "--sample", "--json", "--threads", threads];
    evaluations.push(jsonLines((await pigrad("eval", at("one"), ...how)).stdout));
  }
  expect(evaluations[1]).toEqual(evaluations[0]);
  expect(evaluations[0][0].returns).toHaveLength(7);
});

test("what runs on one thread says so; what does not go together is refused", async () => {
  const { stdout, status } = await pigrad(
    "train",
    "line",
    "--algo",
    "a3c",
    "--steps",
    "500",
    "--threads",
    "2",
    "--out",
    at("a3c"),
  );
  expect(status).toBe(0);
  expect(stdout).toContain("on one thread: a3c has threads of its own");
  const refused = async (...args: string[]) => (await pigrad(...args)).stderr;
  expect(await refused("train", "line", "--threads", "0")).toContain("from 1 to 64");
  expect(await refused("eval", at("a3c"), "--threads", "2", "--set", "maxSteps=3")).toContain(
    "--threads: expected neither --best, --set nor --workers beside it",
  );
});

/** Feeds updates of so many steps per second to AutoThreads; returns where it moved to. */
async function moves(
  task: string,
  speeds: (threads: number) => number,
  cores = 4,
  updates = 200,
  before = 0,
): Promise<number[]> {
  const session = openConfig({ task, steps: 1e6 });
  const moved: number[] = [];
  let threads = 1;
  const move = async (count: number): Promise<void> => {
    if (speeds(count) < 0) throw new Error("no memory");
    moved.push(count);
    threads = count;
  };
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  try {
    const auto = new AutoThreads({ session, move } as unknown as MovingSession, cores);
    for (let update = 1, envSteps = before; update < updates; update++) {
      now += update <= 2 ? 5000 : 100; // the first updates are slow, and do not count
      envSteps += speeds(threads) / 10;
      const report = { update, envSteps, episodes: 0, meanReturn: 0, meanLength: 0 };
      await auto.after(report);
    }
  } finally {
    clock.mockRestore();
  }
  return moved;
}

test("all cores where they help, one where they do not, or where the training is short", async () => {
  expect(await moves("cartpole", (threads) => 1000 * threads)).toEqual([4]);
  expect(await moves("cartpole", () => 1000)).toEqual([4, 1]);
  expect(await moves("cartpole", (threads) => (threads > 1 ? 1140 : 1000))).toEqual([4, 1]);
  expect(await moves("cartpole", (threads) => (threads > 1 ? 1160 : 1000))).toEqual([4]);
  expect(await moves("cartpole", () => 1e6)).toEqual([]); // a second in all
  expect(await moves("arith", (threads) => 1e6 * threads)).toEqual([4]); // its length is not known
  expect(await moves("arith", (threads) => 1e6 * threads, 4, 30)).toEqual([]); // within three seconds
  expect(await moves("cartpole", (threads) => 1000 * threads, 1)).toEqual([]);
  expect(await moves("cartpole", (threads) => 1000 * threads, 4, 200, 5e5)).toEqual([4]); // resumed
  expect(await moves("cartpole", (threads) => (threads > 1 ? -1 : 1000))).toEqual([]);
});
