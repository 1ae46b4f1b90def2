/** The worker's end of the work queue: takes a job per free slot, keeps its lease while it is done, and answers it. */
import type { Consumer, JsMsg } from "@nats-io/jetstream";
import { messageOf } from "../../core/thrown.ts";
import { type Answered, Answers } from "./answers.ts";
import { AttemptRecord, type Attempts, mostDeaths, mostFailures } from "./attempts.ts";
import { Blobs } from "./blobs.ts";
import { keepLease } from "./lease.ts";
import { idle, type Link, pause } from "./link.ts";
import { apiCodeOf, apiCodes, LinkError } from "./link-errors.ts";
import { beat, tell, type WorkerSign } from "./signs.ts";
import { ensureStreams, type Names, namesOf } from "./streams.ts";
import { bodyOf, decode, type Envelope, protocol, shortened } from "./wire.ts";

/** A job in a worker's hands. */
export interface Taken {
  readonly giver: string;
  readonly id: string;
  readonly kind: string;
  readonly body: unknown;
  /** Aborted when the worker stops, or another one has answered, or the giver has withdrawn the job. */
  readonly signal: AbortSignal;
  /** The server's object store. Objects of this job's giver begin with its name and a slash. */
  readonly blobs: Blobs;
}

/** Thrown by a handler for a job that this worker cannot do, but another one may. */
export class Refusal extends Error {}

export interface TakeOptions {
  readonly prefix: string;
  readonly version: string;
  readonly sign: WorkerSign;
  /** Jobs at once. */
  readonly slots: number;
  /** Stops taking; jobs in hand go back to the queue. */
  readonly signal: AbortSignal;
  /** Shows a line to a person. */
  readonly show: (line: string) => void;
}

/** Does a job in a slot and returns the answer's body, which is sent as JSON. */
export type Handler = (job: Taken, slot: number) => Promise<unknown>;

const waitForJob = 5000; // milliseconds of one request for a job
const againAfter = 500; // milliseconds after which a job that was put back is offered again
const restAfter = 3000; // milliseconds for which the slot that put it back leaves it to others

/** Takes and does jobs until the signal says stop. Throws SettingError where the server is away for too long. */
export async function take(link: Link, options: TakeOptions, handler: Handler): Promise<void> {
  const names = namesOf(options.prefix);
  await ensureStreams(link, names);
  const taker = new Taker(link, names, await Blobs.open(link, names), options, handler);
  const silence = beat(link, names, options.sign);
  try {
    await Promise.all(Array.from({ length: options.slots }, (_, slot) => taker.work(slot)));
  } finally {
    silence();
  }
}

class Taker {
  private readonly link: Link;
  private readonly names: Names;
  private readonly blobs: Blobs;
  private readonly options: TakeOptions;
  private readonly handler: Handler;
  private readonly answers: Answers;
  private readonly stopped: Promise<null>;

  constructor(link: Link, names: Names, blobs: Blobs, options: TakeOptions, handler: Handler) {
    this.link = link;
    this.names = names;
    this.blobs = blobs;
    this.options = options;
    this.handler = handler;
    this.answers = new Answers(link, names, blobs, options);
    this.stopped = new Promise((resolve) => {
      options.signal.addEventListener("abort", () => resolve(null), { once: true });
    });
  }

