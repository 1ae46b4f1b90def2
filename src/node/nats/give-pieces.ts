/** The learner's end of sampling by workers: gives an update's pieces, and takes each result once. */
import type { Piece } from "../../algos/pieces.ts";
import { FormatError, SettingError } from "../../core/errors.ts";
import { printable } from "../../core/printable.ts";
import type { State } from "../../core/state.ts";
import { messageOf } from "../../core/thrown.ts";
import { decodeState, encodeState } from "../../io/state-file.ts";
import type { RunConfig } from "../../tasks/run.ts";
import type { KnownCorpora } from "../corpora.ts";
import { mostDeaths, mostFailures } from "./attempts.ts";
import { sha256 } from "./blobs.ts";
import type { Giver } from "./give.ts";
import { kinds } from "./jobs.ts";
import { idle } from "./link.ts";
import { Parcels } from "./parcels.ts";
import { type PieceSign, pieceMarks, pieceSignFrom, words } from "./piece-wire.ts";
import { Silence } from "./silence.ts";
import { ensureStreams } from "./streams.ts";
import { protocol, withBytes } from "./wire.ts";

/** A piece whose result is awaited. */
interface OpenPiece {
  readonly index: number;
  readonly piece: Piece;
  /** Times that a worker began it without putting it back. */
  begun: number;
  failures: number;
  /** A result in the object store is being read. */
  isRead: boolean;
}

const giveAgainEvery = 10_000; // milliseconds: a piece that is in the queue is not given twice
const lookEvery = 500; // milliseconds between looks at the connection
const fewest = 2; // pieces of an update
const piecesPerSlot = 2;

export class PieceGiver {
  private readonly giver: Giver;
  private readonly mark: string;
  private run: Uint8Array = new Uint8Array(0);
  private calls = 0;
  private readonly open = new Map<string, OpenPiece>();
  private results: State[] = [];
  private error: Error | null = null;
  private given = 0; // when
  private givenOnce: Promise<void> = Promise.resolve();
  private tellGiven = (): void => {};
  private wake = (): void => {};

  /** `ahead`: pieces are asked for before the learner computes. */
  constructor(giver: Giver, { ahead = false } = {}) {
    this.mark = ahead ? pieceMarks.ahead : pieceMarks.now;
    this.giver = giver;
    const { link, names, options } = giver;
    link.nc.subscribe(names.subject("answers", options.giver), {
      callback: (error, message) => {
        if (error === null) message.respond(this.hear(message.data));
      },
    });
  }

  /** Sets the run that the pieces are of. */
  of(config: RunConfig, corpora: KnownCorpora): void {
    this.run = Buffer.from(JSON.stringify({ ...config, corpora }));
  }

  /** Returns the number of pieces for the workers of now. */
  readonly count = (): number => Math.max(fewest, piecesPerSlot * this.giver.signs.slots());

  /** Has workers do the pieces of one update. Throws SettingError where none does them. */
  readonly do = async (pieces: readonly Piece[]): Promise<readonly State[]> => {
    const call = ++this.calls;
    const { link, names, blobs } = this.giver;
    const silence = new Silence(this.giver, lookEvery);
    this.given = 0;
    this.givenOnce = new Promise((resolve) => {
      this.tellGiven = resolve;
    });
    this.results = new Array(pieces.length);
    for (const [index, piece] of pieces.entries())
      this.open.set(`${call}-${index}`, { index, piece, begun: 0, failures: 0, isRead: false });
    const parcels = this.parcelsOf(pieces, call);
    let reconnections = link.reconnections;
    try {
      while (this.open.size > 0) {
        if (this.error !== null) throw this.error;
        const isBack = link.reconnections > reconnections;
        if (isBack) await ensureStreams(link, names);
        if (isBack || Date.now() - this.given > giveAgainEvery) {
          reconnections = link.reconnections;
          await parcels.store(blobs);
          await this.publish(parcels);
          this.given = Date.now();
          this.tellGiven();
          continue;
        }
        await this.rest();
        link.check();
        silence.check(`${this.open.size} pieces of an update`);
      }
    } finally {
      this.open.clear();
      this.tellGiven();
    }
    if (this.error !== null) throw this.error;
    return this.results;
  };

