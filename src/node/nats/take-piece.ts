/**
 * Pieces of sampling, which are many and short: the learner is told when one begins and gets its result in a message
 * that is not stored. What does not reach it stays in the queue, or is given again. No attempts are recorded here:
 * the learner counts them.
 */
import type { JsMsg } from "@nats-io/jetstream";
import { messageOf } from "../../core/thrown.ts";
import { type Blobs, sha256 } from "./blobs.ts";
import { type Link, pause } from "./link.ts";
import { isTransient, LinkError } from "./link-errors.ts";
import { type PieceSign, pieceMarks, words } from "./piece-wire.ts";
import type { Names } from "./streams.ts";
import { mustBeOurs, Refusal, type Taken, type TakeOptions } from "./taken.ts";
import { decode, headroom, protocol, shortened, splitMessage, withBytes } from "./wire.ts";

/** Does a piece in a slot; returns the result's bytes, or null where nobody waits for it any more. */
export type PieceHandler = (
  job: Taken,
  bytes: Uint8Array,
  slot: number,
) => Promise<Uint8Array | null>;

/** A piece in a worker's hands. */
export interface TakenPiece {
  readonly giver: string;
  readonly id: string;
  readonly message: JsMsg;
  readonly signal: AbortSignal;
  readonly slot: number;
  /** Seconds without a heartbeat after which the queue gives it to another worker. */
  readonly lease: number;
  /** The learner computes meanwhile. */
  readonly ahead: boolean;
}

/** Returns the id of a piece, and whether its learner computes meanwhile; null for another job. */
export function pieceIdOf(
  subject: string,
): { readonly id: string; readonly ahead: boolean } | null {
  const [mark, id] = subject.split(".").slice(-2);
  const isPiece = mark === pieceMarks.now || mark === pieceMarks.ahead;
  return isPiece && /^\d+-\d+$/.test(id) ? { id, ahead: mark === pieceMarks.ahead } : null;
}

const answerLimit = { now: 5000, ahead: 30_000 }; // milliseconds for one word of the learner
const mostWait = 10_000; // milliseconds for which a result is sent again to a learner that is away
const mostBusy = 600_000; // and to one that computes
const againAfter = 500; // milliseconds after which a piece is offered again whose learner did not answer
const mostOffers = 4; // after which it is dropped: a learner that lives gives it again

export class PieceTaker {
  private readonly link: Link;
  private readonly names: Names;
  private readonly blobs: Blobs;
  private readonly options: TakeOptions;

  constructor(link: Link, names: Names, blobs: Blobs, options: TakeOptions) {
    this.link = link;
    this.names = names;
    this.blobs = blobs;
    this.options = options;
  }

  /** Does a piece, if its learner waits for it. Throws where the worker refuses it or stops. */
  async handle(piece: TakenPiece, handler: PieceHandler): Promise<void> {
    const { message, ahead } = piece;
    if (ahead) this.publish(piece, { kind: "begin" });
    else {
      const word = await this.say(piece, { kind: "begin" }, 0);
      if (word !== words.go) return settle(message, word);
    }
    const beats = setInterval(() => message.working(), (1000 * piece.lease) / 3);
    const end = (): void => clearInterval(beats);
    try {
      const answer = await this.answerTo(piece, handler);
      const delivery = this.deliver(piece, answer).finally(end);
      if (ahead)
        delivery.catch(() => {}); // the queue offers it again
      else await delivery;
    } catch (error) {
      end();
      this.publish(piece, { kind: "back" });
      throw error;
    }
  }

  /** Sends an answer, if there is one, and takes the piece off the queue once it was heard. */
  private async deliver(piece: TakenPiece, answer: Said | null): Promise<void> {
    settle(piece.message, answer === null ? words.no : await this.send(piece, answer));
  }

  /** Does the piece. An error of the piece is its answer. */
  private async answerTo(piece: TakenPiece, handler: PieceHandler): Promise<Said | null> {
    const { giver, id, message, signal, slot } = piece;
    const { blobs } = this;
    try {
      const { line, bytes } = splitMessage(message.data);
      const envelope = decode(line, `piece ${id}`);
      mustBeOurs(envelope, this.options.version);
      const { kind, body } = envelope;
      const result = await handler({ giver, id, kind, body, signal, blobs }, bytes, slot);
      return result === null ? null : { kind: "done", sha256: sha256(result), bytes: result };
    } catch (error) {
      if (signal.aborted || error instanceof Refusal || error instanceof LinkError) throw error;
      this.options.show(`failed: ${messageOf(error)}`);
      return { kind: "failed", message: shortened(messageOf(error)) };
    }
  }

  /** Sends an answer; a large result goes to the object store before. Returns null where nobody hears it. */
  private async send(piece: TakenPiece, said: Said): Promise<string | null> {
    const { bytes = none } = said;
    const most = this.link.nc.info?.max_payload ?? 2 ** 20;
    if (bytes.length <= most - headroom) return this.say(piece, said, mostWait);
    const [call, number] = piece.id.split("-").map(Number);
    const object = `${piece.giver}/result-${call % 2}-${number}`; // replaced two calls later
    await this.blobs.put(object, bytes);
    return this.say(piece, { ...said, bytes: none, object }, mostWait);
  }

  /** Tells the learner something, again for `wait` milliseconds. Returns its word; null without one. */
  private async say(piece: TakenPiece, said: Said, wait: number): Promise<string | null> {
    const data = this.messageOf(piece, said);
    const subject = this.names.subject("answers", piece.giver);
    const timeout = piece.ahead ? answerLimit.ahead : answerLimit.now;
    for (const begun = Date.now(); ; await pause(250)) {
      this.link.check();
      try {
        return (await this.link.nc.request(subject, data, { timeout })).string();
      } catch (error) {
        if (!isTransient(error)) throw error;
        const isBusy = piece.ahead && (error as Error).name === "TimeoutError";
        if (Date.now() - begun >= (isBusy ? mostBusy : wait)) return null;
      }
    }
  }

  /** Tells the learner something that needs no answer. */
  private publish(piece: TakenPiece, said: Said): void {
    try {
      this.link.nc.publish(this.names.subject("answers", piece.giver), this.messageOf(piece, said));
    } catch {
      // the connection is closed: nobody is told
    }
  }

  private messageOf({ id }: TakenPiece, { bytes = none, kind, ...rest }: Said): Uint8Array {
    const { version, sign } = this.options;
    const body = { id, worker: sign.name, message: "", sha256: "", object: null, ...rest };
    return withBytes({ protocol, version, kind, body }, [bytes]);
  }
}

/** Takes a piece off the queue, or puts it back, by the learner's word. */
function settle(message: JsMsg, word: string | null): void {
  if (word === words.again) message.nak();
  else if (word === null && message.info.deliveryCount < mostOffers) message.nak(againAfter);
  else message.ack();
}

type Said = Partial<Omit<PieceSign, "kind" | "id" | "worker">> &
  Pick<PieceSign, "kind"> & { readonly bytes?: Uint8Array };
const none = new Uint8Array(0);
