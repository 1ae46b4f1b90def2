/**
 * The streams and buckets that workers and givers share on a server, by a prefix: jobs, a work queue; results, with the
 * record of attempts; and an object store for what is larger than a message.
 */
import { SettingError } from "../../core/errors.ts";
import type { Link } from "./link.ts";
import { apiCodeOf, apiCodes } from "./link-errors.ts";

/** Names on the server. */
export interface Names {
  readonly jobs: string;
  readonly results: string;
  readonly blobs: string;
  readonly consumer: string;
  /** Subjects of a giver's messages; of one job with an id. */
  subject(kind: SubjectKind, giver?: string, id?: string): string;
}
/** "answers" are those to pieces of sampling, which are not stored. */
export type SubjectKind = "jobs" | "results" | "attempts" | "notes" | "beats" | "answers";

export const usualPrefix = "pigrad";
/** Seconds without a heartbeat after which a job goes to another worker. */
export const usualLease = 30;

const MiB = 2 ** 20;
/** Bytes that the server reserves for each. */
export const mostBytes = { jobs: 64 * MiB, results: 256 * MiB, blobs: 2048 * MiB } as const;
export const mostAge = 30 * 24 * 3600 * 1e9; // nanoseconds: 30 days

/** Returns the names under a prefix. Throws SettingError for one that the server would not take. */
export function namesOf(prefix: string): Names {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(prefix))
    throw new SettingError(
      `--queue: expected 1 to 32 letters, digits, - or _, got ${JSON.stringify(prefix)}`,
    );
  return {
    jobs: `${prefix}-jobs`,
    results: `${prefix}-results`,
    blobs: `${prefix}-blobs`,
    consumer: "workers",
    subject: (kind, giver, id) =>
      [
        prefix,
        kind,
        ...(giver === undefined ? [] : [giver]),
        ...(id === undefined ? [] : [id]),
      ].join("."),
  };
}

/** Makes what is missing on the server. A `lease` in seconds is set on the queue; without one, it stays as it is. */
export async function ensureStreams(link: Link, names: Names, lease?: number): Promise<void> {
  const { jsm } = link;
  const common = { max_age: mostAge, storage: "file", num_replicas: 1 } as const;
  const any = (kind: SubjectKind): string => `${names.subject(kind)}.>`;
  await addStream(link, {
    ...common,
    name: names.jobs,
    subjects: [any("jobs")],
    retention: "workqueue",
    discard: "new",
    max_bytes: mostBytes.jobs,
  });
  await addStream(link, {
    ...common,
    name: names.results,
    subjects: [any("results"), any("attempts")],
    discard: "new",
    max_msgs_per_subject: 1,
    max_bytes: mostBytes.results,
  });
  await link.ask("cannot make the object store", () =>
    ifMissing(
      () => jsm.streams.info(`OBJ_${names.blobs}`),
      () =>
        new link.client.obj.Objm(link.nc).create(names.blobs, {
          max_bytes: mostBytes.blobs,
          ttl: mostAge,
        }),
    ),
  );
  await ensureConsumer(link, names, lease);
}

type StreamOptions = Parameters<Link["jsm"]["streams"]["add"]>[0];

const addStream = (link: Link, options: StreamOptions): Promise<unknown> =>
  link.ask(`cannot make the stream ${options.name}`, () =>
    ifMissing(
      () => link.jsm.streams.info(options.name),
      () => link.jsm.streams.add(options),
    ),
  );

async function ensureConsumer(link: Link, names: Names, lease: number | undefined): Promise<void> {
  const { jsm } = link;
  const ack_wait = (lease ?? usualLease) * 1e9;
  await link.ask("cannot make the queue's consumer", async () => {
    const found = await ifMissing(
      () => jsm.consumers.info(names.jobs, names.consumer),
      () =>
        jsm.consumers.add(names.jobs, {
          durable_name: names.consumer,
          ack_policy: "explicit",
          max_deliver: -1,
          max_ack_pending: 10_000,
          ack_wait,
        }),
    );
    if (lease !== undefined && found.config.ack_wait !== ack_wait)
      await jsm.consumers.update(names.jobs, names.consumer, { ack_wait });
  });
}

/** Makes what is not there. Another process may make it at the same time: then it is there. */
async function ifMissing<T>(look: () => Promise<T>, make: () => Promise<unknown>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    const code = apiCodeOf(error);
    if (code !== apiCodes.streamNotFound && code !== apiCodes.consumerNotFound) throw error;
  }
  try {
    await make();
  } catch (error) {
    if (apiCodeOf(error) !== apiCodes.streamExists) throw error;
  }
  return await look();
}

/** Returns the queue's lease in seconds. */
export async function leaseOf(link: Link, names: Names): Promise<number> {
  const { config } = await link.ask("cannot read the queue's consumer", () =>
    link.jsm.consumers.info(names.jobs, names.consumer),
  );
  return (config.ack_wait ?? usualLease * 1e9) / 1e9;
}
