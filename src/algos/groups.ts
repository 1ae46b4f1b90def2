/**
 * Learning from whole sequences that are compared in groups: REINFORCE, RLOO, GRPO and their kin, on episodes and on
 * completions alike. Each update samples groups, estimates, and improves; group-algorithms.ts says how the algorithms
 * differ, docs/language.md derives them.
 *
 * Differences from the papers:
 *   1. old log-probabilities are those recorded while sampling, of the policy as it was sampled from;
 *   2. a sequence that could not be scored (NaN) or does not count is in no sum and no count;
 *   3. the KL's weight may be adapted (Schulman et al. 2017, section 4).
 */
import type { Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Kept } from "../core/state.ts";
import { input, type Parameters } from "../core/tensor.ts";
import type { Sequences } from "../estimators/batch.ts";
import { adaptiveKlWeight, klDefaults, klOf, referenceKlTerm } from "../estimators/kl.ts";
import { minimumRiskTerm, sampleCosts } from "../estimators/minimum-risk.ts";
import { sequenceAdvantages } from "../estimators/sequence-advantages.ts";
import { valueDefaults } from "../estimators/value.ts";
import { tokenWeights } from "../estimators/weights.ts";
import { Adam } from "../optim/adam.ts";
import type { Chunks } from "../rollout/chunks.ts";
import {
  estimatorOf,
  type GroupAlgorithm,
  type GroupAlgorithmName,
  type GroupConfig,
  groupAlgorithms,
} from "./group-algorithms.ts";
import { improve, Learner } from "./improve.ts";
import { Scorer } from "./scorer.ts";
import { keptNumber, type Report, type TrainingState, weightsOf } from "./training.ts";

/** A model that evaluates the batch in chunks. */
export interface Evaluator {
  readonly parameters: Parameters;
  readonly chunks: Chunks;
}

/** What is sampled and learned from: groups of episodes, or of completions. */
export interface GroupSampler<S extends SampleReport = SampleReport> {
  /** Filled anew by `sample`; groups are neighbors. */
  readonly batch: Sequences;
  /** 1 where a sequence may be learned from, [sequences]; written by `sample`. */
  readonly counts: Float64Array;
  /** The reward of each sequence in all, [sequences]. */
  readonly score: Float64Array;
  /** The score of the greedy sequence, [sequences], for the baseline of that name. */
  readonly greedyScore?: Float64Array | undefined;
  readonly policy: Evaluator;
  /** Makes a model of the same form, with weights of its own. */
  readonly copy: () => Evaluator;
  /** What else changes and is saved. */
  readonly parts: Readonly<Record<string, Kept>>;
  sample(): void;
  /** Metrics of the last sample. */
  report(): S;
}

export interface SampleReport extends Report {
  /** Standard deviation of the scores. */
  readonly rewardStd: number;
  /** Share of groups whose scores differ. */
  readonly signal: number;
}

export interface GroupReport extends SampleReport {
  /** KL to the reference, mean per action (k3), in nats; NaN without one. */
  readonly kl: number;
  /** Means over the optimizer steps of the last epoch. */
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly clipFraction: number;
  readonly approximateKl: number;
  readonly gradNorm: number;
  readonly klWeight: number;
  readonly learningRate: number;
}

/** A trainer of groups, set up. */
export interface GroupTrainer<R> {
  /** What changes while it trains. */
  readonly parts: Readonly<Record<string, Kept>>;
  /** Copies the policy's weights to the reference; once, when training begins. */
  start(): void;
  run(): Generator<R, never>;
  readonly advantage: Float64Array;
  /** null without a reference. */
  readonly refLogProb: Float64Array | null;
}

const excludedLogProb = -1e9; // its probability is 0 beside any other

