/**
 * Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1), AdamW (Loshchilov & Hutter 2019,
 * arXiv:1711.05101), AMSGrad (Reddi et al. 2018) and Adamax (Kingma & Ba, algorithm 2).
 */
import { atLeast, type Optimized, type OptimizedRegion, Optimizer } from "./optimizer.ts";

export interface AdamOptions {
  readonly learningRate?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  /** Added outside the root, after bias correction. Default 1e-8. */
  readonly eps?: number;
  readonly weightDecay?: number;
  /** true: AdamW, decay separate from the gradient; false (default): L2, added to the gradient. */
  readonly decoupled?: boolean;
  /** AMSGrad: divides by the largest v so far. Default false. */
  readonly amsgrad?: boolean;
}

/**
 *   m = β₁m + (1 − β₁)g;   v = β₂v + (1 − β₂)g²
 *   w −= learningRate·(m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + eps)
 *
 * β₁ᵗ and β₂ᵗ are running products, because the last bit of a power function differs between engines.
 */
export class Adam extends Optimizer {
  private readonly o: Required<Omit<AdamOptions, "learningRate" | "weightDecay">>;
  /** The arguments of a backend's kernel; see `Backend.adam`. */
  private readonly numbers: Float64Array;
  constructor(what: Optimized, options: AdamOptions = {}) {
    const { learningRate = 1e-3, weightDecay = 0, amsgrad = false } = options;
    super(what, learningRate, weightDecay, amsgrad ? 3 : 2);
    const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decoupled = false } = options;
    atLeast("beta1", beta1, 0, 1);
    atLeast("beta2", beta2, 0, 1);
    atLeast("eps", eps, 0);
    this.o = { beta1, beta2, eps, decoupled, amsgrad };
    this.numbers = Float64Array.of(beta1, 1 - beta1, beta2, 1 - beta2, 0, 0, eps, 0, 0);
  }

  protected override advancePowers(): void {
    this.powers[0] *= this.o.beta1;
    this.powers[1] *= this.o.beta2;
  }

  protected update(region: OptimizedRegion, learningRate: number): void {
    const { data: w, grad, state, weightDecay, backend } = region;
    const { beta1, beta2, eps, decoupled, amsgrad } = this.o;
    const [m, v, largest] = state;
    const l2 = decoupled ? 0 : weightDecay;
    const keep = decoupled ? 1 - learningRate * weightDecay : 1;
    const rate = learningRate / (1 - this.powers[0]);
    const rootScale = 1 / Math.sqrt(1 - this.powers[1]);
    if (backend.adam !== undefined && !amsgrad) {
      const { numbers } = this;
      numbers[4] = rate;
      numbers[5] = rootScale;
      numbers[7] = l2;
      numbers[8] = keep;
      backend.adam(region, numbers);
      return;
    }
    for (let i = 0; i < w.length; i++) {
      const g = grad[i] + l2 * w[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      if (amsgrad) largest[i] = Math.max(largest[i], v[i]);
      const root = Math.sqrt(amsgrad ? largest[i] : v[i]) * rootScale;
      w[i] = keep * w[i] - (rate * m[i]) / (root + eps);
    }
  }
}

/** Adam with weight decay separate from the gradient; `weightDecay` is 0.01 by default. */
export class AdamW extends Adam {
  constructor(what: Optimized, options: Omit<AdamOptions, "decoupled"> = {}) {
    super(what, { weightDecay: 0.01, ...options, decoupled: true });
  }
}

/** m as in Adam;  u = max(β₂u, |g| + eps);  w −= learningRate/(1 − β₁ᵗ)·m/u */
export class Adamax extends Optimizer {
  private readonly o: Required<Pick<AdamOptions, "beta1" | "beta2" | "eps">>;
  constructor(what: Optimized, options: Omit<AdamOptions, "decoupled" | "amsgrad"> = {}) {
    super(what, options.learningRate ?? 2e-3, options.weightDecay ?? 0, 2);
    const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
    atLeast("beta1", beta1, 0, 1);
    atLeast("beta2", beta2, 0, 1);
    atLeast("eps", eps, 0);
    this.o = { beta1, beta2, eps };
  }

  protected override advancePowers(): void {
    this.powers[0] *= this.o.beta1;
  }

  protected update(
    { data: w, grad, state, weightDecay }: OptimizedRegion,
    learningRate: number,
  ): void {
    const { beta1, beta2, eps } = this.o;
    const [m, u] = state;
    const rate = learningRate / (1 - this.powers[0]);
    for (let i = 0; i < w.length; i++) {
      const g = grad[i] + weightDecay * w[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      u[i] = Math.max(beta2 * u[i], Math.abs(g) + eps);
      w[i] -= (rate * m[i]) / u[i];
    }
  }
}
