/** The loss of an actor-critic, and PopArt, written a second time. */
import { expect } from "vitest";
import { type Linear, mean, type Seen, thetaOf, type Vector } from "./learner.ts";
import type { Setup } from "./play.ts";

interface Weights {
  readonly entropyWeight: number;
  readonly valueWeight: number;
}
interface Terms {
  readonly policy: (row: Seen, A: number, logProb: number) => number;
  readonly critic?: (row: Seen, target: number, value: number) => number;
  readonly klWeight?: number;
}
export const square = (x: number): number => x * x;
/** Means over rows of each term, and their weighted sum. */
export function lossOf(model: Linear, c: Weights, { policy, critic, klWeight = 0 }: Terms) {
  return (
    theta: Vector,
    rows: readonly Seen[],
    A: readonly number[],
    target: readonly number[],
  ) => {
    const of = (f: (row: Seen, i: number) => number): number => mean(rows.map(f));
    const l = rows.map((row) => model.logProb(theta, row));
    const v = rows.map((row) => model.value(theta, row.x));
    const policyLoss = of((row, i) => policy(row, A[i], l[i]));
    const valueLoss = of((row, i) =>
      (critic ?? ((_, R, V) => square(V - R)))(row, target[i], v[i]),
    );
    const entropy = of((row) => model.entropy(theta, row));
    const approximateKl = of((row, i) => Math.exp(l[i] - row.old) - 1 - (l[i] - row.old));
    const total =
      policyLoss +
      (c.valueWeight * valueLoss) / square(model.scale) -
      c.entropyWeight * entropy +
      klWeight * approximateKl;
    return {
      total,
      policyLoss,
      valueLoss,
      entropy,
      approximateKl,
      ratios: rows.map((row, i) => Math.exp(l[i] - row.old)),
    };
  };
}

/** PopArt: moments of targets at rate β, unbiased; every V stays. */
export function popArt(model: Linear, beta: number) {
  const seen: [number, number][] = [];
  return (theta: Vector, target: readonly number[]): Vector => {
    if (beta === 0) return theta;
    seen.push([mean(target), mean(target.map(square))]);
    const weights = seen.map((_, k) => (1 - beta) ** (seen.length - 1 - k));
    const of = (i: 0 | 1): number =>
      seen.reduce((sum, m, k) => sum + weights[k] * m[i], 0) / weights.reduce((a, b) => a + b);
    const { shift, scale } = model;
    [model.shift, model.scale] = [of(0), Math.sqrt(of(1) - square(of(0)))];
    return theta.map((v, i) => {
      if (model.names[i] === "critic.head.weight") return (v * scale) / model.scale;
      if (model.names[i] === "critic.head.bias")
        return (v * scale + shift - model.shift) / model.scale;
      return v;
    });
  };
}

/** To 5e-5, or that share of a number above 1. */
export function expectNear(got: number, want: number, name: string): void {
  if (Number.isNaN(want)) expect(got, name).toBeNaN();
  else expect(Math.abs(got - want), name).toBeLessThan(5e-5 * Math.max(1, Math.abs(want)));
}
export function expectReport(report: object, want: Record<string, number>): void {
  for (const [name, value] of Object.entries(want))
    expectNear((report as Record<string, number>)[name], value, name);
}
export function expectSame(s: Setup, theta: Vector, report: object, want: Record<string, number>) {
  expectReport(report, want);
  const got = thetaOf(s.model);
  expect(got.length).toBe(theta.length);
  for (const [i, v] of theta.entries()) expectNear(got[i], v, `weight ${i}`);
}
