/**
 * Every estimator against ∇J, with no sampling error: its exact mean is a sum over all samples or tuples.
 * Unbiased ones agree to 1e-9; for a biased one the test states its mean, and where the bias comes from.
 */
import { describe, expect, test } from "vitest";
import { exp } from "../../src/core/math.ts";
import { Random } from "../../src/core/random.ts";
import type { Tabular } from "../../src/envs/env.ts";
import { type EstimatorSettings, presets } from "../../src/estimators/presets.ts";
import { surrogateDefaults } from "../../src/estimators/surrogate.ts";
import { type EstimateSetup, estimator } from "../../src/oracle/estimate.ts";
import { exactGradient, exactValues } from "../../src/oracle/exact.ts";
import { expectation } from "../../src/oracle/expectation.ts";
import { tokenTask } from "../../src/oracle/token-task.ts";
import { logPolicy, type Trajectory, trajectories } from "../../src/oracle/trajectories.ts";

const problems: Record<string, Tabular> = {
  "bandit of 4 arms": tokenTask(4, 1, ([a]) => [1, -0.5, 2, 0.25][a]),
  "copy two tokens": tokenTask(
    2,
    2,
    (t) => Number(t[0] === 1) + 0.5 * Number(t[1] === 0) - Number(t[0] === t[1]),
  ),
  "parity of three": tokenTask(2, 3, (t) => (t[0] + t[1] + t[2]) % 2),
  "stop when you like": tokenTask(3, 2, (t) => t.length + t[0], 2),
};
const normals = (n: number, seed: number): Float64Array => {
  const x = new Float64Array(n);
  new Random(seed).fillNormal(x);
  return x;
};
const logitsOf = (p: Tabular, seed = 1): Float64Array => normals(p.states * p.actions, seed);

/** The exact mean of an estimator on a problem. */
function meanOf(
  problem: Tabular,
  s: EstimatorSettings,
  more: Partial<EstimateSetup> & { K: number },
): Float64Array {
  const logits = more.logits ?? logitsOf(problem);
  const setup = { problem, logits, ...more };
  const behaviour = more.behaviour ?? logits;
  return expectation(trajectories(problem), behaviour, problem.actions, more.K, estimator(setup, s))
    .mean;
}

/** Agreement relative to the largest element of what is wanted. */
function expectEqual(got: Float64Array, want: ArrayLike<number>, tolerance = 1e-9): void {
  const scale = Math.max(...Array.from(want, Math.abs));
  expect(scale).toBeGreaterThan(1e-3);
  for (let i = 0; i < got.length; i++) {
    expect(
      Math.abs(got[i] - want[i]),
      `element ${i}: ${got[i]} for ${want[i]}`,
    ).toBeLessThanOrEqual(tolerance * scale);
  }
}
const times = (x: Float64Array, c: number): Float64Array => x.map((v) => c * v);

/** Σ over tuples of p·Σᵢ Σₜ coefficient(i, t)·∇ln π(aₜ∣sₜ): an estimator's mean written out, without the tape. */
function writtenOut(
  problem: Tabular,
  behaviour: Float64Array,
  logits: Float64Array,
  K: number,
  coefficient: (tuple: readonly Trajectory[], i: number, t: number) => number,
): Float64Array {
  const { actions } = problem;
  const pi = logPolicy(logits, actions).map((x) => exp(x));
  const all = trajectories(problem);
  return expectation(all, behaviour, actions, K, (tuple) => {
    const g = new Float64Array(logits.length);
    for (const [i, { states, actions: taken }] of tuple.entries()) {
      for (let t = 0; t < states.length; t++) {
        const c = coefficient(tuple, i, t);
        for (let a = 0; a < actions; a++)
          g[states[t] * actions + a] -= c * pi[states[t] * actions + a];
        g[states[t] * actions + taken[t]] += c;
      }
    }
    return g;
  }).mean;
}
const rewardOf = ({ rewards }: Trajectory): number => rewards.reduce((a, b) => a + b, 0);

