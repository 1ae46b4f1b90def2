/** A number that a model computes from a tensor of numbers, with its gradients: what an explanation is about. */
import { Tape } from "../core/tape.ts";
import type { Parameter, Parameters, Tensor } from "../core/tensor.ts";

export interface Scalar {
  /** Returns f(x); with `gradient`, as long as x, writes ∂f/∂x there. */
  at(x: ArrayLike<number>, gradient?: Float64Array): number;
  /** Returns ∂f/∂θ at x, the parameters one after another in their order. */
  weightGradient(x: ArrayLike<number>): Float64Array;
}

/** Returns the scalar that `body` computes from `x`, of one element. Leaves the parameters' gradients at 0. */
export function scalarOf(parameters: Parameters, x: Parameter, body: () => Tensor): Scalar {
  const tape = new Tape(parameters.backend);
  const backward = (at: ArrayLike<number>): number => {
    x.data.set(at);
    x.grad.fill(0);
    clearGradients(parameters);
    const value = tape.run(body);
    tape.backward(value);
    return value.data[0];
  };
  return {
    at(at, gradient) {
      if (gradient === undefined) {
        x.data.set(at);
        return tape.run(body).data[0];
      }
      const value = backward(at);
      gradient.set(x.grad);
      clearGradients(parameters);
      return value;
    },
    weightGradient(at) {
      backward(at);
      const gradient = flatOf(parameters, "grad");
      clearGradients(parameters);
      return gradient;
    },
  };
}

export function clearGradients({ list }: Parameters): void {
  for (const { grad } of list) grad.fill(0);
}

/** Returns all weights, or their gradients, one parameter after another. */
export function flatOf({ list }: Parameters, what: "data" | "grad"): Float64Array {
  const flat = new Float64Array(list.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const parameter of list) {
    flat.set(parameter[what], at);
    at += parameter.data.length;
  }
  return flat;
}
