/** A published model in place of a GPT of the run's own: its files, tokenizer and form of messages, and its adapters. */
import { loops } from "../../backends/loops.ts";
import type { Backend } from "../../core/backend.ts";
import { FormatError, SettingError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { sizeOf } from "../../core/tensor.ts";
import { runNow } from "../../core/waiting.ts";
import type { HubModel } from "../../models/build.ts";
import type { ModelConfig } from "../../models/config.ts";
import type { ModelFiles } from "../../models/files.ts";
import { loadModel, readConfig } from "../../models/load.ts";
import { Lora } from "../../models/lora.ts";
import { locateTensors } from "../../models/shards.ts";
import { loadTokenizer } from "../../models/tokenizer.ts";
import type { Chat } from "../../text/chat.ts";
import { ChatTemplate, type ChatVariables, type Jinja } from "../../text/chat-template.ts";
import type { Marks, TextTask } from "../../text/task.ts";
import type { HubTokenizer } from "../../text/tokenizer-json.ts";
import type { HubConfig } from "../model-settings.ts";
import type { ModelNeeds } from "./own-model.ts";

/** What a folder in the layout of Hugging Face's hub holds, and a run needs of it. */
export interface Published {
  readonly files: ModelFiles;
  readonly tokenizer: HubTokenizer;
  readonly marks: Marks;
  /** Returns the form of messages that the model was taught, with variables of it; undefined without a template. */
  readonly chat?: (variables: ChatVariables) => Chat;
  readonly config: ModelConfig;
  /** The number of weights that the files hold. */
  readonly weights: number;
}

/**
 * Reads what a folder says beside its weights; `jinja` renders its chat templates. Throws FormatError, which names the
 * file and the field, for files that are broken, missing or not supported; UsageError for files that answer later.
 */
export function publishedFrom(files: ModelFiles, jinja?: Jinja): Published {
  const config = runNow(readConfig(files), "model");
  const tensors = runNow(locateTensors(files), "model");
  const { tokenizer, tokens, templates } = loadTokenizer(files);
  let weights = 0;
  for (const { shape } of tensors.values()) weights += sizeOf(shape);
  const end = tokenizer.specials.get(tokens.eos_token ?? "");
  const stop = [...new Set([...(end === undefined ? [] : [end]), ...config.stop])];
  if (stop.length === 0)
    throw new FormatError("config.json: expected eos_token_id, the token that ends a text");
  const around = tokenizer.encode("", { around: true });
  const begin = around.slice(0, around[0] === stop[0] ? 0 : 1);
  const template =
    templates.size > 0 && jinja !== undefined ? new ChatTemplate(templates, jinja, tokens) : null;
  const chat = template === null ? {} : { chat: template.chat.bind(template) };
  return { files, tokenizer, marks: { begin, stop }, config, weights, ...chat };
}

/** Returns a task in the tokens of a published model. In messages, the text of a special token stands for it. */
export function inTokensOf(task: TextTask, { tokenizer, marks }: Published): TextTask {
  const special = task.chat !== undefined;
  const encode = (text: string): number[] => tokenizer.encode(text, { special });
  return { ...task, tokenizer: { ...tokenizer, encode }, marks };
}

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
  if (c.lora === 0 && c.weights !== "f32")
    throw new SettingError(`weights: expected f32 without adapters (lora=0), got ${c.weights}`);
  const { lora: rank, weights } = c;
  const { model: gpt } = loadModel(k, files, { context, valueHead, frozen: rank > 0, weights });
  if (c.lora === 0) return { gpt, lora: null };
  const alpha = c.loraAlpha > 0 ? c.loraAlpha : 2 * c.lora;
  const targets = c.loraTargets === all ? all : c.loraTargets.split(",");
  const { loraStabilized: rankStabilized, loraDropout: dropout } = c;
  const options = { rank, alpha, rankStabilized, dropout, targets };
  return { gpt, lora: new Lora(gpt, options, random) };
}

/** Returns a model with its adapters merged into float weights: that of a run, or where it has fewer bits, one like it. */
export function mergedModel({ gpt, lora }: Adapted, published: Published, c: HubConfig): HubModel {
  if (lora === null) return gpt;
  if (c.weights === "f32") {
    lora.merge();
    return gpt;
  }
  const { context, valueHead } = gpt.options;
  const how = { context, valueHead, random: new Random(0) };
  const other = loadPublished(loops(), published, { ...c, weights: "f32" }, how);
  for (const { name, data } of other.gpt.parameters.list)
    data.set(gpt.parameters.get(name)?.data ?? []);
  other.lora?.merge();
  return other.gpt;
}
