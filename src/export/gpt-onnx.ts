/** Exports a GPT as an ONNX model from tokens [N, T] (int64) to logits [N, T, vocab]. */
import { UsageError } from "../core/errors.ts";
import type { Gpt } from "../nn/gpt.ts";
import { OnnxGraph } from "./onnx.ts";

export function gptOnnx(gpt: Gpt, title = "gpt"): Uint8Array {
  const { vocab, layers, tied } = gpt.options;
  const graph = new GptGraph(gpt);
  const { g } = graph;
  const tokens = g.input("tokens", ["N", "T"], "int64");
  const mask = graph.readLength(tokens);
  const wte = graph.weight("wte.weight");
  const positions = graph.first(graph.weight("wpe.weight"), [0]);
  let x = g.node("Add", [g.node("Gather", [wte, tokens]), positions]);
  for (let i = 0; i < layers; i++) x = graph.block(x, i, mask);
  const head = tied ? wte : graph.weight("head.weight");
  g.node("MatMul", [graph.norm(x, "lnf"), graph.transpose(head)], {}, "logits");
  g.output("logits", ["N", "T", vocab]);
  return g.bytes(title);
}

/** An ONNX graph with the parts of a GPT as nodes. */
class GptGraph {
  readonly g = new OnnxGraph();
  private readonly gpt: Gpt;
  private readonly half = this.scalar("half", 0.5);
  private readonly one = this.scalar("one", 1);
  private readonly cubic = this.scalar("cubic", 0.044715);
  private readonly root = this.scalar("root", 0.7978845608028654);
  private readonly scale: string;
  private zero = "";
  private length = "";

  constructor(gpt: Gpt) {
    this.gpt = gpt;
    const { width, heads } = gpt.options;
    this.scale = this.scalar("scale", 1 / Math.sqrt(width / heads));
  }

  private scalar(name: string, value: number): string {
    return this.g.constant(name, [], [value]);
  }

  weight(name: string): string {
    const parameter = this.gpt.parameters.get(name);
    if (parameter === undefined) throw new UsageError(`gptOnnx: no parameter ${name}`);
    return this.g.constant(name, parameter.shape, parameter.data);
  }

  /** Reads T, the length of the texts. Returns the mask [T, T] of future positions. */
  readLength(tokens: string): string {
    const { g } = this;
    const { context } = this.gpt.options;
    this.length = g.node("Slice", [g.node("Shape", [tokens]), g.numbers([1]), g.numbers([2])]);
    this.zero = g.numbers([0]);
    const future = Float32Array.from({ length: context * context }, (_, i) =>
      i % context > Math.floor(i / context) ? -Infinity : 0,
    );
    return this.first(g.constant("future", [context, context], future), [0, 1]);
  }

  /** Slices the first T of a constant along the given axes. */
  first(x: string, axes: readonly number[]): string {
    const { g, length, zero } = this;
    const ends = axes.length === 1 ? length : g.node("Concat", [length, length], { axis: 0 });
    const starts = axes.length === 1 ? zero : g.numbers([0, 0]);
    return g.node("Slice", [x, starts, ends, g.numbers(axes)]);
  }

  block(x: string, layer: number, mask: string): string {
    const { g } = this;
    const name = `h.${layer}`;
    const attended = g.node("Add", [x, this.attend(this.norm(x, `${name}.ln1`), layer, mask)]);
    const up = this.gelu(this.linear(this.norm(attended, `${name}.ln2`), `${name}.mlp.fc`));
    return g.node("Add", [attended, this.linear(up, `${name}.mlp.proj`)]);
  }

  norm(x: string, name: string): string {
    const inputs = [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)];
    return this.g.node("LayerNormalization", inputs, {
      axis: -1,
      epsilon: { float: this.gpt.options.eps },
    });
  }

  transpose(w: string): string {
    return this.g.node("Transpose", [w], { perm: [1, 0] });
  }

  private linear(x: string, name: string): string {
    const product = this.g.node("MatMul", [x, this.transpose(this.weight(`${name}.weight`))]);
    return this.g.node("Add", [product, this.weight(`${name}.bias`)]);
  }

  private gelu(x: string): string {
    const { g } = this;
    const cube = g.node("Mul", [g.node("Mul", [x, x]), x]);
    const sum = g.node("Add", [x, g.node("Mul", [cube, this.cubic])]);
    const risen = g.node("Add", [g.node("Tanh", [g.node("Mul", [sum, this.root])]), this.one]);
    return g.node("Mul", [g.node("Mul", [x, this.half]), risen]);
  }

  private split(x: string, perm: readonly number[]): string {
    const { heads, width } = this.gpt.options;
    const shape = this.g.numbers([0, 0, heads, width / heads]);
    return this.g.node("Transpose", [this.g.node("Reshape", [x, shape])], { perm });
  }

  private attend(x: string, layer: number, mask: string): string {
    const { g } = this;
    const parts = ["q", "k", "v"].map((name) => `${name}${layer}`);
    const qkv = this.linear(x, `h.${layer}.attn.qkv`);
    const [q, k, v] = g.nodeOf("Split", [qkv], { axis: 2 }, parts);
    const scores = g.node("MatMul", [this.split(q, [0, 2, 1, 3]), this.split(k, [0, 2, 3, 1])]);
    const masked = g.node("Add", [g.node("Mul", [scores, this.scale]), mask]);
    const weights = g.node("Softmax", [masked], { axis: -1 });
    const y = g.node("MatMul", [weights, this.split(v, [0, 2, 1, 3])]);
    const joined = g.node("Transpose", [y], { perm: [0, 2, 1, 3] });
    const shape = g.numbers([0, 0, this.gpt.options.width]);
    return this.linear(g.node("Reshape", [joined, shape]), `h.${layer}.attn.proj`);
  }
}
