import fc from "fast-check";
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { exp } from "../../src/core/math.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import { entropyLoss, topEntropyMask } from "../../src/estimators/entropy.ts";
import { minimumRiskLoss } from "../../src/estimators/minimum-risk.ts";
import * as o from "../../src/ops/index.ts";
import { exactGradient } from "../../src/oracle/exact.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { tokenTask } from "../../src/oracle/token-task.ts";
import { logPolicy } from "../../src/oracle/trajectories.ts";
import { Draw } from "../support/cases.ts";
import { seed } from "../support/seed.ts";

const k = loops(Float64Array);

test("minimumRiskLoss by hand: odds 1 : 3, costs 4 and 0: the risk is 1", () => {
  const logProb = variable(k, [2], [Math.log(0.1), Math.log(0.3)]);
  const tape = new Tape(k);
  const loss = tape.run(() => minimumRiskLoss(logProb, input(k, [2], [4, 0]), 2));
  tape.backward(loss);
  expect(loss.data[0]).toBeCloseTo(1, 12);
  expect(logProb.grad[0]).toBeCloseTo(0.25 * 3, 12);
  expect(logProb.grad[1]).toBeCloseTo(0.75 * -1, 12);
});

test("minimumRiskLoss: gradients, and its composed form, on random groups", () => {
  const property = fc.property(fc.nat(), (at) => {
    const d = new Draw(at);
    const [prompts, size, alpha] = [d.some(), d.some(), 0.3 + d.random.uniform()];
    const n = prompts * size;
    const costs = d.tensor([n]);
    const inputs = [d.tensor([n]), { ...costs, grad: false }];
    gradCheck((p, c) => minimumRiskLoss(p, c, size, alpha), inputs);
    const composed = (p: o.Tensor, c: o.Tensor): o.Tensor =>
      o.mul(
        o.sum(
          o.mul(
            o.softmax(o.mul(o.reshape(p, [prompts, size]), alpha)),
            o.reshape(c, [prompts, size]),
          ),
        ),
        1 / prompts,
      );
    const [p, c] = inputs.map(({ shape, data }) => input(k, shape, data));
    const y = new Tape(k).run(() => o.sub(minimumRiskLoss(p, c, size, alpha), composed(p, c)));
    expect(y.data[0]).toBeCloseTo(0, 12);
  });
  fc.assert(property, { numRuns: 50, seed });
});

test("minimumRiskLoss over all sequences at α = 1 has exactly −∇J as gradient, on three problems", () => {
  const problems = [
    tokenTask(4, 1, ([a]) => a * a),
    tokenTask(2, 3, (t) => (t[0] + t[1] + t[2]) % 2),
    tokenTask(3, 2, (t) => t.length + t[0], 2),
  ];
  for (const problem of problems) {
    const { actions } = problem;
    const table = variable(k, [problem.states, actions]);
    new Random(4).fillNormal(table.data);
    const all: { rows: number[]; actions: number[]; reward: number }[] = [];
    const walk = (state: number, rows: number[], taken: number[]): void => {
      for (let a = 0; a < actions; a++) {
        const [{ next, reward, terminated }] = problem.outcomes(state, a);
        if (terminated) all.push({ rows: [...rows, state], actions: [...taken, a], reward });
        else walk(next, [...rows, state], [...taken, a]);
      }
    };
    walk(0, [], []);
    const cost = input(
      k,
      [all.length],
      all.map(({ reward }) => -reward),
    );
    const tape = new Tape(k);
    const loss = tape.run(() => {
      const logPi = o.logSoftmax(table);
      const sequences = all.map((s) => {
        const at = s.rows.map((row, t) => row * actions + s.actions[t]);
        return o.sum(o.indexSelect(o.reshape(logPi, [-1]), input(k, [at.length], at)), 0, true);
      });
      return minimumRiskLoss(o.concat(sequences), cost, all.length);
    });
    tape.backward(loss);
    const gradient = exactGradient(problem, table.data);
    for (let i = 0; i < gradient.length; i++) expect(table.grad[i]).toBeCloseTo(-gradient[i], 11);
    expect(exp(logPolicy(table.data, actions)[0])).toBeGreaterThan(0);
  }
});

test("entropyLoss is −Σ w·H; topEntropyMask keeps the upper quantile of the kept tokens", () => {
  const [entropy, weight] = [input(k, [2], [1, 3]), input(k, [2], [0.5, 0.25])];
  expect(new Tape(k).run(() => entropyLoss(entropy, weight)).data[0]).toBeCloseTo(-1.25, 12);
  const top = new Float64Array(4);
  topEntropyMask(top, [0.1, 9, 0.3, 0.2], [1, 0, 1, 1], 0.5);
  expect([...top]).toEqual([0, 0, 1, 1]);
  expect(() => topEntropyMask(top, [0, 0, 0, 0], [1, 1, 1, 1], 2)).toThrow(RangeError);
});
