/** Actor-critics written a second time, in the plainest way: lists, formulas as papers have them, no gradient by hand. */
import type { ActorCritic } from "../../../src/policies/actor-critic.ts";
import type { Row } from "./play.ts";

export type Vector = number[];
export const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
/** Unbiased. */
export const deviation = (x: readonly number[]): number =>
  Math.sqrt(x.reduce((a, b) => a + (b - mean(x)) ** 2, 0) / (x.length - 1));
export const standardized = (x: readonly number[]): number[] =>
  x.map((v) => (v - mean(x)) / deviation(x));
const variance = (x: readonly number[]): number => mean(x.map((v) => (v - mean(x)) ** 2));
export const explained = (value: readonly number[], target: readonly number[]): number =>
  1 - variance(target.map((v, i) => v - value[i])) / variance(target);
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, v, i) => sum + v * b[i], 0);
export const norm = (x: readonly number[]): number => Math.sqrt(dot(x, x));
export const clip = (x: number, low: number, high: number): number =>
  Math.min(Math.max(x, low), high);

/** ∂f/∂θ by central differences. */
export const gradient = (f: (theta: Vector) => number, theta: Vector): Vector =>
  theta.map((_, i) => {
    const at = (h: number): number => f(theta.map((v, j) => (j === i ? v + h : v)));
    return (at(1e-5) - at(-1e-5)) / 2e-5;
  });

/** A linear policy over n choices, and a linear critic: θ in the order of the model's parameters. */
export class Linear {
  /** PopArt's units. */
  shift = 0;
  scale = 1;
  readonly names: readonly string[];
  private readonly at = new Map<string, { start: number; size: number }>();
  constructor(model: ActorCritic) {
    let start = 0;
    for (const { name, data } of model.parameters.list) {
      this.at.set(name, { start, size: data.length });
      start += data.length;
    }
    this.names = model.parameters.list.flatMap(({ name, data }) => Array.from(data, () => name));
  }
  part(theta: Vector, name: string): Vector {
    const { start, size } = this.at.get(name) ?? { start: 0, size: 0 };
    return theta.slice(start, start + size);
  }
  logProbs(theta: Vector, { x, mask }: Pick<Row, "x" | "mask">): number[] {
    const weight = this.part(theta, "policy.head.weight");
    const logits = this.part(theta, "policy.head.bias").map((b, k) =>
      mask.length > 0 && mask[k] === 0
        ? -Infinity
        : b + dot(x, weight.slice(k * x.length, (k + 1) * x.length)),
    );
    const total = Math.log(logits.reduce((sum, l) => sum + Math.exp(l), 0));
    return logits.map((l) => l - total);
  }
  logProb(theta: Vector, row: Row): number {
    return this.logProbs(theta, row)[row.action];
  }
  entropy(theta: Vector, row: Row): number {
    return this.logProbs(theta, row).reduce((h, l) => h - (l > -Infinity ? Math.exp(l) * l : 0), 0);
  }
  value(theta: Vector, x: readonly number[]): number {
    const [b] = this.part(theta, "critic.head.bias");
    if (b === undefined) return 0; // no critic
    return (dot(x, this.part(theta, "critic.head.weight")) + b) * this.scale + this.shift;
  }
}

export const thetaOf = (model: ActorCritic): Vector =>
  model.parameters.list.flatMap(({ data }) => Array.from(data));

/** Rows of [steps, envs], time first, with what the policy said of them when it acted. */
export interface Seen extends Row {
  readonly old: number;
  readonly value: number;
  readonly next: number;
  readonly last: boolean;
  /** Where the same environment's next row stands. */
  readonly after: number;
}
export function look(model: Linear, theta: Vector, steps: readonly Row[][]): Seen[] {
  return steps.flatMap((rows, t) =>
    rows.map((row, e) => ({
      ...row,
      old: model.logProb(theta, row),
      value: model.value(theta, row.x),
      next: row.terminated ? 0 : model.value(theta, row.reached),
      last: row.terminated || row.truncated || t === steps.length - 1,
      after: (t + 1) * rows.length + e,
    })),
  );
}

/** Σ (γλ)^k δ over the steps up to the episode's end. */
export const advantages = (seen: readonly Seen[], gamma: number, lambda: number): number[] =>
  seen.map((row) => {
    let [total, power, at] = [0, 1, row];
    for (;;) {
      total += power * (at.reward + gamma * at.next - at.value);
      if (at.last) return total;
      power *= gamma * lambda;
      at = seen[at.after];
    }
  });

/** What `step` gets is the clipped gradient. */
export type Step = (theta: Vector, g: Vector, rate: number) => Vector;
export function adam(eps: number, beta1 = 0.9, beta2 = 0.999): Step {
  const gradients: Vector[] = [];
  return (theta, g, rate) => {
    gradients.push(g);
    const n = gradients.length;
    const moment = (beta: number, of: (v: number) => number, i: number): number =>
      gradients.reduce((sum, past, k) => sum + (1 - beta) * beta ** (n - 1 - k) * of(past[i]), 0) /
      (1 - beta ** n);
    return theta.map((v, i) => {
      const m = moment(beta1, (x) => x, i);
      return v - (rate * m) / (Math.sqrt(moment(beta2, (x) => x * x, i)) + eps);
    });
  };
}
export function rmsprop(eps: number, insideRoot = false): Step {
  let square: Vector = [];
  return (theta, g, rate) => {
    square = g.map((v, i) => 0.99 * (square[i] ?? 0) + 0.01 * v * v);
    return theta.map(
      (v, i) =>
        v - (rate * g[i]) / (insideRoot ? Math.sqrt(square[i] + eps) : Math.sqrt(square[i]) + eps),
    );
  };
}
export const clipped = (g: Vector, most: number): Vector =>
  g.map((v) => v * Math.min(1, most / norm(g)));
