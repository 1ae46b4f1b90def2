/** REINFORCE: reports and weights are those of the algorithm written a second time, setting by setting. */
import { describe, test } from "vitest";
import {
  type ReinforceConfig,
  reinforce,
  reinforceSettings,
} from "../../../src/algos/reinforce.ts";
import { settle } from "../../../src/core/settings.ts";
import {
  adam,
  advantages,
  clipped,
  deviation,
  gradient,
  Linear,
  look,
  mean,
  norm,
  thetaOf,
} from "./learner.ts";
import { expectSame, lossOf } from "./losses.ts";
import { masked, setup, varied } from "./play.ts";

describe("REINFORCE", () => {
  const cases: [Partial<ReinforceConfig>, object?][] = [
    [{}],
    [{ anneal: false }],
    [{ standardize: false }],
    [{ baseline: "mean" }],
    [{ baseline: "mean", standardize: false }],
    [{ baseline: "none" }],
    [{ baseline: "none", standardize: false }],
    [{ gamma: 0.7 }],
    [{ entropyWeight: 0.3, valueWeight: 0.1 }],
    [{ maxGradNorm: 0.05 }],
    [{ entropyWeight: 0.3 }, masked],
  ];
  test.each(cases)("%o", (changes, toy = varied) => {
    const c = settle(reinforceSettings, { envs: 4, learningRate: 0.01, ...changes });
    const critic = c.baseline === "value";
    const total = 60;
    const s = setup(4, total, toy, { critic, autoreset: false });
    const reports = reinforce(s.training, c);
    const model = new Linear(s.model);
    const step = adam(1e-5);
    const loss = lossOf(model, c, { policy: (_, A, l) => -A * l });
    let theta = thetaOf(s.model);
    let steps = 0;
    for (let update = 0; update < 4; update++) {
      const report = reports.next().value;
      const all = look(model, theta, s.env.taken());
      const rows = all.filter(({ taken }) => taken);
      const returns = advantages(
        all.map((row) => ({ ...row, value: 0, next: row.last ? row.next : 0 })),
        c.gamma,
        1,
      );
      const G = all.flatMap(({ taken }, i) => (taken ? [returns[i]] : []));
      let A = G.map((r, i) => r - rows[i].value);
      if (c.baseline === "mean") A = A.map((a) => a - mean(G));
      const scale = deviation(A);
      if (c.standardize) A = A.map((a) => a / scale);
      const { policyLoss, valueLoss, entropy } = loss(theta, rows, A, G);
      const g = gradient((at) => loss(at, rows, A, G).total, theta);
      const learningRate = c.learningRate * (c.anneal ? Math.max(0, 1 - steps / total) : 1);
      theta = step(theta, clipped(g, c.maxGradNorm), learningRate);
      steps += rows.length;
      const want = { policyLoss, valueLoss: critic ? valueLoss : 0, entropy, learningRate };
      expectSame(s, theta, report, { ...want, gradNorm: norm(g), envSteps: steps });
    }
  });
});
