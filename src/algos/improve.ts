/** Improves a policy on a batch: epochs over minibatches over chunks, with clipped optimizer steps. */
import type { Floats } from "../core/backend.ts";
import { Tape } from "../core/tape.ts";
import { solo, type Team } from "../core/team.ts";
import { input, type Tensor } from "../core/tensor.ts";
import type { LossColumns } from "../estimators/batch.ts";
import {
  Metrics,
  noMetrics,
  type PolicyLossSettings,
  policyLoss,
} from "../estimators/policy-loss.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Chunks } from "../rollout/chunks.ts";
import { Shards } from "./shards.ts";
import { descend, type TrainingState } from "./training.ts";

/** The columns of a batch that the loss reads. A caller leaves out those that its settings do not need. */
export type BatchColumns = Readonly<
  Record<"oldLogProb" | "advantage" | "weight", Floats> &
    Partial<Record<Exclude<keyof LossColumns, "chunkFraction">, Floats>>
>;

type MetricName = keyof typeof noMetrics;
const metricNames = Object.keys(noMetrics) as MetricName[];

/** Accumulates the gradient of a batch's loss chunk by chunk, with metrics. */
export class Learner {
  readonly metrics = new Metrics();
  readonly tape: Tape;
  private readonly chunks: Chunks;
  private readonly inputs: readonly (readonly [Tensor, Floats])[];
  private readonly chunkFraction: Tensor;
  private readonly body: () => Tensor;
  private readonly chunkMetrics = { ...noMetrics };
  private readonly shards: Shards;

  constructor(
    chunks: Chunks,
    columns: BatchColumns,
    settings: PolicyLossSettings,
    team: Team = solo(),
  ) {
    const { parameters } = chunks;
    const { backend } = parameters;
    this.chunks = chunks;
    this.shards = new Shards(team, { parameters, numbers: metricNames.length });
    this.chunkFraction = input(backend, [1]);
    const inputs = Object.entries(columns).map(
      ([name, column]) => [name, chunks.column(column), column] as const,
    );
    this.inputs = inputs.map(([, tensor, column]) => [tensor, column]);
    const tensors = Object.fromEntries(inputs);
    const given = { ...tensors, chunkFraction: this.chunkFraction } as unknown as LossColumns;
    const wanted = { entropy: settings.entropyWeight !== null, value: "target" in columns };
    this.tape = new Tape(backend);
    this.body = () => policyLoss(chunks.evaluate(wanted), given, settings, this.chunkMetrics);
  }

  /** Adds the gradient of the loss of the units (rows, or sequences) order[first … end). */
  accumulate(order: ArrayLike<number>, first: number, end: number): void {
    const { chunks, chunkMetrics: metrics } = this;
    this.chunkFraction.data[0] = chunks.capacity / (end - first);
    this.shards.run(
      (visit) => chunks.forEachChunk(order, first, end, visit),
      (numbers) => {
        for (const [tensor, column] of this.inputs) chunks.fill(tensor, column);
        this.tape.backward(this.tape.run(this.body));
        metricNames.forEach((name, i) => {
          numbers[i] = metrics[name];
        });
      },
      (numbers) => {
        metricNames.forEach((name, i) => {
          metrics[name] = numbers[i];
        });
        this.metrics.add(metrics);
      },
    );
  }
}

export interface ImproveSettings {
  readonly epochs: number;
  readonly learningRate: number;
  readonly maxGradNorm: number;
  /** Ends the epochs at 1.5 times this KL to the old policy; 0: never. Default 0. */
  readonly stopKl?: number;
  /** Writes the units of the batch in the order of an epoch. */
  readonly shuffle: (order: Int32Array) => void;
  /** Returns where the minibatch that begins at `first` ends. */
  readonly minibatchEnd: (first: number) => number;
  /**
   * Writes the weights of the minibatch order[first … end), and other columns that depend on it. Returns the units to
   * learn from; a minibatch without any is skipped.
   */
  readonly prepare: (order: Int32Array, first: number, end: number) => ArrayLike<number>;
}

/**
 * Runs the epochs. Returns the gradient norm of the last step, before clipping. Afterwards `learner.metrics` cover the
 * last epoch.
 */
export function improve(
  t: TrainingState,
  learner: Learner,
  optimizer: Optimizer,
  order: Int32Array,
  s: ImproveSettings,
): number {
  let gradNorm = 0;
  for (let epoch = 0; epoch < s.epochs; epoch++) {
    learner.metrics.clear();
    s.shuffle(order);
    for (let first = 0, end = 0; first < order.length; first = end) {
      end = s.minibatchEnd(first);
      const units = s.prepare(order, first, end);
      if (units.length === 0) continue;
      learner.metrics.beginStep(end - first);
      learner.accumulate(units, 0, units.length);
      gradNorm = descend(optimizer, s.maxGradNorm, s.learningRate, learner.tape, t.update);
    }
    const { stopKl = 0 } = s;
    if (stopKl > 0 && learner.metrics.approximateKl > 1.5 * stopKl) break;
  }
  return gradNorm;
}
