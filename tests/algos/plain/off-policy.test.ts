/** IMPALA and A3C: reports and weights are those of the algorithm written a second time. */
import { describe, test } from "vitest";
import { type A3cConfig, a3c, a3cSettings } from "../../../src/algos/a3c.ts";
import { type ImpalaConfig, impala, impalaSettings } from "../../../src/algos/impala.ts";
import { settle } from "../../../src/core/settings.ts";
import type { ToyOptions } from "../../support/toy.ts";
import {
  advantages,
  clipped,
  gradient,
  Linear,
  look,
  mean,
  norm,
  rmsprop,
  type Seen,
  thetaOf,
  type Vector,
} from "./learner.ts";
import { expectSame, square } from "./losses.ts";
import { masked, setup, varied, type Watched } from "./play.ts";

/** −Â·ln π, squared errors, entropy: means over rows. */
function terms(model: Linear, theta: Vector, rows: readonly Seen[], A: number[], R: number[]) {
  return {
    policyLoss: mean(rows.map((row, i) => -A[i] * model.logProb(theta, row))),
    valueLoss: mean(rows.map((row, i) => square(model.value(theta, row.x) - R[i]))),
    entropy: mean(rows.map((row) => model.entropy(theta, row))),
  };
}
const slope = (
  model: Linear,
  c: { readonly valueWeight: number; readonly entropyWeight: number },
  theta: Vector,
  rows: readonly Seen[],
  A: number[],
  R: number[],
): Vector =>
  gradient((at) => {
    const { policyLoss, valueLoss, entropy } = terms(model, at, rows, A, R);
    return policyLoss + c.valueWeight * valueLoss - c.entropyWeight * entropy;
  }, theta);
describe("IMPALA", () => {
  const cases: (Partial<ImpalaConfig> & { readonly toy?: ToyOptions })[] = [
    {},
    { toy: masked },
    { lag: 1 },
    { lag: 2, gamma: 0.7, lambda: 0.5 },
    { rhoBar: 0.9, cBar: 0.8 },
    { rhoBar: 3, cBar: 2 },
    { entropyWeight: 0.3, valueWeight: 0.1, maxGradNorm: 0.05 },
  ];
  test.each(cases)("%o", ({ toy = varied, ...changes }) => {
    const given = { envs: 2, rollout: 7, lag: 4, learningRate: 0.1, maxGradNorm: 100, ...changes };
    const c = settle(impalaSettings, given);
    const total = 70;
    const s = setup(2, total, toy);
    const reports = impala(s.training, c);
    const model = new Linear(s.model);
    const step = rmsprop(0.01, true);
    let theta = thetaOf(s.model);
    let acting = theta;
    for (let update = 0; update < 6; update++) {
      if (update % c.lag === 0) acting = theta;
      const report = reports.next().value;
      const played = s.env.taken();
      const actor = look(model, acting, played);
      // the learner's values; a cut episode's final state is the actor's to judge
      const rows = look(model, theta, played).map((row, i) => ({
        ...row,
        next: row.truncated ? actor[i].next : row.next,
      }));
      const ratios = rows.map((row, i) => Math.exp(row.old - actor[i].old));
      const deltas = rows.map(
        (row, i) => Math.min(c.rhoBar, ratios[i]) * (row.reward + c.gamma * row.next - row.value),
      );
      // Σ γ^k (Π λ·c) δ over the steps up to the episode's end
      const error = (i: number): number =>
        deltas[i] +
        (rows[i].last
          ? 0
          : c.gamma * c.lambda * Math.min(c.cBar, ratios[i]) * error(rows[i].after));
      const R = rows.map((row, i) => row.value + error(i));
      const A = rows.map((row, i) => {
        const next = row.last ? row.next : R[row.after];
        return Math.min(1, ratios[i]) * (row.reward + c.gamma * next - row.value);
      });
      const learningRate = c.learningRate * Math.max(0, 1 - (update * rows.length) / total);
      const g = slope(model, c, theta, rows, A, R);
      const figures = {
        ...terms(model, theta, rows, A, R),
        learningRate,
        gradNorm: norm(g),
        meanRatio: mean(ratios),
        meanSquaredLogRatio: mean(ratios.map((r) => square(Math.log(r)))),
      };
      theta = step(theta, clipped(g, c.maxGradNorm), learningRate);
      expectSame(s, theta, report, figures);
    }
  });
});

describe("A3C, workers taking turns", () => {
  const cases: (Partial<A3cConfig> & { readonly toy?: ToyOptions })[] = [
    {},
    { toy: masked },
    { workers: 1, gamma: 0.7, lambda: 0.5 },
    { entropyWeight: 0.3, valueWeight: 0.1, maxGradNorm: 0.05 },
  ];
  test.each(cases)("%o", ({ toy = varied, ...changes }) => {
    const given = { envs: 2, rollout: 7, workers: 3, learningRate: 0.01, ...changes };
    const c = settle(a3cSettings, given);
    const total = 150;
    const s = setup(2 * c.workers, total, toy);
    const reports = a3c(s.training, c);
    const model = new Linear(s.model);
    const step = rmsprop(1e-5);
    let theta = thetaOf(s.model);
    let steps = 0;
    for (let update = 0; update < 4; update++) {
      const report = reports.next().value;
      const figures: Record<string, number>[] = [];
      for (const worker of s.env.made as Watched[]) {
        const rows = look(model, theta, worker.taken());
        steps += rows.length;
        const A = advantages(rows, c.gamma, c.lambda);
        const R = A.map((a, i) => a + rows[i].value);
        const g = slope(model, c, theta, rows, A, R);
        figures.push({ ...terms(model, theta, rows, A, R), gradNorm: norm(g) });
        const rate = c.learningRate * Math.max(0, 1 - steps / total);
        theta = step(theta, clipped(g, c.maxGradNorm), rate);
      }
      const means = Object.keys(figures[0]).map((name) => [
        name,
        mean(figures.map((f) => f[name])),
      ]);
      const counts = { update: update + 1, envSteps: steps, staleness: 0, maxStaleness: 0 };
      expectSame(s, theta, report, { ...Object.fromEntries(means), ...counts });
    }
  });
});
