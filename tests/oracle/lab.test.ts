// @module-tag deep
/** The lab's figures: by hand for estimators that are known, and what its sweeps must show. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Tabular } from "../../src/envs/env.ts";
import { presets } from "../../src/estimators/presets.ts";
import { exactGradient, exactKl, exactReturn, exactValues } from "../../src/oracle/exact.ts";
import { expectation } from "../../src/oracle/expectation.ts";
import { type Figures, figures, type LabReport, lab, labProblems } from "../../src/oracle/lab.ts";
import { tokenTask } from "../../src/oracle/token-task.ts";
import { logPolicy, probabilities, trajectories } from "../../src/oracle/trajectories.ts";

const norm = (x: ArrayLike<number>): number =>
  Math.sqrt(Array.from(x).reduce((a, b) => a + b * b, 0));
const arms = tokenTask(3, 1, ([a]) => [1, -2, 4][a]);
const logits = [0.3, -0.2, 0.1];

describe("figures of a known estimator", () => {
  const p = Array.from(logPolicy(logits, 3), Math.exp);
  const rewards = [1, -2, 4];
  /** Of one sample: reward·(1[taken] − π), exactly. */
  const samples = rewards.map((r, a) => p.map((q, i) => r * (Number(i === a) - q)));
  const mean = [0, 1, 2].map((i) => samples.reduce((sum, g, a) => sum + p[a] * g[i], 0));
  const variance = samples.reduce(
    (sum, g, a) => sum + p[a] * norm(g.map((x, i) => x - mean[i])) ** 2,
    0,
  );

  test("REINFORCE: no bias, its variance by definition", () => {
    const f = figures({ problem: arms, logits, K: 1 }, presets.reinforce);
    expect(f.size).toBeCloseTo(1, 9);
    expect(f.angle).toBeCloseTo(0, 4);
    expect(f.skew).toBeCloseTo(0, 6);
    expect(f.bias).toBeCloseTo(0, 9);
    expect(f.variance).toBeCloseTo(variance, 9);
    expect(f.snr).toBeCloseTo(norm(mean) ** 2 / variance, 9);
  });
  test("of two samples: half the variance, the same ratio a sample", () => {
    const f = figures({ problem: arms, logits, K: 2 }, presets.reinforce);
    expect(f.variance).toBeCloseTo(variance / 2, 9);
    expect(f.snr).toBeCloseTo(norm(mean) ** 2 / variance, 9);
  });
  test("a group's own mean of two halves it: bias ½, no skew, no angle", () => {
    const f = figures({ problem: arms, logits, K: 2 }, presets["reinforce-mean"]);
    expect([f.size, f.bias, f.skew].map((x) => Number(x.toFixed(6)))).toEqual([0.5, 0.5, 0]);
    expect(f.angle).toBeCloseTo(0, 4);
  });
  test("a constant reward's mean is 0: no angle, all skew, no noise with its value as baseline", () => {
    const same = tokenTask(2, 1, () => 3);
    const f = figures({ problem: same, logits: [0, 0], K: 2 }, presets.rloo);
    expect(f).toMatchObject({ angle: null, skew: 1, variance: 0, snr: Infinity });
  });
  test("samples of another policy, uncorrected: Σ μ·R·∇ln π against Σ π·R·∇ln π, with its angle", () => {
    const behaviour = [2, -0.4, -0.6];
    const mu = Array.from(logPolicy(behaviour, 3), Math.exp);
    const drawn = [0, 1, 2].map((i) => samples.reduce((sum, g, a) => sum + mu[a] * g[i], 0));
    const f = figures({ problem: arms, logits, behaviour, K: 1 }, presets.reinforce);
    const along = drawn.reduce((sum, x, i) => sum + x * mean[i], 0);
    const cosine = along / (norm(drawn) * norm(mean));
    expect(f.size).toBeCloseTo(norm(drawn) / norm(mean), 9);
    expect(f.bias).toBeCloseTo(norm(drawn.map((x, i) => x - mean[i])) / norm(mean), 9);
    expect(f.angle).toBeCloseTo((Math.acos(cosine) * 180) / Math.PI, 6);
    expect(f.skew).toBeCloseTo(Math.sqrt(1 - cosine * cosine), 9);
    expect(f.angle).toBeGreaterThan(1);
  });
});

