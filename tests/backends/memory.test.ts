// @module-tag deep
import { describe, expect, test } from "vitest";
import { simd } from "../../src/backends/simd.ts";
import { MemoryError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { free, input, Parameters, type Tensor, variable } from "../../src/core/tensor.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import * as ops from "../../src/ops/index.ts";
import { selfAttention } from "../../src/ops/self-attention.ts";
import { Adam } from "../../src/optim/adam.ts";

describe("the simd backend's memory", () => {
  test("freed room serves every size, merged with its neighbors", () => {
    const k = simd({ memory: 16 << 20 });
    const live = k.live();
    for (let n = 1; n < 5000; n++) k.free(k.alloc(16 * n));
    const buffers = Array.from({ length: 1000 }, (_, i) => k.alloc(1 + i));
    for (const i of [1, 0, 2]) for (let j = i; j < 1000; j += 3) k.free(buffers[j]);
    expect(k.live()).toBe(live);
    k.free(k.alloc((15 << 20) / 4)); // nearly all of it, in one piece
  });

  test("property: what is allocated is zeroed, and overlaps nothing that lives", () => {
    const random = new Random(5);
    const k = simd({ memory: 4 << 20 });
    const live: Float32Array[] = [];
    for (let i = 0; i < 20000; i++) {
      if (live.length > 0 && (random.below(2) === 0 || live.length > 100)) {
        const [buffer] = live.splice(random.below(live.length), 1);
        expect(buffer.every((x) => x === buffer[0])).toBe(true);
        k.free(buffer);
      } else {
        const buffer = k.alloc(random.below(3000)) as Float32Array;
        expect(buffer.every((x) => x === 0)).toBe(true);
        live.push(buffer.fill(i + 1));
      }
    }
  });

  test("a buffer freed twice, or only a part of one, is refused", () => {
    const k = simd({ memory: 1 << 20 });
    const buffer = k.alloc(100);
    expect(() => k.free(buffer.subarray(0, 10))).toThrow(UsageError);
    expect(() => k.free(buffer.subarray(16))).toThrow(UsageError);
    k.free(buffer);
    expect(() => k.free(buffer)).toThrow(UsageError);
    expect(() => k.alloc(1.5)).toThrow(RangeError);
    expect(() => k.alloc(-1)).toThrow(RangeError);
    expect(() => k.alloc(Number.NaN)).toThrow(RangeError);
  });

  test("10⁵ recordings of random shapes stay within 64 MB, and leave nothing", () => {
    const random = new Random(3);
    const k = simd({ memory: 64 << 20 });
    const w = variable(k, [64, 64]);
    const live = k.live();
    const tape = new Tape(k);
    for (let i = 0; i < 1e5 / 8; i++) {
      const x = input(k, [1 + random.below(40), 64]);
      const qkv = variable(k, [1, 1 + random.below(12), 24]);
      tape.backward(
        tape.run(() => {
          const y = ops.linear(x, w, undefined, "tanh");
          const z = ops.sum(selfAttention(qkv, 2));
          const a = ops.sum(ops.attention(qkv, qkv, qkv, true));
          return ops.add(ops.sum(ops.softmax(ops.mul(y, y))), ops.add(z, a));
        }),
      );
      free(x, qkv);
    }
    expect(tape.recorded).toBeGreaterThan(1e5);
    tape.drop();
    expect(k.live()).toBeLessThan(live + (1 << 20)); // workspace alone
  });

  test("exhausted memory is a MemoryError that leaves tape, tensors and workspace usable", () => {
    const k = simd({ memory: 3 << 19 });
    const tape = new Tape(k);
    const x = variable(k, [40, 40], new Float32Array(1600).fill(0.5));
    const small = () => ops.sum(ops.matmul(x, x, false, true));
    const want = tape.run(small).data[0];
    const big = () => {
      let y: Tensor = ops.matmul(x, x);
      for (let i = 0; i < 200; i++) y = ops.tanh(ops.add(y, i));
      return ops.sum(y);
    };
    for (let i = 0; i < 5; i++) expect(() => tape.run(big)).toThrow(MemoryError);
    expect(() => variable(k, [200000])).toThrow(MemoryError); // data fits, its gradient does not
    expect(() => new Parameters(k, 200000).add("w", [1])).toThrow(MemoryError);
    expect(tape.run(small).data[0]).toBe(want);
    tape.drop();
    const [a, b] = [variable(k, [32, 200]), variable(k, [200, 300])];
    const wide = () => ops.sum(ops.matmul(a, b));
    const filler = k.alloc(160000);
    const live = k.live();
    for (let i = 0; i < 5; i++) expect(() => tape.run(wide)).toThrow(MemoryError); // its workspace
    tape.drop();
    expect(k.live()).toBe(live);
    expect(tape.run(small).data[0]).toBe(want);
    k.free(filler);
    tape.drop();
    expect(tape.run(wide).data[0]).toBe(0);
  });

  test("a recording that fails in the middle gives back what it took", () => {
    const k = simd({ memory: 1 << 20 });
    const [gates, c] = [variable(k, [100, 80]), variable(k, [100, 20])];
    const weights = { wIh: variable(k, [80, 20]), wHh: variable(k, [80, 20]) };
    const biases = { bIh: variable(k, [80]), bHh: variable(k, [80]) };
    free(gates);
    const tape = new Tape(k);
    const cell = () => ops.lstmCell(c, c, c, { ...weights, ...biases });
    tape.run(cell);
    tape.drop();
    const live = k.live();
    for (let room = 1000; room < 240000; room += 4000) {
      let filler: ReturnType<typeof k.alloc> | null = null;
      try {
        filler = k.alloc(room);
      } catch {
        continue;
      }
      try {
        tape.run(cell);
      } catch (error) {
        expect(error).toBeInstanceOf(MemoryError);
      }
      tape.drop();
      k.free(filler);
      expect(k.live()).toBe(live);
    }
  });

  test("a model, its optimizer and its tape give back every byte", () => {
    const k = simd({ memory: 32 << 20 });
    const before = k.live();
    let kept = 0;
    for (let i = 0; i < 3; i++) {
      const model = new Gpt(
        k,
        { vocab: 11, context: 8, layers: 2, heads: 2, width: 16 },
        new Random(1),
      );
      const adam = new Adam(model.parameters);
      const tape = new Tape(k);
      const tokens = input(k, [2, 8]);
      const labels = input(k, [2, 8]);
      const positions = input(
        k,
        [2, 8],
        [...Array(16).keys()].map((i) => i % 8),
      );
      tape.backward(
        tape.run(() => ops.crossEntropy(model.logits(model.hidden(tokens, positions)), labels)),
      );
      adam.step();
      tape.drop();
      adam.free();
      model.parameters.free();
      free(tokens, labels, positions);
      if (i > 0) expect(k.live()).toBe(kept);
      else expect(k.live()).toBeLessThan(before + (1 << 20)); // workspace, which stays
      kept = k.live();
    }
  });

  test("addresses up to 4 GiB: kernels on buffers at both ends agree", {
    tags: ["long"],
    timeout: 60_000,
  }, () => {
    const k = simd({ memory: 2 ** 32 });
    const [n, rest] = [64, 2 ** 32 - (3 << 20)];
    const low = run();
    const fillers = Array.from({ length: 4 }, () => k.alloc(rest / 16)); // never touched again
    const high = run();
    expect(high).toEqual(low);
    for (const x of fillers) k.free(x);
    function run(): number[] {
      const x = variable(
        k,
        [n, n],
        Float32Array.from({ length: n * n }, (_, i) => ((i * 7) % 13) / 13),
      );
      const tape = new Tape(k);
      const loss = tape.run(() =>
        ops.sum(ops.softmax(ops.linear(ops.matmul(x, x), x, undefined, "gelu"))),
      );
      tape.backward(loss);
      return [loss.data[0], ...x.grad];
    }
  });
});
