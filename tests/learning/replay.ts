/**
 * `npm run results:replay [-- TASK…]`: does PPO come to a task's mark in fewer environment steps if every update learns from
 * the last four rollouts again? Trains seeds 501 to 510 with rollouts of a quarter of the preset's steps, and prints the
 * tables of docs/results.md, Replay.
 */
import { fileURLToPath } from "node:url";
import { BatchEvaluator } from "../../src/algos/batch-evaluator.ts";
import { improve, Learner } from "../../src/algos/improve.ts";
import type { PpoConfig } from "../../src/algos/ppo.ts";
import type { Report, Training } from "../../src/algos/training.ts";
import { exp } from "../../src/core/math.ts";
import { surrogateDefaults } from "../../src/estimators/surrogate.ts";
import { valueDefaults } from "../../src/estimators/value.ts";
import { meanWeights } from "../../src/estimators/weights.ts";
import { Milestones } from "../../src/node/milestones.ts";
import { Adam } from "../../src/optim/adam.ts";
import { Actor } from "../../src/policies/actor.ts";
import { gae } from "../../src/returns/gae.ts";
import { standardizeRows } from "../../src/returns/normalize.ts";
import { Rollout } from "../../src/rollout/rollout.ts";
import { minibatchEnd, RolloutChunks } from "../../src/rollout/rollout-chunks.ts";
import { bootstrapInterval, interquartileMean, median } from "../../src/rollout/statistics.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { short, table } from "../support/markdown.ts";
import { openControl } from "../support/sessions.ts";

export interface Replay {
  /** Rollouts that an update learns from: the new one and those before it. 1: plain PPO. */
  readonly keep: number;
  /** false: actions count as the current policy's own. */
  readonly corrected: boolean;
}

/** The last rollouts end to end, the newest last, with estimates by the current policy and critic. */
export class Kept {
  readonly rollout: Rollout;
  /** min(1, π/μ) of each action: π is the policy before the update, μ the one that acted. 1 where not corrected. */
  readonly weight: Float32Array;
  readonly advantage: Float32Array;
  readonly target: Float32Array;
  /** ln π of each action by the policy before the update. */
  readonly logProb: Float32Array;
  readonly chunks: RolloutChunks;
  private readonly lambda: Float64Array;
  private readonly current: BatchEvaluator;

  constructor(fresh: Rollout, { rollout, minibatch }: PpoConfig, keep: number) {
    const { model } = fresh.actor;
    this.rollout = new Rollout(fresh.env, fresh.actor, keep * rollout);
    const { size } = this.rollout;
    const column = (): Float32Array => new Float32Array(size);
    [this.weight, this.advantage, this.target] = [column(), column(), column()];
    this.logProb = column();
    this.lambda = new Float64Array(size);
    this.chunks = new RolloutChunks(model, this.rollout, Math.min(minibatch, fresh.size));
    this.current = new BatchEvaluator(this.chunks, size);
  }

  /** Drops the oldest rollout and appends a new one. */
  append(fresh: Rollout): void {
    const columns = fresh.columns();
    for (const [i, column] of this.rollout.columns().entries()) {
      column.copyWithin(0, columns[i].length);
      column.set(columns[i], column.length - columns[i].length);
    }
  }

  /**
   * Writes V, Â and targets. V-trace with ρ̄ = c̄ = 1 has eₜ = wₜ·(δₜ + γλ·eₜ₊₁), w = min(1, ρ). So eₜ = wₜ·Âₜ with
   * Âₜ = δₜ + γ·(λ·wₜ₊₁)·Âₜ₊₁: GAE with a λ per step, whose weight the surrogate then applies once. V of the final
   * state of a truncated episode stays the one at the time.
   */
  estimate({ gamma, lambda }: PpoConfig, corrected: boolean): void {
    const { weight, advantage, target, logProb, rollout } = this;
    const { size, envs, value, nextValue, truncated } = rollout;
    this.current.evaluate(logProb, value);
    for (let i = 0; i < size; i++)
      weight[i] = corrected ? Math.min(1, exp(logProb[i] - rollout.logProb[i])) : 1;
    for (let i = 0; i < size - envs; i++) {
      this.lambda[i] = lambda * weight[i + envs];
      if (truncated[i] === 0) nextValue[i] = value[i + envs];
    }
    gae(advantage, rollout, gamma, this.lambda);
    for (let i = 0; i < size; i++) target[i] = weight[i] * advantage[i] + value[i];
  }
}

