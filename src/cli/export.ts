/** pigrad export RUN: a run's policy as a file for elsewhere. */
import { join } from "node:path";
import { SettingError } from "../core/errors.ts";
import { gptOnnx } from "../export/gpt-onnx.ts";
import { gpt2Tensors } from "../export/gpt-weights.ts";
import { policyModule } from "../export/policy-js.ts";
import { policyOnnx } from "../export/policy-onnx.ts";
import type { Normalizer } from "../export/policy-plan.ts";
import { policyPlan } from "../export/policy-plan-of.ts";
import { type Dtype, dtypes, quantize } from "../io/quantize.ts";
import { encodeSafetensors, type NamedTensor, type TensorToWrite } from "../io/safetensors.ts";
import { saveLora } from "../models/lora-files.ts";
import { Gpt } from "../nn/gpt.ts";
import { checkPlace, makeFolder, writeAtomically } from "../node/files.ts";
import { openRun } from "../node/run-folder.ts";
import { type MomentsState, normalizeDefaults } from "../returns/running.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import {
  type LanguageSession,
  languageFolder,
  languageModule,
  mustReadText,
} from "../tasks/text/session.ts";
import { only } from "./args.ts";
import { storedDifference } from "./export-difference.ts";
import { didYouMean } from "./nearest.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say } from "./stdout.ts";

export const exportHelp = `  pigrad export RUN --format safetensors|onnx|js|hub|adapter [--dtype f32|f16|int8]
               [--out FILE] [--best] [--trust-data]
      write a run's policy, its observation statistics inside, or its language model: weights by name, a
      model for any ONNX runtime, or one JavaScript module without dependencies (types beside it); hub
      is for language models: a folder with config.json, generation_config.json, model.safetensors and,
      for BPE, tokenizer.json, with adapters merged; adapter is a folder of the adapters alone, as peft reads it.
      f16 and int8 (a scale per output row) are for all but ONNX files of language models; the largest
      difference that they make on 100 observations or prompts is said`;

export const formats = ["safetensors", "onnx", "js", "hub", "adapter"] as const;

export async function exportCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    ...ownOptions,
    format: { type: "string" },
    out: { type: "string" },
    dtype: { type: "string" },
    best: { type: "boolean" },
    "trust-data": { type: "boolean" },
  });
  const run = only("run folder", positionals);
  await loadRunFiles([run], values);
  const { format, out = `policy.${format}` } = values;
  if (!formats.some((known) => known === format))
    throw new SettingError(
      `--format: expected one of ${formats.join(", ")}, got ${format ?? "none"}${didYouMean(format ?? "", formats)}`,
    );
  const dtype = dtypeFrom(values.dtype);
  if (!isFolder(format)) checkPlace(out);
  const session = openRun(run, {
    best: values.best ?? false,
    trustData: values["trust-data"] ?? false,
  });
  const { config } = session;
  const title = `${config.task}, ${config.algo}, seed ${config.seed}`;
  const how = { title, format, dtype };
  const files = (session.kind === "text" ? textModel(session, how) : policy(session, how))(out);
  const difference = dtype === "f32" ? null : storedDifference(session, dtype);
  if (isFolder(format)) makeFolder(out);
  for (const [path, content] of files) {
    writeAtomically(path, content);
    say(`${path}: ${Buffer.byteLength(content).toLocaleString("en")} bytes\n`);
  }
  if (difference !== null)
    say(
      `${dtype}: outputs differ by ${difference.most.toPrecision(3)} at most, on ${difference.inputs}\n`,
    );
}

function dtypeFrom(given: string | undefined): Dtype {
  const dtype = dtypes.find((known) => known === (given ?? "f32"));
  if (dtype !== undefined) return dtype;
  throw new SettingError(`--dtype: expected one of ${dtypes.join(", ")}, got ${given}`);
}

interface How {
  readonly title: string;
  readonly format: string | undefined;
  readonly dtype: Dtype;
}

/** Paths of the files, and their content, by the path that the caller names. */
type Files = (out: string) => readonly (readonly [path: string, content: string | Uint8Array])[];
const one =
  (content: Uint8Array): Files =>
  (out) => [[out, content]];

const isFolder = (format: string | undefined): boolean => format === "hub" || format === "adapter";
const inFolder =
  (files: Readonly<Record<string, string | Uint8Array>>): Files =>
  (out) =>
    Object.entries(files).map(([name, content]) => [join(out, name), content]);

