/** A language session from names and settings, as session.ts makes them for control. */
import { evaluateLanguage, type LanguageEvaluation } from "../../algos/evaluate-language.ts";
import {
  estimatorOf,
  type GroupAlgorithm,
  type GroupAlgorithmName,
  groupAlgorithms,
  tuneSettings,
} from "../../algos/group-algorithms.ts";
import { notForTexts } from "../../algos/index.ts";
import { inStages, LanguageTraining, type Stage } from "../../algos/language-training.ts";
import { sftSettings, supervised } from "../../algos/sft.ts";
import type { Report } from "../../algos/training.ts";
import { tuning } from "../../algos/tune.ts";
import type { Backend } from "../../core/backend.ts";
import { SettingError, UsageError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import {
  flag,
  integer,
  type Settings,
  settle,
  unknownName,
  type Values,
} from "../../core/settings.ts";
import { partOf, type State } from "../../core/state.ts";
import { Gpt } from "../../nn/gpt.ts";
import { gptModule } from "../../nn/gpt-js.ts";
import { loadGptState } from "../../nn/gpt-weights.ts";
import type { Sides } from "../../text/corpus.ts";
import {
  endToken,
  exampleTokens,
  promptTokens,
  stopTokens,
  type TextTask,
  turnEndTokens,
} from "../../text/task.ts";
import { type LanguageTaskName, languageTasks, type ReadCorpus } from "./index.ts";

export const gptSettings = {
  layers: integer(2, "blocks", { min: 1, max: 64 }),
  heads: integer(4, "attention heads", { min: 1, max: 64 }),
  width: integer(64, "numbers a position", { min: 1, max: 8192 }),
  context: integer(0, "tokens seen; 0: as many as the task's texts have", { max: 65536 }),
  tied: flag(true, "the head is the token embedding"),
};

/** Names of what trains language: supervised alone, or supervised and then from rewards. */
export const languageAlgorithms: readonly string[] = ["sft", ...Object.keys(groupAlgorithms)];

/** The settings of task, model and algorithm in one table. */
export const languageSettingsOf = (task: string, algo: string): Settings => ({
  ...languageTasks[task as LanguageTaskName].settings,
  ...gptSettings,
  ...sftSettings,
  ...(algo === "sft" ? {} : tuneSettings),
});

/** Values of the settings: defaults, what the algorithm and the task usually have, what is given. */
export function settleLanguage(
  task: string,
  algo: string,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { usual, presets = {} } = languageTasks[task as LanguageTaskName];
  if (!languageAlgorithms.includes(algo)) {
    throw unknownName("algorithm", algo, languageAlgorithms, ` for ${task}`, notForTexts);
  }
  const table = languageSettingsOf(task, algo);
  const own =
    algo === "sft"
      ? {}
      : ((groupAlgorithms[algo as GroupAlgorithmName] as GroupAlgorithm).usual ?? {});
  const known = Object.fromEntries(
    Object.entries({ ...usual, ...own, ...presets[algo] }).filter(([name]) => name in table),
  );
  return settle(table, { ...known, ...given });
}

export interface LanguageConfig {
  readonly task: string;
  readonly algo: string;
  readonly seed: number;
  readonly steps: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface LanguageSession {
  readonly reports: Generator<Report, void>;
  readonly training: LanguageTraining;
  readonly task: TextTask;
  readonly gpt: Gpt;
  /** On validation prompts, if no other side is said. */
  evaluate(
    prompts: number,
    seed: number,
    greedy: boolean,
    side?: "validation" | "heldOut",
  ): LanguageEvaluation;
  /** Takes weights, and no more, from a saved training. Returns what of the model it has nothing for, as `loadGpt`. */
  load(state: State): readonly string[];
}

/** A training, fresh or from where `saved` was saved, ready to be drawn from. */
export function openLanguage(
  k: Backend,
  config: LanguageConfig,
  saved: State | null = null,
  read: ReadCorpus = noCorpus,
): LanguageSession {
  const { algo, seed, steps } = config;
  const settings = settleLanguage(config.task, algo, config.settings);
  const definition = languageTasks[config.task as LanguageTaskName];
  const task = definition.make(pick(settings, definition.settings), read);
  const shape = pick(settings, gptSettings);
  const random = new Random(seed);
  const sft = pick(settings, sftSettings);
  const tune = algo === "sft" ? null : pick(settings, tuneSettings);
  const valueHead =
    tune !== null && estimatorOf(algo as GroupAlgorithmName, tune).baseline === "value";
  const context = shape.context > 0 ? shape.context : contextOf(task);
  const options = { ...shape, context, vocab: task.tokenizer.vocab, valueHead };
  const gpt = new Gpt(k, options, random.split());
  const training = new LanguageTraining(gpt, task, random.split(), steps, saved);
  const stages: Stage<Report>[] = [supervised(training, sft)];
  if (tune !== null) stages.push(tuning(training, algo as GroupAlgorithmName, tune));
  return {
    reports: inStages(training, stages),
    training,
    task,
    gpt,
    evaluate: (most, evaluationSeed, greedy, side = "validation") =>
      evaluateLanguage(gpt, task, {
        side,
        most,
        seed: evaluationSeed,
        sampling: greedy ? { greedy: true } : {},
      }),
    load: (state) => loadGptState(gpt, partOf(state, "weights")),
  };
}

/** The session's model as a JavaScript module that completes the task's prompts. */
export function languageModule({ gpt, task }: LanguageSession, title: string) {
  const { tokenizer, completionLength: most } = task;
  const begin = tokenizer.special(endToken);
  const turnEnd = turnEndTokens(task);
  if (turnEnd.length > 1)
    throw new UsageError("export: expected a dialogue whose turns end with one token");
  const stop = [...stopTokens(task), ...turnEnd];
  return gptModule(gpt, { title, tokenizer, begin, stop, most });
}

const noCorpus: ReadCorpus = (name) => {
  throw new SettingError(`data: no way to read "${name}" here`);
};

function pick<S extends Settings>(values: Readonly<Record<string, unknown>>, table: S): Values<S> {
  const own = Object.entries(values).filter(([name]) => Object.hasOwn(table, name));
  return settle(table, Object.fromEntries(own));
}

/** What the longest prompt and completion, or example, need; plain text is cut to 64 tokens. */
function contextOf(task: TextTask): number {
  const everyOf = <T>({ train, validation, heldOut }: Sides<T>): readonly T[] => [
    ...train,
    ...validation,
    ...heldOut,
  ];
  const longest = (lengths: readonly number[]): number =>
    lengths.reduce((most, n) => Math.max(most, n), 0);
  const asked =
    longest(everyOf(task.prompts).map((p) => promptTokens(task, p).length)) + task.completionLength;
  const all = everyOf(task.examples);
  const read = longest(all.map((example) => exampleTokens(task, example).tokens.length));
  return Math.max(asked, Math.min(read, 64));
}