  /** Waits until the pieces that were asked for last are in the queue. */
  readonly underWay = (): Promise<void> => this.givenOnce;

  /** Gives up what is under way. */
  stop(): void {
    this.fail("the training ends");
  }

  private parcelsOf([{ weights, start }]: readonly Piece[], call: number): Parcels {
    const { giver } = this.giver.options;
    const most = this.giver.link.nc.info?.max_payload ?? 2 ** 20;
    const parts = { run: this.run, weights: encodeState(weights), start: encodeState(start) };
    return new Parcels(parts, { giver, messages: this.open.size, most, call });
  }

  /** Puts the open pieces into the queue, those that are not there. */
  private async publish({ notes, inside }: Parcels): Promise<void> {
    const { version } = this.giver.options;
    const one = async ([id, { piece }]: readonly [string, OpenPiece]): Promise<void> => {
      const { sampler, first, end } = piece;
      const body = { sampler, first, end, parcels: notes };
      const bytes = withBytes({ protocol, version, kind: kinds.piece, body }, inside);
      await this.giver.publishBytes(`${this.mark}.${id}`, bytes);
    };
    await Promise.all([...this.open].map(one));
  }

  /** Takes in a worker's message; returns the word to answer with. */
  private hear(message: Uint8Array): string {
    try {
      const { sign, bytes } = pieceSignFrom(message, "a worker's answer");
      const open = this.open.get(sign.id);
      if (open === undefined || open.isRead) return words.no;
      if (sign.kind === "begin") return this.begin(open);
      if (sign.kind === "failed") return this.failed(sign, open, sign.message);
      if (sign.kind === "back") open.begun--;
      else if (sign.object === null) return this.take(sign, open, bytes);
      else void this.read(sign, open, sign.object);
    } catch (error) {
      this.giver.options.show(messageOf(error));
    }
    return words.heard;
  }

  private begin(open: OpenPiece): string {
    if (open.begun++ < mostDeaths) return words.go;
    this.fail(
      `${mostDeaths} workers in a row ended while they sampled; look at their memory and their logs`,
    );
    return words.no;
  }

  /** Counts an error of a piece, which is put back into the queue unless that was the last time. */
  private failed({ worker }: PieceSign, open: OpenPiece, message: string): string {
    open.begun--;
    if (++open.failures < mostFailures) return words.again;
    this.fail(`sampling failed ${mostFailures} times: ${message} (worker ${worker})`);
    return words.no;
  }

  private fail(message: string): void {
    this.error ??= new SettingError(printable(`${this.giver.link.host}: ${message}`));
    this.wake();
  }

  /** Takes a result, once. Returns the word to answer with. */
  private take(sign: PieceSign, open: OpenPiece, bytes: Uint8Array | null): string {
    if (this.open.get(sign.id) !== open) return words.no;
    try {
      if (bytes === null || sha256(bytes) !== sign.sha256)
        throw new FormatError(`piece ${sign.id}: its result is not what its hash says`);
      this.results[open.index] = decodeState(bytes).state;
      this.open.delete(sign.id);
      if (this.open.size === 0) this.wake();
      return words.heard;
    } catch (error) {
      return this.failed(sign, open, messageOf(error));
    }
  }

  /** Takes a result from the object store. */
  private async read(sign: PieceSign, open: OpenPiece, object: string): Promise<void> {
    const { blobs, options } = this.giver;
    open.isRead = true;
    try {
      const bytes = await blobs.getOwned(object, options.giver, sign.sha256);
      if (this.take(sign, open, bytes) === words.again) this.given = 0; // its job is off the queue
    } catch (error) {
      this.error ??= error as Error;
      this.wake();
    } finally {
      open.isRead = false;
    }
  }

  /** Waits for the last result, for an error, or for the next look. */
  private async rest(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    await Promise.race([woken, idle(lookEvery)]);
  }
}
