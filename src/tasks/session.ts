/** A session: a run in memory that the command line and pages train, resume and evaluate, for any task. */
import { type EnvironmentSession, openEnvironment } from "./environment-session.ts";
import { isEnvironmentRun, type ResolvedRun } from "./run.ts";
import type { OpenOptions } from "./session-base.ts";
import type { LanguageTask } from "./task.ts";
import { type LanguageSession, openLanguage } from "./text/session.ts";

export type { OpenOptions } from "./session-base.ts";
export type Session = EnvironmentSession | LanguageSession;

/** Opens a session, new or from a saved training. */
export const open = (run: ResolvedRun, options: OpenOptions = {}): Session =>
  isEnvironmentRun(run)
    ? openEnvironment(run, options)
    : openLanguage(run as ResolvedRun<LanguageTask>, options);
