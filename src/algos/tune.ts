/**
 * Learning from rewards on completions: sample, judge, estimate, climb. One trainer for REINFORCE, A2C, PPO,
 * RLOO, GRPO and their kin; tune-settings.ts says how they differ, docs/language.md derives them.
 *
 * Differences from the papers:
 *   1. old log-probabilities are those recorded while sampling, of the tempered and truncated policy, which
 *      is the one that learns;
 *   2. a completion that could not be scored (NaN) or, where asked, has no end, is in no sum and no count;
 *   3. the KL's weight may be adapted (Schulman et al. 2017, section 4).
 */
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { adaptiveKlWeight, klDefaults, klOf } from "../estimators/kl.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { valueDefaults } from "../estimators/value.ts";
import { tokenWeights } from "../estimators/weights.ts";
import { Gpt } from "../nn/gpt.ts";
import { Adam } from "../optim/adam.ts";
import type { PartSizes } from "../rollout/completion-parts.ts";
import { estimateCompletions } from "./completion-advantages.ts";
import { CompletionBatch } from "./completion-batch.ts";
import { CompletionLoss, CompletionScorer } from "./completion-loss.ts";
import type { LanguageTraining, Stage } from "./language-training.ts";
import { keptNumber, type Report, weightsOf } from "./training.ts";
import {
  estimatorOf,
  type TuneAlgorithm,
  type TuneConfig,
  type TuneName,
  tuneAlgorithms,
} from "./tune-settings.ts";

export interface TuneReport extends Report {
  /** Standard deviation of the rewards. */
  readonly rewardStd: number;
  /** KL to the reference, mean a token (k3), in nats; NaN without one. */
  readonly kl: number;
  /** Mean entropy of what tokens were drawn from. */
  readonly entropy: number;
  /** Shares of completions without an end, and without a score. */
  readonly cutShort: number;
  readonly unscored: number;
  /** Share of groups whose rewards differ. */
  readonly signal: number;
  /** Means over the optimizer steps of the last pass. */
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly clipFraction: number;
  readonly approximateKl: number;
  readonly gradNorm: number;
  readonly klWeight: number;
  readonly learningRate: number;
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
): PartSizes {
  const positions = Math.max(32, (longest - 1 + 3) & ~3);
  const needed = samples / Math.max(1, Math.floor(positions / mean));
  const passes = Math.max(1, Math.round((needed * positions) / passTokens));
  const rows = Math.max(Math.ceil(needed / passes), together === 1 ? 1 : together);
  const most = Math.ceil(Math.max(4 * rows, together) / together) * together;
  return { rows, positions, samples: most, steps, together, tokens };
}

/** Throws SettingError where a baseline of a group has nothing to compare with: its advantages would all be 0. */
function checkGroups(
  name: TuneName,
  c: TuneConfig,
  { baseline, scale }: EstimatorSettings,
  { wholeBatch = false, minimumRisk = false }: TuneAlgorithm,
): void {
  const compares =
    minimumRisk || scale !== "none" || baseline === "mean" || baseline === "leaveOneOut";
  const size = wholeBatch || scale === "batch" ? c.prompts * c.groupSize : c.groupSize;
  if (!compares || size >= 2) return;
  const setting = wholeBatch ? "prompts or groupSize" : "groupSize";
  throw new SettingError(
    `${name}: expected a ${setting} of 2 or more, got ${size}: one completion alone has nothing to be compared with`,
  );
}

