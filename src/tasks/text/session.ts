/** A session of a text task. */
import { evaluatingLanguage, type LanguageEvaluation } from "../../algos/evaluate-language.ts";
import type { TuneConfig } from "../../algos/group-algorithms.ts";
import type { TextAlgorithm } from "../../algos/index.ts";
import { inStages, LanguageTraining, type Stage } from "../../algos/language-training.ts";
import { type SftConfig, supervised } from "../../algos/sft.ts";
import type { Report } from "../../algos/training.ts";
import { tuning } from "../../algos/tune.ts";
import { SettingError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { partOf } from "../../core/state.ts";
import { solo } from "../../core/team.ts";
import { runNow, type Waiting } from "../../core/waiting.ts";
import { gptModule } from "../../export/gpt-js.ts";
import { loadGptState } from "../../export/gpt-weights.ts";
import type { Dtype } from "../../io/quantize.ts";
import { saveModel } from "../../models/save.ts";
import { Gpt } from "../../nn/gpt.ts";
import type { Sides } from "../../text/corpus.ts";
import { type Guard, guardedJudge, judgesFrom, type RewardSource } from "../../text/own-reward.ts";
import {
  endOf,
  exampleTokens,
  promptTokens,
  stopTokens,
  type TextTask,
  turnEndTokens,
} from "../../text/task.ts";
import { writeTokenizerJson } from "../../text/tokenizer-json.ts";
import type { GptConfig } from "../model-settings.ts";
import { ownOf } from "../own-files.ts";
import { makeBackend, type ResolvedRun } from "../run.ts";
import type { OpenOptions, SessionBase } from "../session-base.ts";
import type { LanguageTask, ReadCorpus } from "../task.ts";

export interface LanguageSession extends SessionBase {
  readonly kind: "text";
  readonly training: LanguageTraining;
  readonly task: TextTask;
  readonly gpt: Gpt;
  evaluate(episodes: number, seed: number, greedy: boolean, heldOut?: boolean): LanguageEvaluation;
  evaluating(
    episodes: number,
    seed: number,
    greedy: boolean,
    heldOut?: boolean,
  ): Waiting<LanguageEvaluation>;
}

/** Opens a session of a text, new or from a saved training. */
export function openLanguage(
  run: ResolvedRun<LanguageTask>,
  {
    saved = null,
    read = noCorpus,
    guard,
    backend,
    team = solo(),
    helpers = null,
  }: OpenOptions = {},
): LanguageSession {
  const { config, task: definition, values } = run;
  const { seed, steps } = config;
  const task = withJudges(definition.make(values.task as never, read), run, guard);
  const modelConfig = values.model as GptConfig;
  const random = new Random(seed);
  const settings = values.algorithm as SftConfig & TuneConfig;
  const { group } = run.algorithm as TextAlgorithm;
  const valueHead = group?.estimator.baseline === "value";
  const context = modelConfig.context > 0 ? modelConfig.context : contextOf(task);
  const options = { ...modelConfig, context, vocab: task.tokenizer.vocab, valueHead };
  const gpt = new Gpt(backend ?? makeBackend(config.backend), options, random.split());
  const training = new LanguageTraining(gpt, task, random.split(), steps, { saved, team, helpers });
  let begun: Generator<Report, void> | null = null;
  const begin = (): Generator<Report, void> => {
    if (begun !== null) return begun;
    const stages: Stage<Report>[] = [supervised(training, settings)];
    if (group !== null) stages.push(tuning(training, group, settings));
    begun = inStages(training, stages);
    return begun;
  };
  const evaluating: LanguageSession["evaluating"] = (most, seed, greedy, heldOut = false) => {
    team.call(JSON.stringify({ evaluate: [most, seed, greedy, heldOut] }));
    const side = heldOut ? "heldOut" : "validation";
    const sampling = greedy ? { greedy: true } : {};
    return evaluatingLanguage(gpt, task, { side, most, seed, sampling, team });
  };
  return {
    kind: "text",
    run,
    config,
    training,
    task,
    gpt,
    evaluate: (...how) => runNow(evaluating(...how), "evaluate"),
    evaluating,
    reports: (function* () {
      yield* begin();
    })(),
    load: (state) => loadGptState(gpt, partOf(state, "weights")),
    prepare: () => void begin(),
    close() {},
  };
}

/** Returns the task with the rewards of the run's --reward file if it has one, and with time limits on its rewards. */
function withJudges(task: TextTask, { config }: ResolvedRun, guard: Guard | undefined): TextTask {
  const file = config.files?.reward;
  const judges =
    file === undefined ? task.judges : judgesFrom(ownOf(file) as RewardSource, file.path);
  if (judges === undefined) return task;
  return { ...task, judges: guard ? judges.map((judge) => guardedJudge(judge, guard)) : judges };
}

/** Returns the session's model as a JavaScript module that completes the task's prompts. */
export function languageModule(
  { gpt, task }: Pick<LanguageSession, "gpt" | "task">,
  title: string,
  dtype: Dtype = "f32",
) {
  const { tokenizer, completionLength: most } = task;
  const begin = endOf(task);
  const turnEnd = turnEndTokens(task);
  if (turnEnd.length > 1)
    throw new SettingError("export: expected a dialogue whose turns end with one token");
  const stop = [...stopTokens(task), ...turnEnd];
  return gptModule(gpt, { title, tokenizer, begin, stop, most, dtype });
}

/**
 * Returns the session's model as the files of a folder as on the hub, by name; with tokenizer.json where the task's
 * tokenizer is one that the format can say, and the files that stood beside it, such as its chat template.
 */
export function languageFolder({
  gpt,
  task,
}: Pick<LanguageSession, "gpt" | "task">): Record<string, string | Uint8Array> {
  const saved = task.tokenizer.save();
  const begin = endOf(task);
  const stop = stopTokens(task);
  const options = { begin, stop };
  if (saved.kind !== "bpe" && saved.kind !== "file") return saveModel(gpt, options);
  const tokenizerJson = writeTokenizerJson(task.tokenizer);
  const beside = saved.kind === "file" ? (saved.beside ?? {}) : {};
  return saveModel(gpt, { ...options, tokenizerJson, beside });
}

const noCorpus: ReadCorpus = (name) => {
  throw new SettingError(`data: no way to read "${name}" here`);
};

/** Returns the tokens of the longest prompt with a completion, or of the longest example up to 64. */
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
