/**
 * Exports a policy as an ONNX model from observations [N, …] to the head's input, "logits" or "mean" [N, outputs],
 * with the normalizer, which stays float32. A recurrent one also takes h and c [N, size] and returns "hNext" and "cNext".
 */
import type { Dtype } from "../io/quantize.ts";
import { OnnxGraph } from "./onnx.ts";
import {
  checkNormalizer,
  type Normalizer,
  type PolicyLayer,
  type PolicyPlan,
} from "./policy-plan.ts";

export function policyOnnx(plan: PolicyPlan, dtype: Dtype = "f32"): Uint8Array {
  const g = new OnnxGraph();
  let x = g.input("observation", ["N", ...plan.observation]);
  checkNormalizer("policyOnnx", plan);
  const { observation, normalize, layers, head } = plan;
  if (normalize !== null) x = normalizing(g, x, observation, normalize);
  const isImage = layers[0].kind === "conv";
  if (!isImage) x = flat(g, x);
  const output = "logStd" in head ? "mean" : "logits";
  layers.forEach((layer, i) => {
    const last = i === layers.length - 1;
    const weights: Weights = (name, shape, values) =>
      g.weights(`${name}${i}`, shape, values, dtype);
    x = apply(g, x, layer, weights, last ? output : undefined);
    if (layer.kind === "conv" && layers[i + 1].kind !== "conv") x = flat(g, x);
  });
  const final = layers[layers.length - 1];
  g.output(output, ["N", final.kind === "dense" ? final.bias.length : 0]);
  return g.bytes(plan.title);
}

/** Adds a layer's weights by name. */
type Weights = (name: string, shape: readonly number[], values: ArrayLike<number>) => string;

const flat = (g: OnnxGraph, x: string): string => g.node("Flatten", [x], { axis: 1 });

function normalizing(
  g: OnnxGraph,
  x: string,
  shape: readonly number[],
  { mean, variance, eps, clip }: Normalizer,
): string {
  const scale = Float32Array.from(variance, (v) => 1 / Math.sqrt(v + eps));
  const centered = g.node("Sub", [x, g.constant("observationMean", shape, mean)]);
  const scaled = g.node("Mul", [centered, g.constant("observationScale", shape, scale)]);
  const bound = (name: string, value: number): string => g.constant(name, [], [value]);
  return g.node("Clip", [scaled, bound("low", -clip), bound("high", clip)]);
}

function apply(
  g: OnnxGraph,
  x: string,
  layer: PolicyLayer,
  weights: Weights,
  output?: string,
): string {
  if (layer.kind === "lstm") return lstm(g, x, layer, weights);
  const { weight, bias } = layer;
  const outputs = bias.length;
  if (layer.kind === "conv") {
    const w = weights("weight", [outputs, layer.shape[0], 3, 3], weight);
    return g.node("Relu", [g.node("Conv", [x, w, weights("bias", [outputs], bias)])]);
  }
  const w = weights("weight", [outputs, weight.length / outputs], weight);
  const inputs = [x, w, weights("bias", [outputs], bias)];
  if (layer.activation === "none") return g.node("Gemm", inputs, { transB: 1 }, output);
  const z = g.node("Gemm", inputs, { transB: 1 });
  return g.node(layer.activation === "tanh" ? "Tanh" : "Relu", [z]);
}

function lstm(
  g: OnnxGraph,
  x: string,
  layer: PolicyLayer & { kind: "lstm" },
  weights: Weights,
): string {
  const { wIh, wHh, bIh, bHh, size } = layer;
  const [h, c] = ["h", "c"].map((name) => g.input(name, ["N", size]));
  const gates = (
    from: string,
    part: string,
    weight: ArrayLike<number>,
    bias: ArrayLike<number>,
  ) => {
    const w = weights(`w${part}`, [4 * size, weight.length / (4 * size)], weight);
    return g.node("Gemm", [from, w, weights(`b${part}`, [4 * size], bias)], { transB: 1 });
  };
  const sum = g.node("Add", [gates(x, "Ih", wIh, bIh), gates(h, "Hh", wHh, bHh)]);
  const names = ["i", "f", "g", "o"].map((name) => `gate_${name}`);
  const [input, forget, cell, output] = g.nodeOf("Split", [sum], { axis: 1 }, names);
  const sigmoid = (gate: string): string => g.node("Sigmoid", [gate]);
  const kept = g.node("Mul", [sigmoid(forget), c]);
  const made = g.node("Mul", [sigmoid(input), g.node("Tanh", [cell])]);
  const cNext = g.node("Add", [kept, made], {}, "cNext");
  const hNext = g.node("Mul", [sigmoid(output), g.node("Tanh", [cNext])], {}, "hNext");
  for (const name of [hNext, cNext]) g.output(name, ["N", size]);
  return hNext;
}
