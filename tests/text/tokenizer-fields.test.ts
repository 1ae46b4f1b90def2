/** Every field of a tokenizer.json: what it does, or that it is refused by name. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { bpe } from "../../src/text/bpe.ts";
import { bytes } from "../../src/text/tokenizer.ts";
import { readTokenizerJson, writeTokenizerJson } from "../../src/text/tokenizer-json.ts";

type Fields = Readonly<Record<string, unknown>>;
const ofBytes = JSON.parse(writeTokenizerJson(bpe([]))).model.vocab as Record<string, number>;
const vocab = { ...ofBytes, ab: 256, abc: 257, Ġa: 258 };
const merges = ["a b", "ab c", "Ġ a"];
const json = (more: Fields = {}, model: Fields = {}): string =>
  JSON.stringify({
    pre_tokenizer: { type: "ByteLevel" },
    ...more,
    model: { vocab, merges, ...model },
  });
const read = (more?: Fields, model?: Fields) => readTokenizerJson(json(more, model));
const added = (content: string, id: number, more: Fields = {}): Fields => ({
  content,
  id,
  ...more,
});

test("the 256 bytes' characters: printable Latin for themselves, the others from U+0100 on", () => {
  expect(ofBytes["!"]).toBe(0x21);
  for (const [c, byte] of [
    ["~", 0x7e],
    ["¡", 0xa1],
    ["¬", 0xac],
    ["®", 0xae],
    ["ÿ", 0xff],
    ["Ā", 0],
    ["Ġ", 0x20],
    ["ġ", 0x7f],
    ["Ń", 0xad],
    ["ł", 0xa0],
  ] as const)
    expect(ofBytes[c]).toBe(byte);
  expect(Object.keys(ofBytes).length).toBe(256);
});

describe("taken", () => {
  test("ids are the file's; the vocabulary is one more than the largest", () => {
    const tokenizer = read();
    expect(tokenizer.vocab).toBe(259);
    expect(tokenizer.encode("abc")).toEqual([257]);
    expect(tokenizer.encode(" ab")).toEqual([32, 256]); // "a b" comes before "Ġ a"
    expect(tokenizer.encode(" ac")).toEqual([258, 99]);
    expect(read({ added_tokens: [added("<x>", 300)] }).vocab).toBe(301);
    expect(read({}, { vocab: { ...vocab, zz: 999 } }).vocab).toBe(1000);
  });
  test("use_regex: text is cut into words, or not at all", () => {
    const whole = read(
      { pre_tokenizer: { type: "ByteLevel", use_regex: false } },
      { merges: ["a b", "ab Ġ"], vocab: { ...vocab, abĠ: 300 } },
    );
    expect(whole.encode("ab ")).toEqual([300]);
    expect(
      read({}, { merges: ["a b", "ab Ġ"], vocab: { ...vocab, abĠ: 300 } }).encode("ab x"),
    ).toEqual([256, 32, 120]);
  });
  test("merges as texts or as pairs; a file with a version, a type, a sequence of one", () => {
    const pairs = merges.map((merge) => merge.split(" "));
    const pre_tokenizer = { type: "Sequence", pretokenizers: [{ type: "ByteLevel" }] };
    const tokenizer = read(
      { version: "1.0", pre_tokenizer, decoder: null, post_processor: null },
      { type: "BPE", merges: pairs },
    );
    expect(tokenizer.encode("abc")).toEqual([257]);
    for (const harmless of [
      { truncation: null },
      { padding: null },
      { normalizer: null },
      { added_tokens: null },
    ])
      expect(read(harmless).encode("abc")).toEqual([257]);
  });
  test("added tokens: in decode their text, special ones nothing; unknown ids are refused", () => {
    const tokenizer = read({
      added_tokens: [added("<x>", 300), added("<s>", 301, { special: true }), added("é!", 302)],
    });
    expect(tokenizer.decode([97, 300, 301, 302, 257])).toBe("a<x>é!abc");
    expect([tokenizer.special("<x>"), tokenizer.special("<s>")]).toEqual([300, 301]);
    expect(() => tokenizer.special("<y>")).toThrow("there are: <x>, <s>, é!");
    expect(() => read().special("<y>")).toThrow("there are: none");
    expect(() => tokenizer.decode([299])).toThrow("no token has id 299");
    expect(() => tokenizer.decode([-1])).toThrow(RangeError);
  });
  test("added tokens may be the vocabulary's own, or given twice alike", () => {
    const own = read({ added_tokens: [added("ab", 256), added("ab", 256)] });
    expect(own.encode("xabc")).toEqual([120, 256, 99]);
    expect(own.vocab).toBe(259);
  });
  test("the leftmost of several, the longest there, signs of patterns as they are", () => {
    const list = ["a.c", "[x]", "((", "a+", "\\n", "^$", "||", "*?", "{1}"];
    const tokenizer = read({ added_tokens: list.map((content, i) => added(content, 300 + i)) });
    for (const [i, content] of list.entries())
      expect(tokenizer.encode(`z${content}z`)).toEqual([122, 300 + i, 122]);
    expect(tokenizer.encode("abc")).toEqual([257]);
    expect(tokenizer.encode("")).toEqual([]);
    expect(tokenizer.encode("((((")).toEqual([302, 302]);
    const inside = read({
      added_tokens: [added("<<", 300), added("<<>>", 301), added("<<>", 302)],
    });
    expect(inside.encode("<<>>")).toEqual([301]);
    expect(inside.encode("<<>x<<")).toEqual([302, 120, 300]);
  });
  test("white space goes along before or after, up to another token's", () => {
    const tokenizer = read({
      added_tokens: [
        added("<l>", 300, { lstrip: true }),
        added("<r>", 301, { rstrip: true }),
        added("<w>", 302, { single_word: true }),
      ],
    });
    expect(tokenizer.encode("x  <l>  x")).toEqual([120, 300, 32, 32, 120]);
    expect(tokenizer.encode("x <r>  x")).toEqual([120, 32, 301, 120]);
    expect(tokenizer.encode("  <l>")).toEqual([300]);
    expect(tokenizer.encode("<r>  ")).toEqual([301]);
    expect(tokenizer.encode("<r>  <l>")).toEqual([301, 300]);
    for (const [text, found] of [
      ["<w>", true],
      ["-<w>-", true],
      ["x<w>", false],
      ["<w>x", false],
      ["_<w>", false],
      ["<w>5", false],
      ["\u{1d400}<w>", false],
      ["<w>\u{1d400}", false],
    ] as const)
      expect(tokenizer.encode(text).includes(302), text).toBe(found);
  });
  test("normalizers: each form, lower case, sequences; null for none", () => {
    const of = (normalizer: unknown, text: string): string => {
      const tokenizer = read({ normalizer } as Fields);
      return tokenizer.decode(tokenizer.encode(text));
    };
    expect(of({ type: "NFC" }, "e\u0301ﬁ")).toBe("éﬁ");
    expect(of({ type: "NFD" }, "éﬁ")).toBe("e\u0301ﬁ");
    expect(of({ type: "NFKC" }, "e\u0301ﬁ")).toBe("éfi");
    expect(of({ type: "NFKD" }, "éﬁ")).toBe("e\u0301fi");
    expect(of({ type: "Lowercase" }, "ΑΣ É")).toBe("ασ é");
    expect(
      of({ type: "Sequence", normalizers: [{ type: "Lowercase" }, { type: "NFC" }] }, "E\u0301"),
    ).toBe("é");
    expect(of({ type: "Sequence", normalizers: [] }, "E\u0301")).toBe("E\u0301");
    expect(of({ type: "Sequence", normalizers: [null, { type: "NFC" }] }, "E\u0301")).toBe("É");
  });
  test("normalized added tokens are matched in normalized text, in their normalized form", () => {
    const list = [added("É1", 300, { normalized: true }), added("QQ", 301)];
    const tokenizer = read({ normalizer: { type: "Lowercase" }, added_tokens: list });
    expect(tokenizer.encode("xÉ1é1QQqq")).toEqual([120, 300, 300, 301, 113, 113]);
  });
});

describe("refused by name", () => {
  const nested = (levels: number): Fields =>
    levels === 0 ? { type: "NFC" } : { type: "Sequence", normalizers: [nested(levels - 1)] };
  test.each<[string, Fields, Fields?]>([
    ["expected added_tokens to be a list", { added_tokens: {} }],
    ["added token 0: expected content and id", { added_tokens: [5] }],
    ["added token 0: expected content and id", { added_tokens: [null] }],
    ["added token 1: expected content and id", { added_tokens: [added("x", 300), { id: 301 }] }],
    ["added token 0: expected content and id", { added_tokens: [added("x", -1)] }],
    ["added token 0: expected content and id", { added_tokens: [added("x", 2 ** 26)] }],
    ["added token 0: expected content and id", { added_tokens: [added("x", 0.5)] }],
    ["added token 0: expected content and id", { added_tokens: [added(5 as never, 300)] }],
    ["expected special to be true or false", { added_tokens: [added("x", 300, { special: 1 })] }],
    [
      "expected normalized to be true or false",
      { added_tokens: [added("x", 300, { normalized: "" })] },
    ],
    [
      "expected single_word to be true or false",
      { added_tokens: [added("x", 300, { single_word: 0 })] },
    ],
    ["expected rstrip to be true or false", { added_tokens: [added("x", 300, { rstrip: 1 })] }],
    ["model.vocab has another id for it, or 97 for another", { added_tokens: [added("<x>", 97)] }],
    ["pre_tokenizer a list is not supported", { pre_tokenizer: [] }],
    [
      "pre_tokenizer: expected pretokenizers to be a list",
      { pre_tokenizer: { type: "Sequence", pretokenizers: {} } },
    ],
    [
      'pre_tokenizer."other" is not supported',
      { pre_tokenizer: { type: "Sequence", pretokenizers: [], other: 1 } },
    ],
    [
      "pre_tokenizer 5 is not supported; there are: ByteLevel, Split,",
      { pre_tokenizer: { type: "Sequence", pretokenizers: [5] } },
    ],
    [
      "expected add_prefix_space to be true or false",
      { pre_tokenizer: { type: "ByteLevel", add_prefix_space: 1 } },
    ],
    [
      "expected use_regex to be true or false",
      { pre_tokenizer: { type: "ByteLevel", use_regex: 1 } },
    ],
    ["post_processor", { post_processor: { type: "ByteLevel", other: 1 } }],
    ["post_processor 5 is not supported", { post_processor: 5 }],
    ["decoder Replace: expected pattern", { decoder: { type: "Replace" } }],
    ["normalizer 5 is not supported", { normalizer: 5 }],
    ["is not supported", { normalizer: nested(9) }],
    ["expected model.vocab to be an object", {}, { vocab: [] }],
    ["expected model.merges to be a list", {}, { merges: {} }],
    ["merge 1 is no pair", {}, { merges: ["a b", "a b c"] }],
    ["merge 0 is no pair", {}, { merges: [5] }],
    ['merge 0, "ab d", is of a token without an id', {}, { merges: ["ab d"] }],
    ["is of a token without an id", {}, { merges: ["a bc"] }],
    ["is of a token without an id", {}, { merges: ["b c"] }],
    ["model.vocab has no id for", {}, { vocab: { ...vocab, zz: "5" } }],
    ["model.vocab has no id for", {}, { vocab: { ...vocab, zz: 2 ** 26 } }],
    ["two tokens have one id", {}, { vocab: { ...vocab, zz: 256 } }],
    ["two tokens have one id", { added_tokens: [added("<x>", 300), added("<y>", 300)] }],
    ["expected fuse_unk to be true or false", {}, { fuse_unk: 1 }],
    ["expected byte_fallback to be true or false", {}, { byte_fallback: 1 }],
    ['model "WordLevel" is not supported; there are: BPE,', {}, { type: "WordLevel" }],
    ['model."merges" is not supported', {}, { type: "Unigram" }],
  ])("%s", (message, more, model = {}) => {
    expect(() => read(more, model)).toThrow(FormatError);
    expect(() => read(more, model)).toThrow(message);
  });
  test("files that are none", () => {
    for (const text of ["", "5", "null", '"a"', "[]", "{}", '{"model":5}', '{"model":[]}'])
      expect(() => readTokenizerJson(text)).toThrow(FormatError);
    expect(read({ normalizer: nested(8) }).encode("abc")).toEqual([257]);
  });
});

describe("writing", () => {
  test("a tokenizer of merges comes back with its ids, words and special tokens", () => {
    for (const split of ["gpt2", "none"] as const) {
      const own = bpe(
        [
          [97, 98],
          [256, 99],
          [32, 97],
        ],
        { split, specials: ["<end>"] },
      );
      const back = readTokenizerJson(writeTokenizerJson(own));
      for (const text of ["abc ab a", "ab<end>", "é \u{1f3b2}", ""])
        expect(back.encode(text)).toEqual(own.encode(text));
      expect([back.vocab, back.special("<end>")]).toEqual([own.vocab, own.special("<end>")]);
    }
  });
  test("a file that was read is written with its own fields, and those that were absent", () => {
    const tokenizer = read({
      added_tokens: [added("<x>", 300, { lstrip: true })],
      post_processor: { type: "ByteLevel", trim_offsets: false },
    });
    const written = JSON.parse(writeTokenizerJson(tokenizer));
    expect(written.added_tokens).toEqual([
      {
        single_word: false,
        lstrip: true,
        rstrip: false,
        normalized: false,
        special: false,
        content: "<x>",
        id: 300,
      },
    ]);
    const usual = {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    };
    expect(written).toMatchObject({
      version: "1.0",
      truncation: null,
      padding: null,
      normalizer: null,
      pre_tokenizer: usual,
      decoder: usual,
    });
    expect(written.post_processor).toEqual({ ...usual, trim_offsets: false });
    expect(written.model).toEqual({ type: "BPE", vocab, merges });
    expect(JSON.parse(writeTokenizerJson(read()))).toMatchObject({
      added_tokens: [],
      post_processor: null,
    });
  });
  test("what the format cannot say is refused", () => {
    expect(() => writeTokenizerJson(bytes())).toThrow("expected BPE, got bytes");
    expect(() =>
      writeTokenizerJson(
        bpe([
          [97, 98],
          [98, 99],
          [256, 99],
          [97, 257],
        ]),
      ),
    ).toThrow("two merges make one token");
    for (const specials of [["<e>", "<e>"], ["a"], [""], ["ab"]])
      expect(() => writeTokenizerJson(bpe([[97, 98]], { specials }))).toThrow(
        "a special token is empty",
      );
  });
});