/** PPO (src/algos/ppo.ts) for policies without memory, on the last `keep` rollouts in each update. */
export function* replayPpo(
  t: Training,
  c: PpoConfig,
  { keep, corrected }: Replay,
): Generator<Report, never> {
  const { model, env, random } = t;
  const fresh = new Rollout(env, new Actor(model, env.envs.length), c.rollout);
  const kept = new Kept(fresh, c, keep);
  const { size, mask } = kept.rollout;
  const [advantage, weight] = [new Float32Array(size), new Float32Array(size)];
  const columns = { oldLogProb: kept.logProb, advantage, weight, target: kept.target };
  const { entropyWeight, valueWeight } = c;
  const settings = {
    surrogate: surrogateDefaults,
    value: valueDefaults,
    entropyWeight,
    valueWeight,
  };
  const learner = new Learner(kept.chunks, columns, settings);
  const adam = new Adam(model.parameters, { eps: 1e-5 });
  t.restoreOrStart({ adam });
  for (;;) {
    t.next();
    const learningRate = c.learningRate * (c.anneal ? t.left() : 1);
    const clip = c.annealClip ? Math.max(c.clipRange * t.left(), 1e-6) : c.clipRange;
    settings.surrogate = { ...surrogateDefaults, clipLow: clip, clipHigh: clip };
    fresh.collect(random);
    t.count(fresh);
    kept.append(fresh);
    kept.estimate(c, corrected);
    const rows = new Int32Array(Math.min(size, t.update * fresh.size));
    improve(t, learner, adam, rows, {
      ...c,
      learningRate,
      shuffle(order) {
        for (let i = 0; i < order.length; i++) order[i] = size - order.length + i;
        random.shuffle(order);
      },
      minibatchEnd: (first) => minibatchEnd(first, c.minibatch, rows.length, 2),
      prepare(order, first, end) {
        const some = order.subarray(first, end);
        standardizeRows(advantage, kept.advantage, some);
        for (const row of some) advantage[row] *= kept.weight[row];
        return meanWeights(weight, mask, some);
      },
    });
    yield t.report();
  }
}

/** Trains one seed. Without `replay` it is the library's own PPO. */
export function trainOnce(task: string, seed: number, settings: object, replay: Replay | null) {
  const session = openControl({ task, algo: "ppo", seed, settings: { ...settings } });
  const { training, config, run } = session;
  const { solved } = environmentTasks[task as "cartpole"];
  const milestones = new Milestones(config.steps, solved);
  const reports =
    replay === null
      ? session.reports
      : replayPpo(training, run.values.algorithm as unknown as PpoConfig, replay);
  while (training.envSteps < config.steps) milestones.add(reports.next().value);
  const greedy = session.evaluate(100, 1_000_000_007, true).meanReturn;
  return { steps: milestones.stepsToThreshold ?? Infinity, greedy };
}

/** Epochs and step sizes of the arms, best of those tried on seeds 1 to 3 (docs/results.md). */
const chosen: Readonly<Record<string, readonly object[]>> = {
  cartpole: [{}, {}, {}],
};

/** Trains all arms of a task. Returns its table. */
function compare(task: string): string {
  const preset = openControl({ task, algo: "ppo" }).config.settings;
  const quarter = { rollout: Number(preset.rollout) / 4 };
  const [brief, corrected, uncorrected] = chosen[task];
  const arms: readonly (readonly [string, object, Replay | null])[] = [
    ["the preset", {}, null],
    ["a quarter of the steps per rollout", { ...quarter, ...brief }, null],
    ["the same, four kept, corrected", { ...quarter, ...corrected }, { keep: 4, corrected: true }],
    [
      "the same, four kept, not corrected",
      { ...quarter, ...uncorrected },
      { keep: 4, corrected: false },
    ],
  ];
  const rows = arms.map(([name, settings, replay]) => {
    const results = seeds.map((seed) => trainOnce(task, seed, settings, replay));
    const steps = results.map((result) => result.steps);
    const greedy = results.map((result) => result.greedy);
    const over = (x: readonly number[], of: (x: readonly number[]) => number): string =>
      `${short(of(x))} (${bootstrapInterval(x, of).map(short).join(" to ")})`;
    const row = [
      name,
      ...["rollout", "epochs", "learningRate"].map((key) =>
        String({ ...preset, ...settings }[key]),
      ),
      over(steps, median),
      `${steps.filter(Number.isFinite).length} of ${seeds.length}`,
      over(greedy, interquartileMean),
    ];
    console.error(row.join(" | "));
    return row;
  });
  const { solved } = environmentTasks[task as "cartpole"];
  const settings = ["rollout", "epochs", "learningRate"];
  return `${task}\n\n${table(["PPO", ...settings, `steps to ${solved}`, "seeds", "greedy return"], rows)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tasks = process.argv.slice(2);
  for (const task of tasks.length > 0 ? tasks : Object.keys(chosen)) console.log(compare(task));
}