/** A run of a text task: its GPT, in GPT-2's form where it is weights. */
function textModel(language: LanguageSession, { title, format, dtype }: How): Files {
  const { gpt, lora } = language;
  if (format === "onnx" && dtype !== "f32")
    throw new SettingError(
      `--dtype ${dtype}: expected --format safetensors or js for a language model, got onnx`,
    );
  if (isFolder(format) && dtype !== "f32")
    throw new SettingError(`--dtype ${dtype}: expected f32 for --format ${format}`);
  if (format === "hub") return inFolder(languageFolder(language));
  if (format === "adapter") {
    if (lora !== null) return inFolder(saveLora(lora));
    throw new SettingError("--format adapter: expected a run with adapters (--set lora=8)");
  }
  if (format === "js") return module(languageModule(language, title, dtype));
  if (!(gpt instanceof Gpt) || lora !== null)
    throw new SettingError(
      `--format ${format}: expected a model of GPT-2's form without adapters; --format hub writes this one`,
    );
  if (format === "onnx") {
    mustReadText(language.task);
    return one(gptOnnx(gpt));
  }
  return one(encodeSafetensors(asDtype(gpt2Tensors(gpt), dtype), { format: "pt" }));
}

function policy(session: EnvironmentSession, { title, format, dtype }: How): Files {
  if (isFolder(format))
    throw new SettingError(
      `--format ${format}: expected a run of a text task, whose model has such a form`,
    );
  if (format === "safetensors") return one(weightsOf(session, dtype));
  const { model, env } = session.training;
  const plan = policyPlan(model, normalizerOf(session), title, env.mask !== null);
  return format === "onnx" ? one(policyOnnx(plan, dtype)) : module(policyModule(plan, dtype));
}

/** Outputs of matrices that GPT-2 stores as [in, out]. */
const isTransposed = (name: string): boolean => /\.c_(attn|proj|fc)\.weight$/.test(name);

/** The tensors in a dtype. An int8 matrix has its outputs' scales beside it, as NAME.scale; vectors stay F32. */
function asDtype(tensors: readonly NamedTensor[], dtype: Dtype): TensorToWrite[] {
  if (dtype === "f32") return [...tensors];
  if (dtype === "f16") return tensors.map((tensor) => ({ ...tensor, half: true }));
  return tensors.flatMap((tensor): TensorToWrite[] => {
    const { name, shape } = tensor;
    if (shape.length < 2) return [tensor];
    const axis = isTransposed(name) ? 1 : 0;
    const { data, scale } = quantize(tensor.data, shape[axis], axis);
    return [
      { name, shape, data },
      { name: `${name}.scale`, shape: [scale.length], data: scale },
    ];
  });
}

/** A module, and its types beside it. */
const module =
  ({ js, types }: { js: string; types: string }): Files =>
  (out) => {
    const beside = /\.m?js$/.test(out) ? out.replace(/\.(m?)js$/, ".d.$1ts") : `${out}.d.ts`;
    return [
      [out, js],
      [beside, types],
    ];
  };

/** The scaling and standardization of observations as one step; null without either. */
function normalizerOf({ training, config }: EnvironmentSession): Normalizer | null {
  const { moments } = training.env.saveStatistics() as { moments: MomentsState | null };
  const scale = Number(config.settings.observationScale);
  if (scale === 1)
    return moments && { ...normalizeDefaults, mean: moments.mean, variance: moments.variance };
  const { eps } = normalizeDefaults;
  const { mean, variance } = moments ?? unscaled(training.env.observationSize, eps);
  return {
    eps,
    // (s·x − mean)/√(variance + eps) is (x − mean/s)/√((variance + eps)/s²)
    mean: mean.map((m) => m / scale),
    variance: variance.map((v) => (v + eps) / (scale * scale) - eps),
    clip: moments === null ? largestFloat32 : normalizeDefaults.clip,
  };
}

const largestFloat32 = 3.4028234663852886e38;
/** Statistics that leave observations as they are. */
const unscaled = (size: number, eps: number): Pick<MomentsState, "mean" | "variance"> => ({
  mean: new Array<number>(size).fill(0),
  variance: new Array<number>(size).fill(1 - eps),
});

function weightsOf(session: EnvironmentSession, dtype: Dtype): Uint8Array {
  const { task, algo } = session.config;
  const normalizer = normalizerOf(session);
  const statistics =
    normalizer === null
      ? []
      : (["mean", "variance"] as const).map((part) => {
          const data = Float64Array.from(normalizer[part]);
          return { name: `observation.${part}`, shape: [data.length], data };
        });
  const tensors = [...asDtype(session.training.model.parameters.list, dtype), ...statistics];
  return encodeSafetensors(tensors, { format: "pigrad 1", task, algo });
}
