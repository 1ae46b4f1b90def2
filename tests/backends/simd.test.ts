/** The SIMD backend against the loops: every kernel on odd sizes, forward and backward; memory; errors. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kernelBytes } from "../../src/backends/kernels/index.ts";
import { loops } from "../../src/backends/loops.ts";
import { type SimdBackend, simd, simdAvailable, simdFor } from "../../src/backends/simd.ts";
import { webAssembly } from "../../src/backends/webassembly.ts";
import { type Backend, type Floats, matrix } from "../../src/core/backend.ts";
import { MemoryError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters, type Tensor, variable } from "../../src/core/tensor.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { gelu, relu, sigmoid, tanh } from "../../src/ops/activations.ts";
import { add, mul } from "../../src/ops/arithmetic.ts";
import { attention } from "../../src/ops/attention.ts";
import { dropout, exp } from "../../src/ops/elementwise.ts";
import { embedding } from "../../src/ops/indexing.ts";
import { type Activation, linear, matmul } from "../../src/ops/matmul.ts";
import { layerNorm } from "../../src/ops/normalization.ts";
import { sum } from "../../src/ops/reduce.ts";
import { logSoftmax, softmax } from "../../src/ops/softmax.ts";
import { Adam } from "../../src/optim/adam.ts";
import { clipGlobalNorm } from "../../src/optim/clip.ts";

const fast = simd({ memory: 64 * 2 ** 20 });
const slow = loops();

/** The largest difference, over the largest number, which sums of cancelling terms take to be `least`. */
function distance(got: ArrayLike<number>, want: ArrayLike<number>, least = 1e-30): number {
  expect(got.length).toBe(want.length);
  let difference = 0;
  let size = least;
  for (let i = 0; i < want.length; i++) {
    if (Number.isFinite(want[i])) size = Math.max(size, Math.abs(want[i]));
    if (Object.is(got[i], want[i])) continue;
    difference = Math.max(difference, Math.abs(got[i] - want[i]));
    if (Number.isNaN(got[i]) !== Number.isNaN(want[i])) return Infinity;
  }
  return difference / size;
}

interface Made {
  readonly y: Floats;
  readonly grads: readonly (Floats | null)[];
}

/** f's value and the gradients of Σ y·cotangent, on inputs from the seed. */
function run(
  k: Backend,
  shapes: readonly number[][],
  seed: number,
  f: (...x: Tensor[]) => Tensor,
): Made {
  const random = new Random(seed);
  const inputs = shapes.map((shape) => variable(k, shape));
  for (const x of inputs) random.fillNormal(x.data);
  const tape = new Tape(k, { poison: true });
  let cotangent: Tensor | null = null;
  const loss = (): Tensor => {
    const y = f(...inputs);
    if (cotangent === null) {
      cotangent = input(k, y.shape);
      new Random(seed + 1).fillNormal(cotangent.data);
    }
    out = y;
    return sum(mul(y, cotangent));
  };
  let out: Tensor | null = null;
  for (let pass = 0; pass < 2; pass++) {
    for (const x of inputs) x.grad?.fill(0.5); // gradients are added to what is there
    tape.backward(tape.run(loss));
  }
  return { y: (out as unknown as Tensor).data, grads: inputs.map((x) => x.grad) };
}

function expectAgreement(
  shapes: readonly number[][],
  seed: number,
  f: (...x: Tensor[]) => Tensor,
  least?: number,
): void {
  const a = run(fast, shapes, seed, f);
  const b = run(slow, shapes, seed, f);
  expect(distance(a.y, b.y, least)).toBeLessThan(1e-5);
  b.grads.forEach((grad, i) => {
    if (grad !== null) expect(distance(a.grads[i] as Floats, grad, 0.5)).toBeLessThan(1e-5);
  });
}

const sizes = [1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 65];
const anySize = fc.constantFrom(...sizes);
const seeds = fc.integer({ min: 1, max: 1e6 });
const runs = { numRuns: 60, seed: 29 }; // the same cases in each run: 1 in some thousands cancels too far