test("ReMax's baseline is the likeliest actions' reward, expected over starts and outcomes", () => {
  /** From either of two states, action 0 pays 1 or 5 by chance, action 1 pays −1; states pay 10 more the second time. */
  const chancy: Tabular = {
    states: 2,
    actions: 2,
    maxSteps: 2,
    startProbabilities: [0.25, 0.75],
    outcomes: (s, a) =>
      a === 1
        ? [{ probability: 1, next: s, reward: -1, terminated: true }]
        : [1, 5].map((reward, i) => ({
            probability: [0.75, 0.25][i],
            next: 1 - s,
            reward: reward + 10 * s,
            terminated: s === 1,
          })),
  };
  // from state 0 action 0 pays 2 and then what state 1 pays, 12 or −1, which there is all
  const all = trajectories(chancy);
  const variance = (table: readonly number[], baseline: number): number => {
    const pi = [0, 2].flatMap((row) =>
      Array.from(logPolicy(table.slice(row, row + 2), 2), Math.exp),
    );
    const p = probabilities(all, table, 2);
    const squares = all.reduce((sum, { states, actions, rewards }, i) => {
      const A = rewards.reduce((a, b) => a + b, 0) - baseline;
      const g = [0, 0, 0, 0];
      for (const [t, s] of states.entries())
        for (const a of [0, 1]) g[2 * s + a] += A * (Number(a === actions[t]) - pi[2 * s + a]);
      return sum + p[i] * norm(g) ** 2;
    }, 0);
    return squares - norm(exactGradient(chancy, table)) ** 2;
  };
  const cases: [number[], number][] = [
    [[2, -1, 0.5, 0.4], 0.25 * (2 + 12) + 0.75 * 12],
    [[-1, 2, 0.5, 0.4], 0.25 * -1 + 0.75 * 12],
    [[0.1, 0.2, 5, 4], 0.25 * -1 + 0.75 * 12],
    [[2, -1, 0.4, 0.5], 0.25 * (2 - 1) + 0.75 * -1],
    [[1, 1, 0.5, 0.5], 0.25 * (2 + 12) + 0.75 * 12], // the first of equals
  ];
  for (const [table, greedy] of cases) {
    const f = figures({ problem: chancy, logits: table, K: 1 }, presets.remax);
    expect(f.bias).toBeCloseTo(0, 9);
    expect(f.variance).toBeCloseTo(variance(table, greedy), 9);
  }
});

