import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Floats } from "../../src/core/backend.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { lambdaReturns } from "../../src/extra/lambda.ts";
import { nStepReturns } from "../../src/extra/n-step.ts";
import { importanceCorrectedTdErrors, retrace } from "../../src/extra/retrace.ts";
import { discountedReturns, discountedSums, rewardToGo } from "../../src/returns/discounted.ts";
import { gae, tokenGae } from "../../src/returns/gae.ts";
import { nextValues, type PerStep, type Transitions } from "../../src/returns/transitions.ts";
import { vtrace } from "../../src/returns/vtrace.ts";
import { seed } from "../support/seed.ts";
import { near, rearranged, rollouts, small, written } from "./cases.ts";
import { type Case, Definition } from "./definition.ts";

const property = (of: fc.Arbitrary<Case>, holds: (c: Case) => void, numRuns = 300): void =>
  fc.assert(fc.property(of, holds), { seed, numRuns });
const each = (x: PerStep, move: (x: Floats) => Floats): PerStep =>
  typeof x === "number" ? x : move(x);

type Scan = (c: Case, out: Floats) => void;
const spare = (out: Floats): Floats => new Float64Array(out.length);
const scans: Record<string, Scan> = {
  rewardToGo: ({ r, gamma }, out) => rewardToGo(out, r, gamma),
  discountedReturns: ({ r, gamma }, out) => discountedReturns(out, r, gamma),
  nStepReturns: ({ r, gamma, n }, out) => nStepReturns(out, r, gamma, n),
  lambdaReturns: ({ r, gamma, lambda }, out) => lambdaReturns(out, r, gamma, lambda),
  gae: ({ r, gamma, lambda }, out) => gae(out, r, gamma, lambda),
  "vtrace target": ({ r, logRatio, gamma, lambda, caps }, out) =>
    vtrace({ target: out, advantage: spare(out) }, r, logRatio, gamma, { lambda, ...caps }),
  "vtrace advantage": ({ r, logRatio, gamma, lambda, caps }, out) =>
    vtrace({ target: spare(out), advantage: out }, r, logRatio, gamma, { lambda, ...caps }),
  retrace: ({ r, logRatio, gamma, lambda }, out) => retrace(out, r, logRatio, gamma, lambda),
  importanceCorrectedTdErrors: ({ r, logRatio, gamma, lambda }, out) =>
    importanceCorrectedTdErrors(out, r, logRatio, gamma, lambda),
};
const definitions: Record<string, (c: Case) => number[]> = {
  rewardToGo: (c) => new Definition(c).rewardToGo(),
  discountedReturns: (c) => new Definition(c).discountedReturns(),
  nStepReturns: (c) => new Definition(c).nStepReturns(c.n),
  lambdaReturns: (c) => new Definition(c).lambdaReturns(),
  gae: (c) => new Definition(c).gae(),
  "vtrace target": (c) => new Definition(c).vtraceTarget(),
  "vtrace advantage": (c) => new Definition(c).vtraceAdvantage(),
  retrace: (c) => new Definition(c).retrace(),
  importanceCorrectedTdErrors: (c) => new Definition(c).importanceCorrectedTdErrors(),
};

const exactly = (x: number) => fc.constant(x);
/** Many environments, and many steps. */
const wide = fc.oneof(
  rollouts(fc.integer({ min: 15, max: 35 }), fc.integer({ min: 128, max: 140 })),
  rollouts(fc.integer({ min: 150, max: 180 }), fc.integer({ min: 14, max: 17 })),
);

