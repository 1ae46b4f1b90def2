/** Sessions in a worker's thread that do pieces of trainings elsewhere. The latest stay open. */
import { Pieces } from "../../algos/pieces.ts";
import { UsageError } from "../../core/errors.ts";
import type { State } from "../../core/state.ts";
import { decodeState, encodeState } from "../../io/state-file.ts";
import type { OwnFiles } from "../../tasks/own-files.ts";
import { resolve } from "../../tasks/run.ts";
import { open, type Session } from "../../tasks/session.ts";
import { knownCorpus } from "../corpora.ts";
import { loadFilesOf } from "../own-files.ts";
import { guardCalls } from "../patience.ts";
import { runFileFrom } from "../run-files.ts";
import type { ParcelName } from "./parcels.ts";

/** Bytes in memory that threads share, with their hash. */
export interface Parcel {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** A piece with all that it needs. */
export interface PieceJob {
  readonly sampler: number;
  readonly first: number;
  readonly end: number;
  readonly parcels: Readonly<Record<ParcelName, Parcel>>;
}

interface OpenSession {
  readonly session: Session;
  readonly pieces: Pieces;
}

const mostSessions = 2;

export class PieceSessions {
  /** By the hash of the run; the latest is last. */
  private readonly sessions = new Map<string, OpenSession>();
  /** The parcels that were decoded last. */
  private readonly decoded = new Map<ParcelName, { sha256: string; state: State }>();

  /** Does a piece; returns the result as bytes. */
  async do({ parcels, ...range }: PieceJob, files: OwnFiles): Promise<Uint8Array> {
    const { pieces } = await this.sessionOf(parcels.run, files);
    const [weights, start] = [this.state("weights", parcels), this.state("start", parcels)];
    return encodeState(pieces.do({ ...range, weights, start }));
  }

  private async sessionOf(run: Parcel, files: OwnFiles): Promise<OpenSession> {
    const known = this.sessions.get(run.sha256);
    const one = known ?? (await opened(run, files));
    this.sessions.delete(run.sha256);
    this.sessions.set(run.sha256, one);
    for (const [oldest, { session }] of this.sessions) {
      if (this.sessions.size <= mostSessions) break;
      this.sessions.delete(oldest);
      session.close();
    }
    return one;
  }

  private state(name: ParcelName, parcels: PieceJob["parcels"]): State {
    const { sha256, bytes } = parcels[name];
    const last = this.decoded.get(name);
    if (last?.sha256 === sha256) return last.state;
    const { state } = decodeState(bytes.slice());
    this.decoded.set(name, { sha256, state });
    return state;
  }
}

/** Opens a session as the learner has it, whose weights and states come with each piece. */
async function opened({ bytes }: Parcel, files: OwnFiles): Promise<OpenSession> {
  const { config, corpora } = runFileFrom(Buffer.from(bytes).toString(), "a piece's run");
  const instead = Object.entries(files).map(([role, { path }]) => [role, path]);
  await loadFilesOf(config, { instead: Object.fromEntries(instead) });
  const pieces = new Pieces(
    () => Promise.reject(new UsageError("a worker has no workers")),
    () => 1,
  );
  const read = knownCorpus(corpora, false);
  const session = open(resolve(config), { read, guard: guardCalls, helpers: pieces });
  session.prepare();
  return { session, pieces };
}
