/** Sessions of both kinds with their types, from plain configs. */
import type { State } from "../../src/core/state.ts";
import type { EnvironmentSession } from "../../src/tasks/environment-session.ts";
import { type RunConfig, type RunRequest, resolve } from "../../src/tasks/run.ts";
import { type OpenOptions, open, type Session } from "../../src/tasks/session.ts";
import type { LanguageSession } from "../../src/tasks/text/session.ts";

export const configOf = (request: RunRequest): RunConfig => resolve(request).config;

export const openConfig = (request: RunRequest, options: OpenOptions = {}): Session =>
  open(resolve(request), options);

/** A session of an environment. */
export const openControl = (
  request: RunRequest,
  saved: State | null = null,
  renews = false,
): EnvironmentSession => openConfig(request, { saved, renews }) as EnvironmentSession;

/** A session of a text. */
export const openText = (request: RunRequest, options: OpenOptions = {}): LanguageSession =>
  openConfig(request, options) as LanguageSession;
