import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { gptModule } from "../../src/export/gpt-js.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { bpe, trainBpe } from "../../src/text/bpe.ts";
import { tokenizerFrom } from "../../src/text/load.ts";
import { readTokenizerJson, writeTokenizerJson } from "../../src/text/tokenizer-json.ts";
import { seed } from "../support/seed.ts";
import { strictFrom, strictIds } from "./strict.ts";

/** GPT-2's order of bytes: those printed as themselves first. */
const isPlain = (c: string): boolean => c < "\u0100";
const ofBytes = JSON.parse(writeTokenizerJson(bpe([]))).model.vocab as Record<string, number>;
const characters = Object.keys(ofBytes).sort((a, b) => ofBytes[a] - ofBytes[b]);
const ordered = [...characters.filter(isPlain), ...characters.filter((c) => !isPlain(c))];
/** Some of GPT-2's merges, with their ids there. */
const merges = [
  ["a", "f", 1878],
  ["Ã", "©", 2634],
  ["Ġ", "Â", 1587],
  ["Ġ", "a", 257],
  ["Ġ", "Ġ", 220 + 1e4],
  ["Ì", "ģ", 136 + 1e4],
] as const;
const vocab = Object.fromEntries([
  ...ordered.map((c, i) => [c, i]),
  ...merges.map(([a, b, id]) => [a + b, id]),
]) as Record<string, number>;

type Fields = Readonly<Record<string, unknown>>;
const added = (content: string, id: number, more: Fields = {}): Fields => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
  ...more,
});
const file = (more: Fields = {}, model: Fields = {}): string =>
  JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [added("<end>", 50256, { special: true })],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    post_processor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true },
    ...more,
    model: {
      type: "BPE",
      dropout: null,
      vocab,
      merges: merges.map(([a, b]) => `${a} ${b}`),
      ...model,
    },
  });
/** Sequences in a sequence, so many levels deep. */
const nested = (levels: number): Fields =>
  levels === 0 ? { type: "NFC" } : { type: "Sequence", normalizers: [nested(levels - 1)] };
const read = (more: Fields = {}, model: Fields = {}) => readTokenizerJson(file(more, model));

describe("white space is Unicode's, with GPT-2's ids", () => {
  test("U+0085 is white space, U+FEFF is none", () => {
    const tokenizer = read();
    expect(tokenizer.encode(" \u0085a")).toEqual([220, 126, 227, 64]);
    expect(tokenizer.encode(" \ufeff a")).toEqual([220, 171, 119, 123, 257]); // " \ufeff" is one word
  });

  test("so it is where pigrad's own tokenizer is trained, and in an exported module", async () => {
    const merged = [[0x20, 0xc2] as const];
    const own = bpe(merged);
    expect(own.encode(" \u0085a")).toEqual([0x20, 0xc2, 0x85, 0x61]);
    const trained = trainBpe(" \u0085a \u0085a", 1).save();
    expect(trained).toMatchObject({ merges: [[0xc2, 0x85]] }); // not across the words " " and "\u0085"
    const options = { vocab: own.vocab, context: 4, layers: 1, heads: 1, width: 4 };
    const { js } = gptModule(new Gpt(loops(), options, new Random(1)), { tokenizer: own });
    const exported = (await import(
      `data:text/javascript;base64,${Buffer.from(js).toString("base64")}`
    )) as { encode(text: string): number[] };
    for (const text of [" \u0085a", " \ufeff a", "a\u3000 b"])
      expect(exported.encode(text)).toEqual(own.encode(text));
  });
});

