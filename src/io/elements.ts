/** Reads the element types of tensor files. */
export type Elements =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array;

export interface ElementKind {
  readonly bytes: number;
  /** Returns `count` elements from byte `at` on. */
  read(view: DataView, at: number, count: number, littleEndian: boolean): Elements;
}

/** Builds a kind whose elements are read one by one into a `Store`. */
function kind<T extends number | bigint>(
  bytes: number,
  store: new (length: number) => Elements & { [i: number]: T },
  get: (view: DataView, at: number, littleEndian: boolean) => T,
): ElementKind {
  return {
    bytes,
    read(view, at, count, littleEndian) {
      const data = new store(count);
      for (let i = 0; i < count; i++) data[i] = get(view, at + i * bytes, littleEndian);
      return data;
    },
  };
}

const bits = new DataView(new ArrayBuffer(4));

/** Reads IEEE 754 half precision, exact in float32. */
function half(view: DataView, at: number, littleEndian: boolean): number {
  const h = view.getUint16(at, littleEndian);
  const exponent = (h >> 10) & 31;
  const fraction = h & 1023;
  const sign = h >> 15 === 1 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  bits.setInt32(0, ((exponent + 112) << 23) | (fraction << 13));
  return sign * bits.getFloat32(0);
}

/** Reads bfloat16, the upper half of a float32. */
function brain(view: DataView, at: number, littleEndian: boolean): number {
  bits.setInt32(0, view.getUint16(at, littleEndian) << 16);
  return bits.getFloat32(0);
}

export const kinds = {
  float64: kind(8, Float64Array, (v, at, little) => v.getFloat64(at, little)),
  float32: kind(4, Float32Array, (v, at, little) => v.getFloat32(at, little)),
  float16: kind(2, Float32Array, half),
  bfloat16: kind(2, Float32Array, brain),
  int64: kind(8, BigInt64Array, (v, at, little) => v.getBigInt64(at, little)),
  uint64: kind(8, BigUint64Array, (v, at, little) => v.getBigUint64(at, little)),
  int32: kind(4, Int32Array, (v, at, little) => v.getInt32(at, little)),
  uint32: kind(4, Uint32Array, (v, at, little) => v.getUint32(at, little)),
  int16: kind(2, Int16Array, (v, at, little) => v.getInt16(at, little)),
  uint16: kind(2, Uint16Array, (v, at, little) => v.getUint16(at, little)),
  int8: kind(1, Int8Array, (v, at) => v.getInt8(at)),
  uint8: kind(1, Uint8Array, (v, at) => v.getUint8(at)),
  bool: kind(1, Uint8Array, (v, at) => (v.getUint8(at) === 0 ? 0 : 1)),
} as const satisfies Readonly<Record<string, ElementKind>>;

/** The most dimensions of an array in a file, as in numpy. */
export const mostDimensions = 64;

/** Returns the number of elements of a shape; Infinity above 2⁵³ − 1, even if a 0 follows. */
export function countOf(shape: readonly number[]): number {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const n of shape) count *= n;
  return count <= Number.MAX_SAFE_INTEGER ? count : Infinity;
}
