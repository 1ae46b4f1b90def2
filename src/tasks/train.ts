/** The library's `train`: trains a named task or your own in one call, in Node and in a page. */
import type { Report } from "../algos/training.ts";
import { ShapeError, UsageError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { unknownName } from "../core/settings.ts";
import type { State } from "../core/state.ts";
import { type Awaiting, nextOf, runLater } from "../core/waiting.ts";
import { GymnasiumDynamics } from "../envs/gymnasium.ts";
import { decodeState, encodeState } from "../io/state-file.ts";
import { Actor } from "../policies/actor.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import { promptTokens } from "../text/task.ts";
import type { EnvironmentSession } from "./environment-session.ts";
import { type TaskDefinition, taskFrom } from "./own-task.ts";
import { type RunRequest, resolve } from "./run.ts";
import { open, type Session } from "./session.ts";
import type { OpenOptions } from "./session-base.ts";
import type { Task } from "./task.ts";
import { conversing } from "./text/completing.ts";
import type { LanguageSession } from "./text/session.ts";

export interface TrainOptions
  extends Partial<Pick<RunRequest, "algo" | "seed" | "steps" | "settings">>,
    Pick<OpenOptions, "read" | "guard"> {
  /** "simd" or "loops"; by default the faster one that the machine has. */
  readonly backend?: string;
  /** The result of `save`; training resumes from it bit for bit. */
  readonly saved?: Uint8Array;
  /** Awaits promises of rewards; with a clock it can limit their time. */
  readonly awaiting?: Awaiting;
}

const optionNames = Object.keys({
  ...{ algo: true, seed: true, steps: true, settings: true, backend: true },
  ...{ saved: true, awaiting: true, read: true, guard: true },
} satisfies Record<keyof TrainOptions, true>);

export interface ActOptions {
  /** 1 or true for each choice that is allowed. Needed where the environment masks its actions. */
  readonly mask?: ArrayLike<number | boolean>;
  /** Take the likeliest action (default), or draw one. */
  readonly greedy?: boolean;
  /** Resets the memory of a recurrent policy: an episode begins. Default false. */
  readonly first?: boolean;
}

/** The current policy of an environment task. */
export interface Policy {
  /** Returns the action for an observation in the environment's form: a number, or a list of numbers. */
  act(observation: unknown, options?: ActOptions): number | number[];
}

/** The current model of a text task. */
export interface Writer {
  /** Returns the completion of a prompt. */
  complete(prompt: string, options?: { readonly greedy?: boolean; readonly seed?: number }): string;
}

/** A training: iterate it for a report per update, or await its end. */
export class TrainingRun implements AsyncIterable<Report>, PromiseLike<Report | null> {
  readonly session: Session;
  /** The last report; null before the first. */
  last: Report | null = null;
  private readonly awaiting: Awaiting | undefined;
  private stopped = false;
  private finished: Promise<Report | null> | null = null;
  private before: Promise<unknown> = Promise.resolve();
  private actor: Actor | null = null;
  private readonly random: Random;

  constructor(session: Session, awaiting: Awaiting | undefined) {
    this.session = session;
    this.awaiting = awaiting;
    this.random = new Random(session.config.seed);
  }

  /** Environment steps, or sampled tokens, so far. */
  get steps(): number {
    return this.session.training.envSteps;
  }

  /** Draws reports until the steps are taken, or `stop` was called. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Report, void> {
    const { session, awaiting } = this;
    const next = async (): Promise<Report | null> => {
      if (this.stopped || this.steps >= session.config.steps) return null;
      return (await nextOf<Report, void>(session.reports, awaiting)).value ?? null;
    };
    for (;;) {
      const report = await this.inTurn(next);
      if (report === null) return;
      this.last = report;
      yield report;
    }
  }

  /** Does work when what was begun before has ended: updates and evaluations share environments and memory. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.before.then(work);
    this.before = result.catch(() => {});
    return result;
  }

  /** Trains to the end; resolves to the last report. */
  // biome-ignore lint/suspicious/noThenProperty: `await` is how a caller waits for the end
  then<A = Report | null, B = never>(
    resolved?: ((last: Report | null) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.finished ??= (async () => {
      for await (const _ of this);
      return this.last;
    })();
    return this.finished.then(resolved, rejected);
  }

  /** Ends the training after the update at hand. */
  stop(): void {
    this.stopped = true;
  }

  /** Evaluates on episodes, or on prompts of validation, greedily unless told otherwise. */
  evaluate(episodes = 100, { seed = 1_000_000_007, greedy = true } = {}): Promise<Evaluation> {
    const { session, awaiting } = this;
    return this.inTurn(() => runLater(session.evaluating(episodes, seed, greedy), awaiting));
  }

  /** Returns the whole training as bytes, for `saved`. */
  save(): Uint8Array {
    return encodeState(this.session.training.save());
  }

  /** Returns the current policy, not a copy: it changes as training continues. Throws UsageError for a text. */
  get policy(): Policy {
    const { session } = this;
    if (session.kind !== "environment")
      throw new UsageError("policy: expected a task of an environment; a text has a writer");
    return { act: (observation, options) => this.act(session, observation, options) };
  }

  private act(
    { training, config }: EnvironmentSession,
    observation: unknown,
    { mask, greedy = true, first = false }: ActOptions = {},
  ): number | number[] {
    const { model, env } = training;
    if (config.settings.frames !== 1)
      throw new UsageError("act: expected frames=1: a stack of frames needs an environment");
    this.actor ??= new Actor(model, 1, { masked: env.mask !== null, value: false });
    const { actor } = this;
    const raw = env.envs[0];
    if (raw instanceof GymnasiumDynamics) raw.read(observation, actor.observation);
    else fill("observation", actor.observation, observation);
    const scale = Number(config.settings.observationScale);
    for (let i = 0; scale !== 1 && i < actor.observation.length; i++) actor.observation[i] *= scale;
    env.moments?.normalize(actor.observation, actor.observation);
    if (env.mask !== null && mask === undefined)
      throw new UsageError("act: expected a mask, as the policy was trained with");
    if (mask !== undefined) fill("mask", actor.mask, Array.from(mask, Number));
    actor.reset[0] = first ? 1 : 0;
    if (greedy) actor.actGreedily();
    else actor.act(this.random);
    return raw.actionSpace.kind === "discrete" ? actor.command[0] : Array.from(actor.command);
  }

  /** Returns the current model of a text. Throws UsageError for an environment. */
  get writer(): Writer {
    const { session } = this;
    if (session.kind !== "text")
      throw new UsageError("writer: expected a task of a text; an environment has a policy");
    return { complete: (prompt, options) => complete(session, prompt, options) };
  }
}

function fill(name: string, to: { length: number; [i: number]: number }, from: unknown): void {
  const list = from as ArrayLike<number>;
  if (list?.length !== to.length)
    throw new ShapeError(`act: expected ${to.length} numbers as ${name}, got ${list?.length}`);
  for (let i = 0; i < to.length; i++) {
    if (!Number.isFinite(list[i]))
      throw new ShapeError(`act: expected finite numbers as ${name}, got ${list[i]} at ${i}`);
    to[i] = list[i];
  }
}

function complete(
  session: LanguageSession,
  prompt: string,
  { greedy = true, seed = 1 }: { readonly greedy?: boolean; readonly seed?: number } = {},
): string {
  const before = promptTokens(session.task, prompt);
  return [...conversing(session, { prompt, before }, new Random(seed), { greedy })].join("");
}

/**
 * Begins to train a task: the name of one of ours, or one of your own as `defineTask` takes it. Nothing runs before
 * the result is iterated or awaited. Throws SettingError for names, options and settings that do not fit.
 */
export function train(
  task: string | Task | TaskDefinition,
  options: TrainOptions = {},
): TrainingRun {
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) throw unknownName("option of train", unknown, optionNames);
  const { algo, seed, steps, settings, backend, saved, awaiting, ...rest } = options;
  const given = typeof task === "string" ? undefined : taskFrom(task, "train");
  const request = { task: typeof task === "string" ? task : "own", algo, seed, steps, backend };
  const run = resolve({ ...request, ...(settings && { settings }) }, given);
  const state: State | null = saved === undefined ? null : decodeState(saved).state;
  const session = open(run, { ...rest, saved: state });
  session.prepare();
  return new TrainingRun(session, awaiting);
}