describe("fields of the file", () => {
  test("normalizers: Unicode's forms, lower case without a final sigma, sequences", () => {
    const given = "cafe\u0301";
    expect(read().encode(given)).toEqual([66, 1878, 68, 10136]);
    expect(read({ normalizer: { type: "NFC" } }).encode(given)).toEqual([66, 1878, 2634]);
    expect(read({ normalizer: { type: "NFD" } }).encode("caf\u00e9")).toEqual([
      66, 1878, 68, 10136,
    ]);
    const forms = { type: "Sequence", normalizers: [{ type: "NFKC" }, { type: "Lowercase" }] };
    expect(read({ normalizer: nested(8) }).encode(given)).toEqual([66, 1878, 2634]);
    const both = read({ normalizer: forms });
    expect(both.decode(both.encode("ﬁ ΑΣ İ"))).toBe("fi ασ i\u0307");
    expect(tokenizerFrom(both.save()).encode("ﬁ")).toEqual(both.encode("fi"));
  });

  test("added tokens: the leftmost, the longest there, in text as it is or normalized", () => {
    const tokens = [
      added("    ", 60000),
      added("  ", 60001),
      added("caf\u00e9", 60002, { normalized: true }),
      added("AF", 60003),
      added("<end>", 50256, { special: true }),
    ];
    const tokenizer = read({ added_tokens: tokens, normalizer: { type: "NFC" } });
    expect(tokenizer.encode("x    y")).toEqual([87, 60000, 88]);
    expect(tokenizer.encode("x       y")).toEqual([87, 60000, 60001, 220, 88]);
    expect(tokenizer.encode("cafe\u0301s")).toEqual([60002, 82]);
    expect(tokenizer.encode("cAF")).toEqual([66, 60003]);
    expect(tokenizer.decode([87, 60000, 50256, 60002])).toBe("x    caf\u00e9");
    expect(tokenizer.vocab).toBe(60004);
    expect(tokenizer.special("    ")).toBe(60000);
  });

  test("special tokens are never given by encode, whatever stands in the text", () => {
    const tokens = [added("<end>", 50256, { special: true }), added("en", 60000)];
    const plain = read();
    expect(plain.encode("a<end>")).toEqual([..."a<end>"].map((c) => vocab[c]));
    // found first, it hides what lies inside it, as in the reference with encode_special_tokens
    expect(read({ added_tokens: tokens }).encode("<end>en")).toEqual([
      ...[..."<end>"].map((c) => vocab[c]),
      60000,
    ]);
  });

  test("added tokens of single words, and those that take white space along", () => {
    const tokens = [
      added("<w>", 60000, { single_word: true }),
      added("<l>", 60001, { lstrip: true }),
      added("<r>", 60002, { rstrip: true }),
    ];
    const { encode } = read({ added_tokens: tokens });
    const w = [..."<w>"].map((c) => vocab[c]);
    expect(encode("x<w>")).toEqual([87, ...w]);
    expect(encode("\u00e9<w>")).toEqual([2634, ...w]);
    expect(encode("- <w>-")).toEqual([12, 220, 60000, 12]);
    expect(encode("x \u0085<l> y")).toEqual([87, 60001, 220, 88]);
    expect(encode("x <r>\u3000 y")).toEqual([87, 220, 60002, 88]);
    expect(encode("x\ufeff<l>")).toEqual([87, 171, 119, 123, 60001]);
  });

  test("ignore_merges: a word that is a token is that token", () => {
    const more = { vocab: { ...vocab, caf: 60000 } };
    expect(read({}, more).encode("caf")).toEqual([66, 1878]);
    expect(read({}, more).decode([60000])).toBe("caf");
    expect(read({}, { ...more, ignore_merges: true }).encode("caf cafe")).toEqual([
      60000, 220, 66, 1878, 68,
    ]);
  });

  test("fields that change nothing where every byte has a token are taken", () => {
    const model = { unk_token: "<end>", fuse_unk: true, byte_fallback: true, dropout: 0 };
    const rest = { continuing_subword_prefix: "", end_of_word_suffix: "" };
    expect(read({}, { ...model, ...rest }).encode("caf")).toEqual([66, 1878]);
  });

  test.each<[string, Fields, Fields]>([
    ['normalizer "Precompiled" is not supported', { normalizer: { type: "Precompiled" } }, {}],
    [
      'normalizer "Nmt" is not supported',
      { normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Nmt" }] } },
      {},
    ],
    [
      "post_processor TemplateProcessing: expected single",
      { post_processor: { type: "TemplateProcessing" } },
      {},
    ],
    ['decoder "CTC" is not supported', { decoder: { type: "CTC" } }, {}],
    ["truncation", { truncation: { max_length: 4 } }, {}],
    ["padding", { padding: { strategy: "BatchLongest" } }, {}],
    ['version "2.0" is not supported', { version: "2.0" }, {}],
    ['decoder ByteLevel."pad" is not', { decoder: { type: "ByteLevel", pad: 1 } }, {}],
    ['pre_tokenizer ByteLevel."pad" is not', { pre_tokenizer: { type: "ByteLevel", pad: 1 } }, {}],
    ['normalizer "Sequence" is not supported', { normalizer: nested(9) }, {}],
    ['"offsets" is not supported', { offsets: true }, {}],
    ["model.dropout 0.1 is not supported", {}, { dropout: 0.1 }],
    ["expected continuing_subword_prefix to be a text", {}, { continuing_subword_prefix: 1 }],
    ["expected end_of_word_suffix to be a text", {}, { end_of_word_suffix: [] }],
    ['model."lookahead" is not supported', {}, { lookahead: 2 }],
    ["ignore_merges to be true or false", {}, { ignore_merges: "yes" }],
    ['added token 0: "fuzzy" is not', { added_tokens: [added("x", 6e4, { fuzzy: 1 })] }, {}],
    ["added token 0: expected lstrip to", { added_tokens: [added("x", 6e4, { lstrip: 1 })] }, {}],
    ["model.vocab has another id for it", { added_tokens: [added("a", 60000)] }, {}],
    ["two tokens have one id", { added_tokens: [added("xy", 6e4), added("xyz", 6e4)] }, {}],
  ])("refused by name: %s", (message, more, model) => {
    expect(() => read(more, model)).toThrow(message);
  });

  test("a byte order mark before the file is skipped", () => {
    expect(readTokenizerJson(`\ufeff${file()}`).encode("caf")).toEqual([66, 1878]);
  });
});

describe("writing", () => {
  const made = trainBpe("the cat sat on the mat, the end", 4, { specials: ["<end>", "<pad>"] });
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };

  test("has every field that the Rust and Python library insists on", () => {
    const { model, ...rest } = JSON.parse(writeTokenizerJson(made)) as { model: Fields };
    const id = 256 + 4;
    expect(rest).toEqual({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [
        { id, content: "<end>", special: true, ...flags },
        { id: id + 1, content: "<pad>", special: true, ...flags },
      ],
      normalizer: null,
      pre_tokenizer: { ...byteLevel, use_regex: true },
      post_processor: null,
      decoder: { ...byteLevel, use_regex: true },
    });
    const { vocab: tokens, merges: pairs, ...settings } = model;
    expect(Object.keys(tokens as object).length).toBe(id);
    expect((pairs as string[]).length).toBe(4);
    expect(settings).toEqual({
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
    });
  });

  test("a file that was read is written whole, though fields were absent", () => {
    const lenient = {
      added_tokens: [{ id: 50256, content: "<end>", special: true }],
      pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "ByteLevel" }] },
      model: { vocab, merges: [] },
    };
    const written = writeTokenizerJson(readTokenizerJson(JSON.stringify(lenient)));
    expect(JSON.parse(written)).toMatchObject({
      added_tokens: [{ id: 50256, content: "<end>", special: true, ...flags }],
      pre_tokenizer: { type: "Sequence", pretokenizers: [byteLevel] },
      decoder: byteLevel,
    });
  });

  test("special tokens that the format cannot express are refused", () => {
    for (const special of ["a", ""])
      expect(() => writeTokenizerJson(bpe([], { specials: [special] }))).toThrow(
        "a special token is empty or another token's text",
      );
  });

  test.skipIf(strictFrom === null)("the Rust library reads it and gives the same ids", async () => {
    const strict = (json: string) => (strictFrom as NonNullable<typeof strictFrom>)(json);
    for (const tokenizer of [made, trainBpe("aaabdaaabac", 3, { split: "none" }), read()]) {
      const theirs = strict(writeTokenizerJson(tokenizer));
      for (const text of ["the cat\n  sat", "aaab daaab", " \u0085a \ufeffthe", "🎲 mat’s"]) {
        const ids = tokenizer.encode(text);
        expect(ids).toEqual(await strictIds(theirs, text));
        expect(await theirs.decode(ids, true)).toBe(text);
      }
    }
  });

  const pieces = [
    "<w>",
    "<l>",
    "<r>",
    "  ",
    " ",
    "e\u0301",
    "caf\u00e9",
    "_",
    "x",
    "ﬁ",
    "\u0085",
    "Σ",
  ];
  const flag = fc.boolean();
  const tokens = fc
    .uniqueArray(fc.constantFrom("<w>", "<l>", "<r>", "  ", "caf\u00e9", "xx"), { maxLength: 5 })
    .chain((contents) =>
      fc.tuple(
        ...contents.map((content) =>
          fc
            .record({ single_word: flag, lstrip: flag, rstrip: flag, normalized: flag })
            .map((f) => ({
              content,
              ...f,
            })),
        ),
      ),
    );
  const normalizer = fc.constantFrom(
    null,
    { type: "NFC" },
    { type: "NFKD" },
    { type: "Lowercase" },
  );
  test.skipIf(strictFrom === null)(
    "property: added tokens, normalizers and ignore_merges give the Rust library's ids",
    async () => {
      const dense = Object.fromEntries(Object.keys(vocab).map((token, id) => [token, id]));
      const first = Object.keys(dense).length;
      const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(tokens, normalizer, flag, texts, async (list, form, whole, text) => {
          const added_tokens = list.map((token, i) =>
            added(token.content, first + i, { ...token }),
          );
          const json = file(
            { added_tokens, normalizer: form },
            { vocab: dense, ignore_merges: whole },
          );
          const theirs = (strictFrom as NonNullable<typeof strictFrom>)(json);
          const given = text.join("");
          expect(readTokenizerJson(json).encode(given)).toEqual(await strictIds(theirs, given));
        }),
        { seed, numRuns: 300 },
      );
    },
  );
});
