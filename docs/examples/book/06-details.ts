/**
 * Chapter 6: PPO on CartPole with one detail changed at a time. `06-details.ts train` trains all variants on eight seeds
 * (minutes) and writes their curves; without the word it summarizes the curves that are there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import * as pg from "pigrad";

/** CartPole whose time limit is reported as a termination. */
class Ended extends pg.CartPole {
  private played = 0;

  protected override begin(): void {
    super.begin();
    this.played = 0;
  }
  protected override advance(actions: ArrayLike<number>, at: number): void {
    super.advance(actions, at);
    if (++this.played >= this.maxSteps) this.terminated = true;
  }
}

/** CartPole in units that make its observations a thousand times as small. */
class Small extends pg.CartPole {
  override observe(out: pg.Floats, at: number): void {
    super.observe(out, at);
    for (let i = 0; i < 4; i++) out[at + i] /= 1000;
  }
}

interface Variant {
  readonly env: () => pg.Dynamics;
  /** Plays the episodes that are counted. Default: `env`. */
  readonly judge?: () => pg.Dynamics;
  readonly normalizeObservation?: boolean;
  /** Factor of the initial weights before the logits, whose gain is 0.01. */
  readonly head?: number;
}
const fullLength = (): pg.Dynamics => new pg.CartPole(); // 500 steps
const variants: Readonly<Record<string, Variant>> = {
  "limit 20, truncated": { env: () => new pg.CartPole({ maxSteps: 20 }), judge: fullLength },
  "limit 20, as an end": { env: () => new Ended({ maxSteps: 20 }), judge: fullLength },
  "usual units": { env: () => new pg.CartPole() },
  "small units": { env: () => new Small() },
  "small units, normalized": { env: () => new Small(), normalizeObservation: true },
  "gain 1 before the logits": { env: () => new pg.CartPole(), head: 100 },
  "gain 10 before the logits": { env: () => new pg.CartPole(), head: 1000 },
};
const seeds = [600, 601, 602, 603, 604, 605, 606, 607];
const [totalSteps, points] = [100_000, 10];

/** Trains one seed; returns the mean return of 20 sampled episodes after each tenth. */
function train(variant: Variant, seed: number): number[] {
  const { env, judge, normalizeObservation = false, head = 1 } = variant;
  const random = new pg.Random(seed);
  const envs = new pg.VectorEnv(
    Array.from({ length: 8 }, () => env()),
    { normalizeObservation },
  );
  envs.seed(random);
  const { observationSpace: observation, actionSpace: action } = envs.envs[0];
  const options = { observation, action, hidden: [64, 64], critic: true };
  const model = new pg.ActorCritic(pg.simd(), options, random);
  const weights = model.parameters.get("policy.head.weight");
  if (weights === undefined) throw new Error("no policy.head.weight");
  for (let i = 0; i < weights.data.length; i++) weights.data[i] *= head;
  const training = new pg.Training(model, envs, random, totalSteps);
  const changes = { rollout: 32, epochs: 5, minibatch: 64, learningRate: 0.002, annealClip: true };
  const settings = pg.settle(pg.ppoSettings, { ...changes, gamma: 0.98, lambda: 0.8 });
  const judges = judge === undefined ? envs : new pg.VectorEnv([judge()]);
  const curve: number[] = [];
  for (const { envSteps } of pg.ppo(training, settings)) {
    if (envSteps >= ((curve.length + 1) * totalSteps) / points) {
      const { meanReturn } = pg.evaluate(model, judges, { episodes: 20, seed, greedy: false });
      curve.push(Number(meanReturn.toFixed(1)));
    }
    if (envSteps >= totalSteps) break;
  }
  return curve;
}

const file = new URL("../../figures/data/06-details.json", import.meta.url);
if (process.argv[2] === "train") {
  const curves = Object.entries(variants).map(([name, variant]) => {
    console.log(`training: ${name}`);
    return [name, seeds.map((seed) => train(variant, seed))];
  });
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(curves))}\n`);
}

/** Returns [seed][point] of each variant. */
export const curves: Readonly<Record<string, readonly (readonly number[])[]>> = JSON.parse(
  readFileSync(file, "utf8"),
);
/** The mean over seeds, and half of its 95 % interval by Student's t (2.365 for eight seeds). */
export function summary(values: readonly number[]): { mean: number; half: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  return { mean, half: 2.365 * Math.sqrt(variance / values.length) };
}
console.log("mean return of eight seeds ± 95 %   20,000 steps       100,000 steps     mean of all");
for (const [name, runs] of Object.entries(curves)) {
  const average = runs.map((run) => run.reduce((a, b) => a + b, 0) / run.length);
  const cells = [runs.map((run) => run[1]), runs.map((run) => run[points - 1]), average].map(
    (values) => {
      const { mean, half } = summary(values);
      return `${mean.toFixed(1).padStart(8)} ± ${half.toFixed(1).padEnd(5)}`;
    },
  );
  console.log(`${name.padEnd(30)}${cells.join("   ")}`.trimEnd());
}
