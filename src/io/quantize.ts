/** Weights in fewer bits: half precision, or int8 with a scale per output row. Rounds half to even. */
import type { Floats } from "../core/backend.ts";
import { kinds } from "./elements.ts";

export const dtypes = ["f32", "f16", "int8"] as const;
export type Dtype = (typeof dtypes)[number];

const float = new DataView(new ArrayBuffer(4));

/** Returns the bits of the IEEE 754 half-precision number nearest to x; Infinity from 65,520 on. */
export function halfBits(x: number): number {
  float.setFloat32(0, x);
  const bits = float.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 255;
  const fraction = bits & 0x7fffff;
  if (exponent === 255) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  if (exponent >= 143) return sign | 0x7c00;
  if (exponent < 102) return sign; // below 2⁻²⁵, half of the least
  const subnormal = exponent < 113;
  const shift = subnormal ? 126 - exponent : 13;
  const whole = subnormal ? fraction | 0x800000 : ((exponent - 112) << 23) | fraction;
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  const up = rest > middle || (rest === middle && (kept & 1) === 1);
  return sign | (kept + (up ? 1 : 0)); // a carry into the exponent is the next number
}

/** Returns the bits of the bfloat16 nearest to x, half to even; those of Infinity from about 3.4e38 on. */
export function brainBits(x: number): number {
  float.setFloat32(0, x);
  const bits = float.getUint32(0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Returns the bfloat16 nearest to x. */
export function nearestBrain(x: number): number {
  float.setUint32(0, brainBits(x) << 16);
  return float.getFloat32(0);
}

/**
 * Writes a row as int8, row[i] ≈ to[i]·scale, and returns the scale: the largest absolute value divided by 127 as a
 * float32, or 1 where that is 0. The values of `row` are float32.
 */
export function quantizeRow(to: Int8Array, row: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < row.length; i++) most = Math.max(most, Math.abs(row[i]));
  const scale = Math.fround(most / 127) || 1;
  for (let i = 0; i < row.length; i++)
    to[i] = Math.min(Math.max(roundHalfEven(row[i] / scale), -127), 127);
  return scale;
}

/** Returns numbers as little-endian half precision. */
export function halves(x: ArrayLike<number>): DataView {
  const view = new DataView(new ArrayBuffer(2 * x.length));
  for (let i = 0; i < x.length; i++) view.setUint16(2 * i, halfBits(x[i]), true);
  return view;
}

/** A tensor as int8: element i is data[i] · scale of its output. */
export interface Int8Tensor {
  readonly data: Int8Array;
  readonly scale: Float32Array;
}

/**
 * Quantizes a tensor whose `outputs` lie along its first axis, or along its second and last with `axis` 1. Each output's
 * scale is its largest absolute weight divided by 127.
 */
export function quantize(x: ArrayLike<number>, outputs: number, axis: 0 | 1 = 0): Int8Tensor {
  const inputs = x.length / outputs;
  const outputOf = (i: number): number => (axis === 0 ? Math.floor(i / inputs) : i % outputs);
  const scale = new Float32Array(outputs);
  for (let i = 0; i < x.length; i++) {
    const o = outputOf(i);
    scale[o] = Math.max(scale[o], Math.abs(x[i]));
  }
  for (let o = 0; o < outputs; o++) scale[o] /= 127;
  const data = Int8Array.from({ length: x.length }, (_, i) => {
    const s = scale[outputOf(i)];
    return s === 0 ? 0 : Math.min(Math.max(roundHalfEven(x[i] / s), -127), 127);
  });
  return { data, scale };
}

/** Rounds to the nearest whole number, a half to the even one. */
export function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** Returns the values that weights have after storage; int8 takes matrices alone, by their first axis. */
export function stored(x: Floats, shape: readonly number[], dtype: Dtype): Float32Array {
  if (dtype === "f16") return kinds.float16.read(halves(x), 0, x.length, true) as Float32Array;
  if (dtype === "f32" || shape.length < 2) return Float32Array.from(x);
  const { data, scale } = quantize(x, shape[0]);
  const inputs = x.length / shape[0];
  return Float32Array.from(data, (q, i) => q * scale[Math.floor(i / inputs)]);
}
