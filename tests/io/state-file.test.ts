import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { numberOf, numbersOf, partOf, type State } from "../../src/core/state.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";

describe("a state as a file", () => {
  const leaf = fc.oneof(
    fc.double(),
    fc.array(fc.double(), { maxLength: 5 }),
    fc.float32Array({ maxLength: 5 }),
  );
  const key = fc.stringMatching(/^[a-z.]{1,6}$/);
  const tree = fc.letrec<{ tree: State }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.dictionary(key, leaf, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
      fc.dictionary(key, tie("tree"), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
      fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
    ),
  })).tree;
  test("property: what is read is what was saved, to the last bit, and of its type", () => {
    fc.assert(
      fc.property(tree, (state) => {
        expect(decodeState(encodeState(state)).state).toStrictEqual(state);
      }),
    );
  });
  test("parts that are missing or of another form are named", () => {
    const state = { a: [1, 2], b: 3 };
    expect(() => partOf(state, "c")).toThrow(FormatError);
    expect(() => numbersOf(state, "a", 3)).toThrow(/expected 3 numbers as "a", got 2/);
    expect(() => numberOf(state, "a")).toThrow(/expected a number as "a"/);
  });
});
