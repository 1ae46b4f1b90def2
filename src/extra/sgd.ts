/** Stochastic gradient descent with momentum; Nesterov's form as in PyTorch. */
import { atLeast, type Optimized, type OptimizedRegion, Optimizer } from "../optim/optimizer.ts";

export interface SgdOptions {
  readonly learningRate?: number;
  readonly momentum?: number;
  /** Fraction of each new gradient that does not enter the momentum. Default 0. */
  readonly dampening?: number;
  readonly nesterov?: boolean;
  /** L2 penalty, added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/**
 *   g = ∇ + weightDecay·w;   m = momentum·m + (1 − dampening)·g, m = g at first
 *   w −= learningRate·m, or learningRate·(g + momentum·m) for Nesterov
 */
export class Sgd extends Optimizer {
  private readonly momentum: number;
  private readonly dampening: number;
  private readonly nesterov: boolean;
  constructor(what: Optimized, options: SgdOptions = {}) {
    const { learningRate = 0.01, momentum = 0, weightDecay = 0 } = options;
    super(what, learningRate, weightDecay, momentum === 0 ? 0 : 1);
    atLeast("momentum", momentum, 0, 1);
    this.momentum = momentum;
    this.dampening = options.dampening ?? 0;
    atLeast("dampening", this.dampening, 0);
    this.nesterov = options.nesterov ?? false;
    if (this.nesterov && (momentum === 0 || this.dampening !== 0)) {
      throw new RangeError("nesterov: expected momentum > 0 and dampening 0");
    }
  }

  protected update(
    { data: w, grad, state, weightDecay }: OptimizedRegion,
    learningRate: number,
  ): void {
    const { momentum, nesterov } = this;
    const keep = this.steps === 1 ? 1 : 1 - this.dampening;
    const m = state[0];
    for (let i = 0; i < w.length; i++) {
      const g = grad[i] + weightDecay * w[i];
      if (momentum === 0) {
        w[i] -= learningRate * g;
        continue;
      }
      m[i] = momentum * m[i] + keep * g;
      w[i] -= learningRate * (nesterov ? g + momentum * m[i] : m[i]);
    }
  }
}
