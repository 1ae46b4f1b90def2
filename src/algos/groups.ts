/**
 * Learning from whole sequences that are compared in groups: REINFORCE, RLOO, GRPO and their kin, on episodes and on
 * completions alike. Each update samples groups, estimates advantages, and improves the policy. The algorithms differ
 * by the rows of group-algorithms.ts; docs/language.md derives them.
 *
 * Differences from the papers:
 *   1. old log-probabilities are those recorded while sampling;
 *   2. a sequence without a score (NaN), or with `counts` 0, is left out of every sum and count;
 *   3. the KL's weight may be adapted (Schulman et al. 2017, section 4).
 */
import type { Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Kept } from "../core/state.ts";
import type { Team } from "../core/team.ts";
import { input, type Parameters, type Tensor } from "../core/tensor.ts";
import type { Waiting } from "../core/waiting.ts";
import type { Sequences } from "../estimators/batch.ts";
import { adaptiveKlWeight, klDefaults, klOf, referenceKlTerm } from "../estimators/kl.ts";
import { minimumRiskTerm, sampleCosts } from "../estimators/minimum-risk.ts";
import type { PolicyLossSettings } from "../estimators/policy-loss.ts";
import { sequenceAdvantages } from "../estimators/sequence-advantages.ts";
import { valueDefaults } from "../estimators/value.ts";
import { tokenWeights } from "../estimators/weights.ts";
import { adamWith } from "../optim/adam-bf16.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Chunks } from "../rollout/chunks.ts";
import { BatchEvaluator } from "./batch-evaluator.ts";
import type { GroupConfig, ResolvedAlgorithm } from "./group-algorithms.ts";
import { type BatchColumns, improve, Learner } from "./improve.ts";
import { keptNumber, type Report, type TrainingState, weightsOf } from "./training.ts";

/** A model's parameters, and the chunks in which it evaluates the batch. */
export interface ChunkedModel {
  readonly parameters: Parameters;
  readonly chunks: Chunks;
}

/** Samples the groups that an update learns from: episodes, or completions. */
export interface GroupSampler<S extends SampleReport = SampleReport> {
  /** Overwritten by `sample`. The sequences of a group are neighbors. */
  readonly batch: Sequences;
  /** Mask, not a count: 1 where a sequence may be learned from, [sequences]; written by `sample`. */
  readonly counts: Float64Array;
  /** Total reward of each sequence, [sequences]. */
  readonly score: Float64Array;
  /** Score of the greedy sequence from the same start, [sequences]; read by baseline "greedy". */
  readonly greedyScore?: Float64Array | undefined;
  readonly policy: ChunkedModel;
  /** Returns a model of the same form with its own weights. */
  readonly copy: () => ChunkedModel;
  /** State of the sampler that is saved. */
  readonly parts: Readonly<Record<string, Kept>>;
  sample(): Waiting<void>;
  /** Returns metrics of the last sample. */
  report(): S;
}

export interface SampleReport extends Report {
  /** Standard deviation of the scores. */
  readonly rewardStd: number;
  /** Fraction of groups whose scores differ. */
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

/**
 * Columns of the batch, [sequences, steps]; cost and excluded are [sequences]. Those of the evaluators, `value`,
 * `refLogProb` and `unread`, are the team's.
 */
type Columns = Readonly<
  Record<
    | "advantage"
    | "target"
    | "value"
    | "refLogProb"
    | "unread"
    | "weight"
    | "mask"
    | "cost"
    | "excluded",
    Float64Array
  >
>;

const excludedLogProb = -1e9; // its probability is 0 beside any other

/** Trains an algorithm on the groups of a sampler. */
export class GroupTrainer<S extends SampleReport = SampleReport> {
  /** State that changes during training and is saved. */
  readonly parts: Readonly<Record<string, Kept>>;
  private readonly t: TrainingState;
  private readonly sampler: GroupSampler<S>;
  private readonly algorithm: ResolvedAlgorithm;
  private readonly c: GroupConfig;
  private readonly columns: Columns;
  /** The batch with values and log-probabilities of the reference. */
  private readonly evaluated: Sequences;
  private readonly reference: ChunkedModel | null;
  private readonly refEvaluator: BatchEvaluator | null;
  private readonly critic: BatchEvaluator | null;
  private readonly adam: Optimizer;
  private readonly learner: Learner;
  private readonly minibatches: Minibatches;
  private readonly adapted: { klWeight: number };
  private readonly klWeight: Tensor;
  /** Without a term besides the surrogate, an action of advantage 0 has no gradient. */
  private readonly onlySurrogate: boolean;
  private readonly order: Int32Array;
  private readonly active: Int32Array;

