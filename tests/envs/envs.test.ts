import { describe, expect, test } from "vitest";
import { EnvError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Bandit } from "../../src/envs/bandit.ts";
import { checkEnv } from "../../src/envs/check-env.ts";
import type { Env, Reset, ResetOptions, Step } from "../../src/envs/env.ts";
import { Line } from "../../src/envs/line.ts";
import { box, discrete } from "../../src/envs/space.ts";
import { exactReturns } from "../../src/oracle/value-iteration.ts";

describe("Line", () => {
  test("by hand: right six times from 0 is at 6; the reward is minus the distance from 5 after the move", () => {
    const env = new Line();
    expect([...env.reset({ seed: 1 }).observation]).toEqual([-1]);
    const rewards = [1, 1, 1, 1, 1, 1].map((a) => env.step(a).reward);
    expect(rewards).toEqual([-4, -3, -2, -1, -0, -1]);
    expect(env.step(0).observation[0]).toBe(0);
  });

  test("clamped at the ends; cut short, not terminated, after 50 steps; then a step throws", () => {
    const env = new Line();
    env.reset();
    let last: Step | null = null;
    for (let t = 0; t < 50; t++) last = env.step(0);
    expect(last).toMatchObject({ reward: -5, terminated: false, truncated: true });
    expect(() => env.step(0)).toThrow(EnvError);
    expect(() => new Line().step(0)).toThrow(/call reset first/);
  });

  test("end=article terminates at 10, also on the last step, where terminated wins", () => {
    const env = new Line({ end: "article", maxSteps: 10 });
    env.reset();
    const ends = Array.from({ length: 10 }, () => env.step(1)).map(({ terminated, truncated }) => [
      terminated,
      truncated,
    ]);
    expect(ends[8]).toEqual([false, false]);
    expect(ends[9]).toEqual([true, false]);
  });

  test("the optimum by hand: −4−3−2−1−0, then −1 on every second of 45 steps", () => {
    const { optimal, random } = exactReturns(new Line());
    expect(optimal).toBeCloseTo(-10 - 23, 12);
    expect(random).toBeLessThan(-100);
    // the article's end makes the worst place the best one to run to: 4+3+2+1+0+1+2+3+4+5 = 25
    expect(exactReturns(new Line({ end: "article" })).optimal).toBeCloseTo(-25, 12);
  });

  test("uniform starts reach every position", () => {
    const env = new Line({ start: "uniform" });
    env.reset({ seed: 1 });
    const seen = new Set(Array.from({ length: 300 }, () => env.reset().observation[0]));
    expect(seen.size).toBe(11);
  });
});

test("Bandit: rewards about the arm's mean; the optimum is the best mean", () => {
  const env = new Bandit({ means: [1, 3], deviation: 0.5 });
  env.reset({ seed: 1 });
  let sum = 0;
  for (let i = 0; i < 1000; i++) {
    env.reset();
    const step = env.step(1);
    expect(step.terminated).toBe(true);
    sum += step.reward;
  }
  expect(sum / 1000).toBeCloseTo(3, 1);
  expect(exactReturns(env)).toEqual({ optimal: 3, random: 2 });
});

describe("spaces", () => {
  test("contain their samples and nothing else", () => {
    const random = new Random(1);
    const d = discrete(3);
    const b = box([-1, 0, -Infinity], [1, Infinity, Infinity], [3]);
    for (let i = 0; i < 100; i++) {
      expect(d.contains(d.sample(random))).toBe(true);
      expect(b.contains(b.sample(random))).toBe(true);
    }
    for (const x of [[3], [-1], [0.5], [Number.NaN], [], [0, 1]]) expect(d.contains(x)).toBe(false);
    for (const x of [
      [2, 0, 0],
      [0, -1, 0],
      [0, 0, Number.NaN],
      [0, 0],
    ])
      expect(b.contains(x)).toBe(false);
    expect(() => discrete(0)).toThrow(RangeError);
    expect(() => box(1, 0, [2])).toThrow(RangeError);
  });
});

describe("checkEnv", () => {
  /** A correct two-state environment, a part of which a test breaks. */
  class Toy implements Env {
    readonly observationSpace = box(0, 9, [1]);
    readonly actionSpace = discrete(2);
    protected random = new Random(0);
    protected t = 9;
    reset({ seed }: ResetOptions = {}): Reset {
      if (seed !== undefined) this.random = new Random(seed);
      this.t = 0;
      return { observation: Float32Array.of(this.random.below(3)), info: {} };
    }
    step(action: number): Step {
      if (this.t >= 5) throw new Error("over");
      if (!this.actionSpace.contains([action])) throw new Error("bad action");
      this.t++;
      const observation = Float32Array.of(this.random.below(9));
      return { observation, reward: action, terminated: false, truncated: this.t === 5, info: {} };
    }
  }
  const broken = (change: (step: Step, self: Toy) => object): (() => Env) => {
    class Broken extends Toy {
      override step(action: number): Step {
        const step = super.step(action);
        return { ...step, ...change(step, this) };
      }
    }
    return () => new Broken();
  };

  test("passes what keeps the contract", () => {
    checkEnv(() => new Toy());
    checkEnv(() => new Line({ start: "uniform" }));
    checkEnv(() => new Line({ end: "article" }));
    checkEnv(() => new Bandit());
  });

  const shared = new Float32Array(1);
  const faults: Record<string, [() => Env, RegExp]> = {
    "observation too long": [
      broken(() => ({ observation: new Float32Array(2) })),
      /expected an observation of 1/,
    ],
    "observation not float32": [broken(() => ({ observation: [1] })), /expected an observation/],
    "observation NaN": [broken(() => ({ observation: Float32Array.of(Number.NaN) })), /is NaN/],
    "observation outside": [
      broken(() => ({ observation: Float32Array.of(10) })),
      /outside its space/,
    ],
    "reward NaN": [broken(() => ({ reward: Number.NaN })), /finite reward/],
    "reward missing": [broken(() => ({ reward: undefined })), /finite reward/],
    "terminated not boolean": [broken(() => ({ terminated: 0 })), /terminated/],
    "truncated missing": [broken(() => ({ truncated: undefined })), /truncated/],
    "info missing": [broken(() => ({ info: undefined })), /info/],
    "observation reused": [broken(() => ({ observation: shared })), /fresh observation/],
    "chance not seeded": [broken(() => ({ reward: Math.random() })), /same seed/],
    "state kept over resets": [
      (() => {
        class Keeps extends Toy {
          private total = 0;
          override step(action: number): Step {
            this.total++;
            return { ...super.step(action), reward: this.total };
          }
        }
        return () => new Keeps();
      })(),
      /used environment/,
    ],
    "bad action let through": [
      (() => {
        class Lax extends Toy {
          override step(action: number): Step {
            return super.step(action === 1 ? 1 : 0);
          }
        }
        return () => new Lax();
      })(),
      /expected an error for action/,
    ],
    "step after the end let through": [
      (() => {
        class Endless extends Toy {
          override step(action: number): Step {
            this.t = Math.min(this.t, 4);
            return super.step(action);
          }
        }
        return () => new Endless();
      })(),
      /after the episode's end/,
    ],
    "reset without info": [
      (() => {
        class Bare extends Toy {
          override reset(options?: ResetOptions): Reset {
            return { observation: super.reset(options).observation } as Reset;
          }
        }
        return () => new Bare();
      })(),
      /reset: expected/,
    ],
  };
  for (const [fault, [make, message]] of Object.entries(faults)) {
    test(`finds: ${fault}`, () => {
      expect(() => checkEnv(make, { steps: 200 })).toThrow(message);
    });
  }
});
