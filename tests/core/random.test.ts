import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { Random, threefry2x32 } from "../../src/core/random.ts";

function block(key0: number, key1: number, counter0: number, counter1: number): number[] {
  const out = new Uint32Array(2);
  threefry2x32(key0, key1, counter0, counter1, out);
  return [...out];
}
const draws = (random: Random, n: number): number[] =>
  Array.from({ length: n }, () => random.bits());

describe("threefry2x32", () => {
  test("the known answers published with Random123, 20 rounds", () => {
    const ones = 0xffffffff;
    expect(block(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe]);
    expect(block(ones, ones, ones, ones)).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(block(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
  });
});

describe("Random", () => {
  test("one seed gives one stream; another gives another", () => {
    expect(draws(new Random(7), 20)).toEqual(draws(new Random(7), 20));
    expect(draws(new Random(7), 20)).not.toEqual(draws(new Random(8), 20));
    expect(() => new Random(-1)).toThrow(RangeError);
    expect(() => new Random(0.5)).toThrow(RangeError);
  });

  test("property: goes on where it was saved, whatever was drawn or split before", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(9), fc.nat(3), (seed, before, splits) => {
        const random = new Random(seed);
        draws(random, before);
        for (let i = 0; i < splits; i++) random.split();
        const saved = JSON.parse(JSON.stringify(random.save()));
        const copy = new Random(0);
        copy.restore(saved);
        expect(draws(copy, 9)).toEqual(draws(random, 9));
        expect(draws(copy.split(), 3)).toEqual(draws(random.split(), 3));
      }),
    );
    expect(() => new Random(0).restore([1, 2, 3])).toThrow(FormatError);
    expect(() => new Random(0).restore([1, 2, 3, 4, Number.NaN])).toThrow(FormatError);
  });

  test("splitting does not change what the parent draws, and children differ", () => {
    const [plain, splitting] = [new Random(3), new Random(3)];
    const first = splitting.bits();
    const children = [splitting.split(), splitting.split()];
    expect([first, ...draws(splitting, 9)]).toEqual(draws(plain, 10));
    expect(draws(children[0], 5)).not.toEqual(draws(children[1], 5));
  });

  test("uniform: in [0, 1), mean ½, all 53 bits in use", () => {
    const random = new Random(11);
    const xs = Array.from({ length: 100_000 }, () => random.uniform());
    expect(Math.min(...xs.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(xs.every((x) => x < 1)).toBe(true);
    // standard error 1/√(12·n) = 0.0009
    expect(xs.reduce((a, b) => a + b) / xs.length).toBeCloseTo(0.5, 2);
    expect(xs.some((x) => (x * 2 ** 53) % 2 === 1)).toBe(true);
  });

  test("normal: mean 0, variance 1, fourth moment 3, alone and in pairs", () => {
    const random = new Random(12);
    const pairs = new Float64Array(100_000);
    random.fillNormal(pairs);
    const singles = pairs.map(() => random.normal());
    for (const xs of [pairs, singles]) {
      const moment = (p: number): number => xs.reduce((sum, x) => sum + x ** p, 0) / xs.length;
      expect(moment(1)).toBeCloseTo(0, 1);
      expect(moment(2)).toBeCloseTo(1, 1);
      expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15); // standard error √(96/n) = 0.03
    }
  });

  test("below: every result equally likely; wrong bounds throw", () => {
    const random = new Random(13);
    const counts = [0, 0, 0];
    for (let i = 0; i < 30_000; i++) counts[random.below(3)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400); // 5 deviations of 82
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 33])
      expect(() => random.below(n)).toThrow(RangeError);
  });

  test("categorical: the given odds; never an index of probability 0", () => {
    const random = new Random(14);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 10_000; i++) counts[random.categorical([0.2, 0, 0.8, 0])]++;
    expect(counts[1] + counts[3]).toBe(0);
    expect(Math.abs(counts[0] - 2000)).toBeLessThan(200);
    expect(random.categorical([0, 1e-30, 0])).toBe(1); // the sum is far below any u
    expect(() => random.categorical([0, 0])).toThrow(RangeError);
  });

  test("gumbel: mean Euler's constant; argmax of logits plus gumbel samples the softmax", () => {
    const random = new Random(15);
    let sum = 0;
    let first = 0;
    for (let i = 0; i < 50_000; i++) {
      const [a, b] = [random.gumbel(), random.gumbel()];
      sum += a;
      if (Math.log(3) + a > b) first++; // odds 3 : 1
    }
    expect(sum / 50_000).toBeCloseTo(0.5772, 1);
    expect(first / 50_000).toBeCloseTo(0.75, 1);
  });

  test("shuffle: a permutation, every order of three equally often", () => {
    const random = new Random(16);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const order = [0, 1, 2];
      random.shuffle(order);
      counts.set(order.join(""), (counts.get(order.join("")) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(210);
  });
});
