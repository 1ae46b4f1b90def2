/** Sessions of control and of language as one: what the command line trains, resumes and evaluates. */
import type { Report } from "../algos/training.ts";
import { type Settings, unknownName } from "../core/settings.ts";
import type { Kept, State } from "../core/state.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import { tasks } from "./index.ts";
import {
  backendOf,
  checkWhole,
  makeBackend,
  open,
  originOf,
  type RunConfig,
  resolve,
  type Session,
  type SessionRequest,
} from "./session.ts";
import { type LanguageTaskName, languageTasks, type ReadCorpus } from "./text/index.ts";
import { type LanguageSession, openLanguage, settleLanguage } from "./text/session.ts";

export interface AnyEvaluation extends Evaluation {
  /** What a text task tells besides its reward. */
  readonly measures?: Readonly<Record<string, number>>;
}

export interface AnySession {
  readonly config: RunConfig;
  readonly reports: Generator<Report, void>;
  readonly training: Kept & {
    readonly update: number;
    readonly envSteps: number;
    report(): Report;
  };
  /** Plays episodes; of a text task, completes validation prompts. */
  evaluate(episodes: number, seed: number, greedy: boolean): AnyEvaluation;
  /** Takes weights from a saved training. Returns what of the model it has nothing for, which stays fresh. */
  load(state: State): readonly string[];
  /** Sets up the trainer, and goes on from where the saved training stood: what may throw, before anything trains. */
  prepare(): void;
  /** Of a text task: completes the prompts that are held out for the end. */
  readonly evaluateHeldOut?: AnySession["evaluate"];
  /** Of a text task, all there is to it. */
  readonly language?: LanguageSession;
}

export const isLanguage = (task: string): task is LanguageTaskName =>
  Object.hasOwn(languageTasks, task);

/** The settings of a task alone, without those of model and algorithm. */
export const taskSettings = (task: string): Settings =>
  isLanguage(task) ? languageTasks[task].settings : tasks[task as keyof typeof tasks].settings;

/** Resolves names, presets and settings. Throws SettingError that names what is allowed. */
export function resolveAny(request: SessionRequest): RunConfig {
  const { task } = request;
  if (!isLanguage(task)) {
    if (!Object.hasOwn(tasks, task)) {
      throw unknownName("task", task, [...Object.keys(tasks), ...Object.keys(languageTasks)]);
    }
    return resolve(request);
  }
  const { algo: usual, steps: usualSteps } = languageTasks[task];
  const { algo = usual, seed = 1, steps = usualSteps } = request;
  checkWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkWhole("steps", steps, 1, 1e12);
  const settings = settleLanguage(task, algo, request.settings ?? {});
  const backend = backendOf(request.backend);
  return { ...originOf(request), task, algo, seed, steps, backend, settings };
}

/** A training, fresh or from where `saved` was saved. `read` gives the text of a corpus by its setting. */
export function openAny(
  given: RunConfig,
  saved: State | null = null,
  read?: ReadCorpus,
  renews = false,
): AnySession {
  const config = resolveAny(given);
  if (!isLanguage(config.task)) return open(config, saved, renews) satisfies Session as AnySession;
  const language = openLanguage(makeBackend(config.backend), config, saved, read);
  return {
    config,
    language,
    reports: language.reports,
    training: language.training,
    evaluate: (...how) => asEpisodes(language.evaluate(...how)),
    evaluateHeldOut: (...how) => asEpisodes(language.evaluate(...how, "heldOut")),
    load: language.load,
    prepare() {}, // done: `openLanguage` begins at once
  };
}

/** Completions as episodes, rewards as returns. */
function asEpisodes(e: ReturnType<LanguageSession["evaluate"]>): AnyEvaluation {
  const { exact, found } = e.measures;
  const returns = e.samples.map(({ reward }) => reward).filter((r) => !Number.isNaN(r));
  return {
    episodes: returns.length,
    returns,
    lengths: e.samples.map(({ completion }) => completion.length),
    meanReturn: e.meanReward,
    stdReturn: e.stdReward,
    margin: (1.96 * e.stdReward) / Math.sqrt(Math.max(1, returns.length)),
    successRate: exact ?? found ?? null,
    measures: e.measures,
  };
}