/** The stage of a training that learns from rewards; its reports never end. */
export function tuning(t: LanguageTraining, name: TuneName, c: TuneConfig): Stage<TuneReport> {
  const { gpt, random } = t;
  const k = gpt.parameters.backend;
  const algorithm: TuneAlgorithm = tuneAlgorithms[name];
  const estimator = estimatorOf(name, c);
  const withValue = estimator.baseline === "value";
  if (withValue && !gpt.options.valueHead)
    throw new SettingError(`${name}: want a model with a value head`);
  checkGroups(name, c, estimator, algorithm);
  const minimumRisk = algorithm.minimumRisk ? c.riskSharpness : null;

  // ---- sampling and scoring
  const sampled = new CompletionBatch(t, c, estimator.baseline === "greedy");
  const { batch, counts } = sampled;
  const { longest, mean } = sampled.textLengths();
  const together = minimumRisk === null ? 1 : c.groupSize;
  const perStep = batch.count / c.minibatches;
  const { vocab } = t.task.tokenizer;
  const sizes = passSizes(longest, mean, perStep, batch.steps, together, vocab);
  const reference =
    c.reference || estimator.kl !== null ? new Gpt(k, gpt.options, new Random(0)) : null;
  const scorer = (of: Gpt) => new CompletionScorer(of, sizes, c.temperature, batch.count);
  const refScorer = reference && scorer(reference);
  const critic = withValue ? scorer(gpt) : null;
  const [refLogProb, value, advantage, target, weight, mask, scratch] = Array.from(
    { length: 7 },
    () => new Float64Array(batch.mask.length),
  );
  const cost = new Float64Array(batch.count);

  // ---- the loss
  const adam = new Adam(gpt.parameters);
  const loss = new CompletionLoss(gpt, sizes, {
    ...c,
    estimator,
    minimumRisk,
    value: valueDefaults,
  });
  const columns = { advantage, weight, refLogProb, target, oldValue: value, cost };
  const adapted = { klWeight: estimator.kl?.weight ?? 0 };
  const groups = new Int32Array(batch.count / together);
  const order = new Int32Array(batch.count);
  const active = new Int32Array(batch.count);
  const stepsAnUpdate = c.epochs * c.minibatches;

  /** Samples in random order, those that stay together side by side. */
  function shuffle(): void {
    const size = batch.count / groups.length;
    for (let i = 0; i < groups.length; i++) groups[i] = i; // from the same start also after a resume
    random.shuffle(groups);
    for (let i = 0; i < order.length; i++)
      order[i] = groups[Math.floor(i / size)] * size + (i % size);
  }

  /** Weights of an optimizer step's tokens; whether any counts. */
  function weigh(first: number, end: number): boolean {
    let [totalTokens, totalSequences] = [0, 0];
    for (let i = first; i < end; i++) {
      const start = order[i] * batch.steps;
      totalSequences += counts[order[i]];
      for (let j = start; j < start + batch.steps; j++) totalTokens += mask[j];
    }
    const { aggregation } = estimator;
    tokenWeights(weight, mask, batch.steps, { aggregation, totalTokens, totalSequences });
    return totalTokens > 0;
  }

  // without a term besides the surrogate, a token of advantage 0 has no gradient
  const onlyAdvantage =
    minimumRisk === null && !withValue && c.entropyWeight === 0 && estimator.kl?.place !== "loss";

  /** Picks the samples from order[first … end) that have a gradient; returns how many. */
  function select(first: number, end: number): number {
    let n = 0;
    for (let i = first; i < end; i++) {
      const start = order[i] * batch.steps;
      let pulls = !onlyAdvantage;
      for (let j = start; j < start + batch.steps; j++) pulls ||= advantage[j] * mask[j] !== 0;
      if (pulls) active[n++] = order[i];
    }
    return n;
  }

  function estimate(): void {
    refScorer?.score(batch, refLogProb);
    critic?.score(batch, scratch, value);
    estimateCompletions(
      { advantage, target, cost, counts },
      batch,
      { refLogProb, value, greedyReward: sampled.greedyReward },
      {
        ...c,
        estimator,
        klWeight: adapted.klWeight,
        wholeBatch: algorithm.wholeBatch ?? false,
        bestOnly: algorithm.bestOnly ?? false,
      },
    );
    for (let i = 0; i < mask.length; i++)
      mask[i] = batch.mask[i] * counts[Math.floor(i / batch.steps)];
  }

  /** Several passes over the batch; returns the last gradient's norm, and the last pass's number of optimizer steps. */
  function climb(learningRate: number): { readonly gradNorm: number; readonly steps: number } {
    let gradNorm = 0;
    let steps = 0;
    for (let epoch = 0; epoch < c.epochs; epoch++) {
      loss.figures.clear();
      steps = 0;
      shuffle();
      for (let m = 0; m < c.minibatches; m++) {
        const per = groups.length / c.minibatches;
        const size = batch.count / groups.length;
        const [first, end] = [Math.round(m * per) * size, Math.round((m + 1) * per) * size];
        const n = weigh(first, end) ? select(first, end) : 0;
        if (n === 0) continue;
        loss.accumulate(batch, columns, active, 0, n);
        gradNorm = t.descend(adam, c.maxGradNorm, learningRate, loss.tape);
        steps++;
      }
    }
    return { gradNorm, steps };
  }

  function meanKl(): number {
    if (reference === null) return Number.NaN;
    let [sum, n] = [0, 0];
    for (let i = 0; i < batch.mask.length; i++) {
      if (batch.mask[i] === 0) continue;
      sum += klOf(batch.logProb[i], refLogProb[i], klDefaults);
      n++;
    }
    return sum / n;
  }

  function* run(): Generator<TuneReport, never> {
    for (;;) {
      t.update++;
      const rise = c.warmup === 0 ? 1 : Math.min(1, (adam.steps / stepsAnUpdate + 1) / c.warmup);
      const learningRate = c.learningRate * rise * (c.anneal ? 0.1 + 0.9 * t.left() : 1);
      sampled.sample();
      t.onPhase?.("update");
      estimate();
      loss.klWeight.data[0] = adapted.klWeight;
      const { gradNorm, steps } = climb(learningRate);
      const kl = meanKl();
      const { klWeight } = adapted;
      if (c.targetKl > 0) adapted.klWeight = adaptiveKlWeight(klWeight, kl, c.targetKl);
      t.onPhase?.(null);
      const { clipFraction, approximateKl, ...sums } = loss.figures;
      const policyLoss = sums.policyLoss / Math.max(1, steps);
      const valueLoss = sums.valueLoss / Math.max(1, steps);
      const losses = { policyLoss, valueLoss, clipFraction, approximateKl };
      yield { ...sampled.report(), kl, ...losses, gradNorm, klWeight, learningRate };
    }
  }

  return {
    parts: {
      adam,
      prompts: sampled.source,
      klWeight: keptNumber(adapted, "klWeight"),
      ...(reference && { reference: weightsOf(reference.parameters) }),
    },
    begin() {
      for (const { name, data } of reference?.parameters.list ?? [])
        data.set(gpt.parameters.get(name)?.data ?? []);
    },
    run,
    batch: {
      completions: batch,
      advantage,
      refLogProb: reference === null ? new Float64Array(0) : refLogProb,
      prompts: sampled.prompts,
    },
  };
}
