/** Trainings and evaluations as messages, checked on reading; pieces of sampling are in piece-wire.ts. */
import { FormatError } from "../../core/errors.ts";
import type { KnownCorpora } from "../corpora.ts";
import type { EvalOptions } from "../eval-job.ts";
import { type RunFile, runFileFrom } from "../run-files.ts";
import type { SweepJob } from "../sweep.ts";
import { isObject, textFrom, wholeFrom, wrong } from "./wire.ts";

export const kinds = { train: "train", evaluate: "evaluate", piece: "piece" } as const;

/** A training: a sweep's job, with where its run folder is. */
export interface TrainBody extends Omit<SweepJob, "folder"> {
  readonly corpora: KnownCorpora;
  /** The object that the run folder is packed in. */
  readonly run: string;
  /** The giver wants the run folder at the end. */
  readonly keep: boolean;
}

/** Returns a training's message. */
export const trainBody = ({ config, corpora, untilSteps, ...rest }: TrainBody): unknown => ({
  ...rest,
  config: { ...config, corpora },
  untilSteps: untilSteps ?? null,
});

/** Returns a checked training, and the run that its config describes, still to be resolved. */
export function trainFrom(
  body: unknown,
  where: string,
): { readonly job: TrainBody; readonly resolved: RunFile["resolved"] } {
  if (!isObject(body)) throw wrong(where, "an object", body);
  const { episodes, evaluationSeed, threshold, untilSteps, run, keep } = body;
  const { config, resolved, corpora } = runFileFrom(JSON.stringify(body.config ?? null), where);
  if (threshold !== null && typeof threshold !== "number")
    throw wrong(where, "threshold as a number or null", threshold);
  const job = {
    config,
    corpora,
    episodes: wholeFrom(episodes, "episodes", where),
    evaluationSeed: wholeFrom(evaluationSeed, "evaluationSeed", where),
    threshold,
    run: textFrom(run, "run", where, 256),
    keep: keep === true,
    ...(untilSteps !== null && { untilSteps: wholeFrom(untilSteps, "untilSteps", where) }),
  };
  return { job, resolved };
}

/** An evaluation, with the object that the run folder is packed in. */
export interface EvalBody extends EvalOptions {
  readonly run: string;
}

/** Returns a checked evaluation. */
export function evalFrom(body: unknown, where: string): EvalBody {
  if (!isObject(body)) throw wrong(where, "an object", body);
  const { run, best, greedy, changes, episodes, first, seed } = body;
  if (!isObject(changes)) throw wrong(where, "changes as an object", changes);
  return {
    run: textFrom(run, "run", where, 256),
    best: best === true,
    greedy: greedy === true,
    changes,
    episodes: wholeFrom(episodes, "episodes", where),
    first: wholeFrom(first, "first", where),
    seed: wholeFrom(seed, "seed", where),
  };
}

/** Throws FormatError unless an object is one of the giver's. */
export function checkOwned(name: string, giver: string, where: string): void {
  if (!name.startsWith(`${giver}/`))
    throw new FormatError(`${where}: expected an object of its giver, got another one`);
}
