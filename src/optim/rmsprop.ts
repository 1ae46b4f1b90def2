/** RMSprop: Tieleman & Hinton 2012 (lecture 6e), in PyTorch's form, with eps outside the root. */
import { atLeast, type Optimized, type OptimizedRegion, Optimizer } from "./optimizer.ts";

export interface RmspropOptions {
  readonly learningRate?: number;
  /** Decay of the running mean of g². */
  readonly alpha?: number;
  readonly eps?: number;
  readonly momentum?: number;
  /** Divides by the standard deviation of g in place of the root mean square. Default false. */
  readonly centered?: boolean;
  /** true: √(v + eps), as in TensorFlow, on which A2C's published results depend. Default false. */
  readonly epsInsideRoot?: boolean;
  readonly weightDecay?: number;
}

/**
 * v = α·v + (1 − α)·g²;   w −= learningRate·g/(√v + eps), with optional momentum. Centered, v is the running variance:
 * α·v + α·(1 − α)·(g − mean)². It equals the running mean of g² minus mean², but without the cancellation of two close
 * numbers.
 */
export class Rmsprop extends Optimizer {
  private readonly o: Required<Omit<RmspropOptions, "learningRate" | "weightDecay">>;
  constructor(what: Optimized, options: RmspropOptions = {}) {
    super(what, options.learningRate ?? 0.01, options.weightDecay ?? 0, 3);
    const { alpha = 0.99, eps = 1e-8, momentum = 0 } = options;
    const { centered = false, epsInsideRoot = false } = options;
    atLeast("alpha", alpha, 0, 1);
    atLeast("eps", eps, 0);
    atLeast("momentum", momentum, 0);
    this.o = { alpha, eps, momentum, centered, epsInsideRoot };
  }

  protected update(
    { data: w, grad, state, weightDecay }: OptimizedRegion,
    learningRate: number,
  ): void {
    const { alpha, eps, momentum, centered, epsInsideRoot } = this.o;
    const [v, mean, buffer] = state;
    for (let i = 0; i < w.length; i++) {
      const g = grad[i] + weightDecay * w[i];
      if (centered) {
        const off = g - mean[i];
        v[i] = alpha * (v[i] + (1 - alpha) * off * off);
        mean[i] += (1 - alpha) * off;
      } else v[i] = alpha * v[i] + (1 - alpha) * g * g;
      const root = epsInsideRoot ? Math.sqrt(v[i] + eps) : Math.sqrt(v[i]) + eps;
      buffer[i] = momentum * buffer[i] + g / root;
      w[i] -= learningRate * buffer[i];
    }
  }
}
