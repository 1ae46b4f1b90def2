/** Reference cases of the core, keyed by group and the names of their inputs. */
import { loops } from "../../../src/backends/loops.ts";
import { threefry2x32 } from "../../../src/core/random.ts";
import { Tape } from "../../../src/core/tape.ts";
import { input, Parameters, variable } from "../../../src/core/tensor.ts";
import * as o from "../../../src/ops/index.ts";
import { Adam } from "../../../src/optim/adam.ts";
import { clipGlobalNorm } from "../../../src/optim/clip.ts";
import { linear, step } from "../../../src/optim/schedule.ts";
import type { ReferenceAdapter } from "../types.ts";

const k = loops(Float64Array);

/** JAX's way through threefry: key (0, seed), counter (0, i), both words. */
function words(seed: number, i: number): [number, number] {
  const out = new Uint32Array(2);
  threefry2x32(0, seed, 0, i, out);
  return [out[0], out[1]];
}
const bits = (seed: number, i: number): number => {
  const [x, y] = words(seed, i);
  return (x ^ y) >>> 0;
};
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export const referenceCore: Record<string, ReferenceAdapter> = {
  "schedule:end,end_step,start,start_step,step": ({ inputs: c }) => ({
    value: c.step.map((at: number, i: number) => {
      const first = c.start_step[i];
      return linear(c.start, c.end_step[i] - first, c.end)(Math.max(0, at - first));
    }),
  }),
  "schedule:decays,end,end_step,rate,start,start_step,step": ({ inputs: c }) => {
    const decay = step(c.start, (c.end_step - c.start_step) / c.decays, c.rate);
    return {
      value: c.step.map((at: number) => (at >= c.end_step ? c.end : decay(at - c.start_step))),
    };
  },
  "autodiff:upstream,x": ({ inputs }) => {
    const x = variable(k, [inputs.x.length], inputs.x);
    const upstream = input(k, x.shape, inputs.upstream);
    const tape = new Tape(k);
    tape.backward(tape.run(() => o.sum(o.mul(o.logSoftmax(x), upstream))));
    return { dx: [...x.grad] };
  },
  "optimizer:beta1,beta2,eps,loss,lr,x": ({ inputs: c }) => {
    const parameters = new Parameters(k);
    const x = parameters.add("x", [c.x.length], c.x);
    const adam = new Adam(parameters, {
      learningRate: c.lr,
      beta1: c.beta1,
      beta2: c.beta2,
      eps: c.eps,
    });
    const tape = new Tape(k);
    const after = upTo(2).map(() => {
      tape.backward(tape.run(() => o.sum(o.square(x))));
      adam.step();
      return [...x.data];
    });
    return { x_after: after };
  },
  "optimizer:grads,max_norm": ({ inputs }) => ({
    clipped: inputs.grads.map((list: number[][], i: number) => {
      const gradients = list.map((grad) => ({ grad: Float64Array.from(grad) }));
      clipGlobalNorm(gradients, inputs.max_norm[i]);
      return gradients.map(({ grad }) => [...grad]);
    }),
  }),
  "rng:keys,shapes": ({ inputs }) => ({
    bits: inputs.keys.map((key: number, i: number) => {
      const size = inputs.shapes[i].reduce((n: number, m: number) => n * m, 1);
      return upTo(size).map((j) => bits(key, j));
    }),
  }),
  "rng:key,n": ({ inputs: { key, n }, expected }) =>
    "keys" in expected
      ? { keys: upTo(n).map((i) => words(key, i)) }
      : { uniform: upTo(n).map((i) => (bits(key, i) >>> 9) * 2 ** -23) },
};
