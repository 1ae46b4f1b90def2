/** Reads an ONNX file and runs its graph by plain lists: as many operators as our exports use. */
import { decodeUtf8 } from "../../src/core/utf8.ts";

export interface Value {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Field {
  readonly field: number;
  readonly value: number;
  readonly bytes: Uint8Array;
}
interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, readonly number[]>;
}
export interface Model {
  /** Of the format, and of the operators. */
  readonly versions: readonly [number, number];
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of inputs and outputs; names are whatever is fed. */
  readonly sizes: ReadonlyMap<string, readonly (number | string)[]>;
  readonly constants: ReadonlyMap<string, Value>;
  readonly nodes: readonly Node[];
}

/** The fields of a protobuf message: whole numbers, floats, and bytes. */
function fields(bytes: Uint8Array): Field[] {
  const list: Field[] = [];
  const none = new Uint8Array(0);
  let at = 0;
  const varint = (): number => {
    let n = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      n |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, n));
    }
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  while (at < bytes.length) {
    const key = varint();
    const field = key >> 3;
    if ((key & 7) === 0) list.push({ field, value: varint(), bytes: none });
    else if ((key & 7) === 5) {
      list.push({ field, value: view.getFloat32(at, true), bytes: none });
      at += 4;
    } else {
      const length = varint();
      list.push({ field, value: 0, bytes: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return list;
}
const all = (list: readonly Field[], field: number): Field[] =>
  list.filter((one) => one.field === field);
const texts = (list: readonly Field[], field: number): string[] =>
  all(list, field).map(({ bytes }) => decodeUtf8(bytes));

/** Bytes of an element, and its reading, by the number of its type. */
const elements: Readonly<Record<number, [number, (view: DataView, at: number) => number]>> = {
  1: [4, (view, at) => view.getFloat32(at, true)],
  3: [1, (view, at) => view.getInt8(at)],
  7: [8, (view, at) => Number(view.getBigInt64(at, true))],
  10: [2, (view, at) => halfOf(view.getUint16(at, true))],
};
function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function readOnnx(file: Uint8Array): Model {
  const model = fields(file);
  const graph = fields(all(model, 7)[0].bytes);
  const constants = new Map(
    all(graph, 5).map(({ bytes }) => {
      const parts = fields(bytes);
      const raw = all(parts, 9)[0].bytes;
      const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
      const [bytesOf, read] = elements[all(parts, 2)[0].value];
      const data = Array.from({ length: raw.length / bytesOf }, (_, i) => read(view, bytesOf * i));
      return [texts(parts, 8)[0], { shape: all(parts, 1).map(({ value }) => value), data }];
    }),
  );
  const nodes = all(graph, 1).map(({ bytes }) => {
    const parts = fields(bytes);
    const attributes = all(parts, 5).map((one) => {
      const inner = fields(one.bytes);
      const numbers = inner.filter(({ field }) => [2, 3, 8].includes(field));
      return [texts(inner, 1)[0], numbers.map(({ value }) => value)] as const;
    });
    const [inputs, outputs, [operator]] = [texts(parts, 1), texts(parts, 2), texts(parts, 4)];
    return { operator, inputs, outputs, attributes: new Map(attributes) };
  });
  const named = (field: number): string[] =>
    all(graph, field).map(({ bytes }) => texts(fields(bytes), 1)[0]);
  const inner = (list: readonly Field[], field: number): Field[] =>
    fields(all(list, field)[0].bytes);
  const sizes = new Map(
    [...all(graph, 11), ...all(graph, 12)].map(({ bytes }) => {
      const info = fields(bytes);
      const shape = inner(inner(inner(info, 2), 1), 2);
      const size = ({ bytes: one }: Field) =>
        texts(fields(one), 2)[0] ?? all(fields(one), 1)[0].value;
      return [texts(info, 1)[0], all(shape, 1).map(size)];
    }),
  );
  const versions = [all(model, 1)[0].value, all(inner(model, 8), 2)[0].value] as const;
  const ends = { inputs: named(11), outputs: named(12), sizes };
  return { versions, name: texts(graph, 2)[0], ...ends, constants, nodes };
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
/** The element of each index, row-major. */
function build(shape: readonly number[], of: (index: number[]) => number): Value {
  const data = Array.from({ length: size(shape) }, (_, i) => {
    const index: number[] = [];
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      index.unshift(rest % shape[axis]);
      rest = Math.floor(rest / shape[axis]);
    }
    return of(index);
  });
  return { shape, data };
}
const at = ({ shape, data }: Value, index: readonly number[]): number => {
  const own = index.slice(index.length - shape.length);
  return data[own.reduce((sum, i, axis) => sum * shape[axis] + (shape[axis] === 1 ? 0 : i), 0)];
};
function elementwise(a: Value, b: Value, f: (x: number, y: number) => number): Value {
  const rank = Math.max(a.shape.length, b.shape.length);
  const size_ = (v: Value, axis: number): number => v.shape[axis - rank + v.shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, i) => Math.max(size_(a, i), size_(b, i)));
  return build(shape, (index) => f(at(a, index), at(b, index)));
}
/** Applies `f` to each row of the last axis. */
function rows(x: Value, f: (row: readonly number[]) => readonly number[]): Value {
  const n = x.shape[x.shape.length - 1];
  const count = x.data.length / n;
  const data = Array.from({ length: count }, (_, r) => f(x.data.slice(r * n, (r + 1) * n))).flat();
  return { shape: x.shape, data };
}
function matMul(a: Value, b: Value): Value {
  const inner = a.shape[a.shape.length - 1];
  const shape = [...a.shape.slice(0, -1), b.shape[b.shape.length - 1]];
  return build(shape, (index) => {
    const [lead, row, column] = [index.slice(0, -2), index.at(-2) ?? 0, index.at(-1) ?? 0];
    let sum = 0;
    for (let i = 0; i < inner; i++) sum += at(a, [...lead, row, i]) * at(b, [...lead, i, column]);
    return sum;
  });
}
function slice(x: Value, [starts, ends, axes]: readonly Value[]): Value {
  const axesOf = axes?.data ?? starts.data.map((_, i) => i);
  const first = x.shape.map((_, axis) => starts.data[axesOf.indexOf(axis)] ?? 0);
  const shape = x.shape.map(
    (n, axis) => Math.min(n, ends.data[axesOf.indexOf(axis)] ?? n) - first[axis],
  );
  return build(shape, (index) =>
    at(
      x,
      index.map((i, axis) => i + first[axis]),
    ),
  );
}
function layerNorm(x: Value, [weight, bias]: readonly Value[], epsilon: number): Value {
  return rows(x, (row) => {
    const mean = row.reduce((a, b) => a + b) / row.length;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / row.length;
    return row.map(
      (v, i) => ((v - mean) / Math.sqrt(variance + epsilon)) * weight.data[i] + bias.data[i],
    );
  });
}

const map = (x: Value, f: (v: number) => number): Value => ({ ...x, data: x.data.map(f) });
/** x·wᵀ + b. */
function gemm(x: Value, w: Value, b: Value): Value {
  return build([x.shape[0], w.shape[0]], ([i, j]) => {
    let sum = b.data[j];
    for (let k = 0; k < x.shape[1]; k++) sum += at(x, [i, k]) * at(w, [j, k]);
    return sum;
  });
}
/** Without padding, by steps of one. */
function convolution(x: Value, w: Value, b: Value): Value {
  const [filters, planes, height, width] = w.shape;
  const shape = [x.shape[0], filters, x.shape[2] - height + 1, x.shape[3] - width + 1];
  return build(shape, ([image, f, row, column]) => {
    let sum = b.data[f];
    for (let p = 0; p < planes; p++)
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++)
          sum += at(x, [image, p, row + i, column + j]) * at(w, [f, p, i, j]);
    return sum;
  });
}

function apply(node: Node, x: readonly Value[]): Value[] {
  const attribute = (name: string): readonly number[] => node.attributes.get(name) ?? [];
  const [a, ...others] = x;
  switch (node.operator) {
    case "Add":
      return [elementwise(a, x[1], (p, q) => p + q)];
    case "Mul":
      return [elementwise(a, x[1], (p, q) => p * q)];
    case "Sub":
      return [elementwise(a, x[1], (p, q) => p - q)];
    case "Tanh":
      return [map(a, Math.tanh)];
    case "Relu":
      return [map(a, (v) => Math.max(0, v))];
    case "Sigmoid":
      return [map(a, (v) => 1 / (1 + Math.exp(-v)))];
    case "Clip":
      return [map(a, (v) => Math.min(Math.max(v, x[1].data[0]), x[2].data[0]))];
    case "Flatten":
      if (attribute("axis")[0] !== 1) throw new RangeError("Flatten: want axis 1");
      return [{ shape: [a.shape[0], size(a.shape.slice(1))], data: a.data }];
    case "Gemm":
      if (attribute("transB")[0] !== 1) throw new RangeError("Gemm: want transB 1");
      return [gemm(a, x[1], x[2])];
    case "Cast":
      if (attribute("to")[0] !== 1) throw new RangeError("Cast: want float");
      return [a];
    case "DequantizeLinear":
      if (attribute("axis")[0] !== 0) throw new RangeError("DequantizeLinear: want axis 0");
      return [build(a.shape, (index) => Math.fround(at(a, index) * x[1].data[index[0]]))];
    case "Conv":
      return [convolution(a, x[1], x[2])];
    case "Shape":
      return [{ shape: [a.shape.length], data: a.shape }];
    case "Concat":
      return [{ shape: [x.length], data: x.flatMap(({ data }) => data) }];
    case "Slice":
      return [slice(a, others)];
    case "Gather":
      return [
        build([...x[1].shape, ...a.shape.slice(1)], (index) =>
          at(a, [at(x[1], index.slice(0, x[1].shape.length)), ...index.slice(x[1].shape.length)]),
        ),
      ];
    case "Transpose": {
      const perm = attribute("perm");
      const shape = perm.map((axis) => a.shape[axis]);
      return [
        build(shape, (index) =>
          at(
            a,
            perm.map((_, axis) => index[perm.indexOf(axis)]),
          ),
        ),
      ];
    }
    case "Reshape": {
      const shape = x[1].data.map((n, axis) => (n === 0 ? a.shape[axis] : n));
      if (size(shape) !== a.data.length)
        throw new RangeError(`Reshape: [${a.shape}] to [${shape}]`);
      return [{ shape, data: a.data }];
    }
    case "Split": {
      const [axis] = attribute("axis");
      const part = a.shape[axis] / node.outputs.length;
      const shape = a.shape.map((n, i) => (i === axis ? part : n));
      return node.outputs.map((_, k) =>
        build(shape, (index) =>
          at(
            a,
            index.map((i, j) => (j === axis ? i + k * part : i)),
          ),
        ),
      );
    }
    case "MatMul":
      return [matMul(a, x[1])];
    case "Softmax":
      return [
        rows(a, (row) => {
          const most = Math.max(...row);
          const e = row.map((v) => Math.exp(v - most));
          const total = e.reduce((p, q) => p + q);
          return e.map((v) => v / total);
        }),
      ];
    case "LayerNormalization":
      return [layerNorm(a, others, attribute("epsilon")[0])];
    default:
      throw new RangeError(`onnx: no operator ${node.operator}`);
  }
}

export function runOnnx(model: Model, inputs: Readonly<Record<string, Value>>): Map<string, Value> {
  const values = new Map([...model.constants, ...Object.entries(inputs)]);
  for (const node of model.nodes) {
    const given = node.inputs.map((name) => {
      const value = values.get(name);
      if (value === undefined) throw new RangeError(`onnx: no value "${name}"`);
      return value;
    });
    for (const [i, value] of apply(node, given).entries()) values.set(node.outputs[i], value);
  }
  return values;
}
