/** Texts for people, from values and files of any origin. */
import { describe, expect, test } from "vitest";
import { brief, printable, printableJson } from "../../src/core/printable.ts";
import { errorOf, messageOf } from "../../src/core/thrown.ts";
import { decodeUtf8, encodeUtf8, withoutMark } from "../../src/core/utf8.ts";

describe("texts for people", () => {
  test("what acts on a terminal is written out, tabs and line feeds stay", () => {
    expect(printable("a\tb\nc\u0007\u001b[31m\u007f\u009b\u202e\u200b\u2028\ufeff😀é")).toBe(
      "a\tb\nc\\u{7}\\u{1b}[31m\\u{7f}\\u{9b}\\u{202e}\\u{200b}\\u{2028}\\u{feff}😀é",
    );
    const value = { a: "\u0007\u202e\n", b: [1, null] };
    const json = printableJson(value);
    expect(JSON.parse(json)).toEqual(value);
    expect(json).toContain("\\u202e");
    expect(json).not.toContain("\u202e");
  });
  test("values in few words", () => {
    expect([[1], {}, null, undefined, 5, true, "a", () => 1, 7n].map((x) => brief(x))).toEqual([
      "a list",
      "an object",
      "null",
      "undefined",
      "5",
      "true",
      '"a"',
      "a function",
      "7",
    ]);
    expect(brief("x".repeat(60))).toBe(`"${"x".repeat(60)}"`);
    expect(brief("x".repeat(61))).toBe(`"${"x".repeat(59)}…"`);
    expect(brief("abcdef", 5)).toBe('"abcd…"');
    expect(brief("\u0007")).toBe('"\\u0007"');
    expect(brief("\u202e")).toBe('"\\u{202e}"');
  });
  test("whatever was thrown", () => {
    const own = new TypeError("own");
    expect(
      [own, null, undefined, "x", 5, { a: 1 }, { message: "m" }, { message: 5 }, Symbol("s")].map(
        messageOf,
      ),
    ).toEqual([
      "own",
      "thrown: null",
      "thrown: undefined",
      "thrown: x",
      "thrown: 5",
      'thrown: {"a":1}',
      "m",
      'thrown: {"message":5}',
      "thrown: Symbol(s)",
    ]);
    expect(errorOf(own)).toBe(own);
    expect(errorOf(null).message).toBe("thrown: null");
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    expect(messageOf(cyclic)).toBe("thrown: a value of type object");
  });
  test("UTF-8 at the edges of each length", () => {
    for (const c of [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
      const word = `a${String.fromCodePoint(c)}b`;
      expect([...encodeUtf8(word)]).toEqual([...Buffer.from(word)]);
      expect(decodeUtf8(encodeUtf8(word))).toBe(word);
    }
    const at = (bytes: number[]): string => {
      try {
        return decodeUtf8(Uint8Array.from(bytes));
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const bad of [
      [0x80],
      [0xbf],
      [0xc0, 0x80],
      [0xc1, 0xbf],
      [0xc2],
      [0xc2, 0x41],
      [0xe0, 0x9f, 0xbf],
      [0xe1, 0x80],
      [0xe1, 0x41, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xf1, 0x80, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xff],
    ])
      expect(at([0x41, ...bad]), `${bad}`).toBe("utf-8: bad byte sequence at offset 1");
    expect([withoutMark("\ufeffa"), withoutMark("a\ufeff")]).toEqual(["a", "a\ufeff"]);
  });
});
