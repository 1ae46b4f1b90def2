/** Settings as data, parts of saved states, equality of what an op is called with. */
import { describe, expect, test } from "vitest";
import { FormatError, SettingError, UnknownNameError } from "../../src/core/errors.ts";
import { copy, same, sameList } from "../../src/core/same.ts";
import {
  choice,
  flag,
  integer,
  real,
  reals,
  settle,
  sizes,
  text,
  unknownName,
} from "../../src/core/settings.ts";
import { isNumbers, numberOf, numbersOf, partOf } from "../../src/core/state.ts";

describe("settings", () => {
  const no = undefined;
  test.each([
    [
      "real",
      real(1, "", { min: 0, max: 2 }),
      [0, 2, "0.5", " 1 ", "1e-3"],
      [0, 2, 0.5, 1, 0.001],
      [-0.1, 2.1, "x", "", " ", null, Number.NaN, "Infinity", true, [1]],
    ],
    ["real without bounds", real(1, ""), [-1e300, "-5"], [-1e300, -5], [Infinity, "NaN"]],
    [
      "integer",
      integer(1, "", { min: 1, max: 3 }),
      [1, 3, "2"],
      [1, 3, 2],
      [0, 4, 1.5, "1.5", "", null, "x"],
    ],
    ["integer by default", integer(1, ""), [0, 2 ** 31], [0, 2 ** 31], [-1, 2 ** 31 + 1]],
    ["choice", choice("a", ["a", "b"], ""), ["a", "b"], ["a", "b"], ["c", "", 1, null]],
    [
      "flag",
      flag(false, ""),
      [true, false, "true", "false"],
      [true, false, true, false],
      ["yes", 1, 0, null, ""],
    ],
    ["text", text("", ""), ["", "x"], ["", "x"], [1, null, []]],
    [
      "sizes",
      sizes([], ""),
      ["", "3", "3,4", [5], [], "7,"],
      [[], [3], [3, 4], [5], [], [7]],
      ["0", "1.5", "a", "8,,8", ",", [0], [2 ** 31 + 1], 5, null, new Array(65).fill(1)],
    ],
    [
      "sizes at their bounds",
      sizes([], ""),
      [[2 ** 31], new Array(64).fill(1)],
      [[2 ** 31], new Array(64).fill(1)],
      [],
    ],
    [
      "reals",
      reals([0], ""),
      ["0,0.5", "-1", [2, 3]],
      [[0, 0.5], [-1], [2, 3]],
      ["", "x", "1,", [], [Number.NaN], 5, null],
    ],
  ] as const)("%s", (_, setting, taken, means, refused) => {
    expect(taken.map((x) => setting.read(x))).toEqual(means);
    expect(refused.map((x) => setting.read(x))).toEqual(refused.map(() => no));
  });
  test("what is allowed, in words", () => {
    const words = [
      real(0, ""),
      real(0, "", { min: 1 }),
      real(0, "", { max: 2 }),
      integer(0, "", { min: 1, max: 2 }),
      integer(0, ""),
      integer(0, "", { max: Infinity }),
      choice("a", ["a", "b"], ""),
      flag(true, ""),
    ];
    expect(words.map(({ allowed }) => allowed)).toEqual([
      "a number",
      "a number ≥ 1",
      "a number ≤ 2",
      "a whole number from 1 to 2",
      "a whole number from 0 to 2147483648",
      "a whole number ≥ 0",
      "one of a, b",
      "true or false",
    ]);
  });
  test("defaults with what was given over them; what is not of the table, or not allowed, by name", () => {
    const table = { rate: real(0.5, "", { min: 0 }), kind: choice("x", ["x", "y"], "") };
    expect(settle(table)).toEqual({ rate: 0.5, kind: "x" });
    expect(settle(table, { kind: "y" })).toEqual({ rate: 0.5, kind: "y" });
    expect(() => settle(table, { rate: "-1" })).toThrow(
      'setting rate: expected a number ≥ 0, got "-1"',
    );
    expect(() => settle(table, { rate: [1, "a", {}] })).toThrow(
      'setting rate: expected a number ≥ 0, got [1, "a", an object]',
    );
    expect(() => settle(table, { rate: new Array(20).fill(1) })).toThrow(
      `got [${new Array(8).fill(1).join(", ")}]`,
    );
    expect(() => settle(table, { toString: 1 })).toThrow(
      'unknown setting "toString"; allowed: rate, kind',
    );
    const error = unknownName("thing", "a", ["b", "c"], " for d");
    expect(error.message).toBe('unknown thing "a"; allowed for d: b, c');
    expect(error).toBeInstanceOf(UnknownNameError);
    expect(error).toBeInstanceOf(SettingError);
  });
});

