// @module-tag deep
/** Kernels do not know their neighbors: a row alone and in any batch, at any place in it, has the same bits. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { type Backend, matrix } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, NONE, type Tensor } from "../../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../../src/distributions/categorical.ts";
import { gelu, sigmoid, tanh } from "../../src/ops/activations.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { attention } from "../../src/ops/attention.ts";
import { siluGate } from "../../src/ops/gates.ts";
import { type Activation, linear, matmul } from "../../src/ops/matmul.ts";
import { layerNorm, rmsNorm } from "../../src/ops/normalization.ts";
import { selfAttention } from "../../src/ops/self-attention.ts";
import { logSoftmax, softmax } from "../../src/ops/softmax.ts";
import { bitsOf } from "../support/bits.ts";

const backends: Record<string, () => Backend> = { loops, simd: () => simd({ memory: 2 ** 25 }) };
function numbers(random: Random, n: number): Float32Array {
  const made = new Float32Array(n);
  random.fillNormal(made);
  return made;
}

/** Runs `f` on rows of x: all of them, and every subset of `starts`; expects each row's bits. */
function expectRows(
  k: Backend,
  x: Float32Array,
  width: number,
  f: (x: Tensor) => Tensor,
  heights: readonly number[],
  label: string,
): void {
  const rows = x.length / width;
  const run = (data: Float32Array, grads: boolean): Float32Array => {
    const given = input(k, [data.length / width, width], data);
    const tape = new Tape(k, { grads });
    const made = Float32Array.from(tape.run(() => f(given)).data);
    tape.drop();
    return made;
  };
  const whole = run(x, false);
  expect(bitsOf(run(x, true)), `${label}, with gradients`).toEqual(bitsOf(whole));
  const outputs = whole.length / rows;
  for (const height of heights) {
    for (const row of new Set([0, Math.floor((rows - height) / 2), rows - height])) {
      if (row < 0) continue;
      const some = run(x.slice(row * width, (row + height) * width), false);
      const same = whole.subarray(row * outputs, (row + height) * outputs);
      expect(bitsOf(some), `${label}: ${height} rows from ${row} of ${rows}`).toEqual(bitsOf(same));
    }
  }
}

