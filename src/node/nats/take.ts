/** The worker's end of the work queue: takes a job per free slot, keeps its lease while it is done, and answers it. */
import type { JsMsg } from "@nats-io/jetstream";
import { messageOf } from "../../core/thrown.ts";
import { type Answered, Answers } from "./answers.ts";
import { AttemptRecord, type Attempts, mostDeaths, mostFailures } from "./attempts.ts";
import { Blobs } from "./blobs.ts";
import { keepLease } from "./lease.ts";
import { idle, type Link, pause } from "./link.ts";
import { apiCodeOf, apiCodes, LinkError } from "./link-errors.ts";
import { beat, tell } from "./signs.ts";
import { ensureStreams, type Names, namesOf, usualLease } from "./streams.ts";
import { type PieceHandler, PieceTaker, pieceIdOf } from "./take-piece.ts";
import { mustBeOurs, Refusal, type Taken, type TakeOptions } from "./taken.ts";
import { bodyOf, decode, shortened } from "./wire.ts";

/** Does a job in a slot and returns the answer's body, which is sent as JSON. */
export type Handler = (job: Taken, slot: number) => Promise<unknown>;

const noPieces: PieceHandler = async () => {
  throw new Refusal("this worker does no pieces of trainings");
};

const waitForJob = 5000; // milliseconds of one request for a job
const againAfter = 500; // milliseconds after which a job that was put back is offered again
const restAfter = 3000; // milliseconds for which the slot that put it back leaves it to others

/** Takes and does jobs until the signal says stop. Throws SettingError where the server is away for too long. */
export async function take(
  link: Link,
  options: TakeOptions,
  handler: Handler,
  pieceHandler: PieceHandler = noPieces,
): Promise<void> {
  const names = namesOf(options.prefix);
  await ensureStreams(link, names);
  const handlers = { handler, pieceHandler };
  const taker = new Taker(link, names, await Blobs.open(link, names), options, handlers);
  const silence = beat(link, names, { ...options.sign, slots: options.slots });
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
  private readonly handlers: Handlers;
  private readonly answers: Answers;
  private readonly pieces: PieceTaker;
  private lease = usualLease; // seconds
  private readonly stopped: Promise<null>;

  constructor(link: Link, names: Names, blobs: Blobs, options: TakeOptions, handlers: Handlers) {
    this.link = link;
    this.names = names;
    this.blobs = blobs;
    this.options = options;
    this.handlers = handlers;
    this.answers = new Answers(link, names, blobs, options);
    this.pieces = new PieceTaker(link, names, blobs, options);
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
        const consumer = await this.link.js.consumers.get(this.names.jobs, this.names.consumer);
        const { config } = await consumer.info(true); // as it came just now
        this.lease = (config.ack_wait ?? usualLease * 1e9) / 1e9;
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

  /** Does one job. Whatever happens to it, the worker goes on. */
  private async handle(message: JsMsg, slot: number): Promise<void> {
    const piece = pieceIdOf(message.subject);
    const [, , giver, name] = message.subject.split(".");
    const { id, ahead } = piece ?? { id: name, ahead: false };
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    this.options.signal.addEventListener("abort", abort);
    const record = new AttemptRecord(this.link, this.names, giver, id);
    const lease =
      piece === null
        ? keepLease(this.link, this.names, message, { record, withdraw: abort })
        : null;
    const job = { giver, id, message, record, signal: stop.signal, slot, lease: this.lease, ahead };
    try {
      if (piece !== null) await this.pieces.handle(job, this.handlers.pieceHandler);
      else if (await this.answers.has(giver, id)) await this.answers.finish(message);
      else await this.attempt(job);
    } catch (error) {
      this.putBack(error, job);
      if (!stop.signal.aborted) await Promise.race([pause(restAfter), this.stopped]);
    } finally {
      lease?.end();
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
    mustBeOurs(envelope, this.options.version);
    const { blobs } = this;
    const body = await bodyOf(envelope, { blobs, giver }, where);
    return this.handlers.handler({ giver, id, kind: envelope.kind, body, signal, blobs }, slot);
  }

  private async failed(job: Attempt, error: unknown, before: Attempts): Promise<void> {
    const now = { ...before, failures: before.failures + 1, error: shortened(messageOf(error)) };
    const last = exhausted(now);
    this.options.show(`failed (${now.failures} of ${mostFailures}): ${now.error}`);
    await job.record.write(now);
    if (last === null) job.message.nak();
    else await this.answers.store(job, "failed", last);
  }
}

interface Handlers {
  readonly handler: Handler;
  readonly pieceHandler: PieceHandler;
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
