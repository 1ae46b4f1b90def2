/** Messages about pieces of sampling: the job, and what a worker says to the learner, who answers each with a word. */

import { notesFrom, type ParcelNote } from "./parcels.ts";
import { decode, hashFrom, isObject, splitMessage, textFrom, wholeFrom, wrong } from "./wire.ts";

/**
 * Begin the ids of pieces among a giver's jobs: of those that the learner waits for, and of those that it asked for
 * ahead, and computes meanwhile, so that its answers come late.
 */
export const pieceMarks = { now: "piece", ahead: "ahead" } as const;

/** Words with which a learner answers: do the piece; leave it; the message has come; put the piece back. */
export const words = { go: "go", no: "no", heard: "heard", again: "again" } as const;

export interface PieceBody {
  readonly sampler: number;
  readonly first: number;
  readonly end: number;
  readonly parcels: readonly ParcelNote[];
}

/** Returns a checked piece. */
export function pieceFrom(body: unknown, where: string): PieceBody {
  if (!isObject(body)) throw wrong(where, "an object", body);
  return {
    sampler: wholeFrom(body.sampler, "sampler", where),
    first: wholeFrom(body.first, "first", where),
    end: wholeFrom(body.end, "end", where),
    parcels: notesFrom(body.parcels, where),
  };
}

export const pieceSays = ["begin", "back", "done", "failed"] as const;

/** A worker's message about a piece: it begins, it puts it back, it is done, it failed. */
export interface PieceSign {
  readonly kind: (typeof pieceSays)[number];
  readonly id: string;
  readonly worker: string;
  /** The error of one that failed; empty otherwise. */
  readonly message: string;
  /** Hash of the result of one that is done; empty otherwise. */
  readonly sha256: string;
  /** The object of the result; null for one in the message. */
  readonly object: string | null;
}

/** Returns a checked message of a worker, and the bytes after it. */
export function pieceSignFrom(
  message: Uint8Array,
  where: string,
): { readonly sign: PieceSign; readonly bytes: Uint8Array } {
  const { line, bytes } = splitMessage(message);
  const { kind: given, body } = decode(line, where);
  const kind = pieceSays.find((known) => known === given);
  if (kind === undefined) throw wrong(where, `one of ${pieceSays.join(", ")}`, given);
  if (!isObject(body)) throw wrong(where, "an object", body);
  const sign = {
    kind,
    id: textFrom(body.id, "id", where, 64),
    worker: textFrom(body.worker, "worker", where, 200),
    message: textFrom(body.message, "message", where),
    sha256: kind === "done" ? hashFrom(body.sha256, where) : "",
    object: body.object === null ? null : textFrom(body.object, "object", where, 256),
  };
  return { sign, bytes };
}