describe.each(Object.entries(backends))("%s", (_, make) => {
  test("a linear layer's row, for depths, widths and numbers of rows at every edge of the tiles", () => {
    const k = make();
    const random = new Random(1);
    for (const depth of [1, 3, 4, 6, 31, 64, 130, 256, 257, 600]) {
      for (const outputs of [1, 2, 3, 4, 5, 7, 10, 65]) {
        const weight = input(k, [outputs, depth], numbers(random, outputs * depth));
        const bias = input(k, [outputs], numbers(random, outputs));
        const activations: Activation[] = ["none", "tanh", "relu", "gelu"];
        const activation = activations[(depth + outputs) % 4];
        const f = (x: Tensor): Tensor =>
          linear(x, weight, outputs % 2 === 0 ? bias : NONE, activation);
        const rows = depth === 64 ? 1000 : 37;
        const x = numbers(random, rows * depth);
        expectRows(k, x, depth, f, [1, 2, 3, 5, 7, 8, 33], `${depth} → ${outputs} ${activation}`);
      }
    }
  });

  test("a product's row, of every transposition, direct and packed, shallow and deep", () => {
    const k = make();
    const random = new Random(2);
    for (const [rows, depth, n] of [
      [40, 200, 67],
      [33, 300, 64],
      [9, 31, 13],
      [35, 4099, 66],
    ]) {
      const [a, b] = [numbers(random, rows * depth), numbers(random, depth * n)];
      for (const [ta, tb] of [
        [false, false],
        [false, true],
        [true, false],
        [true, true],
      ]) {
        const product = (first: number, count: number): Float32Array => {
          const part = k.alloc(count * depth);
          for (let i = 0; i < count; i++)
            for (let p = 0; p < depth; p++)
              part[ta ? p * count + i : i * depth + p] = a[(first + i) * depth + p];
          const [right, y] = [k.alloc(b.length), k.alloc(count * n)];
          right.set(b);
          const operands = {
            y: matrix(y, count, n),
            a: matrix(part, count, depth, ta),
            b: matrix(right, depth, n, tb),
          };
          k.gemm(operands, false);
          const made = Float32Array.from(y);
          for (const buffer of [part, right, y]) k.free(buffer);
          return made;
        };
        const whole = product(0, rows);
        for (const count of [1, 2, 7, 8, 32]) {
          for (const first of [0, rows - count]) {
            if (count > rows) continue;
            const same = whole.subarray(first * n, (first + count) * n);
            const label = `${depth} × ${n}, ${ta} ${tb}: ${count} rows from ${first}`;
            expect(bitsOf(product(first, count)), label).toEqual(bitsOf(same));
          }
        }
      }
    }
  });

  test("a row of a normalization, a softmax, a function, a log-probability", () => {
    const k = make();
    const random = new Random(3);
    for (const n of [1, 3, 5, 8, 13, 64, 70, 1030]) {
      const [weight, bias] = [0, 1].map(() => input(k, [n], numbers(random, n)));
      const x = numbers(random, 11 * n);
      const ops: Record<string, (x: Tensor) => Tensor> = {
        layerNorm: (t) => layerNorm(t, weight, bias),
        rmsNorm: (t) => rmsNorm(t, weight),
        siluGate: (t) => siluGate(t, t),
        softmax,
        logSoftmax,
        tanh,
        sigmoid,
        gelu,
        scaled: (t) => mul(t, 1 / 0.7),
        entropy: categoricalEntropy,
        logProb: (t) => categoricalLogProb(t, input(k, [t.shape[0]])),
        product: (t) => matmul(t, weight),
      };
      for (const [name, f] of Object.entries(ops))
        expectRows(k, x, n, f, [1, 2, 3, 10], `${name} of ${n}`);
    }
  });

  test("attention of a head, alone and among others, with keys behind a mask or without them", () => {
    const k = make();
    const random = new Random(4);
    for (const [T, D] of [
      [1, 4],
      [5, 3],
      [9, 8],
      [17, 6],
    ]) {
      const heads = 5;
      const columns = [0, 1, 2].map(() => numbers(random, heads * T * D));
      const run = (first: number, count: number, skipped: number): Float32Array => {
        const S = T + skipped;
        // keys and values that are masked out stand before the others, which causality would not hide
        const wide = (data: Float32Array): Float32Array => {
          const made = numbers(random, count * S * D);
          for (let h = 0; h < count; h++)
            made.set(
              data.subarray((first + h) * T * D, (first + h + 1) * T * D),
              (h * S + skipped) * D,
            );
          return made;
        };
        const q = input(k, [count, T, D], columns[0].slice(first * T * D, (first + count) * T * D));
        const [key, value] = [1, 2].map((i) => input(k, [count, S, D], wide(columns[i])));
        const mask = input(
          k,
          [T, S],
          Array.from({ length: T * S }, (_, i) => Number(i % S >= skipped)),
        );
        const tape = new Tape(k, { grads: false });
        const made = tape.run(() => attention(q, key, value, true, skipped === 0 ? null : mask));
        const copy = Float32Array.from(made.data);
        tape.drop();
        return copy;
      };
      const whole = run(0, heads, 0);
      for (const [first, count, skipped] of [
        [0, 1, 0],
        [3, 2, 0],
        [0, heads, 1],
        [2, 1, 3],
        [4, 1, 6],
      ]) {
        const same = whole.subarray(first * T * D, (first + count) * T * D);
        const label = `[${T}, ${D}]: ${count} heads from ${first}, ${skipped} masked out`;
        expect(bitsOf(run(first, count, skipped)), label).toEqual(bitsOf(same));
      }
    }
  });

  test("a row beside one that is not finite, or whose squares overflow", () => {
    const k = make();
    const random = new Random(5);
    const [n, T, heads, D] = [13, 9, 3, 6];
    const [weight, bias] = [0, 1].map(() => input(k, [n], numbers(random, n)));
    const wide = numbers(random, 4 * n);
    const wild = Float32Array.from(wide);
    wild.fill(3e25, 1 * n, 1 * n + 4);
    wild[2 * n] = Number.NaN;
    const width = 3 * heads * D;
    const texts = numbers(random, 2 * T * width);
    // in the second sequence, three positions behind a mask, then a text
    const allowed = input(
      k,
      [2, T, T],
      Array.from({ length: 2 * T * T }, (_, i) => {
        const [b, t, j] = [Math.floor(i / (T * T)), Math.floor(i / T) % T, i % T];
        return Number(b === 0 || t === j || (t >= 3 && j >= 3) || (t < 3 && j < 3));
      }),
    );
    const values = (f: () => Tensor): Float32Array => {
      const tape = new Tape(k, { grads: false });
      const made = Float32Array.from(tape.run(f).data);
      tape.drop();
      return made;
    };
    const norm = (x: Float32Array) => values(() => layerNorm(input(k, [4, n], x), weight, bias));
    const attend = (x: Float32Array) =>
      values(() => selfAttention(input(k, [2, T, width], x), heads, allowed));
    const same = (a: Float32Array, b: Float32Array, start: number, end: number): void =>
      expect(bitsOf(a.subarray(start, end))).toEqual(bitsOf(b.subarray(start, end)));
    const [tame, other] = [norm(wide), norm(wild)];
    for (const row of [0, 3]) same(tame, other, row * n, (row + 1) * n);
    expect(other.subarray(n, 2 * n).every(Number.isFinite)).toBe(true);
    expect(other.subarray(2 * n, 3 * n).every(Number.isNaN)).toBe(true);
    const calm = attend(texts);
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      const hurt = Float32Array.from(texts);
      hurt.fill(bad, (T + 1) * width, (T + 2) * width); // position 1 of the second sequence
      const found = attend(hurt);
      const C = heads * D;
      same(calm, found, 0, (T + 1) * C);
      same(calm, found, (T + 3) * C, 2 * T * C);
      expect(found.subarray((T + 1) * C, (T + 2) * C).every(Number.isNaN)).toBe(true);
    }
    const parts = [0, 1, 2].map(() => numbers(random, heads * T * D));
    const separate = ([q, key, v]: readonly Float32Array[]) =>
      values(() => {
        const [a, b, c] = [q, key, v].map((x) => input(k, [heads, T, D], x));
        return attention(a, b, c, true);
      });
    const whole = separate(parts);
    parts[2] = Float32Array.from(parts[2]);
    parts[2][T * D - 1] = Infinity; // the first head's last position
    same(whole, separate(parts), 0, (T - 1) * D);
    same(whole, separate(parts), T * D, heads * T * D);
  });
});