describe("every scan", () => {
  for (const [name, scan] of Object.entries(scans)) {
    const define = definitions[name];

    test(`property: ${name} is its definition, on 10,000 rollouts with random ends`, {
      tags: ["deep"],
    }, () => {
      property(
        small,
        (c) =>
          near(
            written(c.r, (out) => scan(c, out)),
            define(c),
          ),
        10_000,
      );
    });

    test(`property: ${name} is its definition on wide and on long rollouts`, () => {
      const bare = wide.map((c) => ({ ...c, gamma: 0.875, lambda: 0.75 }));
      property(
        bare,
        (c) =>
          near(
            written(c.r, (out) => scan(c, out)),
            define(c),
          ),
        8,
      );
    });

    test(`property: ${name} in float32 differs by rounding only`, () => {
      property(small, (c) => {
        const out = new Float32Array(c.r.reward.length);
        scan(c, out);
        near(out, define(c), 1e-5);
      });
    });

    test(`property: ${name} of environments in another order is in that order`, () => {
      property(small, (c) => {
        const { envs } = c.r;
        const from = (i: number): number => i - (i % envs) + ((i + 1) % envs);
        const move = <T extends Floats>(x: T): T => x.map((_, i) => x[from(i)]) as T;
        const moved = {
          ...c,
          r: rearranged(c.r, from),
          logRatio: move(c.logRatio),
          gamma: each(c.gamma, move),
          lambda: each(c.lambda, move),
        };
        const there = written(c.r, (out) => scan(moved, out));
        expect(there).toEqual(move(written(c.r, (out) => scan(c, out))));
      });
    });

    test(`property: ${name} of packed episodes is that of each alone`, () => {
      const column = rollouts(fc.integer({ min: 2, max: 12 }), exactly(1));
      property(column, (c) => {
        const cut = Math.ceil(c.r.reward.length / 2);
        if (c.r.terminated[cut - 1] === 0) c.r.truncated[cut - 1] = 1;
        const part = (start: number, end?: number): Float64Array => {
          const take = <T extends Floats>(x: T): T => x.slice(start, end) as T;
          const { envs, reward, value, nextValue, terminated, truncated } = c.r;
          const r: Transitions = {
            envs,
            reward: take(reward),
            value: take(value),
            nextValue: take(nextValue),
            terminated: take(terminated),
            truncated: take(truncated),
          };
          const logRatio = take(c.logRatio);
          const alone = {
            ...c,
            r,
            logRatio,
            gamma: each(c.gamma, take),
            lambda: each(c.lambda, take),
          };
          return written(r, (out) => scan(alone, out));
        };
        const packed = written(c.r, (out) => scan(c, out));
        near(packed, [...part(0, cut), ...part(cut)], 1e-12);
      });
    });

    test(`property: ${name} may be written over the rewards`, () => {
      property(small, (c) => {
        const want = written(c.r, (out) => scan(c, out));
        scan(c, c.r.reward);
        expect([...c.r.reward]).toEqual([...want]);
      });
    });
  }

  test("a rollout without steps is nothing to do", () => {
    const none = new Float64Array(0);
    const r = {
      envs: 3,
      reward: none,
      value: none,
      nextValue: none,
      terminated: none,
      truncated: none,
    };
    const c = {
      r,
      logRatio: none,
      gamma: 0.5,
      lambda: 0.5,
      n: 2,
      caps: { rhoBar: 1, cBar: 1, pgRhoBar: 1 },
    };
    for (const scan of Object.values(scans)) scan(c, none);
  });
});

