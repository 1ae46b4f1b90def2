/** The loss on completions that every algorithm of language shares, and scoring them without gradients. */
import type { Floats } from "../core/backend.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { categoricalEntropy } from "../distributions/categorical.ts";
import { entropyLoss } from "../estimators/entropy.ts";
import { klLoss } from "../estimators/kl.ts";
import { minimumRiskLoss } from "../estimators/minimum-risk.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { diagnostics, surrogateLoss } from "../estimators/surrogate.ts";
import { type ValueSettings, valueLoss } from "../estimators/value.ts";
import type { Gpt } from "../nn/gpt.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";
import { CompletionParts, type PartSizes } from "../rollout/completion-parts.ts";
import type { Completions } from "../rollout/completions.ts";

export interface CompletionLossSettings {
  readonly estimator: EstimatorSettings;
  /** Minimum risk in place of the surrogate: the exponent α of its distribution; null for none. */
  readonly minimumRisk: number | null;
  readonly temperature: number;
  readonly entropyWeight: number;
  readonly valueWeight: number;
  readonly value: ValueSettings;
}

/** What an algorithm worked out for each token, [count, steps], and for mrt of each sample, [count]. */
export interface CompletionColumns {
  readonly advantage: Floats;
  readonly weight: Floats;
  readonly refLogProb: Floats;
  readonly target: Floats;
  readonly oldValue: Floats;
  readonly cost: Floats;
}

/** Losses summed over the optimizer steps since `clear`; the other two are means over their tokens. */
export class CompletionFigures {
  policyLoss = 0;
  valueLoss = 0;
  clipFraction = 0;
  approximateKl = 0;
  tokens = 0;
  clear(): void {
    this.policyLoss = 0;
    this.valueLoss = 0;
    this.clipFraction = 0;
    this.approximateKl = 0;
    this.tokens = 0;
  }
}

const impossible = -1e9; // ln π whose probability is 0 beside any other

export class CompletionLoss {
  readonly tape: Tape;
  readonly figures = new CompletionFigures();
  /** Weight of a KL term in the loss; changes without recording anew. */
  readonly klWeight: Tensor;
  private readonly gpt: Gpt;
  private readonly settings: CompletionLossSettings;
  private readonly parts: CompletionParts;
  private readonly inputs: Readonly<
    Record<"old" | "mask" | Exclude<keyof CompletionColumns, "cost">, Tensor>
  >;
  private readonly cost: Tensor;
  private readonly leftOut: Tensor; // added to ln π of a sample: it is no candidate where none of its tokens counts
  private readonly share: Tensor;
  private readonly body: () => Tensor;

  constructor(gpt: Gpt, sizes: PartSizes, settings: CompletionLossSettings) {
    const k = gpt.parameters.backend;
    this.gpt = gpt;
    this.settings = settings;
    this.parts = new CompletionParts(k, gpt.options.vocab, sizes);
    const column = (): Tensor => this.parts.column();
    this.inputs = {
      old: column(),
      mask: column(),
      advantage: column(),
      weight: column(),
      refLogProb: column(),
      target: column(),
      oldValue: column(),
    };
    this.cost = this.parts.column(true);
    this.leftOut = this.parts.column(true);
    this.share = input(k, [1]);
    this.klWeight = input(k, [1], [settings.estimator.kl?.weight ?? 0]);
    this.tape = new Tape(k);
    this.body = () => this.loss(sizes.together ?? 1);
  }

  /**
   * Adds the gradient of the loss of samples order[first … end) to the model's parameters. With minimum
   * risk the samples are whole groups, and the loss is their mean.
   */
  accumulate(
    batch: Completions,
    columns: CompletionColumns,
    order: ArrayLike<number>,
    first: number,
    end: number,
  ): void {
    const { parts, inputs, tape, cost } = this;
    this.share.data[0] = parts.sample.length / (end - first);
    parts.forEachPart(batch, order, first, end, () => {
      parts.fill(inputs.old, batch.logProb);
      parts.fill(inputs.mask, batch.mask);
      parts.fill(inputs.advantage, columns.advantage);
      parts.fill(inputs.weight, columns.weight);
      parts.fill(inputs.refLogProb, columns.refLogProb);
      parts.fill(inputs.target, columns.target);
      parts.fill(inputs.oldValue, columns.oldValue);
      parts.fill(cost, columns.cost);
      if (this.settings.minimumRisk !== null) this.leaveOut();
      tape.backward(tape.run(this.body));
    });
  }

