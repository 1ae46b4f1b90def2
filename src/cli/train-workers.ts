/** pigrad train --workers: has the workers of a NATS server do the training's sampling. */
import { Pieces } from "../algos/pieces.ts";
import { SettingError } from "../core/errors.ts";
import { corporaOfConfig } from "../node/corpora.ts";
import { PieceGiver } from "../node/nats/give-pieces.ts";
import type { Session } from "../tasks/session.ts";
import { connectGiver, type WorkersOptions } from "./workers.ts";

/** Workers that sample for a session. */
export interface Sampling {
  /** Opens the session with these. */
  readonly helpers: Pieces;
  /** Throws SettingError for a session that cannot be sampled so. */
  check(session: Session): void;
  /** Tells the workers which run it is. Returns why the session samples here; null if the workers do. */
  serve(session: Session): string | null;
  /** Withdraws the work, and removes what is this training's from the server. */
  close(): Promise<void>;
}

/** Connects to the server that --workers names. With a `staleness` above 0 rollouts are asked for ahead. */
export async function openSampling(
  url: string,
  values: WorkersOptions,
  staleness: number,
): Promise<Sampling> {
  const { giver, link } = await connectGiver(url, values);
  const ahead = staleness > 0;
  const pieces = new PieceGiver(giver, { ahead });
  const helpers = new Pieces(pieces.do, pieces.count, { ahead: ahead ? pieces.underWay : null });
  return {
    helpers,
    check(session) {
      if (ahead) mustCorrect(session);
    },
    serve(session) {
      const why = whyHere(session, helpers);
      if (why === null) pieces.of(session.config, corporaOfConfig(session.config));
      return why;
    },
    async close() {
      pieces.stop();
      await giver.clean().catch(() => {}); // the server is away: nothing can be removed
      await link.close();
    },
  };
}

/** Algorithms whose ratios, of the learner's π over the actor's, correct for a rollout that is an update old. */
const correcting: readonly string[] = ["ppo", "impala"];

/** Throws SettingError for an algorithm that needs rollouts of its own policy of now. */
function mustCorrect({ kind, run: { config } }: Session): void {
  if (kind === "text" || (correcting.includes(config.algo) && config.files?.algo === undefined))
    return;
  throw new SettingError(
    `--staleness: expected ${correcting.join(" or ")}, whose ratios correct for old weights, got ${config.algo}`,
  );
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
    readonly staleness?: string | undefined;
  },
): void {
  if (values.workers === undefined) {
    for (const name of ["queue", "lease", "workers-patience", "staleness"] as const)
      if (values[name] !== undefined) throw new SettingError(`--${name} goes with --workers URL`);
  } else if (values.threads !== undefined && Number(values.threads) !== 1)
    throw new SettingError(
      `--threads: expected 1 with --workers, whose threads sample, got ${values.threads}`,
    );
}
