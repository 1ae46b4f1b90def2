/** Measures the forward pass of elementwise and row ops on a million numbers; dropout includes drawing its mask. */
import { loops } from "../src/backends/loops.ts";
import { simd } from "../src/backends/simd.ts";
import type { Backend } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input, type Tensor } from "../src/core/tensor.ts";
import { Dropout } from "../src/nn/dropout.ts";
import { gelu, tanh } from "../src/ops/activations.ts";
import { add } from "../src/ops/arithmetic.ts";
import { exp } from "../src/ops/elementwise.ts";
import { layerNorm } from "../src/ops/normalization.ts";
import { logSoftmax, softmax } from "../src/ops/softmax.ts";
import type { BenchCase, Suite } from "./harness.ts";

function cases(k: Backend): BenchCase[] {
  const n = 1000;
  const x = input(k, [n, n]);
  new Random(1).fillNormal(x.data);
  const [weight, bias] = [input(k, [n], new Float32Array(n).fill(1)), input(k, [n])];
  const drop = new Dropout(k, 0.1, new Random(2));
  const ops: Record<string, () => Tensor> = {
    add: () => add(x, x),
    tanh: () => tanh(x),
    exp: () => exp(x),
    gelu: () => gelu(x),
    softmax: () => softmax(x),
    logSoftmax: () => logSoftmax(x),
    layerNorm: () => layerNorm(x, weight, bias),
    dropout() {
      drop.begin();
      return drop.apply(x);
    },
  };
  return Object.entries(ops).map(([name, op]) => {
    const tape = new Tape(k, { grads: false });
    const of = `${name} of 1e6`;
    return {
      name: `${k.name}, ${of}`,
      amount: n * n,
      unit: "elements",
      run: () => void tape.run(op),
      ...(k.name === "loops" ? { against: `simd, ${of}` } : {}),
    };
  });
}

export const elementwise: Suite = {
  about: "ops on [1000, 1000], forward",
  make: () => [...cases(simd()), ...cases(loops())],
};
