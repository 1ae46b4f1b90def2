/** Learning from rewards on completions: groups.ts on a language model and a text task. */
import { SettingError } from "../core/errors.ts";
import type { LanguageModel } from "../nn/transformer.ts";
import { twinOf } from "../nn/twin.ts";
import { type ChunkSizes, CompletionChunks } from "../rollout/completion-chunks.ts";
import { CompletionSampler } from "./completion-sampler.ts";
import {
  type GroupAlgorithmName,
  type NamedAlgorithm,
  resolveAlgorithm,
  type TuneConfig,
} from "./group-algorithms.ts";
import { type ChunkedModel, type GroupReport, GroupTrainer } from "./groups.ts";
import type { LanguageTraining, Stage } from "./language-training.ts";
import { passTokensFor } from "./pass-tokens.ts";

export interface TuneReport extends GroupReport {
  /** Mean entropy of the distributions that tokens were drawn from, in nats. */
  readonly entropy: number;
  /** Fraction of completions without an end. */
  readonly cutShort: number;
  /** Fraction of completions without a score. */
  readonly unscored: number;
}

/** Tokens per forward and backward pass: activations of more tokens leave the cache. */
const passTokens = 768;

export interface PassOptions extends Required<Pick<ChunkSizes, "steps" | "together" | "tokens">> {
  /** Tokens of the longest text. */
  readonly longest: number;
  /** Tokens of a text with a prompt of mean length. */
  readonly mean: number;
  /** Samples per optimizer step. */
  readonly samples: number;
  /** Target number of tokens in a pass. */
  readonly pass: number;
}

/**
 * Returns the sizes of a pass: a text of up to `longest` tokens fits one row, and `samples` texts of `mean` tokens fill
 * a whole number of passes.
 */
export function passSizes({ longest, mean, samples, pass, ...rest }: PassOptions): ChunkSizes {
  const { together } = rest;
  const positions = Math.max(32, (longest - 1 + 3) & ~3);
  const needed = samples / Math.max(1, Math.floor(positions / mean));
  const passes = Math.max(1, Math.round((needed * positions) / pass));
  const rows = Math.max(Math.ceil(needed / passes), together);
  const most = Math.ceil((4 * rows) / together) * together; // rows ≥ together
  return { rows, positions, samples: most, ...rest };
}

/** Sets up the stage that learns from rewards, after the supervised one. Its generator never ends by itself. */
export function tuning(
  t: LanguageTraining,
  name: GroupAlgorithmName | NamedAlgorithm,
  c: TuneConfig,
): Stage<TuneReport> {
  const { gpt } = t;
  const algorithm = resolveAlgorithm(name, c);
  if (t.task.judges?.length === 0)
    throw new SettingError(
      `${algorithm.name}: expected a reward to learn from, got none; give --reward FILE, or reward in the task's file`,
    );
  const { baseline } = algorithm.estimator;
  if (baseline === "value" && !gpt.options.valueHead)
    throw new SettingError(`${algorithm.name}: expected a model with a value head`);
  const completionSampler = new CompletionSampler(t, c, baseline === "greedy");
  const { batch } = completionSampler;
  const sizes = passSizes({
    ...completionSampler.textLengths(),
    samples: batch.count / c.minibatches,
    pass: passTokensFor(gpt.options, passTokens),
    steps: batch.steps,
    together: algorithm.minimumRisk ? c.groupSize : 1,
    tokens: t.task.tokenizer.vocab,
  });
  const chunked = (model: LanguageModel, options: ChunkSizes): ChunkedModel => ({
    parameters: model.parameters,
    chunks: new CompletionChunks(model, batch, options, c.temperature),
  });
  const groupSampler = {
    batch: { ...batch, sequences: batch.count },
    counts: completionSampler.counts,
    score: batch.reward,
    greedyScore: baseline === "greedy" ? completionSampler.greedyReward : undefined,
    policy: chunked(gpt, sizes),
    copy: () => chunked(twinOf(gpt), { ...sizes, together: 1 }),
    parts: { prompts: completionSampler.promptSampler },
    sample: () => completionSampler.sample(),
    report: () => completionSampler.report(),
  };
  const trainer = new GroupTrainer(t, groupSampler, algorithm, c);
  return {
    parts: trainer.parts,
    start: () => trainer.start(),
    run: () => trainer.run(),
    batch: {
      completions: batch,
      advantage: trainer.advantage,
      refLogProb: trainer.refLogProb ?? new Float64Array(0),
      prompts: completionSampler.prompts,
    },
  };
}
