import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Tokenizer as Reference } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { bpe, trainBpe } from "../../src/text/bpe.ts";
import { tokenizerFrom } from "../../src/text/load.ts";
import { symbols } from "../../src/text/symbols.ts";
import { bytes, characters, type Tokenizer } from "../../src/text/tokenizer.ts";
import { readTokenizerJson, writeTokenizerJson } from "../../src/text/tokenizer-json.ts";
import { seed } from "../support/seed.ts";

/** Real text of many languages: what the TypeScript compiler says, and the documentation of the DOM. */
function realText(): string {
  const lib = dirname(createRequire(import.meta.url).resolve("typescript"));
  const dom = readFileSync(join(lib, "lib.dom.d.ts"), "utf8").slice(0, 700_000);
  const messages = readdirSync(lib, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(lib, name, "diagnosticMessages.generated.json"))
    .map((path) => readFileSync(path, "utf8").slice(0, 40_000));
  return [dom, ...messages].join("\n");
}

const specials = ["<end>", "<pad>"];
const text = realText();
const trained = trainBpe(text.slice(0, 200_000) + text.slice(-200_000), 400, { specials });

/** Any code point, also unassigned ones and, where wanted, lone surrogates. */
function randomText(random: Random, surrogates: boolean): string {
  let made = "";
  for (let n = random.below(12); n > 0; n--) {
    const kind = random.below(4);
    const c =
      kind === 0
        ? random.below(128)
        : kind === 1
          ? random.below(0x3000)
          : kind === 2
            ? 0x1f300 + random.below(0x400)
            : random.below(0x110000);
    if (!surrogates && c >= 0xd800 && c < 0xe000) continue;
    made += String.fromCodePoint(c);
  }
  return made;
}

describe("byte-level BPE", () => {
  test("learns by hand: of equal pairs the first seen, merges from left to right", () => {
    const small = trainBpe("aaabdaaabac", 3, { split: "none" });
    expect(small.save()).toMatchObject({
      merges: [
        [97, 97],
        [256, 97],
        [257, 98],
      ],
    });
    expect(small.encode("aaabdaaabac")).toEqual([258, 100, 258, 97, 99]);
  });

  test("round trip of 100,000 random Unicode strings, lone surrogates among them", {
    tags: ["deep"],
  }, () => {
    const random = new Random(7);
    for (let i = 0; i < 100_000; i++) {
      const given = randomText(random, true);
      if (trained.decode(trained.encode(given)) !== given)
        expect(trained.decode(trained.encode(given))).toBe(given);
    }
  });

  const json = writeTokenizerJson(trained);
  const reference = new Reference(JSON.parse(json), {});

  test("on 1 MB of real text the ids are the reference library's", {
    tags: ["deep", "long"],
  }, () => {
    const mine = readTokenizerJson(json);
    expect(text.length).toBeGreaterThan(1_000_000);
    for (let at = 0; at < text.length; at += 10_000) {
      const part = text.slice(at, at + 10_000).replace(/\p{Surrogate}/gu, "");
      const want = reference.encode(part).ids;
      expect(trained.encode(part)).toEqual(want);
      expect(mine.encode(part)).toEqual(want);
    }
  });

  test("on 2,000 random strings the ids are the reference library's", { tags: ["deep"] }, () => {
    const random = new Random(8);
    for (let i = 0; i < 2000; i++) {
      const part = randomText(random, false);
      expect(trained.encode(part)).toEqual(reference.encode(part).ids);
    }
  });

  test("a file with ids of its own, and two merges that make one token, reads as the reference does", () => {
    const vocab = JSON.parse(writeTokenizerJson(bpe([]))).model.vocab as Record<string, number>;
    const own = Object.fromEntries(Object.entries(vocab).map(([c, id]) => [c, 299 - id]));
    const merges = [
      ["a", "b"],
      ["ab", "c"],
      ["b", "c"],
      ["a", "bc"],
      ["abc", "d"],
    ];
    const model = { type: "BPE", merges, vocab: { ...own, ab: 300, abc: 301, bc: 302, abcd: 7 } };
    const file = {
      normalizer: null,
      post_processor: null,
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
      decoder: { type: "ByteLevel" },
      added_tokens: [{ id: 303, content: "<|endoftext|>", special: true }],
      model,
    };
    const reference = new Reference(file, {});
    const mine = readTokenizerJson(JSON.stringify(file));
    for (const part of ["abcd", "bcd", "abc d", "xabcdy aab bbc"]) {
      expect(mine.encode(part)).toEqual(reference.encode(part).ids);
      expect(mine.decode(mine.encode(part))).toBe(part);
    }
    expect(mine.vocab).toBe(304);
    expect(mine.special("<|endoftext|>")).toBe(303);
    expect(tokenizerFrom(mine.save()).encode("abcd")).toEqual([7]);
  });

  test.each([
    ["{", "not JSON"],
    ["[]", "expected an object with a model"],
    ['{"model":{"type":"WordLevel","vocab":{"a":0}}}', 'model "WordLevel" is not supported'],
    ['{"model":{"vocab":{},"merges":[]}}', "expected model.vocab to have tokens"],
    [
      '{"model":{"vocab":{"z":0},"merges":[["xy","z"]]}}',
      'merge 0, "xy z", is of a token without an id',
    ],
    ['{"model":{"vocab":{"x":0},"merges":[["x"]]}}', "merge 0 is no pair"],
    ['{"model":{"vocab":{"x":"0"},"merges":[]}}', "model.vocab has no id for"],
  ])("a damaged file is refused: %s", (file, message) => {
    expect(() => readTokenizerJson(file)).toThrow(message);
  });
});

