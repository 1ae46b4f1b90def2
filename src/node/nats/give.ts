/** The giver's end of the work queue: gives jobs, and yields their answers as they come, each once. */
import type { SeqMsgRequest } from "@nats-io/jetstream";
import { FormatError, SettingError } from "../../core/errors.ts";
import { Blobs } from "./blobs.ts";
import { idle, type Link } from "./link.ts";
import { apiCodeOf, apiCodes } from "./link-errors.ts";
import { Signs } from "./signs.ts";
import { ensureStreams, type Names, namesOf } from "./streams.ts";
import {
  bodyOf,
  decode,
  encode,
  failureFrom,
  protocol,
  type WireFailure,
  type WireOptions,
} from "./wire.ts";

export interface GiverOptions {
  /** First part of every name on the server. */
  readonly prefix: string;
  /** Identifies this giver's jobs, also after it was killed and started again. */
  readonly giver: string;
  readonly version: string;
  /** Seconds without a worker that may do the jobs, after which `give` fails. */
  readonly patience: number;
  /** Seconds without a heartbeat after which a job goes to another worker. Default: as the queue has it. */
  readonly lease?: number | undefined;
  /** Shows a line to a person. */
  readonly show: (line: string) => void;
}

/** A job: the same id is the same job. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly body: unknown;
}

export interface Answer {
  readonly id: string;
  /** The handler's result; null for a job that failed. */
  readonly body: unknown;
  readonly failure: WireFailure | null;
}

const lookEvery = 1000; // milliseconds between looks at the results; a message wakes it earlier
const giveAgainEvery = 300_000; // milliseconds: a server may have lost its store
const atOnce = 64; // publications under way

export class Giver {
  readonly blobs: Blobs;
  readonly options: GiverOptions;
  readonly link: Link;
  readonly names: Names;
  readonly signs: Signs;
  private wake = (): void => {};
  /** When the results' stream was made. */
  private created = "";

  private constructor(link: Link, names: Names, blobs: Blobs, options: GiverOptions) {
    this.link = link;
    this.names = names;
    this.blobs = blobs;
    this.options = options;
    this.signs = new Signs(link, names, options.giver, options.show);
    link.nc.subscribe(names.subject("results", options.giver, "*"), {
      callback: () => this.wake(),
    });
  }

  static async open(link: Link, options: GiverOptions): Promise<Giver> {
    const names = namesOf(options.prefix);
    await ensureStreams(link, names, options.lease);
    return new Giver(link, names, await Blobs.open(link, names), options);
  }

  /**
   * Gives the jobs and yields an answer per job. Answers from before, to a giver of the same id that was killed, come
   * first, and their jobs are not given again. Throws SettingError where no worker that may do them shows itself.
   */
  async *give(jobs: readonly Job[]): AsyncGenerator<Answer, void> {
    const open = new Map(jobs.map((job) => [job.id, job]));
    this.signs.last = Date.now();
    let from = 1;
    let given = Number.NEGATIVE_INFINITY;
    let reconnections = this.link.reconnections;
    while (open.size > 0) {
      const next = await this.nextResult(from);
      if (next !== null) {
        from = next.sequence + 1;
        const { id, bytes } = next;
        if (open.delete(id)) yield await this.answerFrom(id, bytes);
        continue;
      }
      if (this.link.reconnections > reconnections) {
        reconnections = this.link.reconnections;
        this.signs.last = Date.now();
        given = Number.NEGATIVE_INFINITY;
      }
      if (Date.now() - given > giveAgainEvery) {
        if (await this.begunAgain()) from = 1;
        await this.publish([...open.values()]);
        given = Date.now();
        continue; // an answer may have come before the job was given again
      }
      await this.rest();
      this.checkWorkers(`${open.size} jobs`);
    }
  }

