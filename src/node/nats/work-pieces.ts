/** A worker's pieces of trainings: checks them, and has its threads do them. */

import { type RunFile, runFileFrom } from "../run-files.ts";
import { nameOfJob } from "../sweep.ts";
import { mustFit, mustHaveCorpora, mustHaveLibrary, type OwnedFiles } from "./owned.ts";
import { ParcelShelf } from "./parcels.ts";
import { pieceFrom } from "./piece-wire.ts";
import type { Taken } from "./taken.ts";
import type { Thread } from "./thread.ts";

const mostRuns = 8; // that are known to be checked

export class PieceWork {
  private readonly files: OwnedFiles;
  private readonly threads: readonly Thread[];
  private readonly show: (line: string) => void;
  private readonly shelf = new ParcelShelf();
  /** Checked runs by their hash; the latest is last. */
  private readonly runs = new Map<string, RunFile["config"]>();

  constructor(files: OwnedFiles, threads: readonly Thread[], show: (line: string) => void) {
    this.files = files;
    this.threads = threads;
    this.show = show;
  }

  /** Does a piece; returns the result's bytes, or null where its learner has gone on. */
  async handle(taken: Taken, bytes: Uint8Array, slot: number): Promise<Uint8Array | null> {
    const { giver, id, body, signal, blobs } = taken;
    const where = `piece ${id}`;
    const { parcels: notes, ...range } = pieceFrom(body, where);
    const parcels = await this.shelf.take(notes, bytes, { blobs, giver });
    if (parcels === null) return null;
    const [run, weights, start] = notes.map(({ sha256 }, i) => ({ sha256, bytes: parcels[i] }));
    const config = await this.configOf(run.sha256, run.bytes);
    const files = this.files.insteadOf(config.files);
    const piece = { ...range, parcels: { run, weights, start } };
    const answer = this.threads[slot].run<{ result: Uint8Array }>({ piece, files }, where, signal);
    return (await answer).result;
  }

  /** Returns the config of a run that this machine can do. Throws Refusal for another one. */
  private async configOf(hash: string, bytes: Uint8Array): Promise<RunFile["config"]> {
    const known = this.runs.get(hash);
    if (known !== undefined) return known;
    const text = Buffer.from(bytes).toString();
    const { config, resolved, corpora } = runFileFrom(text, "a piece's run");
    await mustHaveLibrary(config);
    mustHaveCorpora(corpora);
    if (config.files === undefined) mustFit(config, resolved);
    this.files.insteadOf(config.files);
    this.show(`samples for: ${nameOfJob(config)}`);
    this.runs.set(hash, config);
    for (const oldest of this.runs.keys()) {
      if (this.runs.size <= mostRuns) break;
      this.runs.delete(oldest);
    }
    return config;
  }
}