test("parts of a state, and what is said of those that are missing or of another form", () => {
  const state = { a: 1, b: [1, 2], c: Float32Array.of(3), d: { e: 5 }, f: null, g: [[1], [2]] };
  expect([numberOf(state, "a"), numberOf(partOf(state, "d"), "e")]).toEqual([1, 5]);
  expect([numbersOf(state, "b"), numbersOf(state, "b", 2), numbersOf(state, "c", 1)]).toEqual([
    [1, 2],
    [1, 2],
    Float32Array.of(3),
  ]);
  expect(partOf(state, "f")).toBe(null);
  for (const [read, message] of [
    [() => partOf(state, "x"), 'state: no "x"'],
    [() => partOf(null, "x"), 'state: no "x"'],
    [() => partOf(7, "x"), 'state: no "x"'],
    [() => numberOf(state, "b"), 'state: expected a number as "b"'],
    [() => numbersOf(state, "b", 3), 'state: expected 3 numbers as "b", got 2'],
    [() => numbersOf(state, "a", 1), 'state: expected 1 numbers as "a", got something else'],
    [() => numbersOf(state, "d"), 'state: expected a list of numbers as "d", got something else'],
    [() => numbersOf(state, "g"), "got something else"],
  ] as const) {
    expect(read).toThrow(message);
    expect(read).toThrow(FormatError);
  }
  expect([[], [1], Float64Array.of(1), ["1"], "x", null, {}].map(isNumbers)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

describe("equality of settings", () => {
  test("records and lists by their entries, either way round", () => {
    const pairs: [unknown, unknown, boolean][] = [
      [1, 1, true],
      [Number.NaN, Number.NaN, true],
      [0, -0, false],
      [1, "1", false],
      [null, null, true],
      [null, {}, false],
      [[1, [2]], [1, [2]], true],
      [[1], [1, 2], false],
      [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
      [{ a: 1 }, { a: 1, b: undefined }, false],
      [{ a: 1 }, { a: 2 }, false],
      [{ a: undefined }, { b: undefined }, false],
    ];
    for (const [a, b, equal] of pairs) expect([same(a, b), same(b, a)]).toEqual([equal, equal]);
  });
  test("lists by identity of their entries", () => {
    const x = {};
    expect([
      sameList([x, 1], [x, 1]),
      sameList([x], [{}]),
      sameList([x], [x, x]),
      sameList([], []),
    ]).toEqual([true, false, false, true]);
    const list = [{}];
    expect(sameList(list, list)).toBe(true);
  });
  test("a copy cannot be changed from outside; what is frozen all through is itself", () => {
    const settings = { a: [1, { b: 2 }], c: 3 };
    const kept = copy(settings) as typeof settings;
    settings.a[0] = 9;
    (settings.a[1] as { b: number }).b = 9;
    settings.c = 9;
    expect(kept).toEqual({ a: [1, { b: 2 }], c: 3 });
    const frozen = Object.freeze([1, 2]);
    expect(copy(frozen)).toBe(frozen);
    const shallow = Object.freeze({ a: [1] });
    const own = copy(shallow) as { a: number[] };
    expect(own).not.toBe(shallow);
    shallow.a[0] = 5;
    expect(own.a).toEqual([1]);
    expect([copy(5), copy(null)]).toEqual([5, null]);
  });
});
