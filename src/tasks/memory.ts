/** Estimates the least memory of a run from its settings, before anything is allocated. */
import { passTokensFor } from "../algos/pass-tokens.ts";
import type { Space } from "../envs/space.ts";
import { logitsAtATime } from "../nn/recompute.ts";
import type { GptConfig, HubConfig, ModelConfig } from "./model-settings.ts";
import { ownOf } from "./own-files.ts";
import { isEnvironmentRun, type ResolvedRun } from "./run.ts";
import type { EnvironmentTask } from "./task.ts";
import type { Published } from "./text/published.ts";

export interface MemoryNeed {
  /** Number of learned parameters. */
  readonly parameters: number;
  /** Bytes of the backend: parameters, their gradients, activations for one observation or token per row. */
  readonly backend: number;
  /** Bytes in all: moments of the optimizer and the rollout too. */
  readonly total: number;
}

const float = 4; // bytes

/** Estimates the memory of a run, leaving out everything that depends on a corpus. */
export const memoryNeed = (run: ResolvedRun): MemoryNeed =>
  isEnvironmentRun(run) ? environmentNeed(run) : languageNeed(run);

function environmentNeed({
  task,
  values: given,
  config,
}: ResolvedRun<EnvironmentTask>): MemoryNeed {
  const env = task.make(given.task as never);
  const { settings } = config;
  const { hidden, filters, memory, frames } = given.model as ModelConfig;
  const [planes, ...image] = env.observationSpace.shape;
  const shape = frames > 1 ? [(planes ?? 1) * frames, ...image] : env.observationSpace.shape;
  const outputs = outputsOf(env.actionSpace);
  env.close();
  let parameters = 0;
  let values = 0; // of one observation, in the policy's network
  let inputs = shape.reduce((a, b) => a * b, 1);
  let [channels, height, width] = shape;
  for (const count of filters) {
    parameters += count * (9 * channels + 1);
    [channels, height, width] = [count, height - 2, width - 2];
    inputs = channels * height * width;
    values += inputs;
  }
  for (const size of hidden) {
    parameters += size * (inputs + 1);
    values += size;
    inputs = size;
  }
  if (memory > 0) {
    parameters += 4 * memory * (inputs + memory + 2);
    values += 6 * memory;
    inputs = memory;
  }
  parameters += outputs * (inputs + 1);
  const rows = number(settings.envs, 1);
  const steps = number(settings.rollout, 1);
  const stored = rows * steps * (shape.reduce((a, b) => a * b, 1) + outputs + 4);
  const backend = float * (2 * parameters + rows * values);
  return { parameters, backend, total: backend + float * (2 * parameters + stored) };
}

function languageNeed(run: ResolvedRun): MemoryNeed {
  const { values, config } = run;
  const { settings, files } = config;
  if (files?.model !== undefined) return publishedNeed(run, ownOf(files.model) as Published);
  const { layers, width, context, tied } = values.model as GptConfig;
  const least = 16; // tokens of a context, and of a vocabulary, that no task is below
  const seen = Math.max(context, least);
  const parameters =
    layers * (12 * width * width + 13 * width) + (seen + least * (tied ? 1 : 2)) * width;
  const caches = 2 * layers * width * textsOf(settings) * least; // keys and values while it writes
  const backend = float * (2 * parameters + caches);
  return { parameters, backend, total: backend + momentsOf(settings, parameters) };
}

/** The bytes of Adam's moments. */
const momentsOf = ({ moments }: Readonly<Record<string, unknown>>, parameters: number): number =>
  (moments === "bf16" ? 2 : float) * 2 * parameters;

/** Of frozen weights no gradients and moments; adapters are left out. */
function publishedNeed(
  { values, config: { settings } }: ResolvedRun,
  { config, weights }: Published,
): MemoryNeed {
  const { context, lora, weights: form, recompute } = values.model as HubConfig;
  const { layers, width, vocab, keyHeads, headWidth } = config;
  const caches = 2 * layers * keyHeads * headWidth * textsOf(settings) * Math.max(context, 16);
  const parameters = lora > 0 ? 0 : weights;
  const tokens = passTokensFor(config, 512);
  // with recomputation each block's result and its gradient, all numbers of one block, and part of the logits
  const ofBlocks = tokens * (recompute ? 2 * layers + 40 : 40 * layers) * width;
  const logits = tokens * vocab;
  const pass = ofBlocks + 2 * (recompute && lora > 0 ? Math.min(logits, logitsAtATime) : logits);
  const stored = { f32: float, bf16: 2, int8: 1 }[form] * weights;
  const backend = stored + float * (parameters + Math.min(caches, 2 ** 26) + pass);
  return { parameters: weights, backend, total: backend + momentsOf(settings, parameters) };
}

/** The texts that are sampled together. */
const textsOf = (settings: Readonly<Record<string, unknown>>): number =>
  number(settings.prompts, 1) * number(settings.groupSize, 1);

const number = (setting: unknown, otherwise: number): number =>
  typeof setting === "number" ? setting : otherwise;

function outputsOf(action: Space): number {
  if (action.kind === "discrete") return action.n;
  return action.kind === "multiDiscrete" ? action.choices.reduce((a, b) => a + b, 0) : action.size;
}
