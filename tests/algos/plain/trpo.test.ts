/** TRPO and the natural gradient: reports and weights are those of the algorithm written a second time. */
import { describe, expect, test } from "vitest";
import { type TrpoConfig, trpo, trpoSettings } from "../../../src/algos/trpo.ts";
import { settle } from "../../../src/core/settings.ts";
import {
  adam,
  advantages,
  explained,
  gradient,
  Linear,
  look,
  mean,
  norm,
  type Seen,
  standardized,
  thetaOf,
  type Vector,
} from "./learner.ts";
import { expectSame, square } from "./losses.ts";
import { masked, setup, varied } from "./play.ts";

const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** x with A·x = b, by Gauss's elimination. */
function solve(A: number[][], b: Vector): Vector {
  const rows = A.map((row, i) => [...row, b[i]]);
  for (let i = 0; i < rows.length; i++)
    for (let j = 0; j < rows.length; j++) {
      if (j === i) continue;
      const factor = rows[j][i] / rows[i][i];
      rows[j] = rows[j].map((x, k) => x - factor * rows[i][k]);
    }
  return rows.map((row, i) => row[b.length] / row[i]);
}

/** F + damping·1 with F the mean over states of Σ π(a)·∇ln π(a)·∇ln π(a)ᵀ. */
function fisher(model: Linear, theta: Vector, rows: readonly Seen[], damping: number): number[][] {
  const F = theta.map((_, i) => theta.map((_, j) => (i === j ? damping : 0)));
  for (const row of rows) {
    for (const [action, l] of model.logProbs(theta, row).entries()) {
      if (l === -Infinity) continue;
      const d = gradient((at) => model.logProbs(at, row)[action], theta);
      for (const [i, a] of d.entries())
        for (const [j, b] of d.entries()) F[i][j] += (Math.exp(l) * a * b) / rows.length;
    }
  }
  return F;
}

describe("TRPO", () => {
  const cases: [Partial<TrpoConfig>, object?][] = [
    [{}],
    [{ lineSearch: false }],
    [{ lineSearch: false, maxKl: 0.1, damping: 0.5 }],
    [{ maxKl: 20 }], // the line search has to halve
    [{ fisherEvery: 3 }],
    [{ standardize: false, gamma: 0.7, lambda: 0.5 }],
    [{ criticEpochs: 2, criticRate: 0.05, minibatch: 6 }], // the last one is left with two rows
    [{}, masked],
  ];
  test.each(cases)("%o", (changes, toy = varied) => {
    const given = { envs: 2, rollout: 7, conjugateSteps: 30, criticEpochs: 1, ...changes };
    const c = settle(trpoSettings, { damping: 0.01, criticRate: 0.01, minibatch: 14, ...given });
    const s = setup(2, 1000, toy);
    const reports = trpo(s.training, c);
    const model = new Linear(s.model);
    const isPolicy = model.names.map((name) => name.startsWith("policy."));
    const step = adam(1e-5);
    let theta = thetaOf(s.model);
    const fractions: number[] = [];
    for (let update = 0; update < 3; update++) {
      const report = reports.next().value;
      const { orders } = s.random;
      s.random.orders = [];
      const seen = look(model, theta, s.env.taken());
      const raw = advantages(seen, c.gamma, c.lambda);
      const target = raw.map((a, i) => a + seen[i].value);
      const A = c.standardize ? standardized(raw) : raw;
      const surrogate = (at: Vector): number =>
        mean(seen.map((row, i) => -Math.exp(model.logProb(at, row) - row.old) * A[i]));
      const start = theta;
      const old = seen.map((row) => model.logProbs(start, row));
      const klAt = (at: Vector): number =>
        mean(
          seen.map((row, i) => {
            const now = model.logProbs(at, row);
            return old[i].reduce(
              (sum, l, a) => sum + (l > -Infinity ? Math.exp(l) * (l - now[a]) : 0),
              0,
            );
          }),
        );
      // the policy's parameters alone; the critic's have no part in either
      const g = gradient(surrogate, theta);
      const some = seen.filter((_, i) => i % c.fisherEvery === 0);
      const F = fisher(model, theta, some, c.damping);
      const x = solve(F, g);
      const scale = Math.sqrt(
        (2 * c.maxKl) /
          dot(
            x,
            F.map((row) => dot(row, x)),
          ),
      );
      const moved = (fraction: number): Vector => start.map((v, i) => v - fraction * scale * x[i]);
      let fraction = 1;
      const fits = (): boolean => {
        const at = moved(fraction);
        return surrogate(at) < surrogate(start) && klAt(at) <= c.maxKl;
      };
      while (c.lineSearch && !fits()) fraction /= 2;
      fractions.push(fraction);
      theta = moved(fraction).map((v, i) => (isPolicy[i] ? v : start[i]));
      const entropy = mean(seen.map((row) => model.entropy(theta, row)));
      const policyLoss = surrogate(theta);
      const kl = klAt(theta);
      const losses: number[] = [];
      for (let epoch = 0; epoch < c.criticEpochs; epoch++)
        for (let first = 0; first < seen.length; first += c.minibatch) {
          const at = orders[epoch].slice(first, first + c.minibatch);
          const loss = (th: Vector): number =>
            mean(at.map((i) => square(model.value(th, seen[i].x) - target[i])));
          losses.push(loss(theta));
          theta = step(theta, gradient(loss, theta), c.criticRate);
        }
      expectSame(s, theta, report, {
        policyLoss,
        entropy,
        kl,
        stepFraction: fraction,
        gradNorm: norm(g),
        valueLoss: mean(losses),
        explainedVariance: explained(
          seen.map((row) => row.value),
          target,
        ),
      });
    }
    if (c.maxKl === 20) expect(Math.min(...fractions)).toBeLessThan(1);
  });

  test("refuses a shared body, a memory, and convolutions, before anything is played", () => {
    for (const options of [{ shared: true, hidden: [4] }, { memory: 3 }]) {
      const s = setup(2, 1000, varied, options);
      expect(() => trpo(s.training, settle(trpoSettings, { rollout: 7 }))).toThrow(
        /^trpo: expected/,
      );
      expect(s.env.steps).toEqual([]);
    }
  });
});