  constructor(
    t: TrainingState,
    sampler: GroupSampler<S>,
    algorithm: ResolvedAlgorithm,
    c: GroupConfig,
  ) {
    const { batch, policy } = sampler;
    const { sequences } = batch;
    const { estimator, minimumRisk = false } = algorithm;
    checkCompared(algorithm, c.groupSize, sequences);
    this.t = t;
    this.sampler = sampler;
    this.algorithm = algorithm;
    this.c = c;
    this.columns = columnsFor(batch, t.team);
    const { value, refLogProb } = this.columns;
    this.evaluated = { ...batch, value, refLogProb };
    this.reference = c.reference || estimator.kl !== null ? sampler.copy() : null;
    this.refEvaluator =
      this.reference && new BatchEvaluator(this.reference.chunks, sequences, t.team);
    const withValue = estimator.baseline === "value";
    this.critic = withValue ? new BatchEvaluator(policy.chunks, sequences, t.team) : null;
    this.adapted = { klWeight: estimator.kl?.weight ?? 0 };
    this.adam = adamWith(c.moments, policy.parameters);
    this.klWeight = input(policy.parameters.backend, [1]);
    this.learner = new Learner(policy.chunks, this.lossColumns(), this.lossSettings(), t.team);
    this.minibatches = new Minibatches(sequences, minimumRisk ? c.groupSize : 1, c.minibatches);
    const klInLoss = estimator.kl?.place === "loss";
    this.onlySurrogate = !minimumRisk && !withValue && c.entropyWeight === 0 && !klInLoss;
    this.order = new Int32Array(sequences);
    this.active = new Int32Array(sequences);
    this.parts = {
      adam: this.adam,
      ...sampler.parts,
      klWeight: keptNumber(this.adapted, "klWeight"),
      ...(this.reference && { reference: weightsOf(this.reference.parameters) }),
    };
  }

  /** Advantage of each action, [sequences, steps]. */
  get advantage(): Float64Array {
    return this.columns.advantage;
  }

  /** ln π of each action by the reference, [sequences, steps]; null without one. */
  get refLogProb(): Float64Array | null {
    return this.reference && this.columns.refLogProb;
  }

  /** Copies the policy's weights to the reference. Called once, when a fresh training starts. */
  start(): void {
    const { parameters } = this.sampler.policy;
    for (const { name, data } of this.reference?.parameters.list ?? [])
      data.set(parameters.get(name)?.data ?? []);
  }

  /** Trains for as long as the caller takes reports, one after each update. */
  *run(): Generator<S & GroupReport, never> {
    const { t, c, sampler, learner, adapted } = this;
    for (;;) {
      t.next();
      const learningRate = this.learningRate();
      yield* sampler.sample() as Generator<never, void>; // a Pending passes to whoever draws from this generator
      t.onPhase?.("update");
      this.estimate();
      this.klWeight.data[0] = adapted.klWeight;
      const gradNorm = this.improve(learningRate);
      const kl = this.reference ? meanKl(sampler.batch, this.columns.refLogProb) : Number.NaN;
      const { klWeight } = adapted;
      if (c.targetKl > 0) adapted.klWeight = adaptiveKlWeight(klWeight, kl, c.targetKl);
      t.onPhase?.(null);
      const { policyLoss, valueLoss } = learner.metrics.losses();
      const { clipFraction, approximateKl } = learner.metrics;
      const losses = { policyLoss, valueLoss, clipFraction, approximateKl };
      yield { ...sampler.report(), kl, ...losses, gradNorm, klWeight, learningRate };
    }
  }

  private learningRate(): number {
    const { c, t, adam, minibatches } = this;
    const updates = adam.steps / (c.epochs * minibatches.count);
    const rise = c.warmup === 0 ? 1 : Math.min(1, (updates + 1) / c.warmup);
    return c.learningRate * rise * (c.anneal ? 0.1 + 0.9 * t.left() : 1);
  }

  private lossColumns(): BatchColumns {
    const { advantage, target, value, refLogProb, weight, cost, excluded } = this.columns;
    const { batch } = this.sampler;
    const { estimator, minimumRisk } = this.algorithm;
    return {
      oldLogProb: batch.logProb,
      advantage,
      weight,
      ...(estimator.baseline === "value" && { target, oldValue: value }),
      ...(estimator.kl?.place === "loss" && { refLogProb }),
      ...(minimumRisk && { mask: batch.mask, cost, excluded }),
    };
  }

  private lossSettings(): PolicyLossSettings {
    const { c } = this;
    const { estimator, minimumRisk } = this.algorithm;
    return {
      surrogate: estimator.surrogate,
      value: valueDefaults,
      entropyWeight: c.entropyWeight || null,
      valueWeight: c.valueWeight,
      instead: minimumRisk ? minimumRiskTerm(c.groupSize, c.riskSharpness) : null,
      plus: estimator.kl?.place === "loss" ? referenceKlTerm(estimator.kl, this.klWeight) : null,
    };
  }

