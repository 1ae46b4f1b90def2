/** What widgets ask of the exact worker, and its answers: all figures are sums over every episode or group. */
import type { Point } from "../../examples/book/05-trust.ts";

/** Bias, as a fraction of ‖∇J‖, and variance of one episode's estimate. */
export interface Moments {
  readonly bias: number;
  readonly variance: number;
}
export interface Questions {
  /** For a critic that says `critic`·V: moments at each λ, and errors to expect of the mean of `episodes`. */
  lambda: {
    ask: { critic: number; episodes: number };
    answer: { lambdas: number[]; moments: Moments[]; errors: number[] };
  };
  /** Means over batches after epochs of ascent, with this clip. */
  clip: { ask: { clip: number }; answer: { points: Point[] } };
  /** E ĝ / ∇p of each estimator over success rates p, and the share of groups of K that teach nothing. */
  group: {
    ask: { K: number };
    answer: { p: number[]; factors: Record<string, number[]>; equal: number[] };
  };
}
export type Kind = keyof Questions;