describe("kernels agree with the loops", () => {
  const maps: Record<string, (x: Tensor) => Tensor> = { exp, tanh, sigmoid, relu, gelu };
  maps.double = (x) => mul(x, 2);
  maps.dropout = (x) => dropout(x, relu(x), 0.3);
  for (const [name, op] of Object.entries(maps)) {
    it(name, () => {
      fc.assert(
        fc.property(anySize, anySize, seeds, (m, n, seed) => {
          expectAgreement([[m, n]], seed, (x) => op(x));
        }),
        runs,
      );
    });
  }
  for (const [name, op] of Object.entries({ add, mul })) {
    it(name, () => {
      fc.assert(
        fc.property(anySize, seeds, (n, seed) => {
          expectAgreement([[n], [n]], seed, op);
        }),
        runs,
      );
    });
  }
  for (const [name, op] of Object.entries({ softmax, logSoftmax })) {
    it(`${name}, along the last axis and another`, () => {
      fc.assert(
        fc.property(anySize, anySize, fc.constantFrom(-1, 0), seeds, (m, n, axis, seed) => {
          expectAgreement([[m, n]], seed, (x) => op(mul(x, 8), axis), 0.1);
        }),
        runs,
      );
    });
  }
  it("softmax with −∞, ±1000 and NaN", () => {
    const x = [
      -Infinity,
      0,
      1000,
      -1000,
      5,
      -Infinity,
      Number.NaN,
      1,
      2,
      3,
      1,
      1,
      -Infinity,
      -Infinity,
      -Infinity,
    ];
    for (const op of [softmax, logSoftmax]) {
      const [a, b] = [fast, slow].map((k) => {
        const tape = new Tape(k);
        return tape.run(() => op(input(k, [3, 5], x))).data;
      });
      expect(distance(a, b)).toBeLessThan(1e-6);
    }
  });
  it("layerNorm", () => {
    fc.assert(
      fc.property(anySize, fc.constantFrom(4, 5, 8, 17, 64), seeds, (m, n, seed) => {
        expectAgreement([[m, n], [n], [n]], seed, (x, w, b) => layerNorm(x, w, b));
      }),
      runs,
    );
  });
  it("matmul, all transposes", () => {
    const big = fc.constantFrom(...sizes, 40, 96, 200, 300);
    fc.assert(
      fc.property(big, big, big, fc.boolean(), fc.boolean(), seeds, (m, n, k, ta, tb, seed) => {
        const shapes = [ta ? [k, m] : [m, k], tb ? [n, k] : [k, n]];
        expectAgreement(shapes, seed, (a, b) => matmul(a, b, ta, tb), 1);
      }),
      { numRuns: 120 },
    );
  });
  it("linear with each activation", () => {
    const activation = fc.constantFrom<Activation>("none", "tanh", "relu", "gelu");
    fc.assert(
      fc.property(anySize, anySize, anySize, activation, seeds, (m, n, k, act, seed) => {
        expectAgreement([[m, k], [n, k], [n]], seed, (x, w, b) => linear(x, w, b, act), 1);
        expectAgreement(
          [
            [m, k],
            [n, k],
          ],
          seed,
          (x, w) => linear(x, w),
          1,
        );
      }),
      runs,
    );
  });
  it("linear without gradients, few rows", () => {
    fc.assert(
      fc.property(anySize, anySize, fc.integer({ min: 1, max: 9 }), seeds, (n, k, m, seed) => {
        const [a, b] = [fast, slow].map((backend) => {
          const random = new Random(seed);
          const [x, w, bias] = [[m, k], [n, k], [n]].map((shape) => input(backend, shape));
          for (const t of [x, w, bias]) random.fillNormal(t.data);
          return new Tape(backend).run(() => linear(x, w, bias, "gelu")).data;
        });
        expect(distance(a, b, 1)).toBeLessThan(1e-5);
      }),
      runs,
    );
  });
  it("attention, causal and masked", () => {
    fc.assert(
      fc.property(
        anySize,
        anySize,
        anySize,
        fc.boolean(),
        fc.boolean(),
        seeds,
        (T, S, D, causal, masked, seed) => {
          const shapes = [
            [2, T, D],
            [2, S, D],
            [2, S, 3],
          ];
          const mask = (k: Backend): Tensor => {
            const random = new Random(seed);
            const values = Array.from({ length: 2 * T * S }, () => random.below(3) && 1);
            return input(k, [2, T, S], values);
          };
          const masks = new Map([fast, slow].map((k) => [k as Backend, mask(k)]));
          expectAgreement(shapes, seed, (q, k, v) =>
            attention(q, k, v, causal, masked ? (masks.get(q.backend as Backend) ?? null) : null),
          );
        },
      ),
      { numRuns: 100 },
    );
  });
  it("embedding", () => {
    fc.assert(
      fc.property(anySize, anySize, seeds, (n, width, seed) => {
        const index = Array.from({ length: 9 }, (_, i) => (i * 7) % n);
        const lists = new Map([fast, slow].map((k) => [k as Backend, input(k, [9], index)]));
        expectAgreement([[n, width]], seed, (w) =>
          embedding(w, lists.get(w.backend as Backend) as Tensor),
        );
      }),
      runs,
    );
  });
  it("clipping and Adam", () => {
    for (const decoupled of [false, true]) {
      const [a, b] = [fast, slow].map((k) => {
        const random = new Random(5);
        const parameters = new Parameters(k);
        for (const n of sizes) random.fillNormal(parameters.add(`p${n}`, [n]).data);
        const adam = new Adam(parameters, { weightDecay: 0.1, decoupled });
        for (let t = 0; t < 20; t++) {
          for (const p of parameters.list) random.fillNormal(p.grad);
          clipGlobalNorm(adam.regions, 1);
          adam.step();
        }
        expect(parameters.list.every((p) => p.grad.every((g) => g === 0))).toBe(true);
        return parameters.list.flatMap((p) => [...p.data]);
      });
      expect(distance(a, b)).toBeLessThan(1e-5);
    }
  });
});

