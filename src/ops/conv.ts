/** Convolution and pooling over images, x [batch, channels, height, width]. */
import type { Floats } from "../core/backend.ts";
import { checkIntegers } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";

/** One number for both directions, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];
const pair = (p: Pair): readonly [number, number] => (typeof p === "number" ? [p, p] : p);

/** The geometry of a sliding window: input and output size, kernel, stride, padding, dilation. */
interface Geometry {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly padY: number;
  readonly padX: number;
  readonly dilationY: number;
  readonly dilationX: number;
}

interface WindowOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
}

function geometry(op: string, x: Shape, kernel: Pair, options: WindowOptions): Geometry {
  if (x.length !== 4) {
    throw new ShapeError(`${op}: expected x [batch, channels, height, width], got ${show(x)}`);
  }
  const [, channels, height, width] = x;
  const [kernelHeight, kernelWidth] = pair(kernel);
  const [strideY, strideX] = pair(options.stride ?? 1);
  const [padY, padX] = pair(options.padding ?? 0);
  const [dilationY, dilationX] = pair(options.dilation ?? 1);
  const positive = [kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX];
  checkIntegers(op, "kernel, stride and dilation", positive, { min: 1 });
  checkIntegers(op, "the padding", [padY, padX], { min: 0 });
  const outHeight =
    Math.floor((height + 2 * padY - dilationY * (kernelHeight - 1) - 1) / strideY) + 1;
  const outWidth = Math.floor((width + 2 * padX - dilationX * (kernelWidth - 1) - 1) / strideX) + 1;
  if (outHeight < 1 || outWidth < 1) {
    const window = `${kernelHeight}×${kernelWidth}`;
    throw new ShapeError(
      `${op}: expected an image no smaller than the ${window} window, got ${show(x)}`,
    );
  }
  const sizes = { channels, height, width, outHeight, outWidth, kernelHeight, kernelWidth };
  return { ...sizes, strideY, strideX, padY, padX, dilationY, dilationX };
}

/**
 * y[b,o,i,j] = bias[o] + Σ x[b,c,i·stride − pad + dy·dilation, …]·weight[o,c,dy,dx]: PyTorch's
 * layouts, x [batch, in, height, width], weight [out, in, kernel height, kernel width], bias [out].
 */
export const conv2d = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor = NONE,
  options: WindowOptions = defaultWindow,
): Tensor => apply(conv2dOp, x, weight, bias, 0, 0, options);
const defaultWindow: WindowOptions = { stride: 1, padding: 0, dilation: 1 };
interface ConvPlan extends Geometry {
  readonly outputs: number;
  readonly sums: Float64Array;
}
/** The buffers of y (+)= x·w, or of a gradient of it. */
type Buffers = Readonly<Record<"y" | "x" | "w", Floats>>;
type Conv = {
  set: WindowOptions;
  plan: ConvPlan;
  bound: { readonly forward: Buffers; readonly toX: Buffers | null; readonly toW: Buffers | null };
};
const conv2dOp: Op<"x" | "w" | "bias?", Conv> = {
  name: "conv2d",
  inputs: ["x", "w", "bias?"],
  shape({ x, w, bias, set }) {
    const { outHeight, outWidth } = convGeometry(x, w, set);
    if (bias !== null && !sameShape(bias, [w[0]])) {
      throw new ShapeError(`conv2d: expected bias [${w[0]}], got ${show(bias)}`);
    }
    return [x[0], w[0], outHeight, outWidth];
  },
  // sums: the weights' gradient over a batch in float64, because float32 would round it at each image
  plan: ({ x, w, set }) => ({
    ...convGeometry(x, w, set),
    outputs: w[0],
    sums: new Float64Array(sizeOf(w)),
  }),
  bind: ({ y, dy, x, dx, w, dw, plan: { sums } }) => ({
    forward: { y, x, w },
    toX: dy && dx && { y: dy, x: dx, w },
    toW: dy && dw && { y: dy, x, w: sums },
  }),
  forward({ y, bias, bound, plan: g }) {
    const plane = g.outHeight * g.outWidth;
    const taps = g.channels * g.kernelHeight * g.kernelWidth;
    for (let at = 0, image = 0; at < y.length; at += g.outputs * plane, image++) {
      for (let o = 0; o < g.outputs; o++) {
        const y0 = at + o * plane;
        y.fill(bias === null ? 0 : bias[o], y0, y0 + plane);
        for (let tap = 0; tap < taps; tap++) slide(g, bound.forward, 0, image, o * taps + tap);
      }
    }
  },
  backward({ dy, dw, dbias, bound: { toX, toW }, plan: g }) {
    const plane = g.outHeight * g.outWidth;
    const taps = g.channels * g.kernelHeight * g.kernelWidth;
    const images = dy.length / (g.outputs * plane);
    for (let image = 0; image < images; image++) {
      for (let i = 0; i < g.outputs * taps; i++) {
        if (toX) slide(g, toX, 1, image, i);
        if (toW) slide(g, toW, 2, image, i);
      }
    }
    if (dw) for (let i = 0; i < g.sums.length; i++) dw[i] += g.sums[i];
    g.sums.fill(0);
    if (!dbias) return;
    for (let o = 0; o < g.outputs; o++) {
      let sum = 0;
      for (let at = o * plane; at < dy.length; at += g.outputs * plane) {
        for (let i = at; i < at + plane; i++) sum += dy[i];
      }
      dbias[o] += sum;
    }
  },
};

/**
 * Applies weight i over one output plane of an image. `into` says what is written: 0 y += x·w, 1 x += y·w,
 * 2 w += Σ x·y.
 */
