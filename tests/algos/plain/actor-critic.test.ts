/** A2C and PPO: reports and weights are those of the algorithm written a second time, setting by setting. */
import { describe, expect, test } from "vitest";
import { type A2cConfig, a2c, a2cSettings } from "../../../src/algos/a2c.ts";
import { type PpoConfig, ppo, ppoSettings } from "../../../src/algos/ppo.ts";
import { settle } from "../../../src/core/settings.ts";
import {
  adam,
  advantages,
  clip,
  clipped,
  explained,
  gradient,
  Linear,
  look,
  mean,
  norm,
  rmsprop,
  standardized,
  thetaOf,
} from "./learner.ts";
import { expectSame, lossOf, popArt, square } from "./losses.ts";
import { masked, setup, varied } from "./play.ts";

describe("A2C", () => {
  const cases: [Partial<A2cConfig>, object?][] = [
    [{}],
    [{ optimizer: "adam" }],
    [{ anneal: false }],
    [{ standardize: true }],
    [{ gamma: 0.7, lambda: 0.5 }],
    [{ entropyWeight: 0.3, valueWeight: 0.1 }],
    [{ maxGradNorm: 0.05, optimizer: "adam" }],
    [{ popArt: 0.3 }],
    [{ rollout: 70 }], // more rows than one pass takes
    [{ entropyWeight: 0.3 }, masked],
  ];
  test.each(cases)("%o", (changes, toy = varied) => {
    const c = settle(a2cSettings, { envs: 2, rollout: 7, learningRate: 0.01, ...changes });
    const total = 5 * c.rollout;
    const updates = c.rollout > 50 ? 2 : 4;
    const s = setup(2, total, toy, { popArt: c.popArt > 0 });
    const reports = a2c(s.training, c);
    const model = new Linear(s.model);
    const step = c.optimizer === "adam" ? adam(1e-5) : rmsprop(1e-5);
    const rescale = popArt(model, c.popArt);
    const loss = lossOf(model, c, { policy: (_, A, l) => -A * l });
    let theta = thetaOf(s.model);
    for (let update = 0; update < updates; update++) {
      const report = reports.next().value;
      const seen = look(model, theta, s.env.taken());
      const raw = advantages(seen, c.gamma, c.lambda);
      const target = raw.map((a, i) => a + seen[i].value);
      const value = seen.map((row) => row.value);
      theta = rescale(theta, target);
      const A = c.standardize ? standardized(raw) : raw;
      const { policyLoss, valueLoss, entropy } = loss(theta, seen, A, target);
      const g = gradient((at) => loss(at, seen, A, target).total, theta);
      const left = Math.max(0, 1 - (2 * c.rollout * update) / total);
      const learningRate = c.learningRate * (c.anneal ? left : 1);
      theta = step(theta, clipped(g, c.maxGradNorm), learningRate);
      const explainedVariance = explained(value, target);
      const want = {
        policyLoss,
        valueLoss,
        entropy,
        learningRate,
        gradNorm: norm(g),
        explainedVariance,
      };
      expectSame(s, theta, report, want);
    }
  });
});

