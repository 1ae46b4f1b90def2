/** The record of a job's attempts on the server, by which a job that always fails is told from one that was unlucky. */
import { FormatError } from "../../core/errors.ts";
import type { Link } from "./link.ts";
import type { Names } from "./streams.ts";
import { isObject, jsonFrom, textFrom, wholeFrom } from "./wire.ts";

export interface Attempts {
  /** Times that the job threw an error. */
  readonly failures: number;
  /** Times in a row that a worker began the job and neither answered nor worked on it for ten minutes. */
  readonly deaths: number;
  /** The last error. */
  readonly error: string;
}

/** A job that threw so often is answered with its error. */
export const mostFailures = 3;
/** A job whose workers ended so often is answered with that as its error. */
export const mostDeaths = 10;
const none: Attempts = { failures: 0, deaths: 0, error: "" };

export class AttemptRecord {
  private readonly link: Link;
  private readonly names: Names;
  private readonly subject: string;

  constructor(link: Link, names: Names, giver: string, id: string) {
    this.link = link;
    this.names = names;
    this.subject = names.subject("attempts", giver, id);
  }

  async read(): Promise<Attempts> {
    const found = await this.link.ask("cannot read a job's attempts", () =>
      this.link.jsm.streams.getMessage(this.names.results, { last_by_subj: this.subject }),
    );
    return found === null ? none : attemptsFrom(found.data);
  }

  async write(attempts: Attempts): Promise<void> {
    await this.link.ask("cannot write a job's attempts", () =>
      this.link.js.publish(this.subject, JSON.stringify(attempts)),
    );
  }
}

function attemptsFrom(bytes: Uint8Array): Attempts {
  const where = "the record of a job's attempts";
  const fields = jsonFrom(bytes, where);
  if (!isObject(fields)) throw new FormatError(`${where}: expected an object`);
  return {
    failures: wholeFrom(fields.failures, "failures", where),
    deaths: wholeFrom(fields.deaths, "deaths", where),
    error: textFrom(fields.error, "error", where),
  };
}
