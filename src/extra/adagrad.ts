/** Adagrad: Duchi, Hazan & Singer 2011. */
import { atLeast, type Optimized, type OptimizedRegion, Optimizer } from "../optim/optimizer.ts";

export interface AdagradOptions {
  readonly learningRate?: number;
  readonly eps?: number;
  readonly weightDecay?: number;
}

/** s += g²;   w −= learningRate·g/(√s + eps) */
export class Adagrad extends Optimizer {
  private readonly eps: number;
  constructor(what: Optimized, options: AdagradOptions = {}) {
    super(what, options.learningRate ?? 0.01, options.weightDecay ?? 0, 1);
    this.eps = options.eps ?? 1e-10;
    atLeast("eps", this.eps, 0);
  }

  protected update(
    { data: w, grad, state, weightDecay }: OptimizedRegion,
    learningRate: number,
  ): void {
    const [s] = state;
    for (let i = 0; i < w.length; i++) {
      const g = grad[i] + weightDecay * w[i];
      s[i] += g * g;
      w[i] -= (learningRate * g) / (Math.sqrt(s[i]) + this.eps);
    }
  }
}
