/** ONNX models read from their bytes and run in the plainest way, after onnx.proto and the operators' texts. */

export interface Value {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, number>>;
}
export interface Model {
  readonly version: number;
  readonly operators: number;
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Value>;
  /** Names and sizes. */
  readonly inputs: ReadonlyMap<string, readonly (number | string)[]>;
  readonly outputs: ReadonlyMap<string, readonly (number | string)[]>;
}

type Field = readonly [number: number, value: number | Uint8Array];
/** A message's fields: varints and floats as numbers, anything with a length as bytes. */
function fields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const varint = (): number => {
    let n = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      n |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, n));
    }
  };
  const found: Field[] = [];
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) found.push([field, varint()]);
    else if (wire === 5) {
      found.push([field, view.getFloat32(at, true)]);
      at += 4;
    } else {
      const length = varint();
      found.push([field, bytes.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}
const all = (message: readonly Field[], field: number): (number | Uint8Array)[] =>
  message.filter(([n]) => n === field).map(([, value]) => value);
const texts = (message: readonly Field[], field: number): string[] =>
  all(message, field).map((bytes) => Buffer.from(bytes as Uint8Array).toString());
const inner = (message: readonly Field[], field: number): Field[][] =>
  all(message, field).map((bytes) => fields(bytes as Uint8Array));
const number = (message: readonly Field[], field: number): number =>
  all(message, field)[0] as number;

function constantFrom(message: readonly Field[]): [string, Value] {
  const raw = all(message, 9)[0] as Uint8Array;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const data =
    number(message, 2) === 1
      ? Array.from({ length: raw.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
      : Array.from({ length: raw.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  return [texts(message, 8)[0], { shape: all(message, 1) as number[], data }];
}
function infoFrom(message: readonly Field[]): [string, (number | string)[]] {
  const [tensor] = inner(inner(message, 2)[0], 1);
  const sizes = inner(tensor, 2)
    .flatMap((shape) => inner(shape, 1))
    .map((size) => texts(size, 2)[0] ?? number(size, 1));
  return [texts(message, 1)[0], sizes];
}

export function readOnnx(file: Uint8Array): Model {
  const model = fields(file);
  const [graph] = inner(model, 7);
  const nodes = inner(graph, 1).map((node) => ({
    operator: texts(node, 4)[0],
    inputs: texts(node, 1),
    outputs: texts(node, 2),
    attributes: Object.fromEntries(
      inner(node, 5).map((one) => [texts(one, 1)[0], number(one, number(one, 20) === 1 ? 2 : 3)]),
    ),
  }));
  return {
    version: number(model, 1),
    operators: number(inner(model, 8)[0], 2),
    name: texts(graph, 2)[0],
    nodes,
    constants: new Map(inner(graph, 5).map(constantFrom)),
    inputs: new Map(inner(graph, 11).map(infoFrom)),
    outputs: new Map(inner(graph, 12).map(infoFrom)),
  };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const map = (x: Value, f: (v: number, i: number) => number): Value => ({
  ...x,
  data: x.data.map(f),
});
/** Elementwise, the second value repeated over leading axes. */
const pairwise =
  (f: (a: number, b: number) => number) =>
  ([a, b]: Value[]): Value =>
    map(a, (v, i) => f(v, b.data[i % b.data.length]));

const operators: Record<string, (inputs: Value[], attributes: Record<string, number>) => Value> = {
  Add: pairwise((a, b) => a + b),
  Sub: pairwise((a, b) => a - b),
  Mul: pairwise((a, b) => a * b),
  Relu: ([x]) => map(x, (v) => Math.max(0, v)),
  Tanh: ([x]) => map(x, Math.tanh),
  Sigmoid: ([x]) => map(x, (v) => 1 / (1 + Math.exp(-v))),
  Clip: ([x, low, high]) => map(x, (v) => Math.min(Math.max(v, low.data[0]), high.data[0])),
  Flatten: ([x], { axis }) => ({
    shape: [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))],
    data: x.data,
  }),
  Gemm([x, w, b], { transB = 0 }) {
    const [rows, depth] = x.shape;
    const columns = transB === 1 ? w.shape[0] : w.shape[1];
    const data = Array.from({ length: rows * columns }, (_, at) => {
      const [i, j] = [Math.floor(at / columns), at % columns];
      let sum = b.data[j];
      for (let k = 0; k < depth; k++)
        sum += x.data[i * depth + k] * w.data[transB === 1 ? j * depth + k : k * columns + j];
      return sum;
    });
    return { shape: [rows, columns], data };
  },
  Conv([x, w, b]) {
    const [n, planes, height, width] = x.shape;
    const [filters, , kh, kw] = w.shape;
    const [outHeight, outWidth] = [height - kh + 1, width - kw + 1];
    const data: number[] = [];
    for (let image = 0; image < n; image++)
      for (let f = 0; f < filters; f++)
        for (let row = 0; row < outHeight; row++)
          for (let column = 0; column < outWidth; column++) {
            let sum = b.data[f];
            for (let p = 0; p < planes; p++)
              for (let i = 0; i < kh; i++)
                for (let j = 0; j < kw; j++)
                  sum +=
                    x.data[((image * planes + p) * height + row + i) * width + column + j] *
                    w.data[((f * planes + p) * kh + i) * kw + j];
            data.push(sum);
          }
    return { shape: [n, filters, outHeight, outWidth], data };
  },
};

/** The outputs by name. */
export function runOnnx(model: Model, given: Readonly<Record<string, Value>>): Map<string, Value> {
  const values = new Map([...model.constants, ...Object.entries(given)]);
  const get = (name: string): Value => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`onnx: nothing has made ${name}`);
    return value;
  };
  for (const { operator, inputs, outputs, attributes } of model.nodes) {
    if (operator === "Split") {
      const x = get(inputs[0]);
      const size = x.shape[1] / outputs.length;
      outputs.forEach((name, part) => {
        const data = x.data.filter((_, i) => Math.floor((i % x.shape[1]) / size) === part);
        values.set(name, { shape: [x.shape[0], size], data });
      });
    } else values.set(outputs[0], operators[operator](inputs.map(get), { ...attributes }));
  }
  return new Map([...model.outputs.keys()].map((name) => [name, get(name)]));
}
