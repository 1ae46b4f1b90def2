/**
 * What the scans mean, as sums over each step's own future, in float64 and O(T²) or worse. Nothing is
 * carried from one step to the next, so these share no recursion with the code they judge.
 */
import {
  at,
  fixed,
  type PerStep,
  type Transitions,
  varying,
} from "../../src/returns/transitions.ts";

const number = (x: PerStep, i: number): number => at(fixed(x), varying(x), i);
const sum = (xs: number[]): number => xs.reduce((total, x) => total + x, 0);
const product = (xs: number[]): number => xs.reduce((total, x) => total * x, 1);

/** One random rollout with everything any scan wants. */
export interface Case {
  readonly r: Transitions;
  readonly logRatio: Float64Array;
  readonly gamma: PerStep;
  readonly lambda: PerStep;
  readonly n: number;
  readonly caps: { readonly rhoBar: number; readonly cBar: number; readonly pgRhoBar: number };
}

export class Definition {
  readonly #c: Case;
  constructor(c: Case) {
    this.#c = c;
  }

  /** f(i) for every entry. */
  every(f: (i: number) => number): number[] {
    return Array.from(this.#c.r.reward, (_, i) => f(i));
  }

  /** i and the steps after it in its environment, up to the first that ends an episode. */
  future(i: number): number[] {
    const { envs, reward, terminated, truncated } = this.#c.r;
    const indices = [i];
    for (let j = i; !terminated[j] && !truncated[j] && j + envs < reward.length; j += envs)
      indices.push(j + envs);
    return indices;
  }
  gammas = (steps: number[]): number => product(steps.map((i) => number(this.#c.gamma, i)));
  lambdas = (steps: number[]): number => product(steps.map((i) => number(this.#c.lambda, i)));
  /** What follows step i, if nothing more is known. */
  tail = (i: number): number => (this.#c.r.terminated[i] ? 0 : this.#c.r.nextValue[i]);
  delta = (i: number): number =>
    this.#c.r.reward[i] + number(this.#c.gamma, i) * this.tail(i) - this.#c.r.value[i];
  ratio = (i: number): number => Math.exp(this.#c.logRatio[i]);

  rewards = (steps: number[]): number =>
    sum(steps.map((i, k) => this.gammas(steps.slice(0, k)) * this.#c.r.reward[i]));
  bootstrapped = (steps: number[]): number =>
    this.rewards(steps) + this.gammas(steps) * this.tail(steps[steps.length - 1]);

  rewardToGo = (): number[] => this.every((i) => this.rewards(this.future(i)));
  discountedReturns = (): number[] => this.every((i) => this.bootstrapped(this.future(i)));
  nStepReturns = (n: number): number[] =>
    this.every((i) => this.bootstrapped(this.future(i).slice(0, n)));

  /** The mixture of all n-step returns: (1 − λ)·λⁿ⁻¹ of the nth, what is left of the last. */
  lambdaReturns = (): number[] =>
    this.every((i) => {
      const steps = this.future(i);
      const weight = (n: number): number =>
        this.lambdas(steps.slice(0, n - 1)) *
        (n < steps.length ? 1 - number(this.#c.lambda, steps[n - 1]) : 1);
      return sum(steps.map((_, k) => weight(k + 1) * this.bootstrapped(steps.slice(0, k + 1))));
    });

  /** The sum of (γλ)ᵏ·δ. */
  gae = (): number[] =>
    this.every((i) => {
      const steps = this.future(i);
      const decay = (k: number): number =>
        this.gammas(steps.slice(0, k)) * this.lambdas(steps.slice(0, k));
      return sum(steps.map((j, k) => decay(k) * this.delta(j)));
    });

  #vtraceTarget(i: number): number {
    const { rhoBar, cBar } = this.#c.caps;
    const steps = this.future(i);
    const c = (j: number): number => number(this.#c.lambda, j) * Math.min(cBar, this.ratio(j));
    const weight = (k: number): number =>
      this.gammas(steps.slice(0, k)) * product(steps.slice(0, k).map(c));
    const rho = (j: number): number => Math.min(rhoBar, this.ratio(j));
    return this.#c.r.value[i] + sum(steps.map((j, k) => weight(k) * rho(j) * this.delta(j)));
  }
  vtraceTarget = (): number[] => this.every((i) => this.#vtraceTarget(i));
  vtraceAdvantage = (): number[] =>
    this.every((i) => {
      const { r, gamma, caps } = this.#c;
      const [, next] = this.future(i);
      // vₜ₊₁ = V(sₜ₊₁) and what the traces add to it; the rollout may hold another V there than value.
      const v =
        next === undefined ? this.tail(i) : this.tail(i) + this.#vtraceTarget(next) - r.value[next];
      return (
        Math.min(caps.pgRhoBar, this.ratio(i)) * (r.reward[i] + number(gamma, i) * v - r.value[i])
      );
    });

  retrace = (): number[] =>
    this.every((i) => {
      const steps = this.future(i);
      const c = (j: number): number => number(this.#c.lambda, j) * Math.min(1, this.ratio(j));
      const weight = (k: number): number =>
        this.gammas(steps.slice(0, k)) * product(steps.slice(1, k + 1).map(c));
      return this.#c.r.value[i] + sum(steps.map((j, k) => weight(k) * this.delta(j)));
    });

  importanceCorrectedTdErrors = (): number[] =>
    this.every((i) => {
      const steps = this.future(i);
      const weight = (k: number): number =>
        this.gammas(steps.slice(0, k)) *
        this.lambdas(steps.slice(0, k)) *
        product(steps.slice(0, k + 1).map(this.ratio));
      return sum(steps.map((j, k) => weight(k) * this.delta(j)));
    });
}