function slide(g: ConvPlan, { y, x, w }: Buffers, into: 0 | 1 | 2, image: number, i: number): void {
  const taps = g.channels * g.kernelHeight * g.kernelWidth;
  const output = Math.floor(i / taps);
  const tap = i % taps;
  const kx = tap % g.kernelWidth;
  const ky = Math.floor(tap / g.kernelWidth) % g.kernelHeight;
  const channel = Math.floor(tap / (g.kernelWidth * g.kernelHeight));
  const y0 = (image * g.outputs + output) * g.outHeight * g.outWidth;
  const weight = w[i];
  const left = kx * g.dilationX - g.padX;
  const first = Math.max(0, Math.ceil(-left / g.strideX));
  const end = Math.min(g.outWidth, Math.floor((g.width - 1 - left) / g.strideX) + 1);
  let total = 0;
  for (let r = 0; r < g.outHeight; r++) {
    const row = r * g.strideY - g.padY + ky * g.dilationY;
    if (row < 0 || row >= g.height) continue;
    let xAt =
      ((image * g.channels + channel) * g.height + row) * g.width + left + first * g.strideX;
    const yEnd = y0 + r * g.outWidth + end;
    let yAt = y0 + r * g.outWidth + first;
    if (into === 0) for (; yAt < yEnd; yAt++, xAt += g.strideX) y[yAt] += x[xAt] * weight;
    else if (into === 1) for (; yAt < yEnd; yAt++, xAt += g.strideX) x[xAt] += y[yAt] * weight;
    else for (; yAt < yEnd; yAt++, xAt += g.strideX) total += x[xAt] * y[yAt];
  }
  if (into === 2) w[i] += total;
}

function convGeometry(x: Shape, w: Shape, options: WindowOptions): Geometry {
  if (w.length !== 4 || w[1] !== x[1]) {
    const want = "x [batch, in, height, width] and weight [out, in, height, width]";
    throw new ShapeError(`conv2d: expected ${want}, got ${show(x)} and ${show(w)}`);
  }
  return geometry("conv2d", x, [w[2], w[3]], options);
}

interface PoolOptions extends WindowOptions {
  readonly kernel: Pair;
}

/** The maximum of each window, without padding; NaN if it holds one. The first of equals gets the gradient. */
export const maxPool2d = (x: Tensor, kernel: Pair, stride = kernel, padding: Pair = 0): Tensor =>
  apply(maxPoolOp, x, NONE, NONE, 0, 0, { kernel, stride, padding });
/** The mean of each window; padding counts as zeros. */
export const avgPool2d = (x: Tensor, kernel: Pair, stride = kernel, padding: Pair = 0): Tensor =>
  apply(avgPoolOp, x, NONE, NONE, 0, 0, { kernel, stride, padding });

/** The input indices of each output's window; −1 in the padding. */
interface Windows {
  readonly size: number;
  readonly index: Int32Array;
}
type PoolOp = Op<"x", { set: PoolOptions; plan: Windows }>;
const pooling = (name: string, rules: Partial<PoolOp>): PoolOp => ({
  name,
  inputs: ["x"],
  shape({ x, set }) {
    const { outHeight, outWidth } = geometry(name, x, set.kernel, set);
    return [x[0], x[1], outHeight, outWidth];
  },
  plan({ x: shape, set: settings }) {
    const g = geometry(name, shape, settings.kernel, settings);
    const size = g.kernelHeight * g.kernelWidth;
    const planes = shape[0] * g.channels;
    const index = new Int32Array(planes * g.outHeight * g.outWidth * size);
    for (let i = 0, at = 0; i < planes * g.outHeight * g.outWidth; i++) {
      const column = (i % g.outWidth) * g.strideX - g.padX;
      const row = (Math.floor(i / g.outWidth) % g.outHeight) * g.strideY - g.padY;
      const plane = Math.floor(i / (g.outWidth * g.outHeight)) * g.height;
      for (let y = row; y < row + g.kernelHeight; y++) {
        for (let x = column; x < column + g.kernelWidth; x++) {
          const inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
          index[at++] = inside ? (plane + y) * g.width + x : -1;
        }
      }
    }
    return { size, index };
  },
  ...rules,
});

const maxPoolOp = /* @__PURE__ */ pooling("maxPool2d", {
  saves: (_, shape) => shape.reduce((n, m) => n * m, 1),
  forward({ y, x, plan: { size, index }, saved: winner }) {
    for (let i = 0, at = 0; i < y.length; i++) {
      let best = -1; // index within the window, which a float holds exactly for images of any size
      let largest = -Infinity;
      for (let j = 0; j < size; j++, at++) {
        if (index[at] < 0 || Number.isNaN(largest)) continue;
        const value = x[index[at]];
        if (best >= 0 && value <= largest) continue;
        best = j;
        largest = value;
      }
      y[i] = largest;
      winner[i] = best;
    }
  },
  backward({ dy, dx, plan: { size, index }, saved: winner }) {
    if (!dx) return;
    for (let i = 0; i < dy.length; i++) {
      if (winner[i] >= 0) dx[index[i * size + winner[i]]] += dy[i];
    }
  },
});

const avgPoolOp = /* @__PURE__ */ pooling("avgPool2d", {
  forward({ y, x, plan: { size, index } }) {
    for (let i = 0, at = 0; i < y.length; i++) {
      let sum = 0;
      for (let j = 0; j < size; j++, at++) if (index[at] >= 0) sum += x[index[at]];
      y[i] = sum / size;
    }
  },
  backward({ dy, dx, plan: { size, index } }) {
    if (!dx) return;
    for (let i = 0, at = 0; i < dy.length; i++) {
      for (let j = 0; j < size; j++, at++) if (index[at] >= 0) dx[index[at]] += dy[i] / size;
    }
  },
});
