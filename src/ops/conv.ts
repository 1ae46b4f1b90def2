/** Convolution and pooling over images, x [batch, channels, height, width]. */
import { type Floats, type Matrix, matrix, type Product, transpose } from "../core/backend.ts";
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
  return {
    ...{ channels, height, width, outHeight, outWidth, kernelHeight, kernelWidth },
    ...{ strideY, strideX, padY, padX, dilationY, dilationX },
  };
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
const defaultWindow: WindowOptions = {};
/** The sizes of a layer, and the index in an image of each number of `columns`; −1 in the padding. */
interface ConvPlan {
  readonly outputs: number;
  /** The numbers of a window: channels · kernel height · kernel width. */
  readonly taps: number;
  /** The places of a window. */
  readonly plane: number;
  /** The numbers of an image. */
  readonly image: number;
  readonly index: Int32Array;
  readonly sums: Float64Array;
}
/** Products of each image, whose windows are copied to `columns` [taps, plane] first; `part` is an image's dW. */
interface ConvProducts {
  readonly columns: Floats;
  readonly part: Floats;
  /** Copies the windows of image i to `columns`. */
  gather(i: number): void;
  readonly y: readonly Product[];
  readonly dx: readonly Product[];
  readonly dw: readonly Product[];
}
const conv2dOp: Op<
  "x" | "w" | "bias?",
  { set: WindowOptions; plan: ConvPlan; bound: ConvProducts }
> = {
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
  plan({ x, w, set }) {
    const g = convGeometry(x, w, set);
    const index = Int32Array.from(columnsOf(g));
    const plane = g.outHeight * g.outWidth;
    const sizes = { outputs: w[0], taps: index.length / plane, plane };
    const image = g.channels * g.height * g.width;
    return { ...sizes, image, index, sums: new Float64Array(sizeOf(w)) };
  },
  saves: ({ w: [outputs, ...window] }, [, , height, width]) =>
    sizeOf(window) * (2 * height * width + outputs),
  // y = W·columns, dW = Σ dy·columnsᵀ, and dx from Wᵀ·dy, image by image
  bind({ y, dy, x, dx, w, dw, saved, backend, plan: { outputs, taps, plane, image, index } }) {
    const size = taps * plane;
    const places = outputs * plane;
    const columns = matrix(saved.subarray(0, size), taps, plane);
    const weights = matrix(w, outputs, taps);
    const part = saved.subarray(2 * size);
    const { buffer, byteOffset } = saved.subarray(size);
    const kept = backend.gather && new Int32Array(buffer, byteOffset, size);
    const images = Array.from({ length: y.length / places }, (_, i) => i * places);
    const each = (data: Floats | null, product: (part: Matrix) => Product): Product[] =>
      data === null
        ? []
        : images.map((at) => product(matrix(data.subarray(at, at + places), outputs, plane)));
    return {
      columns: columns.data,
      part,
      gather(i) {
        const start = i * image;
        if (i === 0) kept?.set(index); // each time, because a tape may fill what it saves with NaN
        if (kept) backend.gather?.(columns.data, x, kept, start);
        else
          for (let j = 0; j < size; j++) columns.data[j] = index[j] < 0 ? 0 : x[start + index[j]];
      },
      y: each(y, (y) => ({ y, a: weights, b: columns })),
      dx: each(dx && dy, (b) => ({ y: columns, a: transpose(weights), b })),
      dw: each(dw && dy, (a) => ({ y: matrix(part, outputs, taps), a, b: transpose(columns) })),
    };
  },
  forward({ y, bias, backend, bound, plan }) {
    const { outputs, plane } = plan;
    for (let i = 0, at = 0; i < bound.y.length; i++) {
      for (let o = 0; o < outputs; o++) {
        const start = bias === null ? 0 : bias[o];
        for (const end = at + plane; at < end; at++) y[at] = start; // fill would box the number
      }
      bound.gather(i);
      backend.gemm(bound.y[i], true);
    }
  },
  backward({ dy, dx, dw, dbias, backend, bound, plan }) {
    const { outputs, plane, sums } = plan;
    for (let i = 0; i < bound.dw.length; i++) {
      bound.gather(i);
      backend.gemm(bound.dw[i], false);
      for (let j = 0; j < sums.length; j++) sums[j] += bound.part[j];
    }
    if (dw) for (let j = 0; j < sums.length; j++) dw[j] += sums[j];
    sums.fill(0);
    for (let i = 0; i < bound.dx.length; i++) {
      backend.gemm(bound.dx[i], false);
      if (dx) scatter(dx, bound.columns, plan, i);
    }
    if (!dbias) return;
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let at = o * plane; at < dy.length; at += outputs * plane) {
        for (let i = at; i < at + plane; i++) sum += dy[i];
      }
      dbias[o] += sum;
    }
  },
};

/** Adds columns to image i, from whose windows they are. */
function scatter(x: Floats, columns: Floats, { index, image }: ConvPlan, i: number): void {
  const start = i * image;
  for (let j = 0; j < index.length; j++) if (index[j] >= 0) x[start + index[j]] += columns[j];
}

/** Returns the index in an image of each number of columns [channels, kernel height, kernel width, out height, out width]. */
function columnsOf(g: Geometry): number[] {
  const index: number[] = [];
  for (let first = 0; first < g.channels * g.height; first += g.height)
    for (let top = -g.padY, ky = 0; ky < g.kernelHeight; ky++, top += g.dilationY)
      for (let left = -g.padX, kx = 0; kx < g.kernelWidth; kx++, left += g.dilationX)
        for (let row = top, r = 0; r < g.outHeight; r++, row += g.strideY)
          for (let column = left, c = 0; c < g.outWidth; c++, column += g.strideX) {
            const inside = row >= 0 && row < g.height && column >= 0 && column < g.width;
            index.push(inside ? (first + row) * g.width + column : -1);
          }
  return index;
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
