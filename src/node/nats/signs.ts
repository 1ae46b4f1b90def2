/** Signs of life of workers, and what they tell givers: messages that are not stored. */
import { FormatError } from "../../core/errors.ts";
import { printable } from "../../core/printable.ts";
import type { Link } from "./link.ts";
import type { Names } from "./streams.ts";
import { isObject, jsonFrom, protocol, shortened, textFrom, wholeFrom } from "./wire.ts";

export interface WorkerSign {
  /** Of this process. */
  readonly id: string;
  readonly name: string;
}

/** A sign of life, with the number of jobs that the worker does at once. */
export interface Beat extends WorkerSign {
  readonly slots: number;
}

const beatEvery = 2000; // milliseconds
const silence = 3 * beatEvery; // after which a worker's slots no longer count
const mostSlots = 4096; // of a worker

/** Publishes a beat every two seconds until the returned function is called. */
export function beat(link: Link, names: Names, sign: Beat): () => void {
  const send = (): void => publish(link, names.subject("beats"), { ...sign, protocol });
  send();
  const timer = setInterval(send, beatEvery);
  return () => clearInterval(timer);
}

export interface Note extends WorkerSign {
  readonly text: string;
  /** The worker does not do this giver's jobs. */
  readonly refuses: boolean;
}

/** Tells a giver something that a person should read. */
export const tell = (link: Link, names: Names, giver: string, note: Note): void =>
  publish(link, names.subject("notes", giver), { ...note, text: shortened(note.text), protocol });

function publish(link: Link, subject: string, message: unknown): void {
  try {
    link.nc.publish(subject, JSON.stringify(message));
  } catch {
    // the connection is closed: nobody is told
  }
}

/** Follows the signs of workers that may do a giver's jobs. */
export class Signs {
  /** Milliseconds since the epoch of the last sign of a worker that does not refuse. */
  last = Date.now();
  readonly refusals = new Map<string, string>();
  /** Slots of workers that do not refuse, with the time of their last sign. */
  private readonly alive = new Map<string, { readonly slots: number; readonly at: number }>();
  private readonly told = new Set<string>();
  private readonly show: (line: string) => void;

  constructor(link: Link, names: Names, giver: string, show: (line: string) => void) {
    this.show = show;
    const listen = (subject: string, hear: (message: Note & Beat) => void): void => {
      link.nc.subscribe(subject, {
        callback: (error, { data }) => {
          const note = error === null ? noteFrom(data) : null;
          if (note !== null) hear(note);
        },
      });
    };
    listen(names.subject("beats"), ({ id, slots }) => {
      if (this.refusals.has(id)) return;
      this.last = Date.now();
      this.alive.set(id, { slots, at: this.last });
    });
    listen(names.subject("notes", giver), (note) => this.hear(note));
  }

  /**
   * Returns the jobs that all live workers can do at once. Signs are compared with the last one rather than with the
   * clock: while this thread computed, it heard none.
   */
  slots(): number {
    const latest = Math.max(...[...this.alive.values()].map(({ at }) => at));
    for (const [id, { at }] of this.alive)
      if (at < latest - silence || this.refusals.has(id)) this.alive.delete(id);
    return [...this.alive.values()].reduce((sum, { slots }) => sum + slots, 0);
  }

  private hear({ id, name, text, refuses }: Note): void {
    const line = printable(`worker ${name}${refuses ? " refuses" : ""}: ${text}`);
    if (refuses && this.refusals.size < 10_000) this.refusals.set(id, line);
    if (this.told.has(line) || this.told.size >= 1000) return;
    this.told.add(line);
    this.show(line);
  }
}

/** Returns a checked note, of which a beat has the first fields; null for a message that is none. */
function noteFrom(bytes: Uint8Array): (Note & Beat) | null {
  const where = "a worker's sign";
  try {
    const message = jsonFrom(bytes, where);
    if (!isObject(message)) return null;
    const { id, name, text = "", refuses, slots = 1 } = message;
    return {
      id: textFrom(id, "id", where, 64),
      name: textFrom(name, "name", where, 200),
      text: textFrom(text, "text", where),
      refuses: refuses === true,
      slots: Math.min(wholeFrom(slots, "slots", where), mostSlots),
    };
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
