/** A new run that begins from the weights of another one, and what its message says where these do not fit. */

import { FormatError } from "../core/errors.ts";
import type { Shape } from "../core/tensor.ts";
import { messageOf } from "../core/thrown.ts";
import type { RunConfig } from "../tasks/run.ts";
import { open, type Session } from "../tasks/session.ts";
import { knownCorpus } from "./corpora.ts";
import { readRunFile, withTraining } from "./run-folder.ts";

/**
 * Loads the weights of a run's last checkpoint into a new session. Returns the names of weights that the run lacks.
 * Throws FormatError, which names the file, the weight, its shapes and the settings that differ, where they do not fit.
 */
export const loadFrom = (path: string, session: Session): readonly string[] =>
  withTraining(path, (state) => {
    try {
      return session.load(state);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const why = messageFrom(() => session.load(state, shapesOf(path))) ?? error.message;
      throw new FormatError(`${why}${difference(path, session)}`);
    }
  });

/** Returns the message of the FormatError that `work` throws; null without one. */
function messageFrom(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof FormatError ? messageOf(error) : null;
  }
}

/** Returns the shapes of a run's weights, from its model, made again; none where that needs files of its own. */
function shapesOf(path: string): ReadonlyMap<string, Shape> {
  const { config, resolved, corpora } = readRunFile(path);
  if (config.files !== undefined) return new Map();
  const session = open(resolved(), { read: knownCorpus(corpora, false) });
  const { parameters } = session.kind === "text" ? session.gpt : session.training.model;
  session.close();
  return new Map(parameters.list.map(({ name, shape }) => [name, shape]));
}

/** Says what a run's model was trained with and the new one is not, where the weights fit all the same; empty if nothing. */
export function otherModel(path: string, { run }: Session): string {
  const { config: theirs } = readRunFile(path);
  const changed = changedIn(Object.keys(run.values.model), theirs, run.config);
  if (changed.length === 0) return "";
  return `${path} was trained with ${changed.join(" ")}, this run is not`;
}

const changedIn = (names: readonly string[], theirs: RunConfig, own: RunConfig): string[] =>
  names
    .map((name) => [name, theirs.settings[name], own.settings[name]].map(String))
    .filter(([, a, b]) => a !== b && a !== "undefined" && a.length <= longest)
    .map(([name, value]) => `--set ${name}=${value}`);

const longest = 60; // characters of a setting that a message shows

/** Returns how the run was trained otherwise than the new one: task, algorithm, and settings of model and task. */
function difference(path: string, { run }: Session): string {
  const { config: theirs } = readRunFile(path);
  const { config: own, values } = run;
  const table = theirs.task === own.task ? { ...values.model, ...values.task } : values.model;
  const changed = changedIn(Object.keys(table), theirs, own);
  const said = [
    theirs.task === own.task ? "" : ` on ${theirs.task}`,
    theirs.algo === own.algo ? "" : ` by ${theirs.algo}`,
    changed.length === 0 ? "" : ` with ${changed.join(" ")}`,
  ].join("");
  return said === "" ? "" : `; ${path} was trained${said}`;
}
