/**
 * Loads a language model from a folder in the layout of Hugging Face's hub: config.json, generation_config.json, and
 * model.safetensors or shards. Weights are converted while they are read, a piece of one tensor at a time.
 */
import type { Backend } from "../core/backend.ts";
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { runLater, runNow, type Waiting } from "../core/waiting.ts";
import { type Json, parseJson } from "../io/json.ts";
import { nearestBrain } from "../io/quantize.ts";
import { bytesOf, elementsOf } from "../io/safetensors.ts";
import { Gpt } from "../nn/gpt.ts";
import { StoredWeight } from "../nn/stored.ts";
import { type BuildOptions, buildStored, type HubModel } from "./build.ts";
import { type ModelConfig, matrixNumbers, modelConfig } from "./config.ts";
import { families } from "./families.ts";
import { type ModelFiles, readRange, readText } from "./files.ts";
import { gpt2Name } from "./gpt2-names.ts";
import { type Located, locateTensors } from "./shards.ts";

export interface LoadedModel {
  readonly model: HubModel;
  readonly config: ModelConfig;
}

/**
 * Loads a model whose files answer at once. Throws FormatError, which names the file and the field or tensor, for
 * files that are broken, that are not supported, or that do not fit each other.
 */
export const loadModel = (k: Backend, files: ModelFiles, options: BuildOptions = {}): LoadedModel =>
  runNow(loading(k, files, options), "loadModel");

/** Loads a model whose files answer with promises, such as those that a page's user picked. */
export const loadModelLater = (
  k: Backend,
  files: ModelFiles,
  options: BuildOptions = {},
): Promise<LoadedModel> => runLater(loading(k, files, options));

function* loading(k: Backend, files: ModelFiles, options: BuildOptions): Waiting<LoadedModel> {
  const config = yield* readConfig(files);
  const tensors = yield* locateTensors(files);
  checkNumbers(config, tensors);
  const model = buildStored(k, config, options, embeddingForm(tensors));
  try {
    yield* fill(model, config, files, tensors);
    return { model, config };
  } catch (error) {
    model.free();
    throw error;
  }
}

/** Returns the form that loses nothing of the embedding, the largest tensor of bfloat16 being one. */
function embeddingForm(tensors: ReadonlyMap<string, Located>): "f32" | "bf16" {
  const ofWords = [...tensors.values()].filter(({ name }) =>
    /(embed_tokens|wte|lm_head)\.weight$/.test(name),
  );
  return ofWords.every(({ dtype }) => dtype === "BF16") ? "bf16" : "f32";
}

/** Throws FormatError for sizes of more than twice the files' numbers, before memory of these sizes is allocated. */
function checkNumbers(config: ModelConfig, tensors: ReadonlyMap<string, Located>): void {
  let stored = 0;
  for (const { shape } of tensors.values()) stored += sizeOf(shape);
  const numbers = matrixNumbers(config);
  if (numbers > 2 * stored)
    throw new FormatError(
      `config.json: expected sizes of ${stored} weights, which the files have, got sizes of ${numbers}`,
    );
}

/** Reads what config.json and generation_config.json say. */
export function* readConfig(files: ModelFiles): Waiting<ModelConfig> {
  const read = function* (name: string): Waiting<Json | undefined> {
    const text = yield* readText(files, name);
    return text === null ? undefined : parseJson(text, name);
  };
  const config = yield* read("config.json");
  if (config === undefined) throw new FormatError("config.json: expected a file of this name");
  return modelConfig(config, yield* read("generation_config.json"));
}

/** A parameter and its form in files. */
interface Target {
  /** The name in files. */
  readonly name: string;
  readonly parameter: Tensor & { readonly name: string };
  readonly isTransposed: boolean;
}

/** Returns each weight by its name in files, without the prefix that names may lack. */
function targetsOf(model: HubModel, prefix: string): Map<string, Target> {
  const isGpt = model instanceof Gpt;
  return new Map(
    model.parts.weights.list.map((parameter) => {
      if (!isGpt) {
        const { name } = parameter;
        return [without(prefix, name), { name, parameter, isTransposed: false }];
      }
      const { theirs, isTransposed } = gpt2Name(parameter.name);
      const name = theirs === head ? head : prefix + theirs;
      return [theirs, { name, parameter, isTransposed }];
    }),
  );
}
const without = (prefix: string, name: string): string =>
  name.startsWith(prefix) ? name.slice(prefix.length) : name;

const head = "lm_head.weight";

