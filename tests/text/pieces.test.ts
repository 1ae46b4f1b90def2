/** Bytes and merges by the plainest loops there are. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { bpe, trainBpe, wordsOf } from "../../src/text/bpe.ts";
import { bytesOf, textOf } from "../../src/text/bytes.ts";

describe("bytes", () => {
  test("the last and first code point of each length, against the platform's UTF-8", () => {
    for (const c of [
      0, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xffff, 0x10000, 0x10ffff,
    ]) {
      const text = String.fromCodePoint(c);
      const utf8 = [...new TextEncoder().encode(text)];
      expect(bytesOf(text)).toEqual(utf8);
      expect(textOf(utf8)).toBe(text);
    }
    expect(bytesOf("\ud800")).toEqual([0xed, 0xa0, 0x80]); // alone
    expect(textOf([0xed, 0xa0, 0x80])).toBe("\ud800");
  });
  test("what is overlong, beyond U+10FFFF, cut off or out of place becomes U+FFFD, byte by byte", () => {
    const bad = (n: number): string => "\ufffd".repeat(n);
    expect(textOf([0xc0, 0x80])).toBe(bad(2));
    expect(textOf([0xc1, 0xbf])).toBe(bad(2));
    expect(textOf([0xc2, 0x80])).toBe("\u0080");
    expect(textOf([0xe0, 0x9f, 0xbf])).toBe(bad(3));
    expect(textOf([0xe0, 0xa0, 0x80])).toBe("\u0800");
    expect(textOf([0xf0, 0x8f, 0xbf, 0xbf])).toBe(bad(4));
    expect(textOf([0xf0, 0x90, 0x80, 0x80])).toBe("\u{10000}");
    expect(textOf([0xf4, 0x8f, 0xbf, 0xbf])).toBe("\u{10ffff}");
    expect(textOf([0xf4, 0x90, 0x80, 0x80])).toBe(bad(4));
    expect(textOf([0xf5, 0x80, 0x80, 0x80])).toBe(bad(4));
    expect(textOf([0x80, 0x41])).toBe(`${bad(1)}A`);
    expect(textOf([0xe2, 0x82])).toBe(bad(2));
    expect(textOf([0xe2, 0x41, 0x82])).toBe(`${bad(1)}A${bad(1)}`);
    expect(textOf([0xe2, 0x82, 0x41])).toBe(`${bad(2)}A`);
    expect(textOf([0xc3, 0xc3, 0xa9])).toBe(`${bad(1)}é`);
    expect(textOf([])).toBe("");
  });
});

/** Applies merge after merge to the whole word. */
function naiveMerge(
  word: readonly number[],
  merges: readonly (readonly [number, number])[],
): number[] {
  let ids = [...word];
  for (const [rank, [a, b]] of merges.entries()) {
    const made: number[] = [];
    while (ids.length > 0) {
      if (ids[0] === a && ids[1] === b) {
        made.push(256 + rank);
        ids = ids.slice(2);
      } else made.push(ids.shift() as number);
    }
    ids = made;
  }
  return ids;
}

