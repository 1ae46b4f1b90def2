/** One job of an evaluation: plays episodes with a run's policy. */
import { runLater } from "../core/waiting.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import { type FindOptions, loadFilesOf } from "./own-files.ts";
import { awaitInTime } from "./patience.ts";
import { openRun, readConfig } from "./run-folder.ts";

export interface EvalOptions {
  /** Evaluate the best policy of a run that was evaluated while it trained. */
  readonly best: boolean;
  readonly episodes: number;
  /** Number of the first episode. */
  readonly first: number;
  readonly seed: number;
  readonly greedy: boolean;
  /** Settings of the task that replace the run's. */
  readonly changes: Readonly<Record<string, unknown>>;
}

/** An evaluation, with the run's folder. */
export interface EvalJob extends EvalOptions {
  readonly folder: string;
}

/** Opens the run and evaluates it. `instead` names the files of this machine that are the run's own files. */
export async function evalJob(
  { folder, best, changes, episodes, first, seed, greedy }: EvalJob,
  instead: FindOptions["instead"] = {},
): Promise<Evaluation> {
  await loadFilesOf(readConfig(folder), { instead, folder });
  const session = openRun(folder, { best, changes });
  try {
    return await runLater(session.evaluating(episodes, seed, greedy, true, first), awaitInTime);
  } finally {
    session.close();
  }
}
