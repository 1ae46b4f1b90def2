/** The heartbeats of a job that a worker does. */
import type { JsMsg } from "@nats-io/jetstream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepLease } from "../../src/node/nats/lease.ts";
import type { Link } from "../../src/node/nats/link.ts";
import type { Names } from "../../src/node/nats/streams.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Holds a job of a lease of six seconds for `seconds`; returns when its heartbeats came, and whether it was withdrawn. */
async function held(seconds: number, queued: (at: number) => boolean) {
  const begun = Date.now();
  const elapsed = (): number => (Date.now() - begun) / 1000;
  const beats: number[] = [];
  const deaths: number[] = [];
  let withdrawn = false;
  const subject = "jobs.1";
  const link = {
    ask: (_: string, question: () => unknown) => Promise.resolve(question()),
    jsm: {
      consumers: { info: () => ({ config: { ack_wait: 6e9 } }) },
      streams: { getMessage: () => (queued(elapsed()) ? { subject } : null) },
    },
  };
  const lease = keepLease(
    link as unknown as Link,
    {} as Names,
    { seq: 1, subject, working: () => beats.push(elapsed()) } as unknown as JsMsg,
    {
      record: {
        read: async () => ({ deaths: 2 }),
        write: async (record: { deaths: number }) => void deaths.push(record.deaths),
      } as never,
      withdraw: () => {
        withdrawn = true;
      },
    },
  );
  await vi.advanceTimersByTimeAsync(1000 * seconds);
  lease.end();
  await vi.advanceTimersByTimeAsync(20_000);
  return { beats, withdrawn, deaths };
}

test("three heartbeats a lease, until the job is done", async () => {
  const { beats, withdrawn } = await held(7, () => true);
  expect(beats).toEqual([0, 2, 4, 6]);
  expect(withdrawn).toBe(false);
});

test("a job that is no longer queued is withdrawn, and has no more heartbeats", async () => {
  const { beats, withdrawn } = await held(30, (at) => at < 5);
  expect(beats).toEqual([0, 2, 4]);
  expect(withdrawn).toBe(true);
});

test("earlier deaths are forgotten, once, after ten minutes of work", async () => {
  expect((await held(598, () => true)).deaths).toEqual([]);
  expect((await held(1000, () => true)).deaths).toEqual([0]);
});
