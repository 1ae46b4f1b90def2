/** Runs a case through the tape: its inputs as tensors, its outputs and gradients as numbers. */
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { add, mul } from "../../src/ops/arithmetic.ts";
import { sum } from "../../src/ops/reduce.ts";
import { backendFor } from "./backend.ts";
import { decode } from "./compare.ts";
import type { Adapter, Float, Output, VectorCase } from "./types.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes are whatever the file says
type Attrs = Record<string, any>;
type Inputs = Record<string, Tensor>;

/** An adapter from a function of the case's tensors and attributes to one output or several. */
export function graph(f: (inputs: Inputs, attrs: Attrs) => Tensor | Inputs): Adapter {
  return (c, float) => runGraph(c, float, f);
}

export function runGraph(
  c: VectorCase,
  float: Float,
  f: (inputs: Inputs, attrs: Attrs) => Tensor | Inputs,
  k = backendFor(float),
): Record<string, Output> {
  const tensors: Inputs = {};
  for (const [name, t] of Object.entries(c.inputs)) {
    const make = t.dtype === undefined ? variable : input;
    tensors[name] = make(k, t.shape, decode(t, t.dtype === undefined));
  }
  const tape = new Tape(k, { poison: true });
  const forward = () => {
    const made = f(tensors, c.attrs ?? {});
    const outputs: Inputs = isTensor(made) ? { y: made } : made;
    let loss: Tensor | null = null;
    for (const [name, y] of Object.entries(outputs)) {
      const cotangent = c.gradOut?.[name];
      if (cotangent === undefined && !(name === "loss" && c.expected.grads)) continue;
      cotangents[name] ??= input(k, y.shape, cotangent ? decode(cotangent) : [1]);
      const term = sum(mul(y, cotangents[name]));
      loss = loss === null ? term : add(loss, term);
    }
    return { outputs, loss };
  };
  const cotangents: Inputs = {};
  tape.run(forward);
  const { outputs, loss } = tape.run(forward); // the second run replays: both must agree
  const got: Record<string, Output> = {};
  for (const [name, y] of Object.entries(outputs))
    got[name] = { shape: y.shape, data: y.data.slice() };
  if (loss !== null && loss.grad !== null) tape.backward(loss);
  for (const [name, { shape, grad }] of Object.entries(tensors)) {
    if (grad !== null) got[`grads.${name}`] = { shape, data: grad };
  }
  return got;
}

const isTensor = (x: Tensor | Inputs): x is Tensor => Array.isArray((x as Tensor).shape);