describe("identities", () => {
  test("property: λ = 1 makes GAE plus the value the discounted return", () => {
    property(small, ({ r, gamma }) => {
      const consistent = withOwnValues(r);
      const advantage = written(r, (out) => gae(out, consistent, gamma, 1));
      const returns = written(r, (out) => discountedReturns(out, consistent, gamma));
      near(
        advantage.map((a, i) => a + r.value[i]),
        returns,
      );
    });
  });

  test("property: λ = 0 makes GAE the TD error and the λ-return one step long", () => {
    property(small, (c) => {
      const { r, gamma } = c;
      const { delta } = new Definition(c);
      near(
        written(r, (out) => gae(out, r, gamma, 0)),
        [...r.reward.keys()].map(delta),
      );
      const oneStep = written(r, (out) => nStepReturns(out, r, gamma, 1));
      near(
        written(r, (out) => lambdaReturns(out, r, gamma, 0)),
        oneStep,
      );
    });
  });

  test("property: on-policy, V-trace and Retrace are the λ-return, and corrected TD errors are GAE", () => {
    property(small, ({ r, gamma, lambda }) => {
      const consistent = withOwnValues(r);
      const zeros = new Float64Array(r.reward.length);
      const returns = written(r, (out) => lambdaReturns(out, consistent, gamma, lambda));
      const target = written(r, (out) =>
        vtrace({ target: out, advantage: spare(out) }, consistent, zeros, gamma, { lambda }),
      );
      near(target, returns);
      const advantage = written(r, (out) => gae(out, consistent, gamma, lambda));
      near(
        advantage,
        returns.map((G, i) => G - r.value[i]),
      );
      const errors = written(r, (out) => importanceCorrectedTdErrors(out, r, zeros, gamma, lambda));
      near(
        errors,
        written(r, (out) => gae(out, r, gamma, lambda)),
      );
      if (typeof lambda === "number")
        near(
          written(r, (out) => retrace(out, consistent, zeros, gamma, lambda)),
          returns,
        );
    });
  });

  test("property: n past the rollout's end makes n-step returns discounted returns", () => {
    property(small, ({ r, gamma }) => {
      const want = written(r, (out) => discountedReturns(out, r, gamma));
      for (const n of [r.reward.length, Number.POSITIVE_INFINITY])
        expect(written(r, (out) => nStepReturns(out, r, gamma, n))).toEqual(want);
    });
  });
});

/** The rollout with V(sₜ₊₁) that agree with V(s) of the next step, as a real one's do. */
function withOwnValues(r: Transitions): Transitions {
  const nextValue = new Float64Array(r.reward.length);
  const last = Float64Array.from({ length: r.envs }, (_, e) => e - 1.5);
  const final = r.value.map((v) => 2 - v);
  nextValues(nextValue, {
    value: r.value,
    lastValue: last,
    finalValue: final,
    terminated: r.terminated,
    truncated: r.truncated,
    envs: r.envs,
  });
  return { ...r, nextValue };
}

// Two environments and three steps: the first is cut short after step 1, the second terminates there.
const byHand: Transitions = {
  envs: 2,
  reward: Float64Array.of(1, 1, 2, 2, 3, 3),
  value: Float64Array.of(0, 2, 4, 6, 8, 10),
  nextValue: Float64Array.of(4, 6, 12, Number.NaN, 20, 40),
  terminated: Float64Array.of(0, 0, 0, 1, 0, 0),
  truncated: Float64Array.of(0, 0, 1, 0, 0, 0),
};
const of = (scan: (out: Float64Array) => void): number[] => [...written(byHand, scan)];