describe("byte-pair encoding", () => {
  test("300 random tokenizers: merges by rank, left to right, as a loop over the word per merge", () => {
    const random = new Random(6);
    for (let round = 0; round < 300; round++) {
      const merges: [number, number][] = [];
      const pool = [97, 98, 99];
      const known = new Set<string>();
      for (let i = 0; i < 8; i++) {
        const pair: [number, number] = [
          pool[random.below(pool.length)],
          pool[random.below(pool.length)],
        ];
        if (known.has(pair.join())) continue;
        known.add(pair.join());
        pool.push(256 + merges.length);
        merges.push(pair);
      }
      const tokenizer = bpe(merges, { split: "none" });
      const text = Array.from({ length: random.below(30) }, () => "abc"[random.below(3)]).join("");
      const ids = tokenizer.encode(text);
      expect(ids).toEqual(naiveMerge(bytesOf(text), merges));
      expect(tokenizer.encode(text)).toEqual(ids); // a word known by now
      expect(tokenizer.decode(ids)).toBe(text);
    }
  });
  test("training: the most frequent pair of all words, of equals the one seen first, none that stands once", () => {
    const saved = (text: string, n: number, split: "gpt2" | "none" = "none") => {
      const state = trainBpe(text, n, { split }).save();
      return state.kind === "bpe" ? state.merges : null;
    };
    expect(saved("abab", 1)).toEqual([[97, 98]]);
    expect(saved("abab", 9)).toEqual([[97, 98]]); // then [256, 256] stands once
    expect(saved("ababab", 9)).toEqual([
      [97, 98],
      [256, 256],
    ]); // 256 256 twice, overlapping
    expect(saved("cdcdabab", 2)).toEqual([
      [99, 100],
      [97, 98],
    ]);
    expect(saved("ababcdcdcd", 1)).toEqual([[99, 100]]);
    expect(saved("aaaa", 2)).toEqual([[97, 97]]); // three pairs; then one
    expect(saved("ab ab", 3, "gpt2")).toEqual([[97, 98]]); // words "ab" and " ab": never across
    expect(saved("ab ab ab", 3, "gpt2")).toEqual([
      [97, 98],
      [32, 256],
    ]);
    expect(saved("xy", 0)).toEqual([]);
    expect(saved("", 5)).toEqual([]);
    expect(() => trainBpe("a", -1)).toThrow(RangeError);
    expect(trainBpe("ab ab", 1, { specials: ["<end>"] }).save()).toEqual({
      kind: "bpe",
      merges: [[97, 98]],
      split: "gpt2",
      specials: ["<end>"],
    });
  });
  test("words: GPT-2's by hand; not at all", () => {
    expect(wordsOf("it's  ok, we'll go 42!\n\n x", "gpt2")).toEqual([
      "it",
      "'s",
      " ",
      " ok",
      ",",
      " we",
      "'ll",
      " go",
      " 42",
      "!",
      "\n\n",
      " x",
    ]);
    expect(wordsOf("I've they're I'm he'd don't", "gpt2")).toEqual([
      "I",
      "'ve",
      " they",
      "'re",
      " I",
      "'m",
      " he",
      "'d",
      " don",
      "'t",
    ]);
    expect(wordsOf("a b", "none")).toEqual(["a b"]);
    for (const split of ["gpt2", "none"] as const) expect(wordsOf("", split)).toEqual([]);
  });
  test("tokens of more than 64 bytes, up to 65,536, are spelled; one of more is refused", () => {
    const double = (n: number): [number, number][] => [
      [97, 97],
      ...Array.from({ length: n - 1 }, (_, i): [number, number] => [256 + i, 256 + i]),
    ];
    const tokenizer = bpe([...double(7), [262, 98], [263, 99]], { split: "none" });
    for (const [id, n, end] of [
      [260, 32, ""],
      [261, 64, ""],
      [262, 128, ""],
      [263, 128, "b"],
      [264, 128, "bc"],
    ] as const)
      expect(tokenizer.decode([98, id, 99])).toBe(`b${"a".repeat(n)}${end}c`);
    expect(tokenizer.encode(`${"a".repeat(128)}bc${"a".repeat(65)}`)).toEqual([264, 261, 97]);
    expect(bpe(double(16)).decode([271]).length).toBe(65_536);
    expect(() => bpe(double(17))).toThrow("token 272 has 131072 bytes");
    expect(() => bpe([...double(16), [271, 97]])).toThrow("token 272 has 65537 bytes");
  });
  test("merges are of earlier ids; of two of one pair the first counts", () => {
    for (const pair of [
      [256, 97],
      [97, 256],
      [-1, 97],
      [97, -1],
    ] as [number, number][])
      expect(() => bpe([pair])).toThrow("merge 0");
    const again = bpe(
      [
        [97, 98],
        [256, 99],
        [97, 98],
      ],
      { split: "none" },
    );
    expect([again.vocab, again.encode("ab"), again.encode("abc")]).toEqual([259, [256], [257]]);
  });
});
