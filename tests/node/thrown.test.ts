/** What a thread throws is told in words, where it is no error too. */
import { threadId } from "node:worker_threads";
import { expect, test } from "vitest";
import { Team } from "../../src/node/team.ts";
import type { Settings } from "./thrown-part.ts";

const program = new URL("thrown-part.ts", import.meta.url);
function start(when: Settings["when"]): Promise<Team> {
  const settings: Settings = { when, home: threadId };
  return Team.start({ program, settings, threads: 2, columns: { x: 2 } });
}

test("null as a thread is made: start is refused with an error that says so", async () => {
  const failure = await start("made").then(
    () => "started",
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Error);
  expect((failure as Error).message).toBe("thread 1 failed: thrown: null");
});

test("null as a thread runs: the run fails by the thread's number", async () => {
  const team = await start("run");
  try {
    expect(() => team.run(2)).toThrow("thread 1 failed");
  } finally {
    await team.stop();
  }
});