describe("by hand, γ = ½", () => {
  test("rewardToGo", () => {
    // G₂ = 3 3; G₁ = 2 2, both ended; G₀ = 1 + ½·2 = 2 2
    expect(of((out) => rewardToGo(out, byHand, 0.5))).toEqual([2, 2, 2, 2, 3, 3]);
  });

  test("discountedReturns", () => {
    // G₂ = 3 + ½·20 = 13, 3 + ½·40 = 23; G₁ = 2 + ½·12 = 8, 2; G₀ = 1 + ½·8 = 5, 1 + ½·2 = 2
    expect(of((out) => discountedReturns(out, byHand, 0.5))).toEqual([5, 2, 8, 2, 13, 23]);
  });

  test("nStepReturns of one step", () => {
    // r + ½·V(next): 1 + 2, 1 + 3; 2 + 6, 2; 3 + 10, 3 + 20
    expect(of((out) => nStepReturns(out, byHand, 0.5, 1))).toEqual([3, 4, 8, 2, 13, 23]);
  });

  test("lambdaReturns, λ = ½", () => {
    // as above, but G₀ = 1 + ½·(½·4 + ½·8) = 4, 1 + ½·(½·6 + ½·2) = 3
    expect(of((out) => lambdaReturns(out, byHand, 0.5, 0.5))).toEqual([4, 3, 8, 2, 13, 23]);
  });

  test("gae, λ = ½", () => {
    // δ₂ = 13 − 8, 23 − 10; δ₁ = 8 − 4, 2 − 6; δ₀ = 3 − 0, 4 − 2; Â₀ = 3 + ¼·4, 2 − ¼·4
    expect(of((out) => gae(out, byHand, 0.5, 0.5))).toEqual([4, 1, 4, -4, 5, 13]);
  });

  test("vtrace: ratios ½ and 2, caps 1 and 1 and 1½", () => {
    const [half, twice] = [Math.log(0.5), Math.log(2)];
    const logRatio = Float64Array.of(half, twice, twice, half, half, twice);
    const advantage = new Float64Array(6);
    const target = of((out) =>
      vtrace({ target: out, advantage }, byHand, logRatio, 0.5, { pgRhoBar: 1.5 }),
    );
    // e₂ = ½·5, 1·13;  e₁ = 1·4, ½·−4;  e₀ = ½·3 + ½·½·4 = 2.5, 1·2 + ½·1·−2 = 1;  v = V + e
    near(target, [2.5, 3, 8, 4, 10.5, 23], 1e-12);
    // Â₂ = ½·5, 1½·13;  Â₁ = 1½·4, ½·−4;  Â₀ = ½·(1 + ½·(4 + 4) − 0), 1½·(1 + ½·(6 − 2) − 2)
    near(advantage, [2.5, 1.5, 6, -2, 2.5, 19.5], 1e-12);
  });

  test("retrace and importanceCorrectedTdErrors, λ = ½: the first action's own ratio", () => {
    const [half, twice] = [Math.log(0.5), Math.log(2)];
    const logRatio = Float64Array.of(half, twice, twice, half, half, twice);
    // c₁ = ½·1, ½·½; e₁ = 4, −4; e₀ = 3 + ½·½·4 = 4, 2 − ½·¼·4 = 1.5
    const target = of((out) => retrace(out, byHand, logRatio, 0.5, 0.5));
    near(target, [4, 3.5, 8, 2, 13, 23], 1e-12);
    // e₂ = ½·5, 2·13; e₁ = 2·4, ½·−4; e₀ = ½·(3 + ¼·8) = 2.5, 2·(2 − ¼·2) = 3
    const error = of((out) => importanceCorrectedTdErrors(out, byHand, logRatio, 0.5, 0.5));
    near(error, [2.5, 3, 8, -2, 2.5, 26], 1e-12);
  });

  test("per-step γ and λ are those of the step they stand at", () => {
    const column = { ...byHand, envs: 1 };
    for (const x of ["terminated", "truncated"] as const)
      Object.assign(column, { [x]: new Float64Array(6) });
    const short = rearranged(column, (i) => i);
    const r = Object.fromEntries(
      Object.entries(short).map(([k, v]) => [k, typeof v === "number" ? v : v.slice(0, 2)]),
    ) as unknown as Transitions;
    const gamma = Float64Array.of(0.5, 0.25);
    // G₁ = 1 + ¼·6 = 2.5; G₀ = 1 + ½·((1 − ¾)·4 + ¾·2.5) = 2.4375
    const lambda = Float64Array.of(0.75, 0.125);
    near(
      written(r, (out) => lambdaReturns(out, r, gamma, lambda)),
      [2.4375, 2.5],
      1e-12,
    );
    // δ₁ = 2.5 − 2; δ₀ = 1 + ½·4 − 0; Â₀ = 3 + ½·¾·½
    near(
      written(r, (out) => gae(out, r, gamma, lambda)),
      [3.1875, 0.5],
      1e-12,
    );
  });
});

