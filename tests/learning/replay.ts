/**
 * `npm run results:replay [-- TASK…]`: does PPO come to a task's mark in fewer environment steps if every update learns from
 * the last four rollouts again? Trains seeds 501 to 510 with rollouts of a quarter of the preset's steps, and prints the
 * tables of docs/results.md, Replay.
 */
import { fileURLToPath } from "node:url";
import { BatchEvaluator } from "../../src/algos/batch-evaluator.ts";
import { improve, Learner } from "../../src/algos/improve.ts";
import { exp } from "../../src/core/math.ts";
import { meanWeights } from "../../src/estimators/weights.ts";
import * as pg from "../../src/index.ts";
import { Milestones } from "../../src/node/milestones.ts";
import { standardizeRows } from "../../src/returns/normalize.ts";
import { minibatchEnd } from "../../src/rollout/rollout-chunks.ts";
import { bootstrapInterval, interquartileMean, median } from "../../src/rollout/statistics.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { short, table } from "../support/markdown.ts";
import { openControl } from "../support/sessions.ts";

/** Drops the oldest of the rollouts that `kept` has end to end, and appends a new one. */
export function append(kept: pg.Rollout, fresh: pg.Rollout): void {
  const columns = fresh.columns();
  for (const [i, column] of kept.columns().entries()) {
    column.copyWithin(0, columns[i].length);
    column.set(columns[i], column.length - columns[i].length);
  }
}

/** Columns of the kept rows. */
export class Estimates {
  /** ln π of each action by the policy before the update. */
  readonly oldLogProb: Float32Array;
  /** w = min(1, ρ), where ρ is π by the policy that acted; 1 where not corrected. */
  readonly ratio: Float32Array;
  readonly advantage: Float32Array;
  readonly target: Float32Array;

  constructor(size: number) {
    const column = (): Float32Array => new Float32Array(size);
    [this.oldLogProb, this.ratio, this.advantage, this.target] = [0, 1, 2, 3].map(column);
  }

  /**
   * V-trace with ρ̄ = c̄ = 1 has v − V = eₜ = wₜ·(δₜ + γλ·eₜ₊₁). So eₜ = wₜ·Âₜ with Âₜ = δₜ + γ·(λ·wₜ₊₁)·Âₜ₊₁: GAE with
   * a λ per step. The surrogate multiplies Â by w once. V of the final state of a truncated episode stays as it was.
   */
  write(kept: pg.Rollout, { gamma, lambda }: pg.PpoConfig, corrected: boolean): void {
    const { oldLogProb, ratio, advantage, target } = this;
    const { size, envs, value, nextValue, truncated, logProb } = kept;
    const lambdas = new Float64Array(size);
    for (let i = size - 1; i >= 0; i--) {
      ratio[i] = corrected ? Math.min(1, exp(oldLogProb[i] - logProb[i])) : 1;
      if (i + envs >= size) continue;
      lambdas[i] = lambda * ratio[i + envs];
      if (truncated[i] === 0) nextValue[i] = value[i + envs];
    }
    pg.gae(advantage, kept, gamma, lambdas);
    for (let i = 0; i < size; i++) target[i] = ratio[i] * advantage[i] + value[i];
  }
}

/**
 * PPO (src/algos/ppo.ts) of policies without memory: each update learns from the last `keep` rollouts. Without
 * `corrected` their actions count as the current policy's own. With `keep` 1 it is PPO, bit for bit.
 */
