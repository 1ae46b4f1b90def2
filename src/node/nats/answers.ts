/** Stores a worker's answers, one per job, and takes the jobs off the queue. */
import type { JsMsg } from "@nats-io/jetstream";
import type { Blobs } from "./blobs.ts";
import { isQueued } from "./lease.ts";
import type { Link } from "./link.ts";
import { apiCodeOf, apiCodes } from "./link-errors.ts";
import type { WorkerSign } from "./signs.ts";
import type { Names } from "./streams.ts";
import { encode, protocol } from "./wire.ts";

/** A job that is answered. */
export interface Answered {
  readonly giver: string;
  readonly id: string;
  readonly message: JsMsg;
}

export interface AnswerOptions {
  readonly version: string;
  readonly sign: WorkerSign;
}

export class Answers {
  private readonly link: Link;
  private readonly names: Names;
  private readonly blobs: Blobs;
  private readonly options: AnswerOptions;

  constructor(link: Link, names: Names, blobs: Blobs, options: AnswerOptions) {
    this.link = link;
    this.names = names;
    this.blobs = blobs;
    this.options = options;
  }

  /** Stores the answer unless the job has one, and takes the job off the queue. */
  async store(job: Answered, kind: "done" | "failed", body: unknown): Promise<void> {
    const { giver, id, message } = job;
    const { version, sign } = this.options;
    const most = this.link.nc.info?.max_payload ?? 2 ** 20;
    const content = kind === "done" ? body : { worker: sign.name, message: body };
    const envelope = { protocol, version, kind, body: content };
    const bytes = await encode(envelope, { blobs: this.blobs, giver, most });
    await this.link.ask("cannot store a result", async () => {
      try {
        const expect = { lastSubjectSequence: 0 };
        await this.link.js.publish(this.names.subject("results", giver, id), bytes, { expect });
      } catch (error) {
        if (apiCodeOf(error) !== apiCodes.wrongLastSequence) throw error; // it has one
      }
    });
    await this.finish(message);
  }

  /** Takes a job off the queue. */
  async finish(message: JsMsg): Promise<void> {
    if (!(await isQueued(this.link, this.names, message))) return;
    await this.link.ask("cannot take a job off the queue", () => message.ackAck());
  }

  /** Returns whether a job has an answer. */
  async has(giver: string, id: string): Promise<boolean> {
    const subject = this.names.subject("results", giver, id);
    const found = await this.link.ask("cannot read the results", () =>
      this.link.jsm.streams.getMessage(this.names.results, { last_by_subj: subject }),
    );
    return found !== null;
  }
}
