/** A VectorEnv is its environments, one after another, with the statistics of all that was seen. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { VectorEnv, type VectorEnvOptions } from "../../src/rollout/vector-env.ts";
import { type Walker, walkers } from "../support/walker.ts";

const envs = 3;

/** Mean and variance of all that was taken in, beside a start that counts as 1e-4 of mean 0 and variance 1. */
class NaiveMoments {
  private readonly seen: number[] = [];
  add(...x: number[]): void {
    this.seen.push(...x);
  }
  get mean(): number {
    return this.seen.reduce((a, b) => a + b, 0) / (this.seen.length + 1e-4);
  }
  get variance(): number {
    const squares = this.seen.reduce((a, b) => a + b * b, 1e-4);
    return squares / (this.seen.length + 1e-4) - this.mean ** 2;
  }
}

interface Settings {
  readonly eps: number;
  readonly clip: number;
}
const standard: Settings = { eps: 1e-8, clip: 10 };
const clip = (x: number, { clip: c }: Settings): number => Math.max(-c, Math.min(c, x));

/** What the columns should be, by lists. */
class Naive {
  private readonly list: readonly Walker[];
  private readonly o: VectorEnvOptions;
  private readonly features = [new NaiveMoments(), new NaiveMoments()];
  private readonly returned = new NaiveMoments();
  private discounted = new Array<number>(envs).fill(0);
  private resting = new Array<boolean>(envs).fill(false);
  private running = new Array<number>(envs).fill(0);
  private lengths = new Array<number>(envs).fill(0);
  learning = true;
  final = Array.from({ length: envs }, () => [0, 0, 0]);

  constructor(list: readonly Walker[], o: VectorEnvOptions) {
    this.list = list;
    this.o = o;
  }
  private standardized(rows: number[][]): number[][] {
    const { normalizeObservation: how } = this.o;
    if (!how) return rows;
    const settings = { ...standard, ...(how === true ? {} : how) };
    return rows.map((row) =>
      row.map((x, j) => {
        const { mean, variance } = this.features[j];
        return clip((x - mean) / Math.sqrt(variance + settings.eps), settings);
      }),
    );
  }
  private take(rows: number[][]): void {
    if (this.learning) for (const row of rows) row.forEach((x, j) => void this.features[j].add(x));
  }
  private masks(): number[] {
    const out = new Array<number>(5 * envs).fill(7);
    for (const [e, env] of this.list.entries()) {
      if (this.resting[e]) out.fill(1, 5 * e, 5 * e + 5);
      else env.mask?.(out as never, 5 * e);
    }
    return out;
  }
  start() {
    this.discounted.fill(0);
    this.running.fill(0);
    this.lengths.fill(0);
    this.resting.fill(false);
    const raw = this.list.map((env) => [...env.reset().observation]);
    this.take(raw);
    const observation = this.standardized(raw);
    return { observation, finalObservation: observation, fresh: [1, 1, 1], mask: this.masks() };
  }
  step(actions: readonly number[]) {
    const steps = this.list.map((env, e) => {
      if (this.resting[e]) return null;
      const step = env.step(actions.slice(2 * e, 2 * e + 2));
      const over = step.terminated || step.truncated;
      this.running[e] += step.reward;
      this.lengths[e]++;
      if (over) {
        const success = env.success === null ? Number.NaN : Number(env.success);
        this.final[e] = [this.running[e], this.lengths[e], success];
        this.running[e] = 0;
        this.lengths[e] = 0;
        if (this.o.autoreset === false) this.resting[e] = true;
      }
      const came = [...step.observation];
      const next = over && this.o.autoreset !== false ? [...env.reset().observation] : came;
      return { ...step, came, next, over };
    });
    if (steps.every((s) => s !== null)) this.take(steps.map((s) => s.next));
    const { normalizeReward: how, gamma = 0.99 } = this.o;
    const settings = { ...standard, ...(typeof how === "object" ? how : {}) };
    const scales = how && this.learning;
    if (scales) {
      steps.forEach((s, e) => {
        if (s === null) return;
        this.discounted[e] = gamma * this.discounted[e] + s.reward;
        this.returned.add(this.discounted[e]);
        if (s.over) this.discounted[e] = 0;
      });
    }
    const scaled = (r: number): number =>
      scales ? clip(r / Math.sqrt(this.returned.variance + settings.eps), settings) : r;
    return {
      steps,
      observation: this.standardized(steps.map((s) => s?.next ?? [])),
      finalObservation: this.standardized(steps.map((s) => s?.came ?? [])),
      reward: steps.map((s) => (s === null ? 0 : scaled(s.reward))),
      terminated: steps.map((s) => s && Number(s.terminated)),
      truncated: steps.map((s) => s && Number(s.truncated)),
      fresh: steps.map((s, e) => Number(s?.over === true && !this.resting[e])),
      mask: this.masks(),
      episodeReturn: this.running,
      episodeLength: this.lengths,
    };
  }
}