describe("memory", () => {
  it("is exact about what is missing when full", () => {
    const k = simd({ memory: 2 ** 17 });
    expect(() => k.alloc(2 ** 20)).toThrow(MemoryError);
    expect(() => k.alloc(2 ** 20)).toThrow(
      /131072 bytes is full: expected room for 4194304 more, the largest gap has \d+/,
    );
  });
  it("takes freed buffers back, zeroed", () => {
    const k = simd({ memory: 2 ** 18 });
    for (let i = 0; i < 1000; i++) {
      const x = k.alloc(1000);
      expect(x.every((v) => v === 0)).toBe(true);
      x.fill(7);
      k.free(x);
    }
  });
  it("can be sized from what a step takes", () => {
    const step = (k: SimdBackend): SimdBackend => {
      const x = variable(k, [33, 200]);
      const w = variable(k, [70, 200]);
      const tape = new Tape(k);
      tape.backward(tape.run(() => sum(linear(x, w))));
      return k;
    };
    const k = simdFor(step);
    const { length } = new Uint8Array(k.memory.buffer);
    expect(k.used()).toBeLessThanOrEqual(length);
    expect(length - k.used()).toBeLessThan(65536);
    expect(() => simdFor(step, { memory: 2 ** 16 })).toThrow(MemoryError);
  });
  it("refuses buffers of another backend", () => {
    const [y, a, b] = [fast.alloc(1), new Float32Array(1), fast.alloc(1)];
    expect(() =>
      fast.gemm({ y: matrix(y, 1, 1), a: matrix(a, 1, 1), b: matrix(b, 1, 1) }, false),
    ).toThrow(UsageError);
    const other = simd({ memory: 2 ** 17 });
    expect(() => fast.free(other.alloc(1))).toThrow(/buffer of another backend/);
  });
});

it("dropout: the masks of the loops, bit for bit, and the generator left in the same state", () => {
  const from = fc.record({
    key: fc.nat(2 ** 32 - 1),
    drawn: fc.constantFrom(0, 1, 5, 2 ** 31 - 2, 2 ** 32 - 40, 2 ** 32 + 7),
    half: fc.nat(1),
    sizes: fc.array(fc.nat(300), { minLength: 1, maxLength: 3 }),
    p: fc.constantFrom(0, 0.1, 0.5, 0.9, 1 - 2 ** -40),
  });
  fc.assert(
    fc.property(from, ({ key, drawn, half, sizes, p }) => {
      const [ours, theirs] = [fast, slow].map((k) => {
        const random = Random.from([key, 7, Math.max(drawn, half), 0, half]);
        const made = new Dropout(k, p, random);
        const kept = sizes.map((n) => {
          const x = input(k, [n + 1], new Float32Array(n + 1).fill(1));
          return [...new Tape(k).run(() => made.apply(x)).data];
        });
        return { kept, state: random.save() };
      });
      expect(ours).toEqual(theirs);
    }),
  );
  const x = input(fast, [100_000], new Float32Array(100_000).fill(1));
  const y = new Tape(fast).run(() => new Dropout(fast, 0.3, new Random(1)).apply(x)).data;
  const share = [...y].filter((v) => v === 0).length / y.length;
  expect(Math.abs(share - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / y.length));
});

describe("runtimes without the kernels", () => {
  const without = (api: unknown, run: () => void): void => {
    const real = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly") as PropertyDescriptor;
    Object.defineProperty(globalThis, "WebAssembly", { value: api, configurable: true });
    try {
      run();
    } finally {
      Object.defineProperty(globalThis, "WebAssembly", real);
    }
  };
  it("say so, with what to use instead", () => {
    without(undefined, () => {
      expect(simdAvailable()).toBe(false);
      expect(() => simd()).toThrow(UsageError);
      expect(() => simd()).toThrow("this runtime has no WebAssembly; use loops()");
    });
  });
  it("refuse the bytes, but take a ready module", () => {
    const real = webAssembly() as NonNullable<ReturnType<typeof webAssembly>>;
    const module = new real.Module(kernelBytes());
    const refusing = {
      ...real,
      Memory: real.Memory,
      Instance: real.Instance,
      validate: () => false,
      Module: class {
        constructor() {
          throw new Error("code generation disallowed");
        }
      },
    };
    without(refusing, () => {
      expect(simdAvailable()).toBe(false);
      const options = { memory: 2 ** 18, shared: true }; // of which no module was compiled before
      expect(() => simd(options)).toThrow(/does not take the kernels \(SIMD\).*use loops\(\), or/);
      const k = simd({ memory: 2 ** 18, module });
      expect(k.sumOfSquares?.(k.alloc(3).fill(2))).toBe(12);
    });
  });
});