  /** Writes advantages, targets and the mask of the actions to learn from. */
  private estimate(): void {
    const { c, sampler, columns } = this;
    const { batch, counts, greedyScore, score } = sampler;
    const { advantage, target, value, refLogProb, unread, mask, cost, excluded } = columns;
    const { estimator, bestOnly = false, wholeBatch = false, minimumRisk } = this.algorithm;
    this.refEvaluator?.evaluate(refLogProb);
    this.critic?.evaluate(unread, value);
    sequenceAdvantages({ advantage, target, counts }, this.evaluated, {
      estimator,
      lambda: c.lambda,
      klWeight: this.adapted.klWeight,
      groupSize: wholeBatch ? batch.sequences : c.groupSize,
      bestOnly,
      standardize: c.standardize,
      ...(greedyScore && { greedyScore }),
    });
    const { steps } = batch;
    for (let i = 0; i < mask.length; i++) mask[i] = batch.mask[i] * counts[Math.floor(i / steps)];
    if (!minimumRisk) return;
    sampleCosts(cost, score, counts, c.groupSize);
    for (let i = 0; i < excluded.length; i++) {
      excluded[i] = excludedLogProb;
      for (let j = i * steps; j < (i + 1) * steps; j++) if (mask[j] !== 0) excluded[i] = 0;
    }
  }

  /** Runs the epochs of an update. Returns the gradient norm of the last step. */
  private improve(learningRate: number): number {
    const { t, minibatches } = this;
    const { epochs, maxGradNorm } = this.c;
    return improve(t, this.learner, this.adam, this.order, {
      epochs,
      learningRate,
      maxGradNorm,
      shuffle: (order) => minibatches.shuffle(order, t.random),
      minibatchEnd: (first) => minibatches.endOf(first),
      prepare: (order, first, end) => this.prepare(order, first, end),
    });
  }

  /** Writes the weights of a minibatch's actions. Returns its sequences that have a gradient. */
  private prepare(order: Int32Array, first: number, end: number): Int32Array {
    const { advantage, weight, mask } = this.columns;
    const { batch, counts } = this.sampler;
    const { steps } = batch;
    let [totalTokens, totalSequences, n] = [0, 0, 0];
    for (let i = first; i < end; i++) {
      const start = order[i] * steps;
      totalSequences += counts[order[i]];
      for (let j = start; j < start + steps; j++) totalTokens += mask[j];
    }
    const { aggregation } = this.algorithm.estimator;
    tokenWeights(weight, mask, steps, { aggregation, totalTokens, totalSequences });
    for (let i = first; i < end && totalTokens > 0; i++) {
      const start = order[i] * steps;
      let hasGradient = !this.onlySurrogate;
      for (let j = start; j < start + steps; j++) hasGradient ||= advantage[j] * mask[j] !== 0;
      if (hasGradient) this.active[n++] = order[i];
    }
    return this.active.subarray(0, n);
  }
}

function columnsFor({ sequences, mask }: Sequences, team: Team): Columns {
  const perAction = (): Float64Array => new Float64Array(mask.length);
  const shared = (): Float64Array => team.doubles(mask.length);
  return {
    advantage: perAction(),
    target: perAction(),
    value: shared(),
    refLogProb: shared(),
    unread: shared(),
    weight: perAction(),
    mask: perAction(),
    cost: new Float64Array(sequences),
    excluded: new Float64Array(sequences),
  };
}

/** Random minibatches of sequences, in which blocks of `together` neighbors stay side by side. */
class Minibatches {
  private readonly together: number;
  private readonly blocks: Int32Array;
  private readonly ends: readonly number[];
  /** Minibatches per pass: as many as asked for, and at most the blocks. */
  readonly count: number;

  constructor(sequences: number, together: number, count: number) {
    this.together = together;
    this.blocks = new Int32Array(sequences / together);
    this.count = Math.min(count, this.blocks.length);
    this.ends = Array.from(
      { length: this.count },
      (_, m) => Math.round(((m + 1) * this.blocks.length) / this.count) * together,
    );
  }

  /** Writes the sequences in random order. */
  shuffle(order: Int32Array, random: Random): void {
    const { blocks, together } = this;
    for (let i = 0; i < blocks.length; i++) blocks[i] = i; // the same start order after a resume
    random.shuffle(blocks);
    for (let i = 0; i < order.length; i++)
      order[i] = blocks[Math.floor(i / together)] * together + (i % together);
  }

  /** Returns the end of the minibatch that begins at `first`. */
  endOf(first: number): number {
    return this.ends.find((end) => end > first) as number;
  }
}

/** Returns the KL to the reference, mean per action (k3). */
function meanKl({ mask, logProb }: Sequences, refLogProb: Floats): number {
  let [sum, n] = [0, 0];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    sum += klOf(logProb[i], refLogProb[i], klDefaults);
    n++;
  }
  return sum / n;
}

/** Throws SettingError if a sequence would be compared only with itself: all advantages would be 0. */
function checkCompared(algorithm: ResolvedAlgorithm, groupSize: number, sequences: number): void {
  const { name, minimumRisk = false, wholeBatch = false, estimator } = algorithm;
  const { baseline, scale } = estimator;
  const compares =
    minimumRisk || scale !== "none" || baseline === "mean" || baseline === "leaveOneOut";
  const compared = wholeBatch || scale === "batch" ? sequences : groupSize;
  if (!compares || compared >= 2) return;
  throw new SettingError(
    `${name}: expected a groupSize of 2 or more, got ${compared}: one sequence alone has nothing to be compared with`,
  );
}
