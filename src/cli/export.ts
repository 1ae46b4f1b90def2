/** pigrad export RUN: a run's policy as a file for elsewhere. */
import { parseArgs } from "node:util";
import { SettingError } from "../core/errors.ts";
import { policyModule } from "../io/policy-js.ts";
import { policyOnnx } from "../io/policy-onnx.ts";
import type { Normalizer } from "../io/policy-plan.ts";
import { encodeSafetensors } from "../io/safetensors.ts";
import { gptModule } from "../nn/gpt-js.ts";
import { gptOnnx } from "../nn/gpt-onnx.ts";
import { gpt2Tensors } from "../nn/gpt-weights.ts";
import { writeAtomically } from "../node/files.ts";
import { openAnyRun, openRun } from "../node/run-folder.ts";
import { policyPlan } from "../policies/plan.ts";
import { type MomentsState, normalizeDefaults } from "../returns/running.ts";
import type { Session } from "../tasks/session.ts";
import type { LanguageSession } from "../tasks/text/session.ts";
import { endToken, stopTokens } from "../text/task.ts";
import { only } from "./args.ts";

export const exportHelp = `  pigrad export RUN --format safetensors|onnx|js [--out FILE]
      write a run's policy, its observation statistics inside, or its language model: weights by name, a
      model for any ONNX runtime, or one JavaScript module without dependencies (types beside it)`;

const formats = ["safetensors", "onnx", "js"] as const;

export function exportCommand(args: string[]): void {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { format: { type: "string" }, out: { type: "string" } },
  });
  const run = only("run folder", positionals);
  const { format, out = `policy.${format}` } = values;
  if (!formats.some((known) => known === format))
    throw new SettingError(`--format: want one of ${formats.join(", ")}, got ${format ?? "none"}`);
  const { language } = openAnyRun(run);
  const files =
    language !== undefined ? textModel(language, format, out) : policy(run, format, out);
  for (const [path, content] of files) {
    writeAtomically(path, content);
    process.stdout.write(`${path}: ${Buffer.byteLength(content).toLocaleString("en")} bytes\n`);
  }
}

type Files = readonly (readonly [path: string, content: string | Uint8Array])[];

/** A run of a text task: its GPT, in GPT-2's form where it is weights. */
function textModel({ gpt, task }: LanguageSession, format: string | undefined, out: string): Files {
  if (format === "js") {
    const { tokenizer } = task;
    const begin = tokenizer.special(endToken);
    return module(gptModule(gpt, { tokenizer, begin, stop: stopTokens(task) }), out);
  }
  if (format === "onnx") return [[out, gptOnnx(gpt)]];
  return [[out, encodeSafetensors(gpt2Tensors(gpt), { format: "pt" })]];
}

function policy(run: string, format: string | undefined, out: string): Files {
  const session = openRun(run);
  if (format === "safetensors") return [[out, weightsOf(session)]];
  const { training, config } = session;
  const title = `${config.task}, ${config.algo}, seed ${config.seed}`;
  const plan = policyPlan(training.model, normalizerOf(session), title);
  if (format === "onnx") return [[out, policyOnnx(plan)]];
  return module(policyModule(plan), out);
}

/** A module, and its types beside it. */
function module({ js, types }: { js: string; types: string }, out: string): Files {
  const beside = /\.m?js$/.test(out) ? out.replace(/\.(m?)js$/, ".d.$1ts") : `${out}.d.ts`;
  return [
    [out, js],
    [beside, types],
  ];
}

/** How observations were standardized; null where they were not. */
function normalizerOf({ training }: Session): Normalizer | null {
  const { moments } = training.env.saveStatistics();
  if (moments === null) return null;
  const { mean, variance } = moments as MomentsState;
  return { ...normalizeDefaults, mean, variance };
}

function weightsOf(session: Session): Uint8Array {
  const { task, algo } = session.config;
  const normalizer = normalizerOf(session);
  const statistics =
    normalizer === null
      ? []
      : (["mean", "variance"] as const).map((part) => {
          const data = Float64Array.from(normalizer[part]);
          return { name: `observation.${part}`, shape: [data.length], data };
        });
  const tensors = [...session.training.model.parameters.list, ...statistics];
  return encodeSafetensors(tensors, { format: "pigrad 1", task, algo });
}
