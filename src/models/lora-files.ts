/** Adapters as peft keeps them: a folder with adapter_config.json and adapter_model.safetensors. */
import { FormatError, SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { Random } from "../core/random.ts";
import { type Shape, sameShape, show } from "../core/tensor.ts";
import { runLater, runNow, type Waiting } from "../core/waiting.ts";
import { type Json, parseJson } from "../io/json.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "../io/safetensors.ts";
import { Gpt } from "../nn/gpt.ts";
import type { HubModel } from "./build.ts";
import { Fields } from "./fields.ts";
import { type ModelFiles, readRange, readText, sizeOfFile } from "./files.ts";
import { adapterShapes, Lora, type LoraOptions } from "./lora.ts";

const configName = "adapter_config.json";
const weightsName = "adapter_model.safetensors";

/**
 * Adapts a frozen model by a folder's adapter. Throws FormatError, which names the file and the field or tensor, for an
 * adapter that is broken, not supported, or of another model.
 */
export const loadLora = (model: HubModel, files: ModelFiles): Lora =>
  runNow(loading(model, files), "loadLora");

/** Adapts a frozen model by a folder whose files answer with promises. */
export const loadLoraLater = (model: HubModel, files: ModelFiles): Promise<Lora> =>
  runLater(loading(model, files));

function* loading(model: HubModel, files: ModelFiles): Waiting<Lora> {
  const text = yield* readText(files, configName);
  if (text === null) throw new FormatError(`${configName}: expected a file of this name`);
  const options = loraOptions(parseJson(text, configName));
  const size = yield* sizeOfFile(files, weightsName);
  if (size === null) throw new FormatError(`${weightsName}: expected a file of this name`);
  const { tensors } = decodeSafetensors(yield* readRange(files, weightsName, [0, size]));
  checkTensors(model, options, tensors);
  const lora = new Lora(model, options, new Random(0));
  for (const { a, b } of lora.adapters)
    for (const { name, data } of [a, b]) data.set(tensors.get(name)?.data ?? []);
  return lora;
}

/** Returns the shapes of the model's adapter. Throws FormatError for targets that the model lacks. */
function wantedShapes(model: HubModel, options: LoraOptions): ReadonlyMap<string, Shape> {
  try {
    return adapterShapes(model, options);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new FormatError(`${configName}: target_modules: ${error.message}`);
  }
}

/** Checks a file's tensors before the model is changed. Throws FormatError. */
function checkTensors(
  model: HubModel,
  options: LoraOptions,
  tensors: ReadonlyMap<string, NamedTensor>,
): void {
  const wanted = wantedShapes(model, options);
  for (const [name, shape] of wanted) {
    const { shape: got, data = [] } = tensors.get(name) ?? {};
    const said = `${weightsName}: expected tensor ${brief(name, 120)}`;
    if (got === undefined || !sameShape(got, shape))
      throw new FormatError(`${said} of ${show(shape)}, got ${got ? show(got) : "none"}`);
    const bad = data.findIndex((x) => !Number.isFinite(Math.fround(x)));
    if (bad >= 0)
      throw new FormatError(`${said} of finite float32 numbers, got ${data[bad]} at ${bad}`);
  }
  for (const name of tensors.keys())
    if (!wanted.has(name))
      throw new FormatError(`${weightsName}: tensor ${brief(name, 120)} is of no target layer`);
}

/** Fields that change what an adapter computes, and the values that are supported. */
const only: Readonly<Record<string, readonly Json[]>> = {
  peft_type: ["LORA"],
  use_dora: [false],
  lora_bias: [false],
  bias: ["none"],
  init_lora_weights: [true, false, "gaussian", "orthogonal", "eva"], // others change the base, too
};
/** Fields that say how it was made, or how it is run elsewhere. Any other one is not supported. */
const harmless = [
  ...["task_type", "auto_mapping", "base_model_name_or_path", "revision", "inference_mode"],
  ...["fan_in_fan_out", "megatron_core", "qalora_group_size", "eva_config", "runtime_config"],
  ...["layers_pattern", "peft_version", "ensure_weight_tying"],
];
const read = ["r", "lora_alpha", "lora_dropout", "use_rslora", "target_modules"];

/** Reads an adapter_config.json. Throws FormatError for a field whose value is not supported. */
export function loraOptions(json: Json): LoraOptions {
  const fields = new Fields(json, configName);
  for (const [name, allowed] of Object.entries(only)) {
    const value = fields.get(name);
    if (value !== null && !allowed.includes(value))
      throw fields.wrong(name, `to be ${allowed.map((x) => brief(x)).join(" or ")}`);
  }
  fields.only([...Object.keys(only), ...harmless, ...read]);
  const targets = fields.get("target_modules");
  const isList = Array.isArray(targets) && targets.every((name) => typeof name === "string");
  if (targets !== "all-linear" && !isList)
    throw fields.wrong("target_modules", 'as a list of names or "all-linear"');
  const dropout = fields.get("lora_dropout") ?? 0;
  if (!(typeof dropout === "number" && dropout >= 0 && dropout < 1))
    throw fields.wrong("lora_dropout", "from 0 to below 1");
  return {
    dropout,
    rank: fields.whole("r"),
    alpha: fields.positive("lora_alpha"),
    rankStabilized: fields.flag("use_rslora", false),
    targets: targets as LoraOptions["targets"],
  };
}

/** Returns an adapter's folder as files by name. */
export function saveLora({ model, options, adapters }: Lora): Record<string, string | Uint8Array> {
  const { rank, alpha, rankStabilized = false, dropout = 0, targets } = options;
  const config = {
    ...{ peft_type: "LORA", task_type: "CAUSAL_LM", bias: "none", lora_dropout: dropout },
    ...{ r: rank, lora_alpha: alpha, use_rslora: rankStabilized, target_modules: targets },
    ...{ fan_in_fan_out: model instanceof Gpt, inference_mode: true, init_lora_weights: true },
  };
  const tensors = adapters.flatMap(({ a, b }) => [a, b]);
  return {
    [configName]: `${JSON.stringify(config, null, 2)}\n`,
    [weightsName]: encodeSafetensors(tensors, { format: "pt" }),
  };
}
