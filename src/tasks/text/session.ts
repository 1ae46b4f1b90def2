/** A session of a text task. */
import { evaluatingLanguage, type LanguageEvaluation } from "../../algos/evaluate-language.ts";
import type { TuneConfig } from "../../algos/group-algorithms.ts";
import type { TextAlgorithm } from "../../algos/index.ts";
import { inStages, LanguageTraining, type Stage } from "../../algos/language-training.ts";
import { loadWeights } from "../../algos/load-weights.ts";
import { type SftConfig, supervised } from "../../algos/sft.ts";
import type { Report } from "../../algos/training.ts";
import { tuning } from "../../algos/tune.ts";
import { SettingError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { partOf, type State } from "../../core/state.ts";
import { solo } from "../../core/team.ts";
import type { Shape } from "../../core/tensor.ts";
import { runNow, type Waiting } from "../../core/waiting.ts";
import { gptModule } from "../../export/gpt-js.ts";
import { loadGptState } from "../../export/gpt-weights.ts";
import type { Dtype } from "../../io/quantize.ts";
import type { HubModel } from "../../models/build.ts";
import type { Lora } from "../../models/lora.ts";
import { saveModel } from "../../models/save.ts";
import { Gpt } from "../../nn/gpt.ts";
import { seePictures } from "../../nn/pictures.ts";
import { recompute } from "../../nn/recompute.ts";
import { type Guard, guardedJudge, judgesFrom, type RewardSource } from "../../text/own-reward.ts";
import { endOf, stopTokens, type TextTask, turnEndTokens } from "../../text/task.ts";
import { writeTokenizerJson } from "../../text/tokenizer-json.ts";
import type { GptConfig, HubConfig } from "../model-settings.ts";
import { ownOf } from "../own-files.ts";
import { makeBackend, type ResolvedRun } from "../run.ts";
import type { OpenOptions, SessionBase } from "../session-base.ts";
import type { LanguageTask, ReadCorpus } from "../task.ts";
import { contextFor } from "./context.ts";
import { manyWeights, ownModel, weightsIn } from "./own-model.ts";
import { inTokensOf, loadPublished, mergedModel, type Published } from "./published.ts";

export interface LanguageSession extends SessionBase {
  readonly kind: "text";
  readonly training: LanguageTraining;
  readonly task: TextTask;
  readonly gpt: HubModel;
  /** The adapters of a published model; null where all weights are trained. */
  readonly lora: Lora | null;
  /** Returns the model with its adapters in float weights, for files. The session must not be used again. */
  merged(): HubModel;
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
  const folder = config.files?.model;
  const published = folder === undefined ? null : (ownOf(folder) as Published);
  const { thinking = "auto" } = values.model as Partial<HubConfig>;
  const chat = published?.chat?.(thinking === "auto" ? {} : { enable_thinking: thinking === "on" });
  const made = definition.make(values.task as never, read, chat);
  const task = withJudges(published === null ? made : inTokensOf(made, published), run, guard);
  const random = new Random(seed);
  const settings = values.algorithm as SftConfig & TuneConfig;
  const { group } = run.algorithm as TextAlgorithm;
  const valueHead = group?.estimator.baseline === "value";
  const given = values.model as GptConfig | HubConfig;
  const context = contextFor(task, given.context);
  const { pictures, tokenizer } = task;
  if (pictures !== undefined && published !== null)
    throw new SettingError(`--model: expected a task without pictures, got ${config.task}`);
  const vocab = tokenizer.vocab + (pictures === undefined ? 0 : 1);
  const sizes = { ...(given as GptConfig), vocab };
  const weights = published?.weights ?? weightsIn(sizes);
  const k = backend ?? makeBackend(config.backend, weights >= manyWeights);
  const how = { context, valueHead, random: random.split() };
  const { gpt, lora } =
    published === null
      ? { gpt: ownModel(k, sizes, how), lora: null }
      : loadPublished(k, published, given as HubConfig, how);
  recompute(gpt, given.recompute);
  if (pictures !== undefined) seePictures(gpt, pictures, random.split());
  const training = new LanguageTraining(gpt, task, random.split(), steps, {
    saved,
    team,
    helpers,
    adapters: lora?.dropout ?? null,
  });
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
    lora,
    merged: () =>
      published === null ? gpt : mergedModel({ gpt, lora }, published, given as HubConfig),
    evaluate: (...how) => runNow(evaluating(...how), "evaluate"),
    evaluating,
    reports: (function* () {
      yield* begin();
    })(),
    load: (state, shapes) => loadModelWeights(gpt, partOf(state, "weights"), shapes),
    prepare: () => void begin(),
    close() {},
  };
}

/** Loads saved weights into a model. Returns the names of those that are not among them. */
function loadModelWeights(
  gpt: HubModel,
  weights: State,
  shapes?: ReadonlyMap<string, Shape>,
): readonly string[] {
  if (gpt instanceof Gpt && gpt.parts.weights === gpt.parameters) return loadGptState(gpt, weights);
  loadWeights(gpt.parameters, weights, shapes);
  return [];
}

/** Returns the task with the rewards of the run's --reward file if it has one, and with time limits on its rewards. */
function withJudges(task: TextTask, { config }: ResolvedRun, guard: Guard | undefined): TextTask {
  const file = config.files?.reward;
  const judges =
    file === undefined ? task.judges : judgesFrom(ownOf(file) as RewardSource, file.path);
  if (judges === undefined) return task;
  return { ...task, judges: guard ? judges.map((judge) => guardedJudge(judge, guard)) : judges };
}

/** Throws SettingError for a task whose prompts have pictures, which no format of language models can say. */
export function mustReadText({ pictures }: TextTask): void {
  if (pictures !== undefined)
    throw new SettingError(
      "export: expected a model of texts alone; of one that sees pictures there is --format safetensors",
    );
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
  mustReadText(task);
  if (!(gpt instanceof Gpt) || task.marks !== undefined)
    throw new SettingError(
      "export: expected a GPT of the run's own; --format hub writes other models of texts",
    );
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
  merged,
  task,
}: Pick<LanguageSession, "merged" | "task">): Record<string, string | Uint8Array> {
  mustReadText(task);
  const saved = task.tokenizer.save();
  const [begin = null] = task.marks === undefined ? [endOf(task)] : task.marks.begin;
  const options = { begin, stop: stopTokens(task) };
  const whole = merged();
  if (saved.kind !== "bpe" && saved.kind !== "file") return saveModel(whole, options);
  const tokenizerJson = writeTokenizerJson(task.tokenizer);
  const beside = saved.kind === "file" ? (saved.beside ?? {}) : {};
  return saveModel(whole, { ...options, tokenizerJson, beside });
}

const noCorpus: ReadCorpus = (name) => {
  throw new SettingError(`data: no way to read "${name}" here`);
};
