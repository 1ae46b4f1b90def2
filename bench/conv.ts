/** Measures the convolution of games on planes, beside one product of as many multiply-adds. */
import { loops } from "../src/backends/loops.ts";
import { simd } from "../src/backends/simd.ts";
import { type Backend, type Floats, matrix } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input, variable } from "../src/core/tensor.ts";
import { conv2d } from "../src/ops/conv.ts";
import { reshape } from "../src/ops/layout.ts";
import { linear } from "../src/ops/matmul.ts";
import { sum } from "../src/ops/reduce.ts";
import type { BenchCase, Suite } from "./harness.ts";

/** Images of Breakout, and the filters of its preset. */
export const convSizes = { images: 256, channels: 4, side: 10, filters: 16 };
const kernel = 3;

/** Returns convolutions of one minibatch, without gradients, and with those of the filters from a weighted sum. */
export function convolutions(k: Backend, fill: (tensor: Floats, i: number) => void) {
  const { images, channels, side, filters } = convSizes;
  const x = input(k, [images, channels, side, side]);
  const weight = variable(k, [filters, channels, kernel, kernel]);
  const bias = variable(k, [filters]);
  const head = input(k, [1, filters * (side - kernel + 1) ** 2]);
  for (const [i, { data }] of [x, weight, bias, head].entries()) fill(data, i);
  const [acting, learning] = [new Tape(k, { grads: false }), new Tape(k)];
  return {
    weight,
    forward: () => acting.run(() => conv2d(x, weight, bias)),
    learn(): void {
      weight.grad.fill(0);
      bias.grad.fill(0);
      learning.backward(
        learning.run(() => sum(linear(reshape(conv2d(x, weight, bias), [images, -1]), head))),
      );
    },
  };
}

const depth = convSizes.channels * kernel ** 2;
const places = convSizes.images * (convSizes.side - kernel + 1) ** 2;

/** Returns a product of as many multiply-adds as these convolutions without gradients. */
export function oneProduct(k: Backend): () => void {
  const { filters } = convSizes;
  const [a, b, y] = [filters * depth, depth * places, filters * places].map((n) => k.alloc(n));
  const random = new Random(1);
  for (const factor of [a, b]) random.fillNormal(factor);
  const product = {
    y: matrix(y, filters, places),
    a: matrix(a, filters, depth),
    b: matrix(b, depth, places),
  };
  return () => k.gemm(product, false);
}

export const conv: Suite = {
  about: "convolution of 256 images [4, 10, 10] by 16 filters of 3 × 3",
  make() {
    const amount = 2 * convSizes.filters * depth * places;
    const cases = (k: Backend): BenchCase[] => {
      const random = new Random(1);
      const made = convolutions(k, (data) => random.fillNormal(data));
      const one = `${k.name}, a product`;
      const timed = (what: string, times: number, run: () => void): BenchCase => ({
        ...{ name: `${k.name}, ${what}`, amount: times * amount, unit: "FLOP", run, against: one },
      });
      return [
        { name: one, amount, unit: "FLOP", run: oneProduct(k) },
        timed("forward", 1, made.forward),
        timed("forward and gradients of the filters", 2, made.learn),
      ];
    };
    return [...cases(simd()), ...cases(loops())];
  },
};
