/**
 * Asynchronous advantage actor-critic: Mnih et al. 2016, arXiv:1602.01783, algorithm S3. Workers share one set of
 * parameters. Each copies them, plays a few steps, and applies its gradient to the current parameters by a shared
 * RMSprop, without locks. The staleness of an update is the number of other workers' updates since its copy.
 *
 * `node/a3c-threads.ts` runs the workers on threads. Here they take turns on one thread with the same code, so that the
 * staleness is 0.
 *
 * Differences from the paper:
 *   1. GAE with λ, which at 1 is the paper's n-step advantage; a truncated episode bootstraps from its final state;
 *   2. policy and critic are two networks unless `shared`; RMSprop's eps is outside the root;
 *   3. if observations are standardized, workers share the statistics, which evaluation uses too.
 */

import type { Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import { integer, real, settle, type Values } from "../core/settings.ts";
import { type Kept, numbersOf } from "../core/state.ts";
import { gaeAdvantages } from "../estimators/advantages.ts";
import { globalNorm } from "../optim/clip.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import { type MomentsState, RunningMoments } from "../returns/running.ts";
import { Rollout } from "../rollout/rollout.ts";
import { RolloutGradient } from "./policy-gradient.ts";
import { mustBeFinite, type Report, Training } from "./training.ts";

export const a3cSettings = {
  envs: integer(1, "environments per worker", { min: 1, max: 4096 }),
  workers: integer(4, "workers", { min: 1, max: 64 }),
  threads: integer(1, "threads that the workers run on; 1: they take turns", { min: 1, max: 64 }),
  rollout: integer(20, "steps per environment between updates", { min: 1, max: 100_000 }),
  learningRate: real(2e-3, "RMSprop's step size, annealed linearly to 0", { min: 0, max: 10 }),
  gamma: real(0.99, "discount per step", { min: 0, max: 1 }),
  lambda: real(1, "GAE's trace decay", { min: 0, max: 1 }),
  entropyWeight: real(0.01, "weight of the entropy bonus", { min: 0, max: 100 }),
  valueWeight: real(0.5, "weight of the value loss", { min: 0, max: 100 }),
  maxGradNorm: real(0.5, "gradients are clipped to this global norm", { min: 1e-9 }),
};
export type A3cConfig = Values<typeof a3cSettings>;

export interface A3cReport extends Report {
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  readonly gradNorm: number;
  /** Updates by other workers between an update's copy of the parameters and its own, mean and largest. */
  readonly staleness: number;
  readonly maxStaleness: number;
}

/** Memory that workers share. */
export interface Shared {
  /** All parameters, one after another. */
  readonly theta: Float32Array;
  /** RMSprop's mean of squared gradients. */
  readonly square: Float32Array;
  /** Numbers at the indices of `counts`. */
  readonly counts: Int32Array;
  /** Statistics of observations for workers on threads; null without any, or if workers take turns. */
  readonly moments: MomentsMemory | null;
}
export interface MomentsMemory {
  readonly memory: Float64Array;
  /** 1 while a thread writes to the memory. */
  readonly lock: Int32Array;
}
/** Indices in `Shared.counts`; a thread stops when `stop` is not 0. */
export const counts = { updates: 0, steps: 1, stop: 2, size: 3 } as const;
const alpha = 0.99;
const eps = 1e-5;

/** Metrics of one update of one worker. */
export interface WorkerReport {
  readonly steps: number;
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  readonly gradNorm: number;
  readonly staleness: number;
}

/** Adds to a count and returns its previous value. On threads it is `Atomics.add`. */
type Count = (counts: Int32Array, at: number, by: number) => number;
const countOnOneThread: Count = (counts, at, by) => {
  counts[at] += by;
  return counts[at] - by;
};

/** Sets up one worker, which makes one update per report. Calls `tell` with each rollout. */
export function a3cWorker(
  t: Training,
  c: A3cConfig,
  shared: Shared,
  add: Count,
  tell: (rollout: Rollout) => void,
): Generator<WorkerReport, never> {
  const { model, env, random } = t;
  const regions = model.parameters.regions();
  const actor = new Actor(model, env.envs.length, { masked: env.mask !== null });
  const rollout = new Rollout(env, actor, c.rollout);
  const gradient = new RolloutGradient(model, rollout, c);
  const { learner } = gradient;

  t.restoreOrStart({ actor });
  return (function* (): Generator<WorkerReport, never> {
    for (;;) {
      const seen = add(shared.counts, counts.updates, 0);
      forEachShared(regions, (data, at) => {
        for (let i = 0; i < data.length; i++) data[i] = shared.theta[at + i];
      });
      rollout.collect(random);
      tell(rollout);
      gaeAdvantages(gradient, rollout, c.gamma, c.lambda);
      gradient.accumulate();
      const gradNorm = globalNorm(regions);
      t.update++;
      mustBeFinite(gradNorm, learner.tape, t.update);
      const steps = add(shared.counts, counts.steps, rollout.count) + rollout.count;
      const rate = c.learningRate * Math.max(0, 1 - steps / t.totalSteps);
      const scale = Math.min(1, c.maxGradNorm / (gradNorm + 1e-6));
      forEachShared(regions, (_, at, grad) => rmsprop(shared, grad, at, scale, rate));
      const staleness = add(shared.counts, counts.updates, 1) - seen;
      yield { steps: rollout.count, ...learner.metrics.losses(), gradNorm, staleness };
    }
  })();
}

type Region = { readonly data: Floats; readonly grad: Floats };
function forEachShared(
  regions: readonly Region[],
  visit: (data: Floats, at: number, grad: Floats) => void,
): void {
  let at = 0;
  for (const { data, grad } of regions) {
    visit(data, at, grad);
    at += data.length;
  }
}

/** One RMSprop step on the shared memory: v = α·v + (1 − α)·d²;  θ −= rate·d/(√v + eps). Clears the gradient. */
function rmsprop(
  { theta, square }: Shared,
  grad: Floats,
  at: number,
  scale: number,
  rate: number,
): void {
  for (let i = 0; i < grad.length; i++) {
    const d = grad[i] * scale;
    square[at + i] = alpha * square[at + i] + (1 - alpha) * d * d;
    theta[at + i] -= (rate * d) / (Math.sqrt(square[at + i]) + eps);
    grad[i] = 0;
  }
}

/** Allocates the memory that workers of a training share; the statistics are added by `shareMoments`. */
export function shareOf(t: Training, allocate: (bytes: number) => ArrayBufferLike): Shared {
  if (t.env.later !== null)
    throw new SettingError(
      "a3c: expected environments that answer at once, got one that returns promises",
    );
  const size = t.model.parameters.regions().reduce((n, { data }) => n + data.length, 0);
  return {
    theta: new Float32Array(allocate(4 * size)),
    square: new Float32Array(allocate(4 * size)),
    counts: new Int32Array(allocate(4 * counts.size)),
    moments: null,
  };
}

/** Returns the training's statistics of observations in memory that threads share; null without any. */
export function shareMoments({ env: { moments } }: Training): MomentsMemory | null {
  if (moments === null) return null;
  const shared = {
    memory: new Float64Array(new SharedArrayBuffer(8 * (2 * moments.size + 1))),
    lock: new Int32Array(new SharedArrayBuffer(4)),
  };
  new LockedMoments(moments.size, shared).restore(moments.save());
  return shared;
}

/** Moments in memory that threads share. One thread at a time updates or reads them. */
export class LockedMoments extends RunningMoments {
  private readonly lock: Int32Array;

  constructor(size: number, { memory, lock }: MomentsMemory) {
    super(size, 0, memory);
    this.lock = lock;
  }

  override update(batch: Floats, counts?: ArrayLike<number>): void {
    this.locked(() => super.update(batch, counts));
  }

  override save(): MomentsState {
    return this.locked(() => super.save());
  }

  /** Runs `work` while no other thread holds the lock. */
  private locked<T>(work: () => T): T {
    while (Atomics.compareExchange(this.lock, 0, 0, 1) !== 0);
    try {
      return work();
    } finally {
      Atomics.store(this.lock, 0, 0);
    }
  }
}

/** Copies parameters to the shared memory, or back to the model together with the statistics of threads. */
export function exchange(t: Training, { theta, moments }: Shared, into: "shared" | "model"): void {
  forEachShared(t.model.parameters.regions(), (data, at) => {
    if (into === "shared") theta.set(data, at);
    else data.set(theta.subarray(at, at + data.length));
  });
  if (into === "model" && moments !== null) {
    const { moments: own } = t.env;
    own?.restore(new LockedMoments(own.size, moments).save());
  }
}

/** The shared memory as a part of a checkpoint; parameters are saved with the model. */
export const sharedState = ({ square, counts }: Shared): Kept => ({
  save: () => ({ square: square.slice(), counts: [...counts] }),
  restore(state) {
    square.set(numbersOf(state, "square", square.length));
    counts.set(numbersOf(state, "counts", counts.length));
  },
});

/** Sets up at once, then trains with workers that take turns. One report covers one update of each worker. */
export function a3c(t: Training, given: Partial<A3cConfig>): Generator<A3cReport, never> {
  const c = settle(a3cSettings, given);
  const shared = shareOf(t, (bytes) => new ArrayBuffer(bytes));
  const options = t.model.options;
  const trainings = Array.from({ length: c.workers }, (_, i) => {
    const model = new ActorCritic(t.model.parameters.backend, options, t.random.split());
    const env = t.env.part(i * c.envs, (i + 1) * c.envs);
    return new Training(model, env, t.random.split(), t.totalSteps);
  });
  const tell = (rollout: Rollout): void => t.count(rollout);
  const kept = Object.fromEntries(trainings.map((each, i) => [`worker${i}`, each]));
  t.env.learning = false; // the workers' environments update the statistics
  t.restoreOrStart({ shared: sharedState(shared), ...kept });
  const workers = trainings.map((each) => a3cWorker(each, c, shared, countOnOneThread, tell));
  exchange(t, shared, "shared");
  return (function* (): Generator<A3cReport, never> {
    for (;;) {
      t.next();
      const reports = workers.map((worker) => worker.next().value);
      exchange(t, shared, "model");
      yield { ...t.report(), ...summarize(reports) };
    }
  })();
}

/** Returns the means of the workers' metrics. */
export function summarize(reports: readonly WorkerReport[]): Omit<A3cReport, keyof Report> {
  const mean = (of: (report: WorkerReport) => number): number =>
    reports.reduce((sum, report) => sum + of(report), 0) / reports.length;
  return {
    policyLoss: mean((r) => r.policyLoss),
    valueLoss: mean((r) => r.valueLoss),
    entropy: mean((r) => r.entropy),
    gradNorm: mean((r) => r.gradNorm),
    staleness: mean((r) => r.staleness),
    maxStaleness: Math.max(...reports.map((r) => r.staleness)),
  };
}
