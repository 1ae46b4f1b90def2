/** Symbols, characters and special tokens; tokenizers back from what they save. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { bpe } from "../../src/text/bpe.ts";
import { tokenizerFrom } from "../../src/text/load.ts";
import { isSpace, trimmed } from "../../src/text/space.ts";
import { symbols } from "../../src/text/symbols.ts";
import { bytes, characters, Specials } from "../../src/text/tokenizer.ts";

describe("symbols, characters, specials", () => {
  test("symbols: the longest that fits, at each place; the place that none fits is shown", () => {
    const tokenizer = symbols(["a", "ab", "abc", "c", "d"], ["<end>"]);
    expect(tokenizer.encode("abcabdaab")).toEqual([2, 1, 4, 0, 1]);
    expect(tokenizer.encode("")).toEqual([]);
    expect(tokenizer.decode([2, 5, 4])).toBe("abcd");
    expect(() => tokenizer.encode("ab12345678")).toThrow('no token for "12345678"');
    expect(() => symbols(["abc"]).encode("ab")).toThrow(FormatError);
    expect(() => symbols(["ab", "abc"]).encode("abca")).toThrow('no token for "a"');
    for (const list of [
      ["a", "a"],
      ["a", ""],
    ])
      expect(() => symbols(list)).toThrow(FormatError);
    expect([tokenizer.vocab, tokenizer.save()]).toEqual([
      6,
      { kind: "symbols", symbols: ["a", "ab", "abc", "c", "d"], specials: ["<end>"] },
    ]);
  });
  test("characters in the order of their code points, surrogate pairs as one", () => {
    const tokenizer = characters("b\u{1f3b2}a\uffffb", ["<end>"]);
    expect(tokenizer.save()).toEqual({
      kind: "characters",
      characters: "ab\uffff\u{1f3b2}",
      specials: ["<end>"],
    });
    expect([tokenizer.encode("\u{1f3b2}ba"), tokenizer.vocab, tokenizer.decode([3, 4, 0])]).toEqual(
      [[3, 1, 0], 5, "\u{1f3b2}a"],
    );
    expect(() => tokenizer.encode("\t")).toThrow("(U+0009)");
    expect([characters("ab").vocab, symbols(["a"]).vocab, bytes().vocab, bpe([]).vocab]).toEqual([
      2, 1, 256, 256,
    ]);
  });
  test("specials stand behind the others; what is no id is refused", () => {
    const specials = new Specials(["<a>", "<b>"], 10);
    expect([specials.idOf("<a>"), specials.idOf("<b>"), specials.strip([0, 10, 9, 11])]).toEqual([
      10,
      11,
      [0, 9],
    ]);
    for (const id of [-1, 12, 0.5, Number.NaN])
      expect(() => specials.strip([id])).toThrow("expected ids below 12");
    expect(() => new Specials([], 3).idOf("<a>")).toThrow("there are: none");
    expect([bytes(["<a>"]).vocab, bytes().save(), bytes(["<a>"]).decode([104, 256, 105])]).toEqual([
      257,
      { kind: "bytes", specials: [] },
      "hi",
    ]);
  });
  test("white space is Unicode's", () => {
    expect(["\u0085", "\u3000", " ", "\n", "\u2028"].every(isSpace)).toBe(true);
    expect(["\ufeff", "a", "\u200b"].some(isSpace)).toBe(false);
    expect(["  a b\n", "\ufeff a", "", " \n", "a"].map(trimmed)).toEqual([
      "a b",
      "\ufeff a",
      "",
      "",
      "a",
    ]);
  });
});

test("tokenizerFrom: back from what each saves, and from nothing else", () => {
  const list = [
    characters("ab", ["<e>"]),
    symbols(["ab", "b"], ["<e>"]),
    bytes(["<e>"]),
    bpe([[97, 98]], { split: "none", specials: ["<e>"] }),
  ];
  for (const tokenizer of list) {
    const back = tokenizerFrom(JSON.parse(JSON.stringify(tokenizer.save())));
    expect([back.save(), back.encode("ab"), back.vocab]).toEqual([
      tokenizer.save(),
      tokenizer.encode("ab"),
      tokenizer.vocab,
    ]);
  }
  const good = { kind: "bpe", merges: [[97, 98]], split: "gpt2", specials: [] };
  expect(tokenizerFrom(good).encode("ab")).toEqual([256]);
  for (const bad of [
    undefined,
    5,
    { ...good, specials: ["<e>", 1] },
    { ...good, specials: undefined },
    { ...good, merges: [[97, 98, 99]] },
    { ...good, merges: [[97, 0.5]] },
    { ...good, merges: [97] },
    { ...good, merges: {} },
    { ...good, split: "x" },
    { ...good, kind: "x" },
    { kind: "characters", characters: ["a"], specials: [] },
    { kind: "symbols", symbols: "ab", specials: [] },
    { kind: "symbols", symbols: ["a", "a"], specials: [] },
    { kind: "symbols", symbols: [1], specials: [] },
    { kind: "characters", characters: "a" },
    { kind: "file", text: 5 },
    { kind: "file", text: 5, specials: [] },
    { ...good, merges: [[97, 300]] },
  ])
    expect(() => tokenizerFrom(bad)).toThrow(FormatError);
});
