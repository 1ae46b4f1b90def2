/** Chapter 10: PPO on CartPole with one fault planted at a time, and the metrics that give it away. */
import * as pg from "pigrad";

/** CartPole with a fault between it and the policy. */
class Faulty extends pg.CartPole {
  private readonly fault: string;

  constructor(fault: string) {
    super();
    this.fault = fault;
  }
  protected override advance(actions: ArrayLike<number>, at: number): void {
    if (this.fault === "actions are ignored") super.advance([this.random.below(2)], 0);
    else super.advance(actions, at);
    if (this.fault === "reward for falling") this.reward = this.terminated ? 1 : 0;
  }
  override observe(out: pg.Floats, at: number): void {
    super.observe(out, at);
    if (this.fault === "observations in thousandths")
      for (let i = 0; i < 4; i++) out[at + i] /= 1000;
    if (this.fault === "observations of noise")
      for (let i = 0; i < 4; i++) out[at + i] = this.random.uniform() - 0.5;
  }
}

/** Settings that are changed, by fault. */
const faults: Readonly<Record<string, Partial<pg.PpoConfig>>> = {
  none: {},
  "learning rate 0.3": { learningRate: 0.3 },
  "learning rate 0.000001": { learningRate: 1e-6 },
  "entropy weight 1": { entropyWeight: 1 },
  "γ = 0": { gamma: 0 },
  "observations in thousandths": {},
  "observations of noise": {},
  "actions are ignored": {},
  "reward for falling": {},
};
const [seed, totalSteps] = [600, 20_480];

/** Trains with a fault; returns the last report's metrics, averaged over the last quarter of the updates. */
export function metricsOf(fault: string) {
  const random = new pg.Random(seed);
  const envs = new pg.VectorEnv(Array.from({ length: 8 }, () => new Faulty(fault)));
  envs.seed(random);
  const { observationSpace: observation, actionSpace: action } = envs.envs[0];
  const options = { observation, action, hidden: [64, 64], critic: true };
  const model = new pg.ActorCritic(pg.simd(), options, random);
  const training = new pg.Training(model, envs, random, totalSteps);
  const base = { rollout: 32, epochs: 5, minibatch: 64, learningRate: 0.002, gamma: 0.98 };
  const settings = pg.settle(pg.ppoSettings, {
    ...base,
    lambda: 0.8,
    anneal: false,
    ...faults[fault],
  });
  const reports: pg.PpoReport[] = [];
  for (const report of pg.ppo(training, settings)) {
    reports.push({ ...report });
    if (report.envSteps >= totalSteps) break;
  }
  const late = reports.slice(-Math.floor(reports.length / 4));
  const mean = (f: (report: pg.PpoReport) => number): number =>
    late.reduce((sum, report) => sum + f(report), 0) / late.length;
  return {
    length:
      pg
        .evaluate(model, envs, { episodes: 20, seed, greedy: false })
        .lengths.reduce((a, b) => a + b, 0) / 20,
    entropy: mean((r) => r.entropy),
    kl: mean((r) => r.approximateKl),
    clipped: mean((r) => r.clipFraction),
    explained: mean((r) => r.explainedVariance),
  };
}
export const diagnoses = Object.keys(faults).map((fault) => ({ fault, ...metricsOf(fault) }));
console.log("fault planted                  steps   entropy        KL   clipped   explained");
for (const { fault, length, entropy, kl, clipped, explained } of diagnoses)
  console.log(
    `${fault.padEnd(28)} ${length.toFixed(0).padStart(7)} ${entropy.toFixed(3).padStart(9)} ${kl.toFixed(5).padStart(9)} ${clipped.toFixed(3).padStart(9)} ${explained.toFixed(2).padStart(11)}`,
  );
