/** A job in a worker's hands, and its refusal. */
import type { Blobs } from "./blobs.ts";
import type { WorkerSign } from "./signs.ts";
import { type Envelope, protocol } from "./wire.ts";

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

/** Thrown by a handler for a job that this worker cannot do, but another one may. */
export class Refusal extends Error {}

/** Throws Refusal for a job of another protocol or version. */
export function mustBeOurs({ protocol: theirs, version }: Envelope, own: string): void {
  if (theirs !== protocol)
    throw new Refusal(`the job speaks protocol ${theirs}, this worker protocol ${protocol}`);
  if (version !== own)
    throw new Refusal(`the job is of pigrad ${version}, this worker of pigrad ${own}`);
}
