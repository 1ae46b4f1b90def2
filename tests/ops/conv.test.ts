/** Convolution against its definition, for any geometry, on every backend. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { NONE, variable } from "../../src/core/tensor.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { sum } from "../../src/ops/reduce.ts";

const small = (min: number, max: number) => fc.integer({ min, max });
const pairs = (min: number, max: number) => fc.tuple(small(min, max), small(min, max));
const geometries = fc
  .record({
    images: small(1, 3),
    channels: small(1, 3),
    outputs: small(1, 5),
    image: pairs(1, 9),
    kernel: pairs(1, 3),
    stride: pairs(1, 3),
    padding: pairs(0, 2),
    dilation: pairs(1, 2),
    biased: fc.boolean(),
    seed: small(1, 1000),
  })
  .filter(({ image, kernel, padding, dilation }) =>
    [0, 1].every((i) => image[i] + 2 * padding[i] > dilation[i] * (kernel[i] - 1)),
  );

test.each([
  ["loops", () => loops(), 1e-4],
  ["loops64", () => loops(Float64Array), 1e-10],
  ["simd", () => simd({ memory: 2 ** 20 }), 1e-4],
] as const)("values and gradients on %s, twice on one tape", (_, make, tolerance) => {
  const k = make();
  const check = fc.property(geometries, (g) => {
    const { images, channels, outputs, image, kernel, stride, padding, dilation } = g;
    const [height, width] = [0, 1].map(
      (i) =>
        1 + Math.floor((image[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]),
    );
    const random = new Random(g.seed);
    const drawn = (shape: readonly number[]) => {
      const made = variable(k, shape);
      random.fillNormal(made.data);
      return made;
    };
    const x = drawn([images, channels, ...image]);
    const w = drawn([outputs, channels, ...kernel]);
    const bias = drawn([outputs]);
    const by = drawn([images, outputs, height, width]);
    const want = {
      y: new Float64Array(by.data.length),
      x: new Float64Array(x.data.length),
      w: new Float64Array(w.data.length),
      bias: new Float64Array(outputs),
    };
    for (let at = 0; at < want.y.length; at++) {
      const column = at % width;
      const row = Math.floor(at / width) % height;
      const o = Math.floor(at / (width * height)) % outputs;
      const n = Math.floor(at / (width * height * outputs));
      if (g.biased) want.y[at] = bias.data[o];
      want.bias[o] += by.data[at];
      for (let i = 0; i < channels * kernel[0] * kernel[1]; i++) {
        const kx = i % kernel[1];
        const ky = Math.floor(i / kernel[1]) % kernel[0];
        const r = row * stride[0] - padding[0] + ky * dilation[0];
        const c = column * stride[1] - padding[1] + kx * dilation[1];
        if (r < 0 || c < 0 || r >= image[0] || c >= image[1]) continue;
        const channel = n * channels + Math.floor(i / (kernel[0] * kernel[1]));
        const xAt = (channel * image[0] + r) * image[1] + c;
        const wAt = o * channels * kernel[0] * kernel[1] + i;
        want.y[at] += x.data[xAt] * w.data[wAt];
        want.x[xAt] += by.data[at] * w.data[wAt];
        want.w[wAt] += by.data[at] * x.data[xAt];
      }
    }
    const near = (got: ArrayLike<number>, wanted: Float64Array, times: number): void => {
      const largest = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
      for (let i = 0; i < wanted.length; i++)
        expect(Math.abs(got[i] - times * wanted[i])).toBeLessThan(times * tolerance * largest);
    };
    const tape = new Tape(k, { poison: true });
    const options = { stride, padding, dilation };
    for (const times of [1, 2]) {
      const loss = tape.run(() => {
        const y = conv2d(x, w, g.biased ? bias : NONE, options);
        near(y.data, want.y, 1);
        return sum(mul(y, by));
      });
      tape.backward(loss);
      near(x.grad, want.x, times);
      near(w.grad, want.w, times);
      if (g.biased) near(bias.grad, want.bias, times);
    }
    tape.drop();
    for (const { data, grad } of [x, w, bias, by]) for (const one of [data, grad]) k.free(one);
  });
  fc.assert(check, { numRuns: 60 });
});