/** Sets up the algorithm `name` on a source of groups. */
export function groupTrainer<S extends SampleReport>(
  t: TrainingState,
  sampler: GroupSampler<S>,
  name: GroupAlgorithmName,
  c: GroupConfig,
): GroupTrainer<S & GroupReport> {
  const { batch, counts, policy } = sampler;
  const { sequences, steps } = batch;
  const algorithm: GroupAlgorithm = groupAlgorithms[name];
  const estimator = estimatorOf(name, c);
  const compared = algorithm.wholeBatch ? sequences : c.groupSize;
  checkCompared(name, algorithm, estimator.scale === "batch" ? sequences : compared);
  const withValue = estimator.baseline === "value";
  const { minimumRisk = false } = algorithm;

  // ---- columns, and who evaluates them
  const [advantage, target, value, refLogProb, weight, mask] = Array.from(
    { length: 6 },
    () => new Float64Array(batch.mask.length),
  );
  const [cost, excluded] = [new Float64Array(sequences), new Float64Array(sequences)];
  const reference = c.reference || estimator.kl !== null ? sampler.copy() : null;
  const refScorer = reference && new Scorer(reference.chunks, sequences);
  const critic = withValue ? new Scorer(policy.chunks, sequences) : null;
  const evaluated: Sequences = { ...batch, value, refLogProb };
  const adapted = { klWeight: estimator.kl?.weight ?? 0 };

  // ---- the loss
  const adam = new Adam(policy.parameters);
  const klWeight = input(policy.parameters.backend, [1]);
  const inLoss = estimator.kl?.place === "loss" ? estimator.kl : null;
  const learner = new Learner(
    policy.chunks,
    {
      oldLogProb: batch.logProb,
      advantage,
      weight,
      ...(withValue && { target, oldValue: value }),
      ...(inLoss && { refLogProb }),
      ...(minimumRisk && { mask: batch.mask, cost, excluded }),
    },
    {
      surrogate: estimator.surrogate,
      value: valueDefaults,
      entropyWeight: c.entropyWeight || null,
      valueWeight: c.valueWeight,
      instead: minimumRisk ? minimumRiskTerm(c.groupSize, c.riskSharpness) : null,
      plus: inLoss && referenceKlTerm(inLoss, klWeight),
    },
  );

  const shuffled = minibatchesOf(sequences, minimumRisk ? c.groupSize : 1, c.minibatches);
  const order = new Int32Array(sequences);

  // without a term besides the surrogate, an action of advantage 0 has no gradient
  const onlyAdvantage = !minimumRisk && !withValue && c.entropyWeight === 0 && inLoss === null;
  const active = new Int32Array(sequences);

  /** Weighs a minibatch's actions; returns the sequences that have a gradient. */
  function prepare(order: Int32Array, first: number, end: number): Int32Array {
    let [totalTokens, totalSequences, n] = [0, 0, 0];
    for (let i = first; i < end; i++) {
      const start = order[i] * steps;
      totalSequences += counts[order[i]];
      for (let j = start; j < start + steps; j++) totalTokens += mask[j];
    }
    const { aggregation } = estimator;
    tokenWeights(weight, mask, steps, { aggregation, totalTokens, totalSequences });
    for (let i = first; i < end && totalTokens > 0; i++) {
      const start = order[i] * steps;
      let pulls = !onlyAdvantage;
      for (let j = start; j < start + steps; j++) pulls ||= advantage[j] * mask[j] !== 0;
      if (pulls) active[n++] = order[i];
    }
    return active.subarray(0, n);
  }

  function estimate(): void {
    refScorer?.score(refLogProb);
    critic?.score(weight, value); // its log-probabilities are not needed
    sequenceAdvantages({ advantage, target, counts }, evaluated, {
      estimator,
      lambda: c.lambda,
      klWeight: adapted.klWeight,
      groupSize: compared,
      bestOnly: algorithm.bestOnly ?? false,
      standardize: c.standardize,
      ...(sampler.greedyScore && { greedyScore: sampler.greedyScore }),
    });
    for (let i = 0; i < mask.length; i++) mask[i] = batch.mask[i] * counts[Math.floor(i / steps)];
    if (!minimumRisk) return;
    sampleCosts(cost, sampler.score, counts, c.groupSize);
    for (let i = 0; i < sequences; i++) {
      excluded[i] = excludedLogProb;
      for (let j = i * steps; j < (i + 1) * steps; j++) if (mask[j] !== 0) excluded[i] = 0;
    }
  }

  function* run(): Generator<S & GroupReport, never> {
    for (;;) {
      t.next();
      const { epochs, minibatches, maxGradNorm } = c;
      const updates = adam.steps / (epochs * minibatches);
      const rise = c.warmup === 0 ? 1 : Math.min(1, (updates + 1) / c.warmup);
      const learningRate = c.learningRate * rise * (c.anneal ? 0.1 + 0.9 * t.left() : 1);
      sampler.sample();
      t.onPhase?.("update");
      estimate();
      klWeight.data[0] = adapted.klWeight;
      const gradNorm = improve(t, learner, adam, order, {
        epochs,
        learningRate,
        maxGradNorm,
        shuffle: () => shuffled.shuffle(order, t.random),
        minibatchEnd: shuffled.end,
        prepare,
      });
      const kl = reference === null ? Number.NaN : meanKl(batch, refLogProb);
      const { klWeight: used } = adapted;
      if (c.targetKl > 0) adapted.klWeight = adaptiveKlWeight(used, kl, c.targetKl);
      t.onPhase?.(null);
      const { policyLoss, valueLoss } = learner.metrics.losses();
      const { clipFraction, approximateKl } = learner.metrics;
      yield {
        ...sampler.report(),
        kl,
        policyLoss,
        valueLoss,
        clipFraction,
        approximateKl,
        gradNorm,
        klWeight: used,
        learningRate,
      };
    }
  }

  return {
    parts: {
      adam,
      ...sampler.parts,
      klWeight: keptNumber(adapted, "klWeight"),
      ...(reference && { reference: weightsOf(reference.parameters) }),
    },
    start() {
      for (const { name, data } of reference?.parameters.list ?? [])
        data.set(policy.parameters.get(name)?.data ?? []);
    },
    run,
    advantage,
    refLogProb: reference === null ? null : refLogProb,
  };
}