function close(what: string, got: ArrayLike<number>, want: readonly (number | null)[]): void {
  expect(got.length, what).toBe(want.length);
  for (const [i, x] of want.entries()) {
    if (x === null || Number.isNaN(x)) continue;
    expect(Math.abs(got[i] - x), `${what}[${i}]: ${got[i]}, ${x}`).toBeLessThan(
      1e-5 * (1 + Math.abs(x)),
    );
  }
}

const settings: Record<string, VectorEnvOptions & { still?: boolean }> = {
  nothing: {},
  "standardized observations": { normalizeObservation: true },
  "… with eps and clip": { normalizeObservation: { eps: 0.3, clip: 0.8 } },
  "scaled rewards": { normalizeReward: true },
  "… with γ, eps and clip": { normalizeReward: { eps: 0.3, clip: 0.9 }, gamma: 0.5 },
  both: { normalizeObservation: true, normalizeReward: true },
  "both, learning off from step 20 on": {
    normalizeObservation: true,
    normalizeReward: true,
    still: true,
  },
  "no autoreset": { autoreset: false },
  "no autoreset, scaled rewards": { autoreset: false, normalizeReward: true },
};

describe("VectorEnv against lists, with", () => {
  for (const [name, { still = false, ...options }] of Object.entries(settings)) {
    test(name, () => {
      const env = new VectorEnv(walkers(envs, { masked: true }), options);
      const naive = new Naive(walkers(envs, { masked: true }), options);
      const random = new Random(2);
      const compare = (want: Record<string, unknown>): void => {
        for (const [column, x] of Object.entries(want)) {
          if (column === "steps") continue;
          const got = env[column as "reward"];
          const rows = (x as number[][]).map((row, e) =>
            Array.isArray(row) && row.length === 0 ? [...got.subarray(2 * e, 2 * e + 2)] : row,
          );
          close(column, got, rows.flat());
        }
      };
      env.start();
      compare(naive.start());
      expect(env.learning).toBe(true);
      for (let t = 0; t < 40; t++) {
        if (still && t === 20) naive.learning = env.learning = false;
        if (options.autoreset === false && t === 25) {
          env.start();
          compare(naive.start());
        }
        const actions = env.envs.flatMap(() => [random.below(2), random.below(3)]);
        const before = env.observation.slice();
        env.step(actions);
        const want = naive.step(actions);
        compare(want);
        for (const [e, step] of want.steps.entries()) {
          expect(env.resting(e)).toBe(options.autoreset === false && (step === null || step.over));
          if (step === null)
            expect(env.observation.slice(2 * e, 2 * e + 2)).toEqual(before.slice(2 * e, 2 * e + 2));
          if (step?.over)
            close(
              "final",
              [env.finalReturn[e], env.finalLength[e], env.finalSuccess[e]],
              naive.final[e],
            );
        }
      }
    });
  }
});