for (const [name, problem] of Object.entries(problems)) {
  describe(name, () => {
    const logits = logitsOf(problem);
    const gradient = exactGradient(problem, logits);
    const stale = logitsOf(problem).map((x, i) => x + 0.5 * normals(logits.length, 8)[i]);

    describe("unbiased: the mean is ∇J", () => {
      test("REINFORCE, one sample and two", () => {
        expectEqual(meanOf(problem, presets.reinforce, { K: 1 }), gradient);
        expectEqual(meanOf(problem, presets.reinforce, { K: 2 }), gradient);
      });
      test("leave-one-out (RLOO), two and three", () => {
        expectEqual(meanOf(problem, presets.rloo, { K: 2 }), gradient);
        expectEqual(meanOf(problem, presets.rloo, { K: 3 }), gradient);
      });
      test("the greedy rollout as baseline (ReMax, self-critical)", () => {
        expectEqual(meanOf(problem, presets.remax, { K: 1 }), gradient);
      });
      test("a learned value as baseline, right or wrong", () => {
        const value = { ...presets.reinforce, baseline: "value" } as const;
        expectEqual(meanOf(problem, value, { K: 1 }), gradient);
        expectEqual(meanOf(problem, value, { K: 1, value: normals(problem.states, 5) }), gradient);
      });
      test("PPO's first step on fresh data: ratio 1, nothing clipped", () => {
        expectEqual(meanOf(problem, presets.ppo, { K: 1 }), gradient);
        expectEqual(
          meanOf(
            problem,
            { ...presets.ppo, surrogate: { ...surrogateDefaults, dualClip: 3 } },
            { K: 1 },
          ),
          gradient,
        );
      });
      test("the ratio of whole sequences, unclipped, on stale data", () => {
        const sequence = {
          ...surrogateDefaults,
          form: "ratio",
          ratioLevel: "sequenceSum",
        } as const;
        const s = { ...presets.reinforce, aggregation: "sequence", surrogate: sequence } as const;
        expectEqual(meanOf(problem, s, { K: 1, behaviour: stale }), gradient);
      });
      test("KL in the reward (k1): the mean is ∇(J − β·KL(π‖ref)) at the policy that sampled", () => {
        const reference = logitsOf(problem, 9);
        const kl = {
          estimator: "k1",
          inputClamp: null,
          outputClamp: null,
          place: "reward",
          weight: 0.3,
        } as const;
        const { actions } = problem;
        const [logPi, logRef] = [logPolicy(logits, actions), logPolicy(reference, actions)];
        const shaped = writtenOut(problem, logits, logits, 1, ([tau]) => {
          const penalty = tau.states.reduce(
            (sum, s, t) =>
              sum + logPi[s * actions + tau.actions[t]] - logRef[s * actions + tau.actions[t]],
            0,
          );
          return rewardOf(tau) - 0.3 * penalty;
        });
        expectEqual(meanOf(problem, { ...presets.reinforce, kl }, { K: 1, reference }), shaped);
      });
    });

    describe("biased, by how much and why", () => {
      test("the group's mean as baseline holds the sample itself: (K − 1)/K·∇J", () => {
        for (const K of [2, 3]) {
          expectEqual(
            meanOf(problem, presets["reinforce-mean"], { K }),
            times(gradient, (K - 1) / K),
          );
        }
      });
      test("Dr. GRPO divides by a constant length too: (K − 1)/(K·length)·∇J", () => {
        expectEqual(
          meanOf(problem, presets["dr-grpo"], { K: 2 }),
          times(gradient, 1 / (2 * problem.maxSteps)),
        );
      });
      test("GRPO weighs each sequence's tokens by 1/length and divides by the group's deviation", () => {
        const want = writtenOut(problem, logits, logits, 2, (tuple, i) => {
          const [a, b] = tuple.map(rewardOf);
          const deviation = Math.abs(a - b) / Math.SQRT2; // of two, unbiased
          const advantage = (rewardOf(tuple[i]) - (a + b) / 2) / (deviation + 1e-4);
          return deviation === 0 ? 0 : advantage / (2 * tuple[i].states.length);
        });
        expectEqual(meanOf(problem, presets.grpo, { K: 2 }), want);
      });
      test("DAPO divides by the tokens of both sequences", () => {
        const want = writtenOut(problem, logits, logits, 2, (tuple, i) => {
          const [a, b] = tuple.map(rewardOf);
          const deviation = Math.abs(a - b) / Math.SQRT2;
          const tokens = tuple[0].states.length + tuple[1].states.length;
          return deviation === 0
            ? 0
            : (rewardOf(tuple[i]) - (a + b) / 2) / (deviation + 1e-4) / tokens;
        });
        expectEqual(meanOf(problem, presets.dapo, { K: 2 }), want);
      });
      test("PPO's clip on stale data: tokens pushed outside the range lose their gradient, ratios are per token", () => {
        const { actions } = problem;
        const [logNew, logOld] = [logPolicy(logits, actions), logPolicy(stale, actions)];
        const V = exactValues(problem, logits, 1).V[problem.maxSteps];
        let cuts = 0;
        const want = writtenOut(problem, stale, logits, 1, ([tau], _, t) => {
          const at = tau.states[t] * actions + tau.actions[t];
          const ratio = exp(logNew[at] - logOld[at]);
          const A = rewardOf(tau) - V[tau.states[t]];
          const cut = (ratio > 1.2 && A > 0) || (ratio < 0.8 && A < 0);
          cuts += Number(cut);
          return cut ? 0 : ratio * A;
        });
        const got = meanOf(problem, presets.ppo, { K: 1, behaviour: stale });
        expectEqual(got, want);
        expect(cuts).toBeGreaterThan(0);
      });
      test("CISPO caps the weight and keeps every token's gradient", () => {
        const { actions } = problem;
        const [logNew, logOld] = [logPolicy(logits, actions), logPolicy(stale, actions)];
        const s = {
          ...presets.reinforce,
          surrogate: { ...surrogateDefaults, form: "cispo", clipLow: Infinity, clipHigh: 0.1 },
        } as const;
        const want = writtenOut(problem, stale, logits, 1, ([tau], _, t) => {
          const at = tau.states[t] * actions + tau.actions[t];
          return Math.min(exp(logNew[at] - logOld[at]), 1.1) * rewardOf(tau);
        });
        expectEqual(meanOf(problem, s, { K: 1, behaviour: stale }), want);
      });
      test("GSPO: one ratio a sequence, the mean of its log-ratios", () => {
        const { actions } = problem;
        const [logNew, logOld] = [logPolicy(logits, actions), logPolicy(stale, actions)];
        const sequence = {
          ...surrogateDefaults,
          ratioLevel: "sequence",
          clipLow: 0.4,
          clipHigh: 0.4,
        } as const;
        const s = { ...presets.reinforce, aggregation: "sequence", surrogate: sequence } as const;
        const want = writtenOut(problem, stale, logits, 1, ([tau]) => {
          const logRatio = tau.states.reduce((sum, state, t) => {
            const at = state * actions + tau.actions[t];
            return sum + logNew[at] - logOld[at];
          }, 0);
          const ratio = exp(logRatio / tau.states.length);
          const R = rewardOf(tau);
          const cut = (ratio > 1.4 && R > 0) || (ratio < 0.6 && R < 0);
          return cut ? 0 : (ratio * R) / tau.states.length;
        });
        expectEqual(meanOf(problem, s, { K: 1, behaviour: stale }), want);
      });
      test("GSPO-token on fresh data is GRPO: every ratio is 1", () => {
        expectEqual(
          meanOf(problem, presets["gspo-token"], { K: 2 }),
          meanOf(problem, presets.grpo, { K: 2 }),
        );
      });
      test("REINFORCE++: the batch's mean and deviation, over the tokens of the batch; no KL to itself", () => {
        const want = writtenOut(problem, logits, logits, 3, (tuple, i) => {
          const rewards = tuple.map(rewardOf);
          const mean = rewards.reduce((a, b) => a + b, 0) / 3;
          const deviation = Math.sqrt(rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0) / 2);
          const tokens = tuple.reduce((sum, { states }) => sum + states.length, 0);
          return deviation < 1e-12 ? 0 : (rewards[i] - mean) / (deviation + 1e-4) / tokens;
        });
        expectEqual(meanOf(problem, presets["reinforce++"], { K: 3 }), want);
      });
      test("a dual clip bounds what a bad token with a huge ratio may do", () => {
        const { actions } = problem;
        const far = logits.map((x, i) => x + 2 * normals(logits.length, 8)[i]);
        const [logNew, logOld] = [logPolicy(logits, actions), logPolicy(far, actions)];
        const s = { ...presets.reinforce, surrogate: { ...surrogateDefaults, dualClip: 1.5 } };
        let cuts = 0;
        const want = writtenOut(problem, far, logits, 1, ([tau], _, t) => {
          const at = tau.states[t] * actions + tau.actions[t];
          const ratio = exp(logNew[at] - logOld[at]);
          const A = rewardOf(tau);
          const cut = (ratio > 1.2 && A > 0) || (ratio < 0.8 && A < 0) || (ratio > 1.5 && A < 0);
          cuts += Number(cut);
          return cut ? 0 : ratio * A;
        });
        const got = meanOf(problem, s, { K: 1, behaviour: far });
        for (const [i, g] of got.entries()) expect(g).toBeCloseTo(want[i], 11);
        expect(cuts).toBeGreaterThan(0);
      });
    });
  });
}