describe("the lab", () => {
  const reports = new Map<string, LabReport>();
  beforeAll(() => {
    for (const name of ["bandit", "parity"]) reports.set(name, lab(name));
  });
  const of = (name: string): LabReport => reports.get(name) as LabReport;
  const curves = (name: string, title: string): Readonly<Record<string, readonly Figures[]>> =>
    of(name).sweeps.find((s) => s.title.startsWith(title))?.curves ?? {};

  test("its problems are what they say", () => {
    const totals = (name: string) => {
      const all = trajectories(labProblems[name].problem);
      return all.map(({ rewards }) => rewards.reduce((a, b) => a + b, 0));
    };
    expect(totals("bandit")).toEqual([1, -0.5, 2, 0.25]);
    expect(totals("parity")).toEqual([0, 1, 1, 0, 1, 0, 0, 1]);
    const stop = trajectories(labProblems.stop.problem);
    for (const { actions, rewards } of stop) {
      const stops = actions.indexOf(2);
      expect(actions.length).toBe(stops < 0 ? 3 : stops + 1);
      expect(rewards.at(-1)).toBe(actions.length + actions[0]);
    }
    expect(stop.length).toBe(1 + 2 * (1 + 2 * 3));
  });
  test("rows: every estimator that may be, two samples each, of fresh and of stale data", () => {
    const names = Object.keys(presets);
    expect(of("parity").fresh.map(({ name }) => name)).toEqual(names);
    const negative = names.filter((name) => name !== "maxrl");
    for (const rows of [of("bandit").fresh, of("bandit").stale]) {
      expect(rows.map(({ name }) => name)).toEqual(negative);
      expect(rows.every(({ K }) => K === 2)).toBe(true);
    }
    const row = (rows: LabReport["fresh"], name: string) => rows.find((r) => r.name === name);
    expect(row(of("bandit").fresh, "rloo")?.bias).toBeCloseTo(0, 9);
    expect(row(of("bandit").stale, "rloo")?.bias).toBeGreaterThan(0.1);
    expect(row(of("bandit").fresh, "reinforce-mean")?.size).toBeCloseTo(0.5, 9);
    expect(of("bandit").gradientNorm).toBeGreaterThan(0);
    expect(of("bandit")).toMatchObject({ problem: "bandit", about: labProblems.bandit.about });
  });
  test("groups: leave-one-out has no bias at any size, a group's own mean (K − 1)/K", () => {
    const { rloo, "reinforce-mean": own, reinforce } = curves("bandit", "Group size");
    const at = of("bandit").sweeps[0].at;
    expect(at).toEqual([2, 3, 4, 5, 6]); // 4⁶ tuples are 4096
    expect(of("parity").sweeps[0].at).toEqual([2, 3, 4, 5]); // 8⁵ are 32,768, 8⁶ too many
    for (const [i, K] of at.entries()) {
      expect(rloo[i].bias).toBeCloseTo(0, 9);
      expect(own[i].size).toBeCloseTo((K - 1) / K, 9);
      expect(reinforce[i].variance * K).toBeCloseTo(reinforce[0].variance * 2, 9);
    }
  });
  test("baselines: a wrong value adds noise, never bias; the exact one has the least", () => {
    const { "learned value": learned, none } = curves("parity", "Baseline quality");
    for (const f of [...learned, ...none]) expect(f.bias).toBeCloseTo(0, 9);
    for (const f of none) expect(f).toEqual(none[0]);
    for (const f of learned.slice(1)) expect(f.variance).toBeGreaterThan(learned[0].variance);
    expect(learned[5].variance).toBeGreaterThan(learned[4].variance);
  });
  test("λ: no bias at 1, none with the exact value, some below 1 with a wrong one; one step has no λ", () => {
    const all = curves("parity", "λ");
    expect(Object.keys(all)).toEqual(["exact value", "value off by 0.25", "value off by 1"]);
    for (const curve of Object.values(all)) expect(curve[5].bias).toBeCloseTo(0, 9);
    for (const f of all["exact value"]) expect(f.bias).toBeCloseTo(0, 9);
    const [little, much] = [all["value off by 0.25"], all["value off by 1"]];
    expect(little[0].bias).toBeGreaterThan(0.01);
    expect(much[0].bias).toBeCloseTo(4 * little[0].bias, 6); // linear in the error
    expect(much[0].bias).toBeGreaterThan(much[3].bias);
    expect(of("bandit").sweeps.length).toBe(4);
    expect(of("parity").sweeps.length).toBe(5);
  });
  test("stale data: the sequence's ratio mends all bias, token ratios of one step too; nothing does at distance 0", () => {
    for (const name of ["bandit", "parity"]) {
      const all = curves(name, "Stale data");
      for (const f of all["sequence ratio"]) {
        // per sequence, over its length of tokens
        expect(f.skew).toBeCloseTo(0, 6);
      }
      for (const curve of Object.values(all)) expect(curve[0].skew).toBeCloseTo(0, 6);
      expect(all["no correction"][0].bias).toBeCloseTo(0, 9);
      expect(all["no correction"][5].bias).toBeGreaterThan(0.2);
    }
    for (const f of curves("bandit", "Stale data")["token ratios"])
      expect(f.bias).toBeCloseTo(0, 9);
  });
  test("clips: the wider the range, the nearer both come to the uncut ratio", () => {
    const { "clip (PPO)": ppo, "cap (CISPO)": cispo } = curves("bandit", "Clip range");
    for (const curve of [ppo, cispo]) {
      expect(curve[0].bias).toBeGreaterThan(curve[5].bias);
      expect(curve[5].bias).toBeLessThan(0.05);
    }
    expect(ppo[0].bias).toBeGreaterThan(cispo[0].bias);
  });
});

