/** Spaces: what is in them and what is not, what they draw, and their flat form. */
import { describe, expect, test } from "vitest";
import { EnvError, MaskError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import {
  box,
  dict,
  discrete,
  flattenPart,
  image,
  multiBinary,
  multiDiscrete,
  type Space,
} from "../../src/envs/space.ts";

const holds = (space: Space, ...lists: ArrayLike<number>[]): boolean[] =>
  lists.map((x) => space.contains(x));

describe("what is in a space", () => {
  test("discrete, from 0 or a start", () => {
    expect(holds(discrete(3), [0], [2], [3], [-1], [0.5], [], [0, 0])).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(holds(discrete(2, -4), [-4], [-3], [-5], [-2])).toEqual([true, true, false, false]);
    expect(discrete(3)).toMatchObject({ kind: "discrete", n: 3, start: 0, shape: [], size: 1 });
    for (const [n, start] of [
      [0, 0],
      [1.5, 0],
      [2, 0.5],
      [2, 2 ** 53],
    ])
      expect(() => discrete(n, start)).toThrow(RangeError);
    discrete(1);
  });
  test("names: one per choice, or per number; null without", () => {
    expect(discrete(["a", "b"], 3)).toMatchObject({ n: 2, start: 3, names: ["a", "b"] });
    expect(multiDiscrete([["up", "down"], 3])).toMatchObject({
      choices: [2, 3],
      names: ["up", "down", "0", "1", "2"],
    });
    expect(multiBinary(["x", "y"])).toMatchObject({ size: 2, names: ["x", "y"] });
    for (const space of [discrete(2), multiDiscrete([2]), multiBinary(2), box(0, 1, [2])])
      expect(space.names).toBeNull();
    expect(box({ names: ["x", "y"] })).toMatchObject({
      shape: [2],
      low: Float64Array.of(-Infinity, -Infinity),
      names: ["x", "y"],
    });
    expect(box({ low: [0, 1], high: 2 })).toMatchObject({ shape: [2], names: null });
    expect(box({ high: [0, 1, 2] }).shape).toEqual([3]);
    expect(box({ low: 0, high: 1, shape: [2, 2] }).size).toBe(4);
    expect(box({}).shape).toEqual([1]);
    expect(box(0, 1, [2], ["x", "y"]).names).toEqual(["x", "y"]);
    expect(() => box({ names: ["x"], shape: [2] })).toThrow("box: expected 2 names, got 1");
    expect(
      dict({ b: discrete(2, 1), a: box(0, 1, [1]), c: box({ names: ["x", "y"] }) }).names,
    ).toEqual(["a", "b 1", "b 2", "c x", "c y"]);
    expect(() => discrete([])).toThrow(RangeError);
  });
  test("multiDiscrete and multiBinary, by element", () => {
    const multi = multiDiscrete([2, 3]);
    expect(holds(multi, [1, 2], [2, 0], [0, 3], [0, -1], [0, 0.5], [0], [0, 0, 0])).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    const shifted = multiDiscrete([2, ["a", "b", "c"], 2], [-1, 5, 3]);
    expect(holds(shifted, [-1, 7, 3], [0, 5, 4], [1, 5, 3], [0, 8, 3], [0, 4, 3])).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(shifted.names).toEqual(["-1", "0", "a", "b", "c", "3", "4"]);
    const random = new Random(3);
    for (let i = 0; i < 40; i++) expect(shifted.contains(shifted.sample(random))).toBe(true);
    expect([...shifted.sample(random, undefined, [0, 1, 0, 1, 0, 1, 0])]).toEqual([0, 6, 3]);
    const flat = new Float64Array(7);
    flattenPart(shifted, [0, 5, 4], flat, 0);
    expect([...flat]).toEqual([0, 1, 1, 0, 0, 0, 1]);
    for (const start of [[1], [0.5, 0, 0], [0, 0, Number.NaN]])
      expect(() => multiDiscrete([2, 3, 2], start)).toThrow(
        /multiDiscrete: expected 3 whole starts, got/,
      );
    const bits = multiBinary(2);
    expect(holds(bits, [0, 1], [0, 2], [0, 0.5], [-1, 0], [0], [0, 0, 0])).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    for (const choices of [[], [0], [2, 1.5]])
      expect(() => multiDiscrete(choices)).toThrow(RangeError);
    for (const size of [0, 1.5]) expect(() => multiBinary(size)).toThrow(RangeError);
    expect([multiDiscrete([1]).size, multiBinary(1).size, multi.shape, bits.shape]).toEqual([
      1,
      1,
      [2],
      [2],
    ]);
  });
  test("box, bounds included, also where float32 rounds past them", () => {
    const space = box([0, -0.1], [1, 0.7], [2]);
    expect(
      holds(
        space,
        [0, -0.1],
        [1, 0.7],
        [1.001, 0],
        [-0.001, 0],
        [0, 0.71],
        [0, -0.11],
        [Number.NaN, 0],
        [0],
        [0, 0, 0],
      ),
    ).toEqual([true, true, false, false, false, false, false, false, false]);
    expect(space.contains(Float32Array.of(0, -0.1))).toBe(true);
    expect(box(-1, 2, [2, 3])).toMatchObject({ size: 6, shape: [2, 3] });
    expect([...box(-1, 2, [2]).low, ...box(-1, 2, [2]).high]).toEqual([-1, -1, 2, 2]);
    box(1, 1, [1]);
    for (const make of [
      () => box(1, 0, [2]),
      () => box([0], 1, [2]),
      () => box(0, [1, 1, 1], [2]),
      () => box([0, 2], 1, [2]),
      () => box(Number.NaN, 1, [1]),
    ])
      expect(make).toThrow(RangeError);
  });
  test("nothing but lists of numbers is in a space", () => {
    const spaces = [discrete(2), multiDiscrete([2]), multiBinary(1), box(0, 1, [1])];
    for (const space of [...spaces, dict({ x: box(0, 1, [1]) })]) {
      expect(space.contains([1])).toBe(true);
      for (const other of ["1", ["1"], [true], [null], [[1]], null, undefined, {}])
        expect(space.contains(other as never)).toBe(false);
    }
    const env = new CartPole();
    env.reset({ seed: 1 });
    for (const action of ["1", ["1"], null, undefined, [[1]], {}, 2])
      expect(() => env.step(action as never)).toThrow(EnvError);
    for (const nothing of [undefined, null, "a", {}]) {
      expect(() => multiDiscrete(nothing as never)).toThrow(RangeError);
      expect(() => image(nothing as never, 1, 1)).toThrow(RangeError);
    }
  });
});

describe("what a space draws", () => {
  test("each choice by the generator's `below`, into the array given or a new one", () => {
    const [random, same] = [new Random(3), new Random(3)];
    expect([...discrete(7, 2).sample(random)]).toEqual([2 + same.below(7)]);
    expect([...multiDiscrete([4, 9]).sample(random)]).toEqual([same.below(4), same.below(9)]);
    expect([...multiBinary(3).sample(random)]).toEqual([
      same.below(2),
      same.below(2),
      same.below(2),
    ]);
    const out = new Float32Array(2);
    expect(multiDiscrete([4, 9]).sample(random, out)).toBe(out);
    expect([...out]).toEqual([same.below(4), same.below(9)]);
  });
  test("a box by its bounds: uniform, half-normal above or below, normal", () => {
    const space = box([2, 1, -Infinity, -Infinity], [4, Infinity, 3, Infinity], [4]);
    const [random, same] = [new Random(3), new Random(3)];
    for (let i = 0; i < 10; i++) {
      const want = [
        2 + 2 * same.uniform(),
        1 + Math.abs(same.normal()),
        3 - Math.abs(same.normal()),
        same.normal(),
      ];
      expect([...space.sample(random)]).toEqual(want.map(Math.fround));
    }
  });
  test("under a mask, one of the allowed, each equally likely", () => {
    const random = new Random(3);
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < 600; i++)
      counts[discrete(5).sample(random, undefined, [1, 0, 1, 1, 0])[0]]++;
    expect([counts[1], counts[4]]).toEqual([0, 0]);
    for (const i of [0, 2, 3]) expect(Math.abs(counts[i] - 200)).toBeLessThan(50);
    const multi = multiDiscrete([3, 2]);
    for (let i = 0; i < 20; i++)
      expect([...multi.sample(random, undefined, [0, 0, 1, 1, 0])]).toEqual([2, 0]);
    expect(discrete(3, 5).sample(random, undefined, [0, 1, 0])[0]).toBe(6);
    expect(() => discrete(2).sample(random, undefined, [0, 0])).toThrow(MaskError);
    expect(discrete(4).sample(random, undefined, [0, 1])[0]).toBe(1); // what a short mask lacks is not allowed
    expect(() => discrete(4).sample(random, undefined, [0, 0])).toThrow(MaskError);
    expect(() => multi.sample(random, undefined, [1, 1, 1])).toThrow(MaskError);
    expect(() => multi.sample(random, undefined, [1, 1, 1, 0, 0])).toThrow(MaskError);
  });
});