test("nextValues: 0 where terminated, which wins; final where truncated; the next row's; the last row's", () => {
  const value = Float64Array.of(1, 2, 3, 4, 5, 6);
  const [last, final] = [Float64Array.of(7, 8), Float64Array.of(10, 20, 30, 40, 50, 60)];
  const terminated = Float64Array.of(0, 1, 1, 0, 0, 1);
  const truncated = Float64Array.of(0, 0, 1, 1, 0, 0);
  const want = [3, 0, 0, 40, 7, 0];
  const out = new Float64Array(6);
  nextValues(out, { value, lastValue: last, finalValue: final, terminated, truncated, envs: 2 });
  expect([...out]).toEqual(want);
  nextValues(value, { value, lastValue: last, finalValue: final, terminated, truncated, envs: 2 });
  expect([...value]).toEqual(want);
});

describe("discountedSums", () => {
  const sums = (reward: Floats, gamma: number): number[] => {
    const out = reward.slice();
    discountedSums(out, out, gamma);
    return [...out];
  };

  test("by hand: γ = ½ over 6 steps, so that quarters of one step and a rest of two meet", () => {
    // 1; ½ + 1; ¾ + 1; …
    expect(sums(Float64Array.of(1, 1, 1, 1, 1, 1), 0.5)).toEqual([
      1.96875, 1.9375, 1.875, 1.75, 1.5, 1,
    ]);
  });

  test("property: the sum of γᵏ·r over what follows, for every length", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 })),
        fc.constantFrom(0, 0.5, 0.9, 1),
        (x, g) => {
          const total = (i: number): number => x.slice(i).reduce((s, r, k) => s + g ** k * r, 0);
          near(
            sums(Float64Array.from(x), g),
            x.map((_, i) => total(i)),
          );
        },
      ),
      { seed },
    );
  });

  test("a run longer than γᵏ lasts, and γ = 1 over it", () => {
    const reward = new Float64Array(20_000).fill(1);
    // (1 − γᵏ)/(1 − γ) with k steps to go
    near(
      sums(reward, 0.75),
      reward.map((_, i) => 4 * (1 - 0.75 ** (20_000 - i))),
    );
    near(
      sums(reward, 1),
      reward.map((_, i) => 20_000 - i),
    );
  });
});

describe("tokenGae", () => {
  const tokens = (reward: number[], value: number[], mask: number[], lambda: number): number[] => {
    const out = Float64Array.from(reward);
    const [v, m] = [Float64Array.from(value), Float64Array.from(mask)];
    tokenGae(
      out,
      { reward: Float64Array.from(reward), value: v, mask: m, steps: reward.length },
      0.5,
      lambda,
    );
    return [...out];
  };

  test("by hand: γ = ½, λ = ½, a gap that is stepped over and padding", () => {
    // kept: r 1 2 3, V 1 2 4; δ₂ = 3 − 4 = −1; δ₁ = 2 + 2 − 2 = 2; δ₀ = 1 + 1 − 1 = 1
    // Â₂ = −1; Â₁ = 2 − ¼ = 1.75; Â₀ = 1 + ¼·1.75 = 1.4375
    const { NaN: x } = Number;
    expect(tokens([1, x, 2, 9, 3, x], [1, x, 2, 999, 4, x], [1, 0, 1, 0, 1, 0], 0.5)).toEqual([
      1.4375, 0, 1.75, 0, -1, 0,
    ]);
  });

  test("property: the rows are those of gae with the gaps taken out", () => {
    property(rollouts(fc.integer({ min: 1, max: 9 }), exactly(1)), ({ r, gamma, lambda }) => {
      if (typeof gamma !== "number" || typeof lambda !== "number") return;
      const { reward, value, terminated: skipped } = r;
      const steps = reward.length;
      const mask = skipped.map((x) => 1 - x);
      const kept = [...mask.keys()].filter((i) => mask[i]);
      const pick = (x: Floats): Float64Array => Float64Array.from(kept, (i) => x[i]);
      const zeros = new Float64Array(kept.length);
      const alone = { envs: 1, reward: pick(reward), value: pick(value), nextValue: zeros.slice() };
      if (kept.length > 0)
        nextValues(alone.nextValue, {
          value: alone.value,
          lastValue: Float64Array.of(0),
          finalValue: zeros,
          terminated: zeros,
          truncated: zeros,
          envs: 1,
        });
      const want = zeros.slice();
      if (kept.length > 0)
        gae(want, { ...alone, terminated: zeros, truncated: zeros }, gamma, lambda);
      // two rows, so that the second would see what the first left behind
      const twice = (x: Floats): Float64Array => Float64Array.of(...x, ...x);
      const out = new Float64Array(2 * steps);
      tokenGae(
        out,
        { reward: twice(reward), value: twice(value), mask: twice(mask), steps },
        gamma,
        lambda,
      );
      const row = new Float64Array(steps);
      kept.forEach((i, k) => {
        row[i] = want[k];
      });
      near(out, twice(row));
    });
  });
});