describe("PPO", () => {
  const cases: [Partial<PpoConfig>, object?][] = [
    [{}],
    [{ anneal: false }],
    [{ standardize: false, minibatch: 5 }],
    [{ minibatch: 6 }], // the last one is left with two rows
    [{ minibatch: 13 }], // the row that would be alone joins it
    [{ gamma: 0.7, lambda: 0.5 }],
    [{ clipRange: 0.02, epochs: 5 }],
    [{ clipRange: 0.04, annealClip: true, epochs: 5 }],
    [{ clipRange: 0.02, dualClip: 1.01, epochs: 5 }],
    [{ valueClip: "max", clipRange: 0.02 }],
    [{ valueClip: "single", clipRange: 0.02 }],
    [{ entropyWeight: 0.3, valueWeight: 0.1 }],
    [{ maxGradNorm: 0.05, minibatch: 7 }],
    [{ popArt: 0.3 }],
    [{ stopKl: 0.002, epochs: 9, learningRate: 0.02 }],
    [{ klWeight: 0.5, targetKl: 1e-9 }],
    [{ klWeight: 0.5, targetKl: 10 }],
    [{ rollout: 70, minibatch: 140, epochs: 1 }],
    [{ entropyWeight: 0.3 }, masked],
  ];
  test.each(cases)("%o", (changes, toy = varied) => {
    const given = { envs: 2, rollout: 7, minibatch: 14, epochs: 3, learningRate: 0.01, ...changes };
    const c = settle(ppoSettings, given);
    const size = 2 * c.rollout;
    const total = 2.5 * size;
    const updates = c.annealClip ? 3 : size > 100 ? 2 : 4; // a range of 0 has no derivative
    const s = setup(2, total, toy, { popArt: c.popArt > 0 });
    const reports = ppo(s.training, c);
    const model = new Linear(s.model);
    const step = adam(1e-5);
    const rescale = popArt(model, c.popArt);
    let { klWeight } = c;
    let theta = thetaOf(s.model);
    const stopped: number[] = [];
    for (let update = 0; update < updates; update++) {
      const left = Math.max(0, 1 - (size * update) / total);
      const e = c.annealClip ? Math.max(c.clipRange * left, 1e-6) : c.clipRange;
      const range = (x: number): number => clip(x, 1 - e, 1 + e);
      const loss = lossOf(model, c, {
        klWeight,
        policy(row, A, l) {
          const ratio = Math.exp(l - row.old);
          const pessimistic = Math.min(ratio * A, range(ratio) * A);
          return -(c.dualClip > 0 && A < 0 ? Math.max(pessimistic, c.dualClip * A) : pessimistic);
        },
        critic(row, R, V) {
          const near = row.value + clip(V - row.value, -c.clipRange, c.clipRange);
          if (c.valueClip === "none") return square(V - R);
          return Math.max(square(near - R), c.valueClip === "max" ? square(V - R) : 0);
        },
      });
      const report = reports.next().value;
      const { orders } = s.random;
      s.random.orders = [];
      const seen = look(model, theta, s.env.taken());
      const raw = advantages(seen, c.gamma, c.lambda);
      const target = raw.map((a, i) => a + seen[i].value);
      const explainedVariance = explained(
        seen.map((row) => row.value),
        target,
      );
      theta = rescale(theta, target);
      const learningRate = c.learningRate * (c.anneal ? left : 1);
      let means: Record<string, number> = {};
      let gradNorm = 0;
      let epochs = 0;
      for (let over = false; epochs < c.epochs && !over; epochs++) {
        means = { policyLoss: 0, valueLoss: 0, entropy: 0, approximateKl: 0, clipFraction: 0 };
        for (let first = 0, end = 0; first < size; first = end) {
          end = Math.min(first + c.minibatch, size);
          if (c.standardize && size - end === 1) end = size;
          const at = orders[epochs].slice(first, end);
          const rows = at.map((i) => seen[i]);
          const own = at.map((i) => raw[i]);
          const A = c.standardize ? standardized(own) : own;
          const R = at.map((i) => target[i]);
          const now = loss(theta, rows, A, R);
          const clipFraction = mean(now.ratios.map((r) => Number(range(r) !== r)));
          for (const [name, x] of Object.entries({ ...now, clipFraction }))
            if (name in means) means[name] += (Number(x) * (end - first)) / size;
          const g = gradient((th) => loss(th, rows, A, R).total, theta);
          gradNorm = norm(g);
          theta = step(theta, clipped(g, c.maxGradNorm), learningRate);
        }
        over = c.stopKl > 0 && means.approximateKl > 1.5 * c.stopKl;
      }
      stopped.push(epochs);
      expect(orders.length).toBe(epochs);
      if (klWeight > 0 && means.approximateKl > 1.5 * c.targetKl) klWeight *= 2;
      else if (means.approximateKl < c.targetKl / 1.5) klWeight /= 2;
      expectSame(s, theta, report, { ...means, learningRate, gradNorm, explainedVariance });
    }
    if (c.stopKl > 0) expect(Math.min(...stopped)).toBeLessThan(c.epochs);
  });
});
