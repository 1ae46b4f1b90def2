/** A published model in place of a GPT of the run's own: its files, tokenizer and form of messages, and its adapters. */
import type { Backend } from "../../core/backend.ts";
import { FormatError } from "../../core/errors.ts";
import { sizeOf } from "../../core/tensor.ts";
import { runNow } from "../../core/waiting.ts";
import type { HubModel } from "../../models/build.ts";
import type { ModelConfig } from "../../models/config.ts";
import { type ModelFiles, readText } from "../../models/files.ts";
import { loadModel, readConfig } from "../../models/load.ts";
import { Lora } from "../../models/lora.ts";
import { locateTensors } from "../../models/shards.ts";
import type { Chat } from "../../text/chat.ts";
import type { Marks, TextTask } from "../../text/task.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { readTokenizerJson } from "../../text/tokenizer-json.ts";
import type { HubConfig } from "../model-settings.ts";
import type { ModelNeeds } from "./own-model.ts";

/** What a folder in the layout of Hugging Face's hub holds, and a run needs of it. */
export interface Published {
  readonly files: ModelFiles;
  readonly tokenizer: Tokenizer;
  readonly marks: Marks;
  /** Writes messages as the model was taught to read them; undefined without a template. */
  readonly chat?: Chat;
  readonly config: ModelConfig;
  /** The number of weights that the files hold. */
  readonly weights: number;
}

/**
 * Reads what a folder says beside its weights. Throws FormatError, which names the file and the field, for files that
 * are broken, missing or not supported; UsageError for files that answer later.
 */
export function publishedFrom(files: ModelFiles): Published {
  const config = runNow(readConfig(files), "model");
  const tensors = runNow(locateTensors(files), "model");
  const text = runNow(readText(files, "tokenizer.json"), "model");
  if (text === null) throw new FormatError("tokenizer.json: expected a file of this name");
  let weights = 0;
  for (const { shape } of tensors.values()) weights += sizeOf(shape);
  const marks = { begin: config.begin === null ? [] : [config.begin], stop: config.stop };
  return { files, tokenizer: readTokenizerJson(text), marks, config, weights };
}

/** Returns the task in the tokens of a published model. */
export const inTokensOf = (task: TextTask, { tokenizer, marks }: Published): TextTask => ({
  ...task,
  tokenizer,
  marks,
});

/** A model, and its adapters if it has them: its weights are frozen then. */
export interface Adapted {
  readonly gpt: HubModel;
  readonly lora: Lora | null;
}

const all = "all-linear" as const;

/** Loads the model's weights. With `lora` they are frozen, and adapters of that rank are added. */
export function loadPublished(
  k: Backend,
  { files }: Published,
  c: HubConfig,
  { context, valueHead, random }: ModelNeeds,
): Adapted {
  const { model: gpt } = loadModel(k, files, { context, valueHead, frozen: c.lora > 0 });
  if (c.lora === 0) return { gpt, lora: null };
  const alpha = c.loraAlpha > 0 ? c.loraAlpha : 2 * c.lora;
  const targets = c.loraTargets === all ? all : c.loraTargets.split(",");
  const options = { rank: c.lora, alpha, rankStabilized: c.loraStabilized, targets };
  return { gpt, lora: new Lora(gpt, options, random) };
}