describe("what does not fit is refused", () => {
  const c: Case = {
    r: byHand,
    logRatio: new Float64Array(6),
    gamma: 0.5,
    lambda: 0.5,
    n: 2,
    caps: { rhoBar: 1, cBar: 1, pgRhoBar: 1 },
  };
  const out = new Float64Array(6);
  const short = new Float64Array(5);
  for (const [name, scan] of Object.entries(scans)) {
    test(`${name}: columns of another length, half rows, discounts outside 0 to 1`, () => {
      const caller = name.split(" ")[0];
      for (const column of ["reward", "terminated", "truncated"])
        expect(() => scan({ ...c, r: { ...byHand, [column]: short } }, out)).toThrow(
          new ShapeError(`${caller}: expected 6 numbers as ${column}, got 5`),
        );
      for (const envs of [4, 0, 1.5, Number.NaN])
        expect(() => scan({ ...c, r: { ...byHand, envs } }, out)).toThrow(ShapeError);
      expect(() => scan({ ...c, gamma: short }, out)).toThrow(ShapeError);
      for (const gamma of [-0.1, 1.1, Number.NaN])
        expect(() => scan({ ...c, gamma }, out)).toThrow(
          new RangeError(`${caller}: expected gamma from 0 to 1, got ${gamma}`),
        );
    });
  }

  test("values, traces, ratios, caps and n too", () => {
    const nextless = { ...c, r: { ...byHand, nextValue: short } };
    const valueless = { ...c, r: { ...byHand, value: short } };
    for (const [name, scan] of Object.entries(scans)) {
      if (name === "rewardToGo") continue;
      expect(() => scan(nextless, out), name).toThrow(ShapeError);
      if (/Returns$/.test(name)) continue;
      expect(() => scan(valueless, out), name).toThrow(ShapeError);
      expect(() => scan({ ...c, lambda: 2 }, out), name).toThrow(RangeError);
      if (name === "gae") continue;
      expect(() => scan({ ...c, logRatio: short }, out), name).toThrow(ShapeError);
    }
    expect(() => lambdaReturns(out, byHand, 1, short)).toThrow(ShapeError);
    expect(() => lambdaReturns(out, byHand, 1, Number.NaN)).toThrow(RangeError);
    for (const n of [0, 1.5, Number.NaN])
      expect(() => nStepReturns(out, byHand, 1, n)).toThrow(RangeError);
    for (const cap of ["rhoBar", "cBar", "pgRhoBar"])
      expect(() =>
        vtrace({ target: out, advantage: out.slice() }, byHand, out, 1, { [cap]: -1 }),
      ).toThrow(RangeError);
    expect(() => tokenGae(out, { reward: out, value: out, mask: short, steps: 3 }, 1, 1)).toThrow(
      ShapeError,
    );
    expect(() => tokenGae(out, { reward: out, value: out, mask: out, steps: 4 }, 1, 1)).toThrow(
      ShapeError,
    );
    expect(() => discountedSums(out, short, 1)).toThrow(ShapeError);
    expect(() =>
      nextValues(out, {
        value: out,
        lastValue: short,
        finalValue: out,
        terminated: out,
        truncated: out,
        envs: 2,
      }),
    ).toThrow(ShapeError);
  });
});
