/** Learning from rewards on completions: groups.ts on a language model and a text task. */
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { Gpt } from "../nn/gpt.ts";
import { type ChunkSizes, CompletionChunks } from "../rollout/completion-chunks.ts";
import { CompletionBatch } from "./completion-batch.ts";
import {
  estimatorOf,
  type GroupAlgorithm,
  type GroupAlgorithmName,
  groupAlgorithms,
  type TuneConfig,
} from "./group-algorithms.ts";
import { type GroupReport, groupTrainer } from "./groups.ts";
import type { LanguageTraining, Stage } from "./language-training.ts";

export interface TuneReport extends GroupReport {
  /** Mean entropy of the distributions that tokens were drawn from, in nats. */
  readonly entropy: number;
  /** Shares of completions without an end, and without a score. */
  readonly cutShort: number;
  readonly unscored: number;
}

const passTokens = 768; // of a pass forward and backward, about: more leave the cache

/**
 * Rows and positions of a pass: any text of up to `longest` tokens fits a row, and `samples` of `mean` tokens
 * fit a whole number of passes.
 */
export function passSizes(
  longest: number,
  mean: number,
  samples: number,
  steps: number,
  together: number,
  tokens: number,
): ChunkSizes {
  const positions = Math.max(32, (longest - 1 + 3) & ~3);
  const needed = samples / Math.max(1, Math.floor(positions / mean));
  const passes = Math.max(1, Math.round((needed * positions) / passTokens));
  const rows = Math.max(Math.ceil(needed / passes), together);
  const most = Math.ceil((4 * rows) / together) * together; // rows ≥ together
  return { rows, positions, samples: most, steps, together, tokens };
}

/** The stage of a training that learns from rewards; its reports never end. */
export function tuning(
  t: LanguageTraining,
  name: GroupAlgorithmName,
  c: TuneConfig,
): Stage<TuneReport> {
  const { gpt } = t;
  const { minimumRisk = false }: GroupAlgorithm = groupAlgorithms[name];
  const { baseline } = estimatorOf(name, c);
  if (baseline === "value" && !gpt.options.valueHead)
    throw new SettingError(`${name}: want a model with a value head`);
  const sampled = new CompletionBatch(t, c, baseline === "greedy");
  const { batch } = sampled;
  const { longest, mean } = sampled.textLengths();
  const together = minimumRisk ? c.groupSize : 1;
  const perStep = batch.count / c.minibatches;
  const { vocab } = t.task.tokenizer;
  const sizes = passSizes(longest, mean, perStep, batch.steps, together, vocab);
  const evaluator = (model: Gpt, options: ChunkSizes) => ({
    parameters: model.parameters,
    chunks: new CompletionChunks(model, batch, options, c.temperature),
  });
  const trainer = groupTrainer(
    t,
    {
      batch: { ...batch, sequences: batch.count },
      counts: sampled.counts,
      score: batch.reward,
      greedyScore: baseline === "greedy" ? sampled.greedyReward : undefined,
      policy: evaluator(gpt, sizes),
      copy: () =>
        evaluator(new Gpt(gpt.parameters.backend, gpt.options, new Random(0)), {
          ...sizes,
          together: 1,
        }),
      parts: { prompts: sampled.promptSampler },
      sample: () => sampled.sample(),
      report: () => sampled.report(),
    },
    name,
    c,
  );
  const { parts, start, run, advantage, refLogProb } = trainer;
  return {
    parts,
    start,
    run,
    batch: {
      completions: batch,
      advantage,
      refLogProb: refLogProb ?? new Float64Array(0),
      prompts: sampled.prompts,
    },
  };
}