  /** Removes all that is this giver's from the server. */
  async clean(): Promise<void> {
    const { giver } = this.options;
    const { jsm } = this.link;
    const purge = (stream: string, kind: "jobs" | "results" | "attempts"): Promise<unknown> =>
      this.link.ask(`cannot clean ${stream}`, () =>
        jsm.streams.purge(stream, { filter: this.names.subject(kind, giver, ">") }),
      );
    await purge(this.names.jobs, "jobs");
    await purge(this.names.results, "results");
    await purge(this.names.results, "attempts");
    await this.blobs.remove(giver);
  }

  /** Puts a job into the queue unless it is there. */
  async publishBytes(id: string, bytes: Uint8Array): Promise<void> {
    await this.link.ask("cannot give a job", async () => {
      try {
        const expect = { lastSubjectSequence: 0 };
        const subject = this.names.subject("jobs", this.options.giver, id);
        await this.link.js.publish(subject, bytes, { expect });
      } catch (error) {
        if (apiCodeOf(error) !== apiCodes.wrongLastSequence) throw error;
      }
    });
  }

  /** Makes the streams that are missing. Returns whether the results are in a new stream, numbered from 1 again. */
  private async begunAgain(): Promise<boolean> {
    await ensureStreams(this.link, this.names);
    const { created } = await this.link.ask("cannot read the results", () =>
      this.link.jsm.streams.info(this.names.results),
    );
    const before = this.created;
    this.created = created;
    return before !== created;
  }

  private async publish(jobs: readonly Job[]): Promise<void> {
    for (let i = 0; i < jobs.length; i += atOnce)
      await Promise.all(jobs.slice(i, i + atOnce).map((job) => this.publishOne(job)));
  }

  private async publishOne({ id, kind, body }: Job): Promise<void> {
    const { version } = this.options;
    await this.publishBytes(id, await encode({ protocol, version, kind, body }, this.wire()));
  }

  private async nextResult(from: number) {
    const { giver } = this.options;
    const found = await this.link.ask("cannot read the results", async () => {
      try {
        const subject = this.names.subject("results", giver, "*");
        // the next message of the subject: the server's API has it, the client's types do not
        const request = { seq: from, next_by_subj: subject } as SeqMsgRequest;
        return await this.link.jsm.streams.getMessage(this.names.results, request);
      } catch (error) {
        if (apiCodeOf(error) === apiCodes.streamNotFound) return null; // made again with the jobs
        throw error;
      }
    });
    if (found === null) return null;
    return {
      sequence: found.seq,
      id: found.subject.split(".").at(-1) as string,
      bytes: found.data,
    };
  }

  private async answerFrom(id: string, bytes: Uint8Array): Promise<Answer> {
    const where = `the answer to job ${id}`;
    const envelope = decode(bytes, where);
    if (envelope.protocol !== protocol)
      throw new FormatError(`${where}: expected protocol ${protocol}, got ${envelope.protocol}`);
    const body = await bodyOf(envelope, this.wire(), where);
    return envelope.kind === "done"
      ? { id, body, failure: null }
      : { id, body: null, failure: failureFrom(body, where) };
  }

  private wire(): WireOptions {
    const most = this.link.nc.info?.max_payload ?? 2 ** 20;
    return { blobs: this.blobs, giver: this.options.giver, most };
  }

  /** Waits for a result or for the next look. */
  private async rest(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    await Promise.race([woken, idle(lookEvery)]);
  }

  /** Throws SettingError where no worker that may do the work has shown itself for the patience. */
  checkWorkers(work: string): void {
    if (Date.now() - this.signs.last >= 1000 * this.options.patience) throw this.noWorker(work);
  }

  /** Returns the error for work that no worker does. */
  noWorker(work: string): SettingError {
    const { patience } = this.options;
    const [refusal] = [...this.signs.refusals.values()];
    const why = refusal ?? "start one with pigrad worker";
    return new SettingError(`${this.link.host}: no worker for ${work} in ${patience} s; ${why}`);
  }
}
