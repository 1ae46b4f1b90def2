/** onnxruntime-node, native and for inference only: the policy's forward pass, and one product. */
import { createRequire } from "node:module";
import {
  columns,
  layer,
  type Made,
  serve,
  some,
  tensor,
  transposed,
  type Work,
} from "./contender.ts";

// biome-ignore lint/suspicious/noExplicitAny: the peers are not installed where types are checked
type Any = any;
const ort: Any = createRequire(import.meta.url)("onnxruntime-node");

// ---- the parts of protobuf and of ONNX's ModelProto that these graphs need
const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
const join = (...parts: ArrayLike<number>[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((x) => Array.from(x)));
const bytes = (field: number, x: ArrayLike<number>): Uint8Array =>
  join(varint(field * 8 + 2), varint(x.length), x);
const text = (field: number, x: string): Uint8Array => bytes(field, Buffer.from(x));
const whole = (field: number, x: number): Uint8Array => join(varint(field * 8), varint(x));
const constant = (name: string, shape: number[], x: Float32Array): Uint8Array =>
  join(
    ...shape.map((n) => whole(1, n)),
    whole(2, 1),
    text(8, name),
    bytes(9, new Uint8Array(x.buffer)),
  );
const node = (op: string, inputs: string[], output: string): Uint8Array =>
  join(...inputs.map((x) => text(1, x)), text(2, output), text(4, op));
const value = (name: string, shape: number[]): Uint8Array => {
  const dims = join(...shape.map((n) => bytes(1, whole(1, n))));
  return join(text(1, name), bytes(2, bytes(1, join(whole(1, 1), bytes(2, dims)))));
};
const model = (
  nodes: Uint8Array[],
  constants: Uint8Array[],
  x: Uint8Array,
  y: Uint8Array,
): Uint8Array => {
  const parts = [
    ...nodes.map((n) => bytes(1, n)),
    text(2, "graph"),
    ...constants.map((c) => bytes(5, c)),
  ];
  const graph = join(...parts, bytes(11, x), bytes(12, y));
  return join(whole(1, 8), bytes(7, graph), bytes(8, join(text(1, ""), whole(2, 13))));
};
const open = (m: Uint8Array): Promise<Any> =>
  ort.InferenceSession.create(m, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionProviders: ["cpu"],
  });

async function act(): Promise<Made> {
  const sizes = [4, 64, 64, 2];
  const nodes: Uint8Array[] = [];
  const constants: Uint8Array[] = [];
  let x = "x";
  for (let i = 0; i < 3; i++) {
    const { weight, bias } = layer(2 * i, sizes[i], sizes[i + 1]);
    const w = transposed(weight, sizes[i + 1], sizes[i]);
    constants.push(
      constant(`w${i}`, [sizes[i], sizes[i + 1]], w),
      constant(`b${i}`, [sizes[i + 1]], bias),
    );
    nodes.push(node("MatMul", [x, `w${i}`], `m${i}`), node("Add", [`m${i}`, `b${i}`], `s${i}`));
    if (i < 2) nodes.push(node("Tanh", [`s${i}`], `h${i}`));
    x = `h${i}`;
  }
  const session = await open(model(nodes, constants, value("x", [1, 4]), value("s2", [1, 2])));
  const observation = tensor(columns.observation, 4);
  const logits = async (): Promise<Float32Array> =>
    (await session.run({ x: new ort.Tensor("float32", observation, [1, 4]) })).s2.data;
  const check = async (): Promise<number[]> => {
    const [a, b] = await logits();
    const logSum = Math.log(Math.exp(a) + Math.exp(b));
    return [a - logSum, b - logSum];
  };
  return { step: logits, check };
}

async function gemm({ sizes: { n } }: Work): Promise<Made> {
  const constants = [constant("w", [n, n], tensor(31, n * n))];
  const session = await open(
    model([node("MatMul", ["x", "w"], "y")], constants, value("x", [n, n]), value("y", [n, n])),
  );
  const x = new ort.Tensor("float32", tensor(30, n * n), [n, n]);
  const product = async (): Promise<Float32Array> => (await session.run({ x })).y.data;
  return { step: product, check: async () => some(await product()) };
}

await serve({ act, gemm });
