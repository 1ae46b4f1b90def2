/** Exports a GPT as an ONNX model from tokens [N, T] (int64) to logits [N, T, vocab]. */
import { UsageError } from "../core/errors.ts";
import { OnnxGraph } from "../io/onnx.ts";
import type { Gpt } from "./gpt.ts";

export function gptOnnx(gpt: Gpt, title = "gpt"): Uint8Array {
  const { vocab, context, layers, heads, width, tied } = gpt.options;
  const g = new OnnxGraph();
  const weight = (name: string): string => {
    const parameter = gpt.parameters.get(name);
    if (parameter === undefined) throw new UsageError(`gptOnnx: no parameter ${name}`);
    return g.constant(name, parameter.shape, parameter.data);
  };
  const scalar = (name: string, value: number): string => g.constant(name, [], [value]);
  const half = scalar("half", 0.5);
  const one = scalar("one", 1);
  const cubic = scalar("cubic", 0.044715);
  const root = scalar("root", 0.7978845608028654);
  const scale = scalar("scale", 1 / Math.sqrt(width / heads));

  const tokens = g.input("tokens", ["N", "T"], "int64");
  const T = g.node("Slice", [g.node("Shape", [tokens]), g.numbers([1]), g.numbers([2])]);
  const zero = g.numbers([0]);
  /** Slices the first T of a constant along the given axes. */
  const first = (x: string, axes: readonly number[]): string => {
    const ends = axes.length === 1 ? T : g.node("Concat", [T, T], { axis: 0 });
    const starts = axes.length === 1 ? zero : g.numbers([0, 0]);
    return g.node("Slice", [x, starts, ends, g.numbers(axes)]);
  };
  const future = Float32Array.from({ length: context * context }, (_, i) =>
    i % context > Math.floor(i / context) ? -Infinity : 0,
  );
  const mask = first(g.constant("future", [context, context], future), [0, 1]);

  const norm = (x: string, name: string): string =>
    g.node("LayerNormalization", [x, weight(`${name}.weight`), weight(`${name}.bias`)], {
      axis: -1,
      epsilon: { float: 1e-5 },
    });
  const transpose = (w: string): string => g.node("Transpose", [w], { perm: [1, 0] });
  const linear = (x: string, name: string): string =>
    g.node("Add", [
      g.node("MatMul", [x, transpose(weight(`${name}.weight`))]),
      weight(`${name}.bias`),
    ]);
  const gelu = (x: string): string => {
    const cube = g.node("Mul", [g.node("Mul", [x, x]), x]);
    const inner = g.node("Mul", [g.node("Add", [x, g.node("Mul", [cube, cubic])]), root]);
    const risen = g.node("Add", [g.node("Tanh", [inner]), one]);
    return g.node("Mul", [g.node("Mul", [x, half]), risen]);
  };
  const split = (x: string, perm: readonly number[]): string =>
    g.node("Transpose", [g.node("Reshape", [x, g.numbers([0, 0, heads, width / heads])])], {
      perm,
    });
  const attend = (x: string, layer: number): string => {
    const parts = ["q", "k", "v"].map((name) => `${name}${layer}`);
    const [q, k, v] = g.nodeOf("Split", [linear(x, `h.${layer}.attn.qkv`)], { axis: 2 }, parts);
    const scores = g.node("MatMul", [split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1])]);
    const masked = g.node("Add", [g.node("Mul", [scores, scale]), mask]);
    const y = g.node("MatMul", [g.node("Softmax", [masked], { axis: -1 }), split(v, [0, 2, 1, 3])]);
    const joined = g.node("Transpose", [y], { perm: [0, 2, 1, 3] });
    return linear(g.node("Reshape", [joined, g.numbers([0, 0, width])]), `h.${layer}.attn.proj`);
  };

  const wte = weight("wte.weight");
  const positions = first(weight("wpe.weight"), [0]);
  let x = g.node("Add", [g.node("Gather", [wte, tokens]), positions]);
  for (let i = 0; i < layers; i++) {
    x = g.node("Add", [x, attend(norm(x, `h.${i}.ln1`), i)]);
    const up = gelu(linear(norm(x, `h.${i}.ln2`), `h.${i}.mlp.fc`));
    x = g.node("Add", [x, linear(up, `h.${i}.mlp.proj`)]);
  }
  const head = tied ? wte : weight("head.weight");
  g.node("MatMul", [norm(x, "lnf"), transpose(head)], {}, "logits");
  g.output("logits", ["N", "T", vocab]);
  return g.bytes(title);
}
