import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { Random, threefry2x32 } from "../../src/core/random.ts";
import { reserve } from "../../src/core/reserve.ts";
import { gumbel } from "../../src/distributions/categorical.ts";

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

  // The next three: ekzhang/jax-js@4014cc4, test/random.test.ts, which are JAX's numbers with
  // jax_threefry_partitionable: key (0, seed), element i from counter (0, i).
  test("JAX's bits: the xor of both words", () => {
    const bits = (seed: number, i: number): number => {
      const [x, y] = block(0, seed, 0, i);
      return (x ^ y) >>> 0;
    };
    expect(bits(0, 0)).toBe(4070199207);
    const expected = [169096361, 1572511259, 2689743692, 2228103506];
    expect([0, 1, 2, 3].map((i) => bits(10, i))).toEqual(expected);
  });

  test("JAX's split: both words are the new key", () => {
    expect([0, 1, 2].map((i) => block(0, 1, 0, i))).toEqual([
      [507451445, 1853169794],
      [1948878966, 4237131848],
      [2441914641, 3819641963],
    ]);
  });

  test("JAX's uniform: the top 23 bits as the fraction of a number in [1, 2), less 1", () => {
    [0.471269, 0.12344253, 0.17550635, 0.5663593].forEach((expected, i) => {
      const [x, y] = block(0, 51, 0, i);
      expect(Math.abs(((x ^ y) >>> 9) / 2 ** 23 - expected)).toBeLessThan(1e-6);
    });
  });

  test("a key or counter may come as a signed or an unsigned number", () => {
    expect(block(-1, -2, -3, -4)).toEqual(block(0xffffffff, 0xfffffffe, 0xfffffffd, 0xfffffffc));
  });
});

