/** A training on several threads: a team of this thread and others, which start from the same state. */
import { once } from "node:events";
import { canShare, SharedTeam, type TeamMemory, teamMemory } from "../core/shared-team.ts";
import type { State } from "../core/state.ts";
import { messageOf } from "../core/thrown.ts";
import type { ResolvedRun, RunConfig } from "../tasks/run.ts";
import { open, type Session } from "../tasks/session.ts";
import type { OpenOptions } from "../tasks/session-base.ts";
import type { ReadCorpus } from "../tasks/task.ts";
import { guardCalls } from "./patience.ts";
import { type Failure, failureOf, errorOf as typedError } from "./sweep-failure.ts";
import { startWorker } from "./worker.ts";

/** The data that a thread of a team starts with. */
export interface TeamTask {
  readonly memory: TeamMemory;
  readonly index: number;
  readonly config: RunConfig;
  readonly saved: State | null;
}

/** Why a session cannot be shared among threads; null if it can. */
export function whyAlone({ run, kind, training }: Session): string | null {
  if (!canShare()) return "this runtime cannot share memory";
  if (run.config.files?.algo !== undefined)
    return "an algorithm from a file would run once per thread";
  if (run.config.algo === "a3c") return "a3c has threads of its own: --set threads=N";
  if (kind !== "environment") return null;
  const { env } = training;
  if (env.later !== null) return "its environments answer later";
  return env.canSave ? null : "its environments cannot be saved";
}

/** A session that can move to other threads between two updates: `session` stays the same object. */
export class MovingSession {
  readonly session: Session;
  private current: Session;
  private readonly read: ReadCorpus;

  /** `read` reads the corpora of the run again. */
  constructor(session: Session, read: ReadCorpus) {
    this.current = session;
    this.read = read;
    const get = (_: object, name: string | symbol): unknown => Reflect.get(this.current, name);
    this.session = new Proxy<Session>(session, { get });
  }

  /** Goes on with the same bits on a number of threads. Where it throws, the session is as it was. */
  async move(threads: number): Promise<void> {
    const before = this.current;
    this.current = await openOn(threads, before.run, {
      saved: before.training.save(),
      read: this.read,
      guard: guardCalls,
    });
    before.close();
  }
}

type OpenSaved = OpenOptions & { readonly saved: State };

/** Opens a saved training on a number of threads. `close` ends them. */
async function openOn(threads: number, run: ResolvedRun, options: OpenSaved): Promise<Session> {
  if (threads === 1) {
    const session = open(run, options);
    session.prepare();
    return session;
  }
  const memory = teamMemory(threads);
  const team = new SharedTeam(memory, 0, failureFrom);
  const task: Omit<TeamTask, "index"> = { memory, config: run.config, saved: options.saved };
  const supervisor = startWorker("team-supervisor", task);
  supervisor.unref();
  const end = (): void => {
    team.call("close");
    supervisor.postMessage("end");
  };
  try {
    const ready = once(supervisor, "message");
    const session = open(run, { ...options, team });
    session.prepare();
    await ready;
    team.check();
    const close = (): void => {
      session.close();
      end();
    };
    return { ...session, close } as Session;
  } catch (error) {
    end();
    throw error;
  }
}

/** An error as words that a team can pass on. */
export const wordsOf = (error: unknown): string =>
  JSON.stringify(failureOf(error) ?? { kind: "Error", message: messageOf(error) });

/** Returns the error that a member's words tell. */
function failureFrom(words: string): Error {
  const failure = JSON.parse(words) as Failure | { kind: "Error"; message: string };
  if (failure.kind === "Error") return new Error(`a thread failed: ${failure.message}`);
  return typedError(failure);
}