  private leaveOut(): void {
    const { leftOut, inputs } = this;
    const { data: weight } = inputs.weight;
    const steps = weight.length / leftOut.data.length;
    for (let i = 0; i < leftOut.data.length; i++) {
      leftOut.data[i] = impossible;
      for (let j = i * steps; j < (i + 1) * steps; j++) if (weight[j] !== 0) leftOut.data[i] = 0;
    }
  }

  /** −(what the estimator climbs), and the terms beside it. */
  private loss(groupSize: number): Tensor {
    const { settings: s, inputs, parts, gpt, figures } = this;
    const { hidden, logits, logProb, mask } = parts.read(gpt, s.temperature);
    let total: Tensor;
    if (s.minimumRisk !== null) {
      const sequence = add(sum(mul(logProb, inputs.mask), -1), this.leftOut);
      const risk = minimumRiskLoss(sequence, this.cost, groupSize, s.minimumRisk);
      total = sum(mul(risk, this.share)); // padding has cost 0 and no part in it
      figures.policyLoss += total.data[0];
    } else {
      total = surrogateLoss(
        logProb,
        inputs.old,
        inputs.advantage,
        inputs.weight,
        s.estimator.surrogate,
      );
      this.count(total);
    }
    if (s.estimator.kl?.place === "loss") {
      const kl = klLoss(logProb, inputs.refLogProb, inputs.weight, s.estimator.kl);
      total = add(total, sum(mul(kl, this.klWeight)));
    }
    if (s.entropyWeight > 0) {
      const entropy = parts.gather(categoricalEntropy(logits, mask));
      total = add(total, mul(entropyLoss(entropy, inputs.weight), s.entropyWeight));
    }
    if (s.estimator.baseline === "value") {
      const value = parts.gather(gpt.value(hidden));
      const l = valueLoss(value, inputs.target, inputs.weight, inputs.oldValue, s.value);
      figures.valueLoss += l.data[0];
      total = add(total, mul(l, s.valueWeight));
    }
    return total;
  }

  private count(policyLoss: Tensor): void {
    const { figures } = this;
    const d = diagnostics(policyLoss);
    figures.policyLoss += policyLoss.data[0];
    const tokens = figures.tokens + d.tokens;
    if (tokens === 0) return;
    figures.clipFraction += (d.tokens / tokens) * (d.clipFraction - figures.clipFraction);
    figures.approximateKl += (d.tokens / tokens) * (d.approximateKl - figures.approximateKl);
    figures.tokens = tokens;
  }
}

/** ln π and values of completions by a model that is not learning now. */
export class CompletionScorer {
  private readonly gpt: Gpt;
  private readonly parts: CompletionParts;
  private readonly tape: Tape;
  private readonly order: Int32Array;
  private readonly look: () => { logProb: Tensor; value: Tensor | null };

  constructor(gpt: Gpt, sizes: PartSizes, temperature: number, count: number) {
    const k = gpt.parameters.backend;
    this.gpt = gpt;
    this.parts = new CompletionParts(k, gpt.options.vocab, { ...sizes, together: 1 });
    this.tape = new Tape(k, { grads: false });
    this.order = Int32Array.from({ length: count }, (_, i) => i);
    this.look = () => {
      const { hidden, logProb } = this.parts.read(this.gpt, temperature);
      const { valueHead } = this.gpt.options;
      return { logProb, value: valueHead ? this.parts.gather(this.gpt.value(hidden)) : null };
    };
  }

  /** Writes columns [count, steps]; positions behind a sample's end get numbers that mean nothing. */
  score(batch: Completions, logProb: Floats, value: Floats | null = null): void {
    this.parts.forEachPart(batch, this.order, 0, batch.count, () => {
      const made = this.tape.run(this.look);
      this.parts.spread(made.logProb, logProb);
      if (value !== null && made.value !== null) this.parts.spread(made.value, value);
    });
  }
}