describe("dict", () => {
  const space = dict({
    b: multiDiscrete([2, 3]),
    a: discrete(3, 1),
    d: box([-1, 0], [1, 5], [2]),
    c: dict({ x: multiBinary(2) }),
  });
  test("its flat form by hand: by name, choices one-hot, each part in its place", () => {
    expect(space.parts.map(({ name, at, size }) => [name, at, size])).toEqual([
      ["a", 0, 3],
      ["b", 3, 5],
      ["c", 8, 2],
      ["d", 10, 2],
    ]);
    const values = { a: 3, b: [1, 0], c: { x: [0, 1] }, d: [-0.5, 4] };
    const flat = [0, 0, 1, 0, 1, 1, 0, 0, 0, 1, -0.5, 4];
    expect([...space.flatten(values)]).toEqual(flat);
    const out = new Float32Array(14).fill(9);
    expect(space.flatten(values, out, 1)).toBe(out);
    expect([...out]).toEqual([9, ...flat, 9]);
    expect([...space.flatten({ ...values, a: [2] }).subarray(0, 3)]).toEqual([0, 1, 0]);
    expect([...space.low]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0]);
    expect([...space.high]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5]);
    expect([space.shape, space.size]).toEqual([[12], 12]);
  });
  test("contains flat numbers: one 1 for each choice, the rest in its part's space", () => {
    const good = [0, 0, 1, 0, 1, 1, 0, 0, 0, 1, -0.5, 4];
    const but = (at: number, x: number): number[] => good.map((old, i) => (i === at ? x : old));
    expect(space.contains(good)).toBe(true);
    for (const bad of [
      but(0, 1),
      but(2, 0),
      but(2, 0.5),
      but(3, 1),
      but(5, 0),
      but(6, 2),
      but(8, 0.5),
      but(10, -2),
      but(11, 6),
      good.slice(1),
      [...good, 0],
    ])
      expect(space.contains(bad)).toBe(false);
    const random = new Random(2);
    for (let i = 0; i < 20; i++) expect(space.contains(space.sample(random))).toBe(true);
    const out = new Float32Array(12);
    expect(space.sample(random, out)).toBe(out);
    expect(new Set(Array.from({ length: 30 }, () => space.sample(random).join())).size).toBe(30);
  });
  test("refuses values that are missing, unknown, or outside their space", () => {
    const good = { a: 3, b: [1, 0], c: { x: [0, 1] }, d: [0, 0] };
    for (const [values, message] of [
      [{ ...good, e: 1 }, '"e"'],
      [{ b: [1, 0], c: { x: [0, 1] }, d: [0, 0] }, '"a"'],
      [{ ...good, a: 0 }, '"a" within'],
      [{ ...good, a: { x: 1 } }, '"a" within'],
      [{ ...good, b: [2, 0] }, '"b" within'],
      [{ ...good, c: [0, 1] }, '"c", got numbers'],
      [{ ...good, c: 1 }, '"c", got numbers'],
      [{ ...good, c: { x: [0, 3] } }, '"x" within'],
      [{ ...good, d: [0] }, '"d" within'],
    ] as const)
      expect(() => space.flatten(values as never)).toThrow(message);
    expect(() => dict({})).toThrow(RangeError);
    expect(() =>
      space.flatten(Object.create({ a: 3, b: [1, 0], c: { x: [0, 1] }, d: [0, 0] })),
    ).toThrow('"a"');
  });
});
