/** Tensors, parameters, the checks of arguments, blocks of random bits. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import {
  checkFinite,
  checkInteger,
  checkIntegers,
  checkLength,
  checkName,
  checkNumber,
  checkRank,
  checkShape,
  kindOf,
} from "../../src/core/check.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import {
  free,
  input,
  inputs,
  listOf,
  NONE,
  Parameters,
  sameShape,
  show,
  sizeOf,
  variable,
} from "../../src/core/tensor.ts";

describe("tensors", () => {
  const k = loops();
  test("sizes of shapes, and those that are none", () => {
    expect([sizeOf([]), sizeOf([0, 5]), sizeOf([2, 3])]).toEqual([1, 0, 6]);
    for (const shape of [[-1], [1.5], [Number.NaN]])
      expect(() => sizeOf(shape)).toThrow(`shape: expected non-negative integers, got [${shape}]`);
    expect(() => sizeOf([2 ** 30, 2 ** 30])).toThrow(/fewer than 2\^53/);
    expect([
      sameShape([1, 2], [1, 2]),
      sameShape([1], [1, 2]),
      sameShape([1, 2], [1]),
      sameShape([1, 2], [1, 3]),
    ]).toEqual([true, false, false, false]);
    expect(show([2, 3])).toBe("[2, 3]");
  });
  test("inputs hold what they are given, and their own shape", () => {
    const shape = [2];
    const x = input(k, shape, [1, 2]);
    shape[0] = 9;
    expect([x.shape, [...x.data], x.grad, x.backend]).toEqual([[2], [1, 2], null, k]);
    expect([...input(k, [2]).data]).toEqual([0, 0]);
    expect(() => input(k, [2], [1])).toThrow("input: expected 2 values for [2], got 1");
    const w = variable(k, [2], [3, 4]);
    expect([[...w.data], [...w.grad], w.name]).toEqual([[3, 4], [0, 0], ""]);
    expect(listOf(x)).toEqual([x]);
    expect(listOf(x)).toBe(listOf(x));
    expect([NONE.shape, NONE.data.length, NONE.backend]).toEqual([[0], 0, null]);
  });
  test("where memory runs out, what was taken is given back", () => {
    const small = simd({ memory: 2 ** 20 });
    const before = small.live();
    expect(() => inputs(small, [[10], [10], [2 ** 22]])).toThrow(/memory/);
    expect(small.live()).toBe(before);
    const most = Math.floor((2 ** 20 / 4) * 0.4);
    expect(() => [variable(small, [most]), variable(small, [most])]).toThrow(/memory/);
    const taken = small.live();
    expect(() => variable(small, [most])).toThrow(/memory/);
    expect(small.live()).toBe(taken);
    const made = inputs(small, [[10], []]);
    expect(made.map(({ shape }) => shape)).toEqual([[10], []]);
    free(...made);
    expect(small.live()).toBe(taken);
  });
  test("parameters lie side by side in regions; a large one has a region of its own", () => {
    const p = new Parameters(k, 4);
    const a = p.add("a", [3], [1, 2, 3]);
    const b = p.add("b", [1], [4]);
    expect(p.regions().map(({ data }) => [...data])).toEqual([[1, 2, 3, 4]]);
    p.add("c", [], [5]);
    p.add("d", [6]);
    p.add("e", [2], [7, 8]);
    expect(p.regions().map(({ data, grad }) => [data.length, grad.length])).toEqual([
      [4, 4],
      [1, 1],
      [6, 6],
      [2, 2],
    ]);
    expect(p.list.map(({ name }) => name)).toEqual(["a", "b", "c", "d", "e"]);
    expect([p.get("b"), p.get("z")]).toEqual([b, undefined]);
    a.grad[2] = 9;
    p.regions()[0].data[0] = 7;
    expect([p.regions()[0].grad[2], a.data[0]]).toEqual([9, 7]);
    expect(() => p.add("a", [1])).toThrow('parameters: "a" exists already');
    expect(() => p.add("f", [2], [1])).toThrow("f: expected 2 values for [2], got 1");
    expect(p.get("f")).toBe(undefined);
    expect(new Parameters(k).regions()).toEqual([]);
  });
  test("freed parameters give every buffer back", () => {
    const small = simd({ memory: 2 ** 20 });
    const before = small.live();
    const p = new Parameters(small, 8);
    for (const name of ["a", "b", "c"]) p.add(name, [6]);
    expect(small.live()).toBeGreaterThan(before);
    p.free();
    expect(small.live()).toBe(before);
    expect(p.regions()).toEqual([]);
    p.free();
  });
});

test("checks: what is within passes, what is not is said", () => {
  const x = input(loops(), [2, 3]);
  for (const pass of [
    () => checkLength("f", "x", [1, 2], 2),
    () => checkShape("f", "x", x, [2, 3]),
    () => checkRank("f", "x", x, 2),
    () => checkNumber("f", "x", Infinity),
    () => checkNumber("f", "x", 1, { min: 1, max: 1 }),
    () => checkFinite("f", "x", 1, { min: 1 }),
    () => checkInteger("f", "x", 3, { max: 3 }),
    () => checkIntegers("f", "x", [0, 2], { min: 0, max: 2 }),
    () => checkName("f", "x", "a", ["a"]),
  ])
    expect(pass).not.toThrow();
  for (const [fail, message, type] of [
    [() => checkLength("f", "x", [1], 2), "f: expected 2 numbers as x, got 1", ShapeError],
    [() => checkLength("f", "x", undefined as never, 2), "got undefined", ShapeError],
    [
      () => checkShape("f", "x", x, [3, 2]),
      "f: expected x of shape [3, 2], got [2, 3]",
      ShapeError,
    ],
    [() => checkShape("f", "x", null as never, [3]), "got null", ShapeError],
    [() => checkRank("f", "x", x, 1), "f: expected x with 1 dimensions, got [2, 3]", ShapeError],
    [() => checkRank("f", "x", 5 as never, 1), "got 5", ShapeError],
    [() => checkNumber("f", "x", Number.NaN), "f: expected x to be a number, got NaN", RangeError],
    [() => checkNumber("f", "x", "1" as never), "got string", RangeError],
    [() => checkNumber("f", "x", 0.9, { min: 1 }), "f: expected x ≥ 1, got 0.9", RangeError],
    [() => checkNumber("f", "x", 2.1, { max: 2 }), "f: expected x ≤ 2, got 2.1", RangeError],
    [
      () => checkNumber("f", "x", 3, { min: 1, max: 2 }),
      "f: expected x from 1 to 2, got 3",
      RangeError,
    ],
    [
      () => checkFinite("f", "x", Infinity),
      "f: expected x to be a finite number, got Infinity",
      RangeError,
    ],
    [() => checkFinite("f", "x", 0, { min: 1 }), "f: expected x ≥ 1, got 0", RangeError],
    [() => checkInteger("f", "x", 1.5), "f: expected x to be a whole number, got 1.5", RangeError],
    [() => checkInteger("f", "x", 4, { max: 3 }), "f: expected x ≤ 3, got 4", RangeError],
    [
      () => checkIntegers("f", "x", [0, 3], { min: 0, max: 2 }),
      "f: expected x[1] from 0 to 2, got 3",
      RangeError,
    ],
    [() => checkIntegers("f", "x", [-1], { min: 0 }), "f: expected x[0] ≥ 0, got -1", RangeError],
    [
      () => checkIntegers("f", "x", [0.5]),
      "f: expected x[0] to be a whole number, got 0.5",
      RangeError,
    ],
    [() => checkName("f", "x", "b", ["a", "c"]), "f: expected x of a, c, got b", RangeError],
  ] as const) {
    expect(fail).toThrow(message);
    expect(fail).toThrow(type);
  }
  expect([1, null, undefined, "ab", [1, 2], {}, () => 1].map(kindOf)).toEqual([
    "1",
    "null",
    "undefined",
    "string",
    "2",
    "object",
    "function",
  ]);
});

test.each([
  ["at the start of a block", [1, 5, 7, 0, 0]],
  ["in the middle of one", [1, 5, 7, 0, 1]],
  ["up to the last counter of 32 bits", [1, 5, 2 ** 32 - 8, 0, 0]],
  ["beyond it", [1, 5, 2 ** 32 - 7, 0, 0]],
])("a kernel draws a dropout mask as a loop does, %s", (_, state) => {
  const [random, plain] = [Random.from(state), Random.from(state)];
  const k = simd();
  const keep = k.alloc(19);
  k.keep?.(keep, random, 2 ** 31);
  expect([...keep]).toEqual(Array.from(keep, () => (plain.bits() < 2 ** 31 ? 0 : 1)));
  expect(random.save()).toEqual(plain.save());
});
