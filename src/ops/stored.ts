/**
 * A linear layer and an embedding whose frozen weights are kept in fewer bits: bfloat16, or int8 with a scale per row.
 * Results are those of `linear` and `embedding` on the weights as floats, bit for bit.
 */
import { type Floats, matrix, type Product, type StoredProduct } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import type { Call, Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";

/** Weights [rows, columns] in a backend's buffers: the bits, in a tensor of any shape, and each row's scale. */
export interface StoredRows {
  readonly shape: readonly [rows: number, columns: number];
  readonly bits: Tensor;
  /** [rows] for int8; null for bfloat16. */
  readonly scales: Tensor | null;
}

/** Returns how many floats have room for the bits of n weights. */
export const floatsFor = (n: number, bytes: 1 | 2): number => Math.ceil((n * bytes) / 4);

/** Returns the weights' bits as whole numbers: int8, or the 16 bits of bfloat16. */
export const bitsOf = (data: Floats, n: number, bytes: 1 | 2): Int8Array | Uint16Array =>
  new (bytes === 1 ? Int8Array : Uint16Array)(data.buffer as ArrayBuffer, data.byteOffset, n);

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** Returns a function that writes a row of `columns` numbers to to[at …]. */
export function rowReader(
  bits: Floats,
  [rows, columns]: readonly [number, number],
  scales: Floats | null,
): ReadRow {
  const stored = bitsOf(bits, rows * columns, scales === null ? 2 : 1);
  if (scales === null)
    return (to, at, row) => {
      for (let i = 0, from = row * columns; i < columns; i++) {
        word[0] = stored[from + i] << 16;
        to[at + i] = float[0];
      }
    };
  return (to, at, row) => {
    const scale = scales[row];
    for (let i = 0, from = row * columns; i < columns; i++)
      to[at + i] = Math.fround(stored[from + i] * scale);
  };
}

/** Throws ShapeError unless `bits` has room for just these weights. */
function checkBits(name: string, bits: readonly number[], n: number, isInt8: boolean): void {
  const want = floatsFor(n, isInt8 ? 1 : 2);
  if (sizeOf(bits) !== want)
    throw new ShapeError(`${name}: expected bits in ${want} floats, got ${show(bits)}`);
}

/** y[…,out] = x[…,in]·Wᵀ + bias for stored W [out, in] without a gradient; bias is [out]. */
export const storedLinear = (x: Tensor, w: StoredRows, bias: Tensor = NONE): Tensor =>
  apply(storedLinearOp, x, w.bits, bias, w.shape[0], 0, undefined, w.scales ? [w.scales] : none);
const none: readonly Tensor[] = [];

interface Layer {
  readonly rows: number;
  readonly inputs: number;
}
type LinearCall = Call<"x" | "bits" | "bias?", { numbers: "outputs" }>;
type ReadRow = (to: Floats, at: number, row: number) => void;
/** y = x·Wᵀ, and dx = dy·W where x has a gradient; and what reads a row of W. */
interface Bound {
  readonly forth: StoredProduct;
  readonly back: StoredProduct | null;
  readonly read: ReadRow;
}

export const storedLinearOp: Op<
  "x" | "bits" | "bias?",
  { numbers: "outputs"; plan: Layer; bound: Bound }
> = {
  name: "storedLinear",
  inputs: ["x", "bits", "bias?"],
  numbers: ["outputs"],
  shape({ x, bits, bias, outputs, list }: LinearCall) {
    if (x.length === 0) throw new ShapeError("storedLinear: expected x […, in], got []");
    if (bias !== null && !sameShape(bias, [outputs]))
      throw new ShapeError(`storedLinear: expected bias [${outputs}], got ${show(bias)}`);
    checkBits("storedLinear", bits, outputs * x[x.length - 1], list.length > 0);
    return [...x.slice(0, -1), outputs];
  },
  plan: ({ x }) => ({ rows: sizeOf(x.slice(0, -1)), inputs: x[x.length - 1] }),
  bind({ y, dy, x, dx, bits, outputs, list, plan: { rows, inputs } }) {
    const scales = list.length > 0 ? list[0].data : null;
    const stored = { data: bits, scales };
    const turned = { ...stored, rows: inputs, columns: outputs, transposed: true };
    const straight = { ...stored, rows: outputs, columns: inputs, transposed: false };
    return {
      forth: { y: matrix(y, rows, outputs), a: matrix(x, rows, inputs), b: turned },
      back: dx && dy && { y: matrix(dx, rows, inputs), a: matrix(dy, rows, outputs), b: straight },
      read: rowReader(bits, [outputs, inputs], scales),
    };
  },
  forward({ y, bias, outputs, backend, bound: { forth, read } }) {
    if (bias !== null) for (let at = 0; at < y.length; at += outputs) y.set(bias, at);
    if (backend.gemmStored === undefined) multiply(forth, read, bias !== null);
    else backend.gemmStored(forth, bias !== null);
  },
  backward({ backend, bound: { back, read } }) {
    if (back === null) return;
    if (backend.gemmStored === undefined) multiplyBack(back, read);
    else backend.gemmStored(back, true);
  },
};

/** Computes y (+)= x·Wᵀ, each sum in float64 and rounded once, as the loops' products. */
function multiply({ y, a: x }: Product, read: ReadRow, accumulate: boolean): void {
  const { rows, columns: inputs } = x;
  const row = new Float64Array(inputs);
  for (let o = 0; o < y.columns; o++) {
    read(row, 0, o);
    for (let i = 0; i < rows; i++) {
      let sum = 0;
      for (let p = 0, at = i * inputs; p < inputs; p++, at++) sum += x.data[at] * row[p];
      const at = i * y.columns + o;
      y.data[at] = accumulate ? y.data[at] + sum : sum;
    }
  }
}

/** Computes dx += dy·W in the same way: row after row of W is added to sums in float64. */
function multiplyBack({ y: dx, a: dy }: Product, read: ReadRow): void {
  const { rows, columns: inputs } = dx;
  const row = new Float64Array(inputs);
  const sums = new Float64Array(rows * inputs);
  for (let o = 0; o < dy.columns; o++) {
    read(row, 0, o);
    for (let i = 0; i < rows; i++) {
      const slope = dy.data[i * dy.columns + o];
      for (let p = 0, at = i * inputs; p < inputs; p++, at++) sums[at] += slope * row[p];
    }
  }
  for (let at = 0; at < sums.length; at++) dx.data[at] += sums[at];
}

/** y[i,…] = W[index[i]] for stored W [n, width] without a gradient. */
export const storedEmbedding = (w: StoredRows, index: Tensor): Tensor =>
  apply(
    storedEmbeddingOp,
    index,
    w.bits,
    NONE,
    ...w.shape,
    undefined,
    w.scales ? [w.scales] : none,
  );

const storedEmbeddingOp: Op<
  "index" | "bits",
  { numbers: "rows" | "width"; bound: Pick<Bound, "read"> }
> = {
  name: "storedEmbedding",
  inputs: ["index", "bits"],
  numbers: ["rows", "width"],
  shape({ index, bits, rows, width, list }) {
    checkBits("storedEmbedding", bits, rows * width, list.length > 0);
    return [...index, width];
  },
  bind: ({ bits, rows, width, list }) => ({
    read: rowReader(bits, [rows, width], list.length > 0 ? list[0].data : null),
  }),
  forward({ y, index, rows, width, bound }) {
    for (let i = 0; i < index.length; i++) {
      if (!(index[i] >= 0 && index[i] < rows && Number.isInteger(index[i])))
        throw new RangeError(
          `storedEmbedding: expected an index from 0 to ${rows - 1}, got ${index[i]} at ${i}`,
        );
      bound.read(y, i * width, index[i]);
    }
  },
};