test("a baseline is for the noise: rewards about 10, leave-one-out has under 3 % of REINFORCE's variance", () => {
  const problem = tokenTask(4, 1, ([a]) => 10 + [1, -0.5, 2, 0.25][a]);
  const logits = logitsOf(problem);
  const varianceOf = (s: EstimatorSettings): number =>
    expectation(trajectories(problem), logits, 4, 2, estimator({ problem, logits, K: 2 }, s))
      .variance;
  expect(varianceOf(presets.rloo)).toBeLessThan(0.03 * varianceOf(presets.reinforce));
});

test("two binary rewards: dividing by the deviation only scales, by √2/(1 + √2·eps)", () => {
  const problem = problems["parity of three"];
  const logits = logitsOf(problem);
  const s = { ...presets["reinforce-mean"], scale: "group" } as const;
  const factor = (0.5 * Math.SQRT2) / (1 + Math.SQRT2 * s.eps);
  expectEqual(meanOf(problem, s, { K: 2, logits }), times(exactGradient(problem, logits), factor));
});

describe("KL estimators as losses, exactly", () => {
  const problem = tokenTask(3, 1, () => 0);
  const [logits, reference] = [logitsOf(problem), logitsOf(problem, 3)];
  const gradientOf = (kl: "k1" | "k2" | "k3", importance = false): Float64Array =>
    times(
      meanOf(
        problem,
        {
          ...presets.reinforce,
          kl: {
            estimator: kl,
            inputClamp: null,
            outputClamp: null,
            importance,
            place: "loss",
            weight: 1,
          },
        },
        { K: 1, logits, reference },
      ),
      -1,
    );
  /** ∇KL by differences; `from` and `to` say which is moved. */
  const klGradient = (reverse: boolean): number[] =>
    Array.from(logits, (_, i) => {
      const at = (d: number): number => {
        const x = logits.slice();
        x[i] += d;
        const [p, q] = reverse
          ? [logPolicy(x, 3), logPolicy(reference, 3)]
          : [logPolicy(reference, 3), logPolicy(x, 3)];
        return p.reduce((sum, lp, j) => sum + exp(lp) * (lp - q[j]), 0);
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });

  test("k1's gradient is 0 in the mean: no penalty at all", () => {
    for (const g of gradientOf("k1")) expect(g).toBeCloseTo(0, 14);
  });
  test("k2's gradient is that of KL(π‖ref)", () => {
    expectEqual(gradientOf("k2"), klGradient(true), 1e-7);
  });
  test("weighed by π/stop(π), k1 and k3 have the gradient of KL(π‖ref) too", () => {
    expectEqual(gradientOf("k1", true), klGradient(true), 1e-7);
    expectEqual(gradientOf("k3", true), klGradient(true), 1e-7);
  });
  test("k3's gradient is that of KL(ref‖π), the other direction", () => {
    expectEqual(gradientOf("k3"), klGradient(false), 1e-7);
  });
});
