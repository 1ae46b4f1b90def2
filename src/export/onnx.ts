/**
 * Writes the part of ONNX (onnx.proto, IR version 8, operator set 17) that exported models need: a graph of nodes
 * with constant tensors, as protobuf bytes.
 */
import { encodeUtf8 } from "../core/utf8.ts";
import { type Dtype, halves, quantize } from "../io/quantize.ts";

type Bytes = readonly number[] | Uint8Array;

/** An attribute of a node: a whole number or a list of them, or a float, wrapped in an object. */
export type Attribute = number | readonly number[] | { readonly float: number };

const varint = (n: number): number[] => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(n)); // −1 takes ten bytes
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
};
const join = (parts: readonly Bytes[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};
const message = (field: number, ...parts: readonly Bytes[]): Uint8Array => {
  const content = join(parts);
  return join([varint(field * 8 + 2), varint(content.length), content]);
};
const text = (field: number, value: string): Uint8Array => message(field, encodeUtf8(value));
const whole = (field: number, value: number): Uint8Array =>
  join([varint(field * 8), varint(value)]);
const float = (field: number, value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([varint(field * 8 + 5), bytes]);
};

const types = { float: 1, int8: 3, int64: 7, half: 10 } as const;
/** The sizes of a tensor; a named size is set by the caller of the model. */
export type Sizes = readonly (number | string)[];

export class OnnxGraph {
  private readonly nodes: Uint8Array[] = [];
  private readonly constants: Uint8Array[] = [];
  private readonly inputs: Uint8Array[] = [];
  private readonly outputs: Uint8Array[] = [];
  private count = 0;

  input(name: string, sizes: Sizes, type: "float" | "int64" = "float"): string {
    this.inputs.push(message(11, valueInfo(name, sizes, type)));
    return name;
  }

  output(name: string, sizes: Sizes): void {
    this.outputs.push(message(12, valueInfo(name, sizes, "float")));
  }

  /** Adds a constant of float32 numbers; a size of −1 follows from the others. Returns its name. */
  constant(name: string, shape: readonly number[], values: ArrayLike<number>): string {
    const bytes = new Uint8Array(4 * values.length);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
    return this.tensor(name, shape, types.float, bytes);
  }

  /**
   * Adds weights in a dtype, and the node that turns them into float32. As int8 a matrix has a scale per output, its first
   * axis; vectors stay float32. Returns the name of the float32 numbers.
   */
  weights(name: string, shape: readonly number[], values: ArrayLike<number>, dtype: Dtype): string {
    if (dtype === "f16") {
      const half = new Uint8Array(halves(values).buffer);
      return this.node("Cast", [this.tensor(`${name}Half`, shape, types.half, half)], {
        to: types.float,
      });
    }
    if (dtype === "f32" || shape.length < 2) return this.constant(name, shape, values);
    const { data, scale } = quantize(values, shape[0]);
    const small = this.tensor(`${name}Int8`, shape, types.int8, new Uint8Array(data.buffer));
    const scales = this.constant(`${name}Scale`, [shape[0]], scale);
    return this.node("DequantizeLinear", [small, scales], { axis: 0 });
  }

  /** Adds a constant of whole numbers, such as sizes, indices and axes. Returns its name. */
  numbers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const bytes = new Uint8Array(8 * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((x, i) => {
      view.setBigInt64(8 * i, BigInt(x), true);
    });
    return this.tensor(`numbers${this.count++}`, shape, types.int64, bytes);
  }

  private tensor(name: string, shape: readonly number[], type: number, bytes: Uint8Array): string {
    const sizes = shape.map((n) => whole(1, n));
    this.constants.push(message(5, ...sizes, whole(2, type), text(8, name), message(9, bytes)));
    return name;
  }

  /** Adds a node. Returns its output's name, generated unless given. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = `t${this.count++}`,
  ): string {
    this.nodeOf(operator, inputs, attributes, [output]);
    return output;
  }

  /** Adds a node with several outputs. */
  nodeOf(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: readonly string[],
  ): readonly string[] {
    const parts = [
      ...inputs.map((x) => text(1, x)),
      ...outputs.map((x) => text(2, x)),
      text(4, operator),
      ...Object.entries(attributes).map(([name, value]) => message(5, attribute(name, value))),
    ];
    this.nodes.push(message(1, ...parts));
    return outputs;
  }

  /** Returns the file's bytes. */
  bytes(name: string): Uint8Array {
    const graph = [
      ...this.nodes,
      text(2, name),
      ...this.constants,
      ...this.inputs,
      ...this.outputs,
    ];
    const operators = message(8, text(1, ""), whole(2, 17));
    return join([whole(1, 8), text(2, "pigrad"), message(7, ...graph), operators]);
  }
}

function valueInfo(name: string, sizes: Sizes, type: keyof typeof types): Uint8Array {
  const dims = sizes.map((n) => message(1, typeof n === "number" ? whole(1, n) : text(2, n)));
  return join([text(1, name), message(2, message(1, whole(1, types[type]), message(2, ...dims)))]);
}

function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === "number") return join([text(1, name), whole(3, value), whole(20, 2)]);
  if ("float" in value) return join([text(1, name), float(2, value.float), whole(20, 1)]);
  return join([text(1, name), ...value.map((x) => whole(8, x)), whole(20, 7)]);
}