/** Sequences in random order, `together` of them side by side, in so many minibatches. */
function minibatchesOf(sequences: number, together: number, minibatches: number) {
  const units = new Int32Array(sequences / together);
  const ends = Array.from(
    { length: minibatches },
    (_, m) => Math.round(((m + 1) * units.length) / minibatches) * together,
  );
  return {
    shuffle(order: Int32Array, random: Random): void {
      for (let i = 0; i < units.length; i++) units[i] = i; // from the same start also after a resume
      random.shuffle(units);
      for (let i = 0; i < order.length; i++)
        order[i] = units[Math.floor(i / together)] * together + (i % together);
    },
    end: (first: number): number => ends.find((end) => end > first) as number,
  };
}

/** KL to the reference, mean per action (k3). */
function meanKl({ mask, logProb }: Sequences, refLogProb: Floats): number {
  let [sum, n] = [0, 0];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    sum += klOf(logProb[i], refLogProb[i], klDefaults);
    n++;
  }
  return sum / n;
}

/** Throws SettingError where sequences are compared with none but themselves: all advantages would be 0. */
function checkCompared(
  name: GroupAlgorithmName,
  algorithm: GroupAlgorithm,
  compared: number,
): void {
  const { minimumRisk = false, estimator } = algorithm;
  const { baseline, scale } = estimator;
  const compares =
    minimumRisk || scale !== "none" || baseline === "mean" || baseline === "leaveOneOut";
  if (!compares || compared >= 2) return;
  throw new SettingError(
    `${name}: expected a groupSize of 2 or more, got ${compared}: one sequence alone has nothing to be compared with`,
  );
}