export function* replayPpo(
  t: pg.Training,
  c: pg.PpoConfig,
  keep: number,
  corrected = true,
): Generator<pg.Report, never> {
  const { model, env, random } = t;
  const actor = new pg.Actor(model, env.envs.length);
  const [fresh, kept] = [1, keep].map((n) => new pg.Rollout(env, actor, n * c.rollout));
  const chunks = new pg.RolloutChunks(model, kept, Math.min(c.minibatch, fresh.size));
  const current = new BatchEvaluator(chunks, kept.size);
  const estimates = new Estimates(kept.size);
  const [advantage, weight] = [0, 1].map(() => new Float32Array(kept.size));
  const { oldLogProb, target } = estimates;
  const terms = { ...c, surrogate: pg.surrogateDefaults, value: pg.valueDefaults };
  const learner = new Learner(chunks, { oldLogProb, advantage, weight, target }, terms);
  const adam = new pg.Adam(model.parameters, { eps: 1e-5 });
  t.restoreOrStart({ adam });
  for (;;) {
    t.next();
    const learningRate = c.learningRate * (c.anneal ? t.left() : 1);
    const clip = c.annealClip ? Math.max(c.clipRange * t.left(), 1e-6) : c.clipRange;
    terms.surrogate = { ...pg.surrogateDefaults, clipLow: clip, clipHigh: clip };
    fresh.collect(random);
    t.count(fresh);
    append(kept, fresh);
    current.evaluate(oldLogProb, kept.value);
    estimates.write(kept, c, corrected);
    const rows = new Int32Array(Math.min(kept.size, t.update * fresh.size)); // the last ones
    improve(t, learner, adam, rows, {
      ...c,
      learningRate,
      shuffle() {
        for (const i of rows.keys()) rows[i] = kept.size - rows.length + i;
        random.shuffle(rows);
      },
      minibatchEnd: (first) => minibatchEnd(first, c.minibatch, rows.length, 2),
      prepare(_, first, end) {
        const some = rows.subarray(first, end);
        standardizeRows(advantage, estimates.advantage, some);
        for (const row of some) advantage[row] *= estimates.ratio[row];
        return meanWeights(weight, kept.mask, some);
      },
    });
    yield t.report();
  }
}

const seeds = Array.from({ length: 10 }, (_, i) => 501 + i);
const arms = ["the preset", "short rollouts", "four kept, corrected", "four kept, uncorrected"];
/** Steps to train; of the last three arms, epochs and step sizes: the soonest at the mark, on seeds 1 to 3, of those tried. */
const chosen = {
  cartpole: { steps: 100_000, epochs: [10, 4, 4], rates: [1e-3, 2e-3, 2e-3] },
  acrobot: { steps: 150_000, epochs: [4, 1, 1], rates: [2e-3, 2e-3, 2e-3] },
  pendulum: { steps: 60_000, epochs: [10, 3, 5], rates: [1e-3, 1e-3, 1e-3] },
};
type Name = keyof typeof chosen;

export function trainOnce(task: Name, seed: number, settings: object, keep = 1, corrected = true) {
  const { steps } = chosen[task];
  const session = openControl({ task, algo: "ppo", seed, steps, settings: { ...settings } });
  const { training, run } = session;
  const milestones = new Milestones(steps, environmentTasks[task].solved ?? null);
  const c = run.values.algorithm as unknown as pg.PpoConfig;
  const reports = replayPpo(training, c, keep, corrected);
  while (training.envSteps < steps) milestones.add(reports.next().value);
  const { meanReturn } = session.evaluate(100, 1_000_000_007, true);
  return { steps: milestones.stepsToThreshold ?? Infinity, greedy: meanReturn };
}

const over = (x: readonly number[], of: (x: readonly number[]) => number): string =>
  `${short(of(x))} (${bootstrapInterval(x, of).map(short).join(" to ")})`;

function compare(task: Name): void {
  const preset = openControl({ task, algo: "ppo" }).config.settings as unknown as pg.PpoConfig;
  const all = chosen[task];
  const mark = `steps to ${environmentTasks[task].solved}`;
  console.log(`\n${table([task, "epochs", "step size", mark, "seeds", "greedy return"], [])}`);
  for (const [i, name] of arms.entries()) {
    const [epochs, learningRate] =
      i === 0 ? [preset.epochs, preset.learningRate] : [all.epochs[i - 1], all.rates[i - 1]];
    const settings = { rollout: preset.rollout / (i === 0 ? 1 : 4), epochs, learningRate };
    const results = seeds.map((seed) => trainOnce(task, seed, settings, i < 2 ? 1 : 4, i < 3));
    const [steps, greedy] = [results.map((one) => one.steps), results.map((one) => one.greedy)];
    const came = `${steps.filter(Number.isFinite).length} of ${seeds.length}`;
    const cells = [name, epochs, learningRate, over(steps, median), came];
    console.log(`| ${[...cells, over(greedy, interquartileMean)].join(" | ")} |`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , ...named] = process.argv;
  for (const task of named.length > 0 ? named : Object.keys(chosen)) compare(task as Name);
}
