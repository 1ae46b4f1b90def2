/** Mean and standard deviation of a few numbers. */
import { square } from "../core/math.ts";

/** Returns the mean and the standard deviation with ddof 0; equal numbers have a deviation of exactly 0. */
export function moments(x: ArrayLike<number>): { mean: number; deviation: number } {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < x.length; i++) sum += x[i] - x[0];
  const shift = sum / x.length;
  for (let i = 0; i < x.length; i++) squares += square(x[i] - x[0] - shift);
  return { mean: x[0] + shift, deviation: Math.sqrt(squares / x.length) };
}
