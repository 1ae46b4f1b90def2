/** Initializers. Each fills a weight of shape [out, in, …] from a generator. */
import type { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/tensor.ts";

export type Init = (random: Random, shape: Shape) => Float64Array;

/** Returns the number of inputs and outputs of one unit of a weight [out, in, …kernel]. */
function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const kernel = sizeOf(shape.slice(2));
  return { fanIn: (shape[1] ?? 1) * kernel, fanOut: shape[0] * kernel };
}

export const zeros: Init = (_, shape) => new Float64Array(sizeOf(shape));

const normals = (random: Random, shape: Shape, deviation: number): Float64Array => {
  const w = new Float64Array(sizeOf(shape));
  random.fillNormal(w);
  return w.map((x) => x * deviation);
};
const uniforms = (random: Random, shape: Shape, bound: number): Float64Array => {
  const w = new Float64Array(sizeOf(shape));
  random.fillUniform(w);
  return w.map((u) => (2 * u - 1) * bound);
};

export const normal = (deviation: number): Init => {
  return (random, shape) => normals(random, shape, deviation);
};

/** Normal numbers, drawn again while more than `cut` standard deviations from 0. */
export const truncatedNormal = (deviation: number, cut = 2): Init => {
  return (random, shape) =>
    new Float64Array(sizeOf(shape)).map(() => {
      let x = random.normal();
      while (Math.abs(x) > cut) x = random.normal();
      return x * deviation;
    });
};

/** Normal with standard deviation gain·√(2/(in + out)): Glorot & Bengio 2010. */
export const xavierNormal = (gain = 1): Init => {
  return (random, shape) => {
    const { fanIn, fanOut } = fans(shape);
    return normals(random, shape, gain * Math.sqrt(2 / (fanIn + fanOut)));
  };
};
/** Uniform in ±gain·√(6/(in + out)): Glorot & Bengio 2010. */
export const xavierUniform = (gain = 1): Init => {
  return (random, shape) => {
    const { fanIn, fanOut } = fans(shape);
    return uniforms(random, shape, gain * Math.sqrt(6 / (fanIn + fanOut)));
  };
};

/** Normal with standard deviation gain/√in; gain √2 suits ReLU: He et al. 2015, arXiv:1502.01852. */
export const kaimingNormal = (gain = Math.SQRT2): Init => {
  return (random, shape) => normals(random, shape, gain / Math.sqrt(fans(shape).fanIn));
};
/** Uniform in ±gain·√(3/in); gain √2 suits ReLU: He et al. 2015, arXiv:1502.01852. */
export const kaimingUniform = (gain = Math.SQRT2): Init => {
  return (random, shape) => uniforms(random, shape, gain * Math.sqrt(3 / fans(shape).fanIn));
};

/**
 * Orthonormal rows, or columns where there are more rows than columns, times `gain`: Saxe et al. 2014,
 * arXiv:1312.6120. Orthogonalizes normal vectors one after another (Gram–Schmidt, twice for accuracy).
 */
export const orthogonal = (gain = 1): Init => {
  return (random, shape) => {
    const rows = shape[0];
    const columns = sizeOf(shape.slice(1));
    const tall = rows > columns;
    const count = tall ? columns : rows;
    const length = tall ? rows : columns;
    const vectors = Array.from({ length: count }, () => new Float64Array(length));
    for (let i = 0; i < count; i++) {
      random.fillNormal(vectors[i]);
      for (let pass = 0; pass < 2; pass++) {
        for (let j = 0; j < i; j++) subtractProjection(vectors[i], vectors[j]);
        scaleToOne(vectors[i]);
      }
    }
    const w = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++)
        w[i * columns + j] = gain * (tall ? vectors[j][i] : vectors[i][j]);
    }
    return w;
  };
};

function subtractProjection(x: Float64Array, unit: Float64Array): void {
  let dot = 0;
  for (let i = 0; i < x.length; i++) dot += x[i] * unit[i];
  for (let i = 0; i < x.length; i++) x[i] -= dot * unit[i];
}

function scaleToOne(x: Float64Array): void {
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += x[i] * x[i];
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < x.length; i++) x[i] *= scale;
}