  async work(slot: number): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      const message = await this.next();
      if (message === null) continue;
      if (signal.aborted) message.nak();
      else await this.handle(message, slot);
    }
  }

  /** Returns the next job; null if none came in time. */
  private async next(): Promise<JsMsg | null> {
    return this.link.ask("cannot take a job", async () => {
      try {
        const consumer = await this.consumer();
        const late = idle(waitForJob + 5000).then(() => null); // the server may have gone meanwhile
        const next = consumer.next({ expires: waitForJob });
        const first = await Promise.race([next, late, this.stopped]);
        if (first === null) next.then((message) => message?.nak()).catch(() => {});
        return first;
      } catch (error) {
        const code = apiCodeOf(error);
        const isGone = code === apiCodes.streamNotFound || code === apiCodes.consumerNotFound;
        if (isGone)
          await ensureStreams(this.link, this.names); // the server lost its store
        else if ((error as Error)?.name === "JetStreamStatusError") await pause(250);
        else throw error;
        return null;
      }
    });
  }

  private readonly consumer = (): Promise<Consumer> =>
    this.link.js.consumers.get(this.names.jobs, this.names.consumer);

  /** Does one job. Whatever happens to it, the worker goes on. */
  private async handle(message: JsMsg, slot: number): Promise<void> {
    const [giver, id] = message.subject.split(".").slice(-2);
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    this.options.signal.addEventListener("abort", abort);
    const record = new AttemptRecord(this.link, this.names, giver, id);
    const lease = keepLease(this.link, this.names, message, { record, withdraw: abort });
    const job = { giver, id, message, record, signal: stop.signal, slot };
    try {
      if (await this.answers.has(giver, id)) await this.answers.finish(message);
      else await this.attempt(job);
    } catch (error) {
      this.putBack(error, job);
      if (!stop.signal.aborted) await Promise.race([pause(restAfter), this.stopped]);
    } finally {
      lease.end();
      this.options.signal.removeEventListener("abort", abort);
    }
  }

  /** Returns a job to the queue that was refused, that could not be answered, or that this worker leaves. */
  private putBack(error: unknown, { message, giver, id, signal }: Attempt): void {
    const { show, sign } = this.options;
    if (this.options.signal.aborted) message.nak();
    else if (signal.aborted) show(`job ${id} was answered elsewhere or withdrawn`);
    else {
      message.nak(againAfter);
      const refuses = error instanceof Refusal;
      const text = messageOf(error);
      show(`${refuses ? "refused" : "put back"}: ${text}`);
      tell(this.link, this.names, giver, { ...sign, text, refuses });
    }
  }

  private async attempt(job: Attempt): Promise<void> {
    const { record, signal } = job;
    const before = await record.read();
    const gaveUp = exhausted(before);
    if (gaveUp !== null) return this.answers.store(job, "failed", gaveUp);
    await record.write({ ...before, deaths: before.deaths + 1 });
    let answer: unknown;
    try {
      answer = await this.doJob(job);
    } catch (error) {
      if (signal.aborted || error instanceof Refusal || error instanceof LinkError) {
        await record.write(before);
        throw error;
      }
      return this.failed(job, error, before);
    }
    await this.answers.store(job, "done", answer);
  }

  /** Reads the message and has the handler do it. */
  private async doJob({ giver, id, message, signal, slot }: Attempt): Promise<unknown> {
    const where = `job ${id}`;
    const envelope = decode(message.data, where);
    this.checkVersion(envelope);
    const { blobs } = this;
    const body = await bodyOf(envelope, { blobs, giver }, where);
    return this.handler({ giver, id, kind: envelope.kind, body, signal, blobs }, slot);
  }

  private async failed(job: Attempt, error: unknown, before: Attempts): Promise<void> {
    const now = { ...before, failures: before.failures + 1, error: shortened(messageOf(error)) };
    const last = exhausted(now);
    this.options.show(`failed (${now.failures} of ${mostFailures}): ${now.error}`);
    await job.record.write(now);
    if (last === null) job.message.nak();
    else await this.answers.store(job, "failed", last);
  }

  private checkVersion({ protocol: theirs, version }: Envelope): void {
    const own = this.options.version;
    if (theirs !== protocol)
      throw new Refusal(`the job speaks protocol ${theirs}, this worker protocol ${protocol}`);
    if (version !== own)
      throw new Refusal(`the job is of pigrad ${version}, this worker of pigrad ${own}`);
  }
}

interface Attempt extends Answered {
  readonly record: AttemptRecord;
  readonly signal: AbortSignal;
  readonly slot: number;
}

/** Returns the error of a job that is not tried again; null for one that is. */
function exhausted({ failures, deaths, error }: Attempts): string | null {
  if (failures >= mostFailures) return `failed ${failures} times: ${error}`;
  if (deaths < mostDeaths) return null;
  return `${deaths} workers in a row ended while they did it; look at their memory and their logs`;
}
