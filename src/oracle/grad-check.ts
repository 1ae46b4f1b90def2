/** Compares an op's or a model's gradient with finite differences, in float64. */
import { loops } from "../backends/loops.ts";
import { Random } from "../core/random.ts";
import { Tape } from "../core/tape.ts";
import { input, type Shape, sizeOf, type Tensor, variable } from "../core/tensor.ts";
import { mul } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";

/** A tensor to check at; `grad: false` for indices, labels and masks. */
export interface CheckInput {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
  readonly grad?: boolean;
}

export interface GradCheckOptions {
  /** Random directions per input. Default 3. */
  readonly directions?: number;
  /** Step of the differences. Default 1e-4. Inputs should be further than twice this from any kink. */
  readonly step?: number;
  /** Largest |analytic − numeric| / (1 + |numeric|) that passes. Default 1e-7. */
  readonly tolerance?: number;
  readonly seed?: number;
}

/** Thrown at the first input and direction whose derivative is wrong. */
export class GradientError extends Error {
  override readonly name = "GradientError";
  readonly input: number;
  readonly direction: readonly number[];
  readonly analytic: number;
  readonly numeric: number;
  constructor(input: number, direction: readonly number[], analytic: number, numeric: number) {
    const along = `along [${direction.slice(0, 8).map((v) => v.toFixed(3))}${direction.length > 8 ? ", …" : ""}]`;
    super(`gradCheck: input ${input} ${along}: backward gives ${analytic}, differences ${numeric}`);
    this.input = input;
    this.direction = direction;
    this.analytic = analytic;
    this.numeric = numeric;
  }
}

/**
 * Runs `f` in float64. For random weights u of its outputs and random directions v of each input x, compares uᵀ(Jv) by
 * five-point central differences with (uᵀJ)v by backward. Throws GradientError at the first difference, and UsageError
 * if no input has a gradient.
 */
export function gradCheck(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly CheckInput[],
  { directions = 3, step = 1e-4, tolerance = 1e-7, seed = 1 }: GradCheckOptions = {},
): void {
  const k = loops(Float64Array);
  const random = new Random(seed);
  const tape = new Tape(k);
  const tensors = inputs.map(({ shape, data, grad = true }) =>
    grad ? variable(k, shape, data) : input(k, shape, data),
  );
  let weights: Tensor | null = null;
  const loss = (): Tensor =>
    tape.run(() => {
      const y = f(...tensors);
      if (weights === null) {
        weights = input(k, y.shape);
        random.fillNormal(weights.data);
      }
      return sum(mul(y, weights));
    });
  tape.backward(loss());
  const gradients = tensors.map(({ grad }) => grad?.slice());

  for (let i = 0; i < tensors.length; i++) {
    const gradient = gradients[i];
    if (gradient === undefined) continue;
    const { data, shape } = tensors[i];
    const at = data.slice();
    const v = new Float64Array(sizeOf(shape));
    const lossAt = (offset: number): number => {
      for (let j = 0; j < v.length; j++) data[j] = at[j] + offset * v[j];
      return loss().data[0];
    };
    for (let n = 0; n < directions && v.length > 0; n++) {
      random.fillNormal(v);
      for (let j = 0; j < v.length; j++) v[j] = Math.min(Math.max(v[j], -2), 2);
      const near = lossAt(step) - lossAt(-step);
      const far = lossAt(2 * step) - lossAt(-2 * step);
      const numeric = (8 * near - far) / (12 * step);
      let analytic = 0;
      for (let j = 0; j < v.length; j++) analytic += gradient[j] * v[j];
      data.set(at);
      if (!(Math.abs(analytic - numeric) <= tolerance * (1 + Math.abs(numeric)))) {
        throw new GradientError(i, [...v], analytic, numeric);
      }
    }
  }
}