describe("exact figures refuse what is not of their problem", () => {
  test("logits of another number, γ outside [0, 1]", () => {
    for (const f of [
      () => exactValues(arms, [1, 2], 1),
      () => exactReturn(arms, [1, 2, 3, 4]),
      () => exactGradient(arms, [1]),
      () => exactKl(arms, logits, [1]),
      () => exactKl(arms, [1], logits),
    ])
      expect(f).toThrow(/the logits|logits/);
    for (const gamma of [-0.1, 1.1, Number.NaN])
      expect(() => exactValues(arms, logits, gamma)).toThrow(RangeError);
  });
  test("probabilities want a logit for each state that is visited, and each action", () => {
    const two = tokenTask(2, 2, () => 1); // three states
    const all = trajectories(two);
    for (const n of [4, 7])
      expect(() => probabilities(all, new Float64Array(n), 2)).toThrow(
        "probabilities: expected 6 numbers as the logits",
      );
    expect([...probabilities(all, new Float64Array(6), 2)]).toEqual(
      [0.25, 0.25, 0.25, 0.25].map((x) => expect.closeTo(x, 12)),
    );
    expect(probabilities(all, new Float64Array(8), 2).length).toBe(4); // a state that nobody visits
  });
  test("tuples: a whole number of samples, and no more than can be summed", () => {
    const all = trajectories(arms);
    const nothing = () => new Float64Array(3);
    expect(() => expectation(all, logits, 3, 0, nothing)).toThrow(RangeError);
    expect(() => expectation(all, logits, 3, 14, nothing)).toThrow(
      "expectation: 3 trajectories to the power 14 are too many",
    );
    let calls = 0;
    expectation(all, logits, 3, 3, () => {
      calls++;
      return new Float64Array(3);
    });
    expect(calls).toBe(27);
  });
  test("what has no chance is not estimated", () => {
    let calls = 0;
    const { mean, variance } = expectation(
      trajectories(arms),
      [0, -Infinity, 0],
      3,
      1,
      ([{ actions }]) => {
        calls++;
        return [actions[0], 1, 0];
      },
    );
    expect(calls).toBe(2);
    expect([...mean]).toEqual([1, 1, 0].map((x) => expect.closeTo(x, 12)));
    expect(variance).toBeCloseTo(1, 12);
  });
});

describe("token tasks", () => {
  test("states are prefixes; the reward comes with the last token, or with the one that stops", () => {
    const task = tokenTask(2, 3, (t) => 10 * t.length + t[0], 1);
    expect(task.states).toBe(1 + 2 + 4);
    expect([task.actions, task.maxSteps]).toEqual([2, 3]);
    expect([0, 1, 2, 3, 6].map(task.prefix)).toEqual([[], [0], [1], [0, 0], [1, 1]]);
    expect(Array.from(task.startProbabilities)).toEqual([1, 0, 0, 0, 0, 0, 0]);
    const outcome = (state: number, action: number) => {
      const [{ next, reward, terminated }, ...more] = task.outcomes(state, action);
      expect(more).toEqual([]);
      return [terminated, terminated ? reward : next, terminated ? 0 : reward];
    };
    expect(outcome(0, 0)).toEqual([false, 1, 0]);
    expect(outcome(0, 1)).toEqual([true, 11, 0]);
    expect(outcome(1, 0)).toEqual([false, 3, 0]);
    expect(outcome(3, 0)).toEqual([true, 30, 0]);
    expect(() => tokenTask(2, 0, () => 0)).toThrow(RangeError);
    expect(trajectories(tokenTask(2, 1, () => 0)).length).toBe(2);
  });
});
