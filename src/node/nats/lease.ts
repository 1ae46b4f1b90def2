/** Keeps a taken job's lease by heartbeats, and notices that the job was answered or withdrawn. */
import type { JsMsg } from "@nats-io/jetstream";
import type { AttemptRecord } from "./attempts.ts";
import { idle, type Link } from "./link.ts";
import { leaseOf, type Names } from "./streams.ts";

export interface LeaseOptions {
  readonly record: AttemptRecord;
  /** Called when the job was answered by another worker, or withdrawn by its giver. */
  readonly withdraw: () => void;
}

const longWork = 600_000; // milliseconds after which earlier deaths no longer count

/**
 * Returns whether a taken job is still in the queue. An acknowledgement names a message by its number alone, and
 * after a loss of the store the number is another job's.
 */
export async function isQueued(link: Link, names: Names, message: JsMsg): Promise<boolean> {
  const found = await link.ask("cannot see the queue", () =>
    link.jsm.streams.getMessage(names.jobs, { seq: message.seq }),
  );
  return found !== null && found.subject === message.subject;
}

/** Sends heartbeats, three per lease, until `end` is called. */
export function keepLease(
  link: Link,
  names: Names,
  message: JsMsg,
  { record, withdraw }: LeaseOptions,
): { end(): void } {
  let ended = false;
  const begun = Date.now();
  let isLong = false;
  const run = async (): Promise<void> => {
    const lease = await leaseOf(link, names);
    while (!ended) {
      message.working();
      await idle((1000 * lease) / 3);
      if (ended) return;
      if (!(await isQueued(link, names, message)) && !ended) return withdraw();
      if (isLong || Date.now() - begun < longWork) continue;
      isLong = true;
      await record.write({ ...(await record.read()), deaths: 0 });
    }
  };
  run().catch(() => {}); // what ends the connection is told by those who wait for jobs
  return {
    end() {
      ended = true;
    },
  };
}
