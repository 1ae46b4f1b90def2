// @module-tag deep
/** Tokenizers of every kind of part, against the reference library where it is installed; and by hand. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../src/core/errors.ts";
import { Random } from "../../../src/core/random.ts";
import { tokenizerFrom } from "../../../src/text/load.ts";
import { readTokenizerJson, writeTokenizerJson } from "../../../src/text/tokenizer-json.ts";
import { processorSeconds } from "../../support/processor-time.ts";
import { seed } from "../../support/seed.ts";
import { differs, sidesOf, Texts } from "../../tokenizers/compare.ts";
import { constructed } from "../../tokenizers/constructed.ts";
import { strictFrom } from "../strict.ts";

const names = Object.keys(constructed);

test.skipIf(strictFrom === null).each(names)("%s: the reference's ids and texts", async (name) => {
  const texts = new Texts([]);
  const sides = sidesOf(constructed[name]);
  const random = new Random(seed);
  for (let i = 0; i < 100; i++) expect(await differs(sides, await texts.old(random))).toBeNull();
});

test.each(names)("%s: saved, restored and written, the same tokenizer", (name) => {
  const first = readTokenizerJson(constructed[name]);
  const text = "The cat's 12 é中\n  <s> ▁the [SEP]";
  const want = first.encode(text);
  expect(tokenizerFrom(first.save()).encode(text)).toEqual(want);
  const back = readTokenizerJson(writeTokenizerJson(first));
  expect(back.encode(text)).toEqual(want);
  expect(back.decode(want)).toBe(first.decode(want));
});

describe("by hand", () => {
  const model = (more: object) => ({ type: "BPE", merges: [], ...more });
  const read = (file: object) => readTokenizerJson(JSON.stringify(file));
  const ids = (tokens: string) => Object.fromEntries([...tokens].map((c, i) => [c, i]));

  test("special tokens: ordinary text, or themselves where asked for; around a text where asked for", () => {
    const tokenizer = read({
      added_tokens: [{ id: 9, content: "<s>", special: true }],
      model: model({ vocab: { ...ids("<s>ab"), "<s>": 9 } }),
      post_processor: { type: "BertProcessing", cls: ["<s>", 9], sep: ["b", 4] },
    });
    expect(tokenizer.encode("a<s>b")).toEqual([3, 0, 1, 2, 4]);
    expect(tokenizer.encode("a<s>b", { special: true })).toEqual([3, 9, 4]);
    expect(tokenizer.encode("a<s>", { around: true })).toEqual([9, 3, 0, 1, 2, 4]);
    expect(tokenizer.decode([9, 3])).toBe("a");
    expect(tokenizer.decode([9, 3], { special: true })).toBe("<s> a"); // no decoder: spaces between tokens
    expect([...tokenizer.specials]).toEqual([["<s>", 9]]);
  });
  test("unigram: the best sum of scores; unknown characters in a row are one", () => {
    const vocab = [
      ["?", 0],
      ["a", -1],
      ["b", -1],
      ["ab", -3],
      ["abb", -2.5],
    ];
    const tokenizer = read({ model: { type: "Unigram", unk_id: 0, vocab } });
    expect(tokenizer.encode("ab")).toEqual([1, 2]); // −2 against −3
    expect(tokenizer.encode("abb")).toEqual([4]);
    expect(tokenizer.encode("xya中b")).toEqual([0, 1, 0, 2]);
    const without = read({ model: { type: "Unigram", unk_id: null, vocab } });
    expect(() => without.encode("x")).toThrow('no token for "x", and model.unk_id names none');
  });
  test("WordPiece: the longest token at each place, or the whole word unknown", () => {
    const vocab = { "[UNK]": 0, a: 1, ab: 2, "##c": 3, "##cd": 4 };
    const tokenizer = read({
      pre_tokenizer: { type: "WhitespaceSplit" },
      model: { type: "WordPiece", vocab, unk_token: "[UNK]", max_input_chars_per_word: 5 },
      decoder: { type: "WordPiece" },
    });
    expect(tokenizer.encode("abcd ac abx abcccc")).toEqual([2, 4, 1, 3, 0, 0]);
    expect(tokenizer.decode([2, 4, 1])).toBe("abcd a");
  });
  test("BPE: unknown characters are kept back while bytes are written, as in the reference", () => {
    const vocab = { u: 0, a: 1, "<0xC3>": 2, "<0xA9>": 3 };
    const tokenizer = (fuse_unk: boolean) =>
      read({ model: model({ vocab, unk_token: "u", byte_fallback: true, fuse_unk }) });
    expect(tokenizer(true).encode("xyéa")).toEqual([2, 3, 0, 1]);
    expect(tokenizer(false).encode("xyéa")).toEqual([0, 2, 3, 0, 1]);
  });
  test("the later of two merges of one pair counts", () => {
    const vocab = { a: 0, b: 1, c: 2, ab: 3, bc: 4 };
    const merges = [
      ["a", "b"],
      ["b", "c"],
      ["a", "b"],
    ];
    expect(read({ model: model({ vocab, merges }) }).encode("abc")).toEqual([0, 4]);
  });
  test("bytes that are no UTF-8: U+FFFD for each longest beginning of a character", () => {
    const tokenizer = readTokenizerJson(constructed["as cl100k"]);
    expect(tokenizer.decode([0xe2, 0x82, 0x41, 0xe2, 0x82, 0xac])).toBe("\ufffdA€");
    expect(tokenizer.decode([0xed, 0xa0, 0x80])).toBe("\ufffd\ufffd\ufffd");
    expect(tokenizer.decode([0xf0, 0x80, 0x80, 0x80])).toBe("\ufffd".repeat(4)); // longer than need be
    expect(tokenizer.decode([0xe0, 0x80, 0x80])).toBe("\ufffd".repeat(3));
    expect(tokenizer.decode([0xf0, 0x90, 0x80, 0xf4, 0x90])).toBe("\ufffd\ufffd\ufffd");
  });
  test.each<[string, object]>([
    [
      "post_processor TemplateProcessing: expected the Sequence A once",
      { post_processor: { type: "TemplateProcessing", single: [] } },
    ],
    [
      'expected special_tokens to have ids of "x"',
      {
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "x" } }, { Sequence: { id: "A" } }],
        },
      },
    ],
    [
      "expected cls to be a token and its id",
      { post_processor: { type: "BertProcessing", sep: ["x", 1] } },
    ],
    [
      'expected behavior of Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous, got "Cut"',
      { pre_tokenizer: { type: "Split", pattern: { String: "a" }, behavior: "Cut" } },
    ],
    [
      "expected pattern to be",
      { pre_tokenizer: { type: "Split", pattern: "a", behavior: "Removed" } },
    ],
    [
      "pre_tokenizer Split.pattern: \\1 is not supported",
      { pre_tokenizer: { type: "Split", pattern: { Regex: "(a)\\1" }, behavior: "Removed" } },
    ],
    [
      "expected prepend_scheme never where add_prefix_space is false",
      { pre_tokenizer: { type: "Metaspace", add_prefix_space: false, prepend_scheme: "first" } },
    ],
    [
      "expected replacement to be a character",
      { pre_tokenizer: { type: "Metaspace", replacement: "ab" } },
    ],
    ["expected str_rep to be the replacement", { decoder: { type: "Metaspace", str_rep: "x" } }],
    [
      "expected content to be a character",
      { decoder: { type: "Strip", content: "", start: 1, stop: 0 } },
    ],
    [
      "expected start to be a whole number",
      { decoder: { type: "Strip", content: " ", start: -1, stop: 0 } },
    ],
    ["expected suffix not to be empty", { decoder: { type: "BPEDecoder", suffix: "" } }],
    ["normalizer Prepend: expected prepend to be a text", { normalizer: { type: "Prepend" } }],
    [
      "model.unk_id: expected an id below 1",
      { model: { type: "Unigram", unk_id: 1, vocab: [["a", 0]] } },
    ],
    [
      'model.vocab: "a" a second time',
      {
        model: {
          type: "Unigram",
          vocab: [
            ["a", 0],
            ["a", 0],
          ],
        },
      },
    ],
    [
      "model.vocab: expected a token and its score at 0",
      { model: { type: "Unigram", vocab: [["a"]] } },
    ],
    ['model.unk_token: no id for "[UNK]"', { model: { type: "WordPiece", vocab: { a: 0 } } }],
    ["more than 64 deep", { decoder: JSON.parse(`${"[".repeat(70)}${"]".repeat(70)}`) }],
  ])("refused by name: %s", (message, more) => {
    const file = { model: model({ vocab: { a: 0 } }), ...more };
    expect(() => read(file)).toThrow(FormatError);
    expect(() => read(file)).toThrow(message);
  });
});

test.each([
  "as cl100k",
  "unigram, Metaspace always",
  "WordPiece, as BERT",
  "added tokens",
  "characters, some bytes",
])("%s: a long text without words takes time near its length", (name) => {
  const { encode } = readTokenizerJson(constructed[name]);
  for (const c of ["a", " ", "<", "\n"]) {
    const time = (n: number): number =>
      processorSeconds(() => encode(c.repeat(n), { special: true }));
    time(2000);
    // quadratic time would be 256 times as long
    expect(time(80_000)).toBeLessThan(60 * Math.max(time(5000), 0.02));
  }
});