function* fill(
  model: HubModel,
  config: ModelConfig,
  files: ModelFiles,
  tensors: ReadonlyMap<string, Located>,
): Waiting<void> {
  const { prefix, buffers } = families[config.family];
  const targets = targetsOf(model, prefix);
  const embedding = model.parts.weights.list[0];
  const read: (readonly [Located, Target, isCheck: boolean])[] = [];
  for (const tensor of tensors.values()) {
    const name = without(prefix, tensor.name);
    if (buffers.test(name)) continue;
    const target = targets.get(name);
    if (target !== undefined) read.push([tensor, target, false]);
    else if (config.tied && name === head)
      read.push([tensor, { name, parameter: embedding, isTransposed: false }, true]);
    else throw wrongTensor(tensor, `expected a parameter of this ${config.family} model`);
    targets.delete(name);
  }
  const inFiles = new Set([...tensors.values()].map(({ file }) => file));
  for (const [key, { name }] of targets)
    if (!key.startsWith("value."))
      throw new FormatError(`${[...inFiles].join(", ")}: no tensor "${name}"`);
  for (const [tensor, target] of read) checkTensor(tensor, target, config);
  // the head of a tied model last, because it is compared with the embedding
  read.sort(([, , a], [, , b]) => Number(a) - Number(b));
  for (const [tensor, target, isCheck] of read) yield* copy(files, tensor, target, isCheck);
}

const wrongTensor = ({ file, name }: Located, what: string): FormatError =>
  new FormatError(`${file}: tensor ${brief(name, 120)}: ${what}`);

const floats: readonly string[] = ["F32", "F16", "BF16", "F64"];

function checkTensor(
  tensor: Located,
  { parameter, isTransposed }: Target,
  { context }: ModelConfig,
): void {
  const { name, shape } = parameter;
  // of learned positions a shorter context takes the first
  const full = name === "wpe.weight" ? [context, shape[1]] : shape;
  const want = isTransposed ? [shape[1], shape[0]] : full;
  if (!sameShape(tensor.shape, want))
    throw wrongTensor(tensor, `expected ${show(want)} by config.json, got ${show(tensor.shape)}`);
  if (!floats.includes(tensor.dtype))
    throw wrongTensor(tensor, `expected a dtype of ${floats.join(", ")}, got ${tensor.dtype}`);
}

const piece = 2 ** 20; // elements read at a time

/** Copies a tensor to its parameter, or compares the two where `isCheck`. */
function* copy(
  files: ModelFiles,
  tensor: Located,
  target: Target,
  isCheck: boolean,
): Waiting<void> {
  const { file, dtype, start } = tensor;
  const { parameter, isTransposed } = target;
  const bytes = bytesOf(dtype);
  const size = sizeOf(parameter.shape);
  const row = parameter.shape.at(-1) ?? 1;
  const step = row * Math.max(1, Math.floor(piece / row)); // whole rows, of which int8 makes scales
  const turned =
    isTransposed && parameter instanceof StoredWeight ? new Float32Array(size) : undefined;
  const put = isCheck ? checking(tensor, parameter) : copying(target, turned);
  for (let at = 0; at < size; at += step) {
    const end = Math.min(at + step, size);
    const range = [start + at * bytes, start + end * bytes] as const;
    const elements = elementsOf(dtype, yield* readRange(files, file, range)) as Float32Array;
    const bad = elements.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0)
      throw wrongTensor(tensor, `expected finite numbers, got ${elements[bad]} at ${at + bad}`);
    put(elements, at);
  }
  if (turned !== undefined && parameter instanceof StoredWeight) parameter.setRows(0, turned);
}

/** Takes a tensor's elements from number `at` on. */
type Put = (elements: Float32Array, at: number) => void;

/** Returns what copies elements to the target; those of a transposed matrix to `turned`, where it is given. */
function copying({ parameter, isTransposed }: Target, turned?: Float32Array): Put {
  const [rows, columns] = parameter.shape;
  if (isTransposed) {
    const to = turned ?? parameter.data;
    return (elements, start) => {
      for (let i = 0, at = start; i < elements.length; i++, at++)
        to[(at % rows) * columns + Math.floor(at / rows)] = elements[i];
    };
  }
  if (parameter instanceof StoredWeight)
    return (elements, at) => parameter.setRows(at / columns, elements);
  return (elements, at) => parameter.data.set(elements, at);
}

/** Returns what compares elements with the numbers that the parameter has. */
function checking(tensor: Located, parameter: Tensor): Put {
  if (!(parameter instanceof StoredWeight))
    return (elements, at) => checkSame(tensor, elements, parameter.data.subarray(at));
  const [, columns] = parameter.shape;
  return (elements, at) => {
    const rows = elements.length / columns;
    checkSame(tensor, elements.map(nearestBrain), parameter.rows(at / columns, rows));
  };
}

function checkSame(tensor: Located, got: ArrayLike<number>, want: ArrayLike<number>): void {
  for (let i = 0; i < got.length; i++) {
    if (got[i] !== Math.fround(want[i]))
      throw wrongTensor(
        tensor,
        "expected the embedding's numbers, since tie_word_embeddings is true",
      );
  }
}
