/** The oracle's own figures: two routes and differences must agree before it judges anybody. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Bandit } from "../../src/envs/bandit.ts";
import type { Tabular } from "../../src/envs/env.ts";
import { Line } from "../../src/envs/line.ts";
import {
  enumeratedGradient,
  exactEntropy,
  exactGradient,
  exactKl,
  exactReturn,
} from "../../src/oracle/exact.ts";
import { tokenTask } from "../../src/oracle/token-task.ts";
import {
  discounted,
  logPolicy,
  probabilities,
  trajectories,
} from "../../src/oracle/trajectories.ts";
import { exactReturns } from "../../src/oracle/value-iteration.ts";

/** A windy two-state process: random outcomes, a terminal one, a random start. */
const windy: Tabular = {
  states: 2,
  actions: 2,
  maxSteps: 4,
  startProbabilities: [0.7, 0.3],
  outcomes: (s, a) => [
    { probability: 0.6, next: 1 - s, reward: s + a, terminated: false },
    { probability: 0.3, next: s, reward: 2 * a - s, terminated: false },
    { probability: 0.1, next: 0, reward: 5 * a, terminated: true },
  ],
};
const problems: Record<string, Tabular> = {
  bandit: new Bandit({ means: [1, -2, 0.5] }),
  "line of 6 steps": new Line({ start: "uniform", maxSteps: 6 }),
  windy,
  tokens: tokenTask(3, 3, (t) => t.filter((x, i) => x === i).length),
  "tokens with a stop": tokenTask(3, 4, (t) => t.length * t[0], 2),
};
const logitsFor = (p: Tabular, seed: number): Float64Array => {
  const logits = new Float64Array(p.states * p.actions);
  new Random(seed).fillNormal(logits);
  return logits;
};

for (const [name, problem] of Object.entries(problems)) {
  describe(name, () => {
    const logits = logitsFor(problem, 1);
    const all = trajectories(problem);
    const p = probabilities(all, logits, problem.actions);

    test("the probabilities of all trajectories sum to 1", () => {
      expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    });

    for (const gamma of [1, 0.7]) {
      test(`γ = ${gamma}: J by dynamic programming is J by enumeration`, () => {
        const J = all.reduce((sum, { rewards }, i) => sum + p[i] * discounted(rewards, gamma), 0);
        expect(exactReturn(problem, logits, gamma)).toBeCloseTo(J, 11);
      });

      test(`γ = ${gamma}: ∇J by dynamic programming, by enumeration and by differences`, () => {
        const exact = exactGradient(problem, logits, gamma);
        const byDefinition = enumeratedGradient(all, logits, problem.actions, gamma);
        for (let i = 0; i < exact.length; i++) {
          expect(exact[i]).toBeCloseTo(byDefinition[i], 11);
          const moved = (d: number): number => {
            const x = logits.slice();
            x[i] += d;
            return exactReturn(problem, x, gamma);
          };
          expect(exact[i]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 7);
        }
      });
    }

    test("KL and entropy equal their sums over trajectories", () => {
      const other = logitsFor(problem, 2);
      const [logP, logQ] = [logits, other].map((x) => logPolicy(x, problem.actions));
      let [kl, entropy] = [0, 0];
      for (const [i, { states, actions }] of all.entries()) {
        for (let t = 0; t < states.length; t++) {
          const at = states[t] * problem.actions + actions[t];
          kl += p[i] * (logP[at] - logQ[at]);
          entropy -= p[i] * logP[at];
        }
      }
      expect(exactKl(problem, logits, other)).toBeCloseTo(kl, 11);
      expect(exactEntropy(problem, logits)).toBeCloseTo(entropy, 11);
      expect(exactKl(problem, logits, logits)).toBeCloseTo(0, 14);
    });
  });
}

test("the uniform policy's J is exactReturns' random one", () => {
  const line = new Line();
  expect(exactReturn(line, new Float64Array(22))).toBeCloseTo(exactReturns(line).random, 9);
});

test("a problem too large to enumerate says so", () => {
  expect(() => trajectories(new Line())).toThrow(/expected at most 200000/);
  expect(() => tokenTask(1, 2, () => 0)).toThrow(RangeError);
});

test("as many trajectories as can be enumerated, and one more", { tags: ["deep"] }, () => {
  expect(trajectories(tokenTask(200_000, 1, () => 0)).length).toBe(200_000);
  expect(() => trajectories(tokenTask(200_001, 1, () => 0))).toThrow(/expected at most 200000/);
});

test("optimal and random returns by hand: a walk of two steps, of which the first may end it", () => {
  // action 0 pays 1 and ends; action 1 pays nothing and goes on to state 1, whose actions pay 3 or −1 by half
  const walk: Tabular = {
    states: 2,
    actions: 2,
    maxSteps: 2,
    startProbabilities: [0.5, 0.5],
    outcomes: (s, a) => {
      if (s === 0 && a === 0) return [{ probability: 1, next: 1, reward: 1, terminated: true }];
      if (s === 0) return [{ probability: 1, next: 1, reward: 0, terminated: false }];
      return [
        { probability: 0.5, next: 0, reward: a === 0 ? 3 : 1, terminated: true },
        { probability: 0.5, next: 1, reward: -1, terminated: a === 1 },
      ];
    },
  };
  // state 1, one step left: 1 or 0; two left: action 0 goes on by half to one step more
  const best = [Math.max(1, 1), 1 + 0.5 * 1];
  const random = [0.5 * 1 + 0.5 * 0.5, 0.5 * (1 + 0.5 * 0.5) + 0.5 * 0];
  expect(exactReturns(walk).optimal).toBeCloseTo(0.5 * (best[0] + best[1]), 12);
  expect(exactReturns(walk).random).toBeCloseTo(0.5 * (random[0] + random[1]), 12);
});
