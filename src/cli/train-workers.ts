/** pigrad train --workers: has the workers of a NATS server do the training's sampling. */
import { Pieces } from "../algos/pieces.ts";
import { SettingError } from "../core/errors.ts";
import { corporaOfConfig } from "../node/corpora.ts";
import { PieceGiver } from "../node/nats/give-pieces.ts";
import type { Session } from "../tasks/session.ts";
import { connectGiver, type WorkersOptions } from "./workers.ts";

/** Workers that sample for a session. */
export interface Sampling {
  /** What the session is to be opened with. */
  readonly helpers: Pieces;
  /** Tells the workers which run it is. Returns why the session samples here; null if the workers do. */
  serve(session: Session): string | null;
  /** Withdraws the work, and removes what is this training's from the server. */
  close(): Promise<void>;
}

/** Connects to the server that --workers names. */
export async function openSampling(url: string, values: WorkersOptions): Promise<Sampling> {
  const { giver, link } = await connectGiver(url, values);
  const pieces = new PieceGiver(giver);
  const helpers = new Pieces(pieces.do, pieces.count);
  return {
    helpers,
    serve(session) {
      const why = whyHere(session, helpers);
      if (why === null) pieces.of(session.config, corporaOfConfig(session.config));
      return why;
    },
    async close() {
      await giver.clean().catch(() => {}); // the server is away: nothing can be removed
      await link.close();
    },
  };
}

function whyHere({ kind, training, run }: Session, { offered }: Pieces): string | null {
  if (run.config.algo === "a3c") return "a3c has workers of its own";
  if (kind === "environment" && training.env.helpers === null)
    return training.env.later !== null
      ? "its environments answer later"
      : training.env.canSave
        ? "its environments depend on each other (statistics of observations or rewards, or self-play)"
        : "its environments cannot be saved";
  return offered === 0 ? "nothing of it can be shared" : null;
}

/** Checks the options beside --workers. Throws SettingError for those that do not go together. */
export function checkWorkersOptions(
  values: WorkersOptions & {
    readonly threads?: string | undefined;
    readonly "workers-patience"?: string | undefined;
  },
): void {
  if (values.workers === undefined) {
    for (const name of ["queue", "lease", "workers-patience"] as const)
      if (values[name] !== undefined) throw new SettingError(`--${name} goes with --workers URL`);
  } else if (values.threads !== undefined && Number(values.threads) !== 1)
    throw new SettingError(
      `--threads: expected 1 with --workers, whose threads sample, got ${values.threads}`,
    );
}