const makers: Record<string, Tokenizer> = {
  characters: characters("héllo wörld 🎲\n", specials),
  bytes: bytes(specials),
  symbols: symbols(["a", "b", "c", " AB", " A", " "], specials),
  bpe: trained,
};
describe.each(Object.entries(makers))("%s", (name, tokenizer) => {
  const known =
    name === "symbols"
      ? ["a", " AB", " A", "c", " "]
      : name === "characters"
        ? [..."héllo wörld 🎲\n"]
        : ["é", "a", " ", "🎲", "\0"];
  test("property: decode undoes encode; what save gives makes the same tokenizer", () => {
    const again = tokenizerFrom(JSON.parse(JSON.stringify(tokenizer.save())));
    const texts = fc.array(fc.constantFrom(...known)).map((list) => list.join(""));
    fc.assert(
      fc.property(texts, (given) => {
        const ids = tokenizer.encode(given);
        expect(tokenizer.decode(ids)).toBe(given);
        expect(again.encode(given)).toEqual(ids);
        expect(ids.every((id) => id < tokenizer.vocab - 2)).toBe(true);
      }),
      { seed },
    );
  });

  test("special tokens: ids behind the others, no text of their own, named where unknown", () => {
    const one = name === "symbols" ? "a" : "o";
    expect(tokenizer.special("<end>")).toBe(tokenizer.vocab - 2);
    expect(tokenizer.special("<pad>")).toBe(tokenizer.vocab - 1);
    const ids = [...tokenizer.encode(one), tokenizer.special("<end>")];
    expect(tokenizer.decode(ids)).toBe(one);
    expect(() => tokenizer.special("<x>")).toThrow(
      'no special token "<x>"; there are: <end>, <pad>',
    );
    expect(() => tokenizer.decode([tokenizer.vocab])).toThrow("expected ids below");
  });
});

test("a character without a token is named", () => {
  expect(() => characters("abc").encode("abé")).toThrow('no token for "é" (U+00e9)');
  expect(() => characters("a\ude00\ud83d")).toThrow("got half of a surrogate pair");
  for (const merge of [
    [97.5, 98],
    ["97", "98"],
    [97, 256],
  ])
    expect(() => bpe([merge as never])).toThrow("expected merge 0 of two earlier ids");
});

test("bytes that are no text become U+FFFD, one each", () => {
  expect(bytes().decode([0x61, 0xff, 0xc3, 0x28, 0xe2, 0x82])).toBe("a\ufffd\ufffd(\ufffd\ufffd");
});

test("what no tokenizer saves is refused", () => {
  for (const saved of [null, {}, { kind: "bpe", specials: [], merges: [[1]] }, { kind: "bytes" }])
    expect(() => tokenizerFrom(saved)).toThrow("expected what a tokenizer's save gave");
  expect(() => tokenizerFrom({ kind: "bpe", specials: [], merges: [], split: "words" })).toThrow(
    "expected what a tokenizer's save gave",
  );
  const impossible = { kind: "bpe", specials: [], merges: [[999, 1]], split: "gpt2" };
  expect(() => tokenizerFrom(impossible)).toThrow("expected merge 0 of two earlier ids");
});
