// @module-tag deep
/** Linear layers and embeddings of weights in fewer bits: the bits of the same layers on expanded weights. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { ShapeError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, NONE, type Tensor, variable } from "../../src/core/tensor.ts";
import { brainBits, nearestBrain, quantizeRow } from "../../src/io/quantize.ts";
import { StoredWeight } from "../../src/nn/stored.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { embedding } from "../../src/ops/indexing.ts";
import { linear } from "../../src/ops/matmul.ts";
import { sum } from "../../src/ops/reduce.ts";
import { storedLinear } from "../../src/ops/stored.ts";
import { bitsOf } from "../support/bits.ts";

const backends: Record<string, () => Backend> = {
  loops,
  loops64: () => loops(Float64Array),
  simd: () => simd({ memory: 2 ** 26 }),
};
function numbers(random: Random, n: number): Float32Array {
  const made = new Float32Array(n);
  random.fillNormal(made);
  return made;
}
// rows, inputs, outputs: tails of vectors, cut depths, panels of columns, deep products back (outputs > 4,096) and forth
const sizes = [
  ...[
    [1, 1, 1],
    [3, 5, 7],
    [2, 0, 3],
    [0, 4, 4],
    [1, 64, 17],
    [2, 257, 33],
    [8, 576, 19],
  ],
  ...[
    [33, 520, 200],
    [4, 70, 4103],
    [2, 4100, 21],
    [40, 66, 300],
  ],
] as const;

describe.each(Object.keys(backends))("%s", (name) => {
  describe.each(["bf16", "int8"] as const)("%s", (form) => {
    test.each(sizes)(
      "x [%i, %i], W [%i, …]: values and dx as expanded",
      (rows, inputs, outputs) => {
        const k = backends[name]();
        const random = new Random(7);
        const weight = new StoredWeight(k, "w", [outputs, inputs], form);
        weight.setRows(0, numbers(random, outputs * inputs));
        const floats = input(k, [outputs, inputs], weight.rows(0, outputs));
        const bias = input(k, [outputs], numbers(random, outputs));
        const x = variable(k, [rows, inputs], numbers(random, rows * inputs));
        const slope = input(k, [rows, outputs], numbers(random, rows * outputs));
        const run = (f: (x: Tensor) => Tensor): string => {
          x.grad.fill(0.1);
          const tape = new Tape(k);
          const { y, loss } = tape.run(() => {
            const y = f(x);
            return { y, loss: sum(mul(y, slope)) };
          });
          tape.backward(loss);
          const made = `${bitsOf(y.data)} ${bitsOf(x.grad)}`; // a text, which is quick to compare
          tape.drop();
          return made;
        };
        for (const b of [NONE, bias])
          expect(run((x) => weight.linear(x, b)) === run((x) => linear(x, floats, b))).toBe(true);
      },
    );

    test("a row has the same bits alone and among others", () => {
      const k = backends[name]();
      const random = new Random(8);
      const weight = new StoredWeight(k, "w", [37, 300], form);
      weight.setRows(0, numbers(random, 37 * 300));
      const x = numbers(random, 70 * 300);
      const run = (data: Float32Array) => {
        const given = input(k, [data.length / 300, 300], data);
        return bitsOf(new Tape(k).run(() => weight.linear(given)).data);
      };
      const all = run(x);
      for (const rows of [1, 2, 3, 9, 17])
        expect(run(x.slice(6 * 300, (6 + rows) * 300))).toEqual(all.slice(6 * 37, (6 + rows) * 37));
    });

    test("an embedding's rows as expanded", () => {
      const k = backends[name]();
      const weight = new StoredWeight(k, "w", [9, 13], form);
      weight.setRows(0, numbers(new Random(9), 9 * 13));
      const floats = input(k, [9, 13], weight.rows(0, 9));
      const index = input(k, [2, 2], [8, 0, 3, 3]);
      const got = new Tape(k).run(() => weight.embedding(index));
      expect(got.shape).toEqual([2, 2, 13]);
      expect(bitsOf(got.data)).toEqual(
        bitsOf(new Tape(k).run(() => embedding(floats, index)).data),
      );
      index.data[1] = 9;
      expect(() => new Tape(k).run(() => weight.embedding(index))).toThrow("got 9 at 1");
    });
  });
});

test("wrong sizes are refused, and a stored weight has no floats", () => {
  const k = loops();
  const weight = new StoredWeight(k, "w", [4, 6], "int8");
  const run = (f: () => Tensor) => () => new Tape(k).run(f);
  const x = input(k, [2, 5]);
  expect(run(() => weight.linear(x))).toThrow(ShapeError);
  expect(run(() => weight.linear(input(k, [])))).toThrow("x […, in]");
  expect(run(() => weight.linear(input(k, [2, 6]), input(k, [5])))).toThrow("bias [4]");
  expect(
    run(() => storedLinear(input(k, [2, 6]), { ...weight, scales: null, shape: [4, 6] })),
  ).toThrow("bits in 12 floats");
  expect(() => weight.data).toThrow(UsageError);
  expect(run(() => linear(input(k, [2, 6]), weight))).toThrow(
    'kept as int8; load the model with weights "f32"',
  );
});

test("bfloat16 is the upper half of a float, to nearest even", () => {
  const two = 2 ** -7; // the last place of 1
  const pairs = [
    ...[
      [1, 1],
      [-0, -0],
      [1 + two, 1 + two],
      [1 + two / 2, 1],
      [1 + 1.5 * two, 1 + 2 * two],
    ],
    ...[
      [1 + 0.51 * two, 1 + two],
      [3.4e38, Infinity],
      [1e-45, 0],
      [-3.3895313892515355e38, -3.3895313892515355e38],
    ],
  ];
  for (const [x, want] of pairs) expect(nearestBrain(x)).toBe(want);
  expect(brainBits(-1.5)).toBe(0xbfc0);
});

test("rows as int8: the scale, halves to even, zeros and numbers too small for a scale", () => {
  const row = (values: number[]): [number, ...number[]] => {
    const q = new Int8Array(values.length);
    return [quantizeRow(q, Float32Array.from(values)), ...q];
  };
  expect(row([127, 0.5, 1.5, -2.5])).toEqual([1, 127, 0, 2, -2]);
  expect(row([-254, 3, 1])).toEqual([2, -127, 2, 0]);
  expect(row([0, 0])).toEqual([1, 0, 0]);
  expect(row([1e-45, -1e-45])).toEqual([1, 0, 0]);
});
