/** Advantages and objectives on completions, written a second time: what each algorithm's name stands for. */
import type { GroupAlgorithmName } from "../../../src/algos/group-algorithms.ts";
import { clip, deviation, mean } from "./learner.ts";

const same = (x: readonly number[]): boolean => x.every((v) => v === x[0]);
type Baseline = (
  own: readonly number[],
  all: readonly number[],
  greedy: number,
) => (r: number) => number;
const others: Baseline = (own) => (r) =>
  own.length < 2 ? 0 : r - (own.reduce((a, b) => a + b, 0) - r) / (own.length - 1);
const groupMean: Baseline = (own) => (r) => r - mean(own);
const scaled = (x: readonly number[]) => (r: number) =>
  same(x) ? 0 : (r - mean(x)) / (deviation(x) + 1e-4);
const group: Baseline = (own) => scaled(own);

/** One token's objective, to be raised: of ln π, ln π_old, its sequence's mean ln ρ, and ln π as a constant. */
type Objective = (l: number, old: number, A: number, sequence: number, now: number) => number;
const plain: Objective = (l, _, A) => A * l;
const clipped =
  (low: number, high: number): Objective =>
  (l, old, A) => {
    const ratio = Math.exp(l - old);
    return Math.min(ratio * A, clip(ratio, 1 - low, 1 + high) * A);
  };
const shift: Objective = (l, old, A) => {
  const moved = Math.exp(l) - Math.exp(old);
  return (A > 0 && moved > 0.2) || (A < 0 && moved < -0.2) ? 0 : Math.exp(l - old) * A;
};
const ofSequence: Objective = (_l, _old, A, sequence) => {
  const ratio = Math.exp(sequence);
  return Math.min(ratio * A, clip(ratio, 1 - 3e-4, 1 + 4e-4) * A);
};

export interface Algorithm {
  readonly baseline: Baseline | "value" | "best" | "risk";
  readonly objective: Objective;
  /** What a token weighs: one of n of its sequence, of N tokens in S sequences of at most T tokens. */
  readonly weight: (n: number, N: number, S: number, T: number) => number;
  readonly kl?: { readonly weight: number; readonly place: "reward" };
}
const perSequence = (_n: number, _N: number, S: number): number => 1 / S;
const perToken = (_n: number, N: number): number => 1 / N;
const perMean = (n: number, _N: number, S: number): number => 1 / (S * n);

export const algorithmsPlainly: Readonly<Record<GroupAlgorithmName, Algorithm>> = {
  reinforce: { baseline: (_, all) => (r) => r - mean(all), objective: plain, weight: perSequence },
  a2c: { baseline: "value", objective: plain, weight: perSequence },
  ppo: { baseline: "value", objective: clipped(0.2, 0.2), weight: perToken },
  rloo: { baseline: others, objective: plain, weight: perSequence },
  grpo: { baseline: group, objective: clipped(0.2, 0.2), weight: perMean },
  "dr-grpo": {
    baseline: groupMean,
    objective: clipped(0.2, 0.2),
    weight: (_n, _N, S, T) => 1 / (S * T),
  },
  dapo: { baseline: group, objective: clipped(0.2, 0.28), weight: perToken },
  dppo: { baseline: group, objective: shift, weight: perToken },
  maxrl: {
    baseline: (own) => (r) => (mean(own) === 0 ? 0 : (r - mean(own)) / (mean(own) + 1e-4)),
    objective: plain,
    weight: perSequence,
  },
  gspo: { baseline: group, objective: ofSequence, weight: perMean },
  cispo: {
    baseline: group,
    objective: (l, old, A, _, now) => Math.min(Math.exp(now - old), 5) * A * l,
    weight: perToken,
  },
  "reinforce++": {
    baseline: (_, all) => scaled(all),
    objective: clipped(0.2, 0.2),
    weight: perToken,
    kl: { weight: 0.01, place: "reward" },
  },
  remax: {
    baseline: (_own, _all, greedy) => (r) => r - greedy,
    objective: plain,
    weight: perSequence,
  },
  mrt: { baseline: "risk", objective: plain, weight: perSequence },
  "best-of-n": { baseline: "best", objective: plain, weight: perToken },
};
export const withClip = (a: Algorithm, range: number): Algorithm =>
  range > 0 && a.objective !== plain ? { ...a, objective: clipped(range, range) } : a;
