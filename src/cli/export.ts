/** pigrad export RUN: a run's policy as a file for elsewhere. */
import { parseArgs } from "node:util";
import { SettingError } from "../core/errors.ts";
import { policyModule } from "../io/policy-js.ts";
import { policyOnnx } from "../io/policy-onnx.ts";
import type { Normalizer } from "../io/policy-plan.ts";
import { encodeSafetensors } from "../io/safetensors.ts";
import { writeAtomically } from "../node/files.ts";
import { openRun } from "../node/run-folder.ts";
import { policyPlan } from "../policies/plan.ts";
import { type MomentsState, normalizeDefaults } from "../returns/running.ts";
import type { Session } from "../tasks/session.ts";
import { only } from "./args.ts";

export const exportHelp = `  pigrad export RUN --format safetensors|onnx|js [--out FILE]
      write a run's policy, its observation statistics inside: weights by name, a model for any ONNX
      runtime, or one JavaScript module without dependencies (types beside it)`;

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
  const session = openRun(run);
  const files =
    format === "safetensors"
      ? [[out, weightsOf(session)] as const]
      : exported(session, format, out);
  for (const [path, content] of files) {
    writeAtomically(path, content);
    process.stdout.write(`${path}: ${Buffer.byteLength(content).toLocaleString("en")} bytes\n`);
  }
}

function exported(session: Session, format: string | undefined, out: string) {
  const { training, config } = session;
  const title = `${config.task}, ${config.algo}, seed ${config.seed}`;
  const plan = policyPlan(training.model, normalizerOf(session), title);
  if (format === "onnx") return [[out, policyOnnx(plan)] as const];
  const { js, types } = policyModule(plan);
  return [
    [out, js] as const,
    [
      out.replace(/(\.m?)js$|$/, (_, dot) => `${dot ? dot.replace(".", ".d.") : ".d."}ts`),
      types,
    ] as const,
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