describe("Random", () => {
  test("one seed gives one stream; another gives another", () => {
    expect(draws(new Random(7), 20)).toEqual(draws(new Random(7), 20));
    expect(draws(new Random(7), 20)).not.toEqual(draws(new Random(8), 20));
    expect(() => new Random(-1)).toThrow(RangeError);
    expect(() => new Random(0.5)).toThrow(RangeError);
    for (const seed of [Number.NaN, Infinity, 2 ** 53])
      expect(() => new Random(seed)).toThrow(RangeError);
    expect(new Random(2 ** 53 - 1).save().slice(0, 2)).toEqual([2 ** 21 - 1, 2 ** 32 - 1]);
    expect(draws(new Random(2 ** 32), 4)).not.toEqual(draws(new Random(0), 4)); // all bits count
  });

  test("draws are the words of blocks 0, 1, 2 … of the seed's key", () => {
    const expected = [0, 1, 2].flatMap((i) => block(5, 9, 0, i));
    expect(draws(new Random(5 * 2 ** 32 + 9), 6)).toEqual(expected);
  });

  test("a child's key comes from a counter that no draw reaches", () => {
    const child = new Random(9).split();
    expect(child.save()).toEqual([...block(0, 9, 0x80000000, 0), 0, 0, 0]);
    // past 2³² the counts go on in the high words, still apart: 2⁵³ draws end at 2²¹
    const late = Random.from([0, 9, 2 ** 32, 2 ** 32 + 3, 0]);
    expect(late.split().save().slice(0, 2)).toEqual(block(0, 9, 0x80000001, 3));
    expect(draws(late, 2)).toEqual(block(0, 9, 1, 0));
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

  test("damaged state is refused, and the generator goes on as it was", () => {
    const damaged: unknown[] = [
      null,
      undefined,
      "12345",
      { length: 5 },
      [],
      [1, 2, 3, 4, 0, 0],
      [1, 2, 3, 4, 2],
      [1, 2, -3, 4, 0],
      [1, 2, 3.5, 4, 0],
      [2 ** 32, 2, 3, 4, 0],
      [1, 2 ** 32, 3, 4, 0],
      [1, 2, 2 ** 53, 4, 0],
      [1, 2, 0, 4, 1], // half of a block that was never drawn
      ["1", 2, 3, 4, 0],
    ];
    const [random, untouched] = [new Random(21), new Random(21)];
    draws(random, 3);
    draws(untouched, 3);
    for (const saved of damaged) {
      expect(() => random.restore(saved as number[]), JSON.stringify(saved)).toThrow(FormatError);
      expect(() => Random.from(saved as number[])).toThrow(FormatError);
    }
    expect(draws(random, 5)).toEqual(draws(untouched, 5));
  });

  test("saved between any two kinds of draws, all of them go on bit for bit", () => {
    const random = new Random(22);
    random.normal();
    random.bits();
    const copy = Random.from(random.save());
    const all = (r: Random): number[] => {
      const [uniforms, normals, order] = [
        new Float32Array(3),
        new Float64Array(5),
        [1, 2, 3, 4, 5],
      ];
      r.fillUniform(uniforms);
      r.fillNormal(normals);
      r.shuffle(order);
      const single = [r.normal(), gumbel(r), r.below(1000), r.categorical([0.3, 0.3, 0.4])];
      return [...single, ...uniforms, ...normals, ...order, r.split().bits(), r.bits()];
    };
    expect(all(copy)).toEqual(all(random));
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
    expect(random.below(1)).toBe(0);
  });

  test("below: a bound just above 2³¹ is not biased, up to 2³² none is too large", () => {
    // bits modulo n would hit the lower third of n = 3·2³⁰ half the time
    const random = new Random(17);
    const n = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (random.below(n) < 2 ** 30) low++;
    expect(Math.abs(low - 10_000)).toBeLessThan(400); // 5 deviations of 82
    const [a, b] = [new Random(18), new Random(18)];
    for (let i = 0; i < 9; i++) expect(a.below(2 ** 32)).toBe(b.bits());
  });

  test("uniform and bits: χ² over 64 cells, of the values and of their low bits", () => {
    const random = new Random(19);
    const [high, low, words] = [0, 0, 0].map(() => new Float64Array(64));
    const n = 64_000;
    for (let i = 0; i < n; i++) {
      const u = random.uniform();
      high[Math.floor(u * 64)]++;
      low[Math.floor(u * 2 ** 20 * 64) % 64]++;
      words[random.bits() & 63]++;
    }
    for (const counts of [high, low, words]) {
      const chi2 = counts.reduce((sum, count) => sum + (count - n / 64) ** 2 / (n / 64), 0);
      expect(Math.abs(chi2 - 63)).toBeLessThan(56); // 63 degrees of freedom: 5 deviations of √126
    }
  });

  test("parent and child are uncorrelated", () => {
    const parent = new Random(20);
    const child = parent.split();
    let product = 0;
    const n = 50_000;
    for (let i = 0; i < n; i++) product += (parent.uniform() - 0.5) * (child.uniform() - 0.5);
    expect(Math.abs((12 * product) / n)).toBeLessThan(5 / Math.sqrt(n));
  });

  test("categorical: the given odds; never an index of probability 0", () => {
    const random = new Random(14);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 10_000; i++) counts[random.categorical([0.2, 0, 0.8, 0])]++;
    expect(counts[1] + counts[3]).toBe(0);
    expect(Math.abs(counts[0] - 2000)).toBeLessThan(200);
    expect(random.categorical([0, 1e-30, 0])).toBe(1); // the sum is far below any u
    expect(() => random.categorical([0, 0])).toThrow(RangeError);
    expect(() => random.categorical([])).toThrow(RangeError);
    expect(() => random.categorical([Number.NaN, 1])).toThrow(RangeError);
    expect(() => random.categorical([-0.5, 1.5])).toThrow(RangeError);
  });

  test("property: categorical is the smallest k with u < p₀ + … + pₖ, of a part of an array too", () => {
    const weights = fc.array(
      fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 1, noNaN: true })),
      {
        minLength: 1,
        maxLength: 9,
      },
    );
    fc.assert(
      fc.property(fc.nat(), weights, fc.nat(3), (seed, weight, start) => {
        const total = weight.reduce((a, b) => a + b);
        fc.pre(total > 0);
        const p = weight.map((w) => w / total);
        const u = new Random(seed).uniform();
        let [k, sum] = [0, p[0]];
        while (u >= sum && k < p.length - 1) sum += p[++k];
        while (p[k] === 0) k--; // u was not below the rounded sum
        const padded = [...Array<number>(start).fill(7), ...p, 7, 7];
        expect(new Random(seed).categorical(p)).toBe(k);
        expect(new Random(seed).categorical(padded, start, p.length)).toBe(k);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test("reserved numbers are those that uniform draws from the next block on, in any order", () => {
    const [random, plain] = [new Random(20), new Random(20)];
    random.bits();
    const noise = reserve(random, 3);
    plain.skip(2);
    const drawn = [plain.uniform(), plain.uniform(), plain.uniform()];
    expect([noise(2), noise(0), noise(1)]).toEqual([drawn[2], drawn[0], drawn[1]]);
    expect(random.save()).toEqual(plain.save());
  });

  test("gumbel: mean Euler's constant; argmax of logits plus gumbel samples the softmax", () => {
    const random = new Random(15);
    let sum = 0;
    let first = 0;
    for (let i = 0; i < 50_000; i++) {
      const [a, b] = [gumbel(random), gumbel(random)];
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

  test("property: shuffling keeps every element of an array of any kind", () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(255)), (seed, array) => {
        const shuffled = Uint8Array.from(array);
        new Random(seed).shuffle(shuffled);
        expect([...shuffled].sort()).toEqual([...array].sort());
      }),
      { seed: 1 },
    );
  });
});
