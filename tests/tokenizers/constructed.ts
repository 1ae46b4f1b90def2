/** Tokenizer files of kinds that no vector has: every pre-tokenizer, normalizer, model, post-processor and decoder. */
import { bpe } from "../../src/text/bpe.ts";
import { writeTokenizerJson } from "../../src/text/tokenizer-json.ts";

type Fields = Readonly<Record<string, unknown>>;
const flags = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
};
const added = (content: string, id: number, more: Fields = {}): Fields => ({
  id,
  content,
  ...flags,
  ...more,
});
const file = (more: Fields): string =>
  JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...more,
  });
const sequence = (list: string, ...steps: Fields[]): Fields => ({
  type: "Sequence",
  [list]: steps,
});
const ids = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));
const letters = [
  ..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-_() éßΣσ中文",
];
const hexTokens = Array.from(
  { length: 256 },
  (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const pieces =
  "th he in er an re on at the and ing ▁t ▁a ▁the ▁and ll 's 12 ab abc é中 ▁▁ ▁▁▁▁".split(" ");

const metaspace = (prepend_scheme: string, split: boolean): Fields => ({
  type: "Metaspace",
  replacement: "▁",
  prepend_scheme,
  split,
});
const template = (before: number, after: number): Fields => ({
  type: "TemplateProcessing",
  single: [
    { SpecialToken: { id: "<s>", type_id: 0 } },
    { Sequence: { id: "A", type_id: 0 } },
    { SpecialToken: { id: "</s>", type_id: 0 } },
  ],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
  special_tokens: {
    "<s>": { id: "<s>", ids: [before], tokens: ["<s>"] },
    "</s>": { id: "</s>", ids: [after], tokens: ["</s>"] },
  },
});

function unigram(prepend: string, fallsBack: boolean, split = true): string {
  const head = ["<unk>", "<s>", "</s>"];
  const rest = [
    ...(fallsBack ? hexTokens : []),
    "▁",
    ...letters.filter((c) => c !== " "),
    ...pieces,
  ];
  const vocab = [...head, ...new Set(rest)].map((token, i) => [
    token,
    i < 3 ? 0 : -2 - ((i * 7919) % 97) / 11 + token.length,
  ]);
  return file({
    added_tokens: head.map((content, id) => added(content, id, { special: true })),
    normalizer: sequence(
      "normalizers",
      { type: "NFKC" },
      { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
    ),
    pre_tokenizer: metaspace(prepend, split),
    post_processor: template(1, 2),
    decoder: fallsBack
      ? sequence("decoders", { type: "ByteFallback" }, metaspace(prepend, split))
      : metaspace(prepend, split),
    model: { type: "Unigram", unk_id: 0, vocab, byte_fallback: fallsBack },
  });
}

function wordPiece(lowercase: boolean, pre: Fields, decoder: Fields): string {
  const head = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
  const plain = letters.filter((c) => c !== " ");
  const tokens = [
    ...head,
    ...plain,
    ...plain.map((c) => `##${c}`),
    "the",
    "##ing",
    "an",
    "##an",
    "in",
    "中文",
  ];
  return file({
    added_tokens: head.map((content, id) => added(content, id, { special: true })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: lowercase,
      strip_accents: null,
      lowercase,
    },
    pre_tokenizer: pre,
    post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
    decoder,
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 20,
      vocab: ids([...new Set(tokens)]),
    },
  });
}

/** Byte-level BPE with the parts of another file. */
function byteLevel(more: Fields, model: Fields = {}): string {
  const own = JSON.parse(
    writeTokenizerJson(
      bpe([
        [116, 104],
        [256, 101],
        [32, 256],
        [32, 97],
        [97, 98],
        [32, 32],
        [261, 261],
        [195, 169],
        [39, 115],
        [49, 50],
      ]),
    ),
  );
  return file({ decoder: own.decoder, ...more, model: { ...own.model, ...model } });
}

const plainBytes = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};
const cutBy = (Regex: string, behavior: string, invert = false): string =>
  byteLevel({
    pre_tokenizer: sequence(
      "pretokenizers",
      { type: "Split", pattern: { Regex }, behavior, invert },
      plainBytes,
    ),
  });

/** BPE on characters with what few files have: prefix or suffix, unknown characters. */
function characters(model: Fields, more: Fields): string {
  const base = [..."abcdethinrsog'.! é"];
  const { continuing_subword_prefix: prefix = "", end_of_word_suffix: suffix = "" } =
    model as Record<string, string>;
  const single = [
    ...new Set(base.flatMap((c) => [c, prefix + c, c + suffix, prefix + c + suffix])),
  ];
  const pairs = [
    ["t", `${prefix}h`],
    [`th`, `${prefix}e`],
    ["a", `${prefix}b`],
    [`${prefix}i`, `${prefix}n`],
    [`${prefix}in`, `${prefix}g${suffix}`],
  ];
  const made = pairs.map(([a, b]) => a + b.slice(prefix.length));
  return file({
    ...more,
    model: {
      type: "BPE",
      dropout: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: ids([...new Set(["<unk>", ...single, ...made, "<0xE4>", "<0xB8>", "<0xAD>"])]),
      merges: pairs,
      unk_token: "<unk>",
      continuing_subword_prefix: prefix,
      end_of_word_suffix: suffix,
      ...model,
    },
  });
}

const o200k = [
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
  "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
].join("|");
const cl100k =
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
const deepSeek =
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const bloom = " ?[^(\\s|[.,!?…。，、।۔،])]+";

export const constructed: Readonly<Record<string, string>> = {
  "unigram, Metaspace always": unigram("always", false),
  "unigram, Metaspace first, byte_fallback": unigram("first", true),
  "unigram, Metaspace never, whole": unigram("never", true, false),
  "WordPiece, as BERT": wordPiece(
    true,
    { type: "BertPreTokenizer" },
    { type: "WordPiece", prefix: "##", cleanup: true },
  ),
  "WordPiece, cased, Whitespace": wordPiece(
    false,
    { type: "Whitespace" },
    { type: "WordPiece", prefix: "##", cleanup: false },
  ),
  "WordPiece, Punctuation": wordPiece(
    true,
    sequence(
      "pretokenizers",
      { type: "WhitespaceSplit" },
      { type: "Punctuation", behavior: "MergedWithPrevious" },
    ),
    { type: "WordPiece", prefix: "##", cleanup: true },
  ),
  "as StarCoder": byteLevel({
    added_tokens: [added("<end>", 266, { special: true })],
    pre_tokenizer: sequence(
      "pretokenizers",
      { type: "Digits", individual_digits: true },
      { ...plainBytes, use_regex: true },
    ),
  }),
  "Digits together, prefix space": byteLevel({
    pre_tokenizer: sequence(
      "pretokenizers",
      { type: "Digits", individual_digits: false },
      { ...plainBytes, add_prefix_space: true, use_regex: true },
    ),
  }),
  "as RoBERTa": byteLevel({
    added_tokens: [
      added("<s>", 266, { special: true }),
      added("</s>", 267, { special: true }),
      added("<mask>", 268, { special: true, lstrip: true }),
    ],
    pre_tokenizer: { ...plainBytes, add_prefix_space: true, use_regex: true },
    post_processor: {
      type: "RobertaProcessing",
      sep: ["</s>", 267],
      cls: ["<s>", 266],
      trim_offsets: true,
      add_prefix_space: true,
    },
  }),
  "as GPT-4o": cutBy(o200k, "Isolated"),
  "as cl100k": cutBy(cl100k, "Isolated"),
  "as BLOOM": cutBy(bloom, "Isolated"),
  "as DeepSeek": byteLevel({
    pre_tokenizer: sequence(
      "pretokenizers",
      { type: "Split", pattern: { Regex: "\\p{N}{1,3}" }, behavior: "Isolated", invert: false },
      {
        type: "Split",
        pattern: { Regex: "[一-龥぀-ゟ゠-ヿ]+" },
        behavior: "Isolated",
        invert: false,
      },
      { type: "Split", pattern: { Regex: deepSeek }, behavior: "Isolated", invert: false },
      plainBytes,
    ),
  }),
  "as old GPT, inverted": cutBy("\\p{L}+|\\p{N}+", "Removed", true),
  Removed: cutBy("\\s+", "Removed"),
  MergedWithPrevious: cutBy("[\\s,.]", "MergedWithPrevious"),
  MergedWithNext: cutBy("[\\s,.]", "MergedWithNext"),
  "MergedWithNext, inverted": cutBy("\\w", "MergedWithNext", true),
  Contiguous: cutBy("[\\s,.]", "Contiguous"),
  "words \\w and places": cutBy("\\b\\w+\\b|\\W+?(?=\\w)|(?<=[.!])\\s|^ *|.$", "Isolated"),
  "not \\w": cutBy("\\w+|\\h", "Removed"),
  "not \\s, any case": cutBy(
    "\\s|(?i:[k-s]|µ|[^\\x{0}-\\x{16f}]|\\p{Lt})|[^\\w\\x{21}-\\x{40}&&[^\\p{Han}]]",
    "Removed",
  ),
  "empty matches": cutBy("a*|(?<!b)c?|\\d*?", "Contiguous"),
  "old and possessive": cutBy("(?>a|ab)b|x*+y|(?i)the|\\h{2,4}|\\S", "Isolated"),
  "String patterns": byteLevel({
    normalizer: { type: "Replace", pattern: { String: "the" }, content: "THE " },
    pre_tokenizer: sequence(
      "pretokenizers",
      { type: "Split", pattern: { String: " " }, behavior: "MergedWithNext", invert: false },
      plainBytes,
    ),
  }),
  normalizers: byteLevel({
    normalizer: sequence(
      "normalizers",
      { type: "NFD" },
      { type: "StripAccents" },
      { type: "Lowercase" },
      { type: "Replace", pattern: { Regex: "[0-9]{2}" }, content: "#" },
      { type: "Strip", strip_left: true, strip_right: true },
      { type: "Prepend", prepend: "_" },
    ),
    pre_tokenizer: { ...plainBytes, use_regex: true },
  }),
  "added tokens": byteLevel({
    added_tokens: [
      added("<w>", 266, { single_word: true }),
      added("<l>", 267, { lstrip: true, special: true }),
      added("<r>", 268, { rstrip: true }),
      added("thx", 269, { normalized: true, single_word: true, special: true }),
      added("  ", 270, { rstrip: true }),
      added("AB", 271, { normalized: true, lstrip: true, rstrip: true }),
      added("<l><r>", 272, { special: true }),
    ],
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { ...plainBytes, use_regex: true },
  }),
  "characters, suffix": characters(
    { end_of_word_suffix: "</w>" },
    { pre_tokenizer: { type: "WhitespaceSplit" }, decoder: { type: "BPEDecoder", suffix: "</w>" } },
  ),
  "characters, prefix, fused": characters(
    { continuing_subword_prefix: "##", fuse_unk: true },
    {
      pre_tokenizer: { type: "Whitespace" },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    },
  ),
  "characters, some bytes": characters(
    { byte_fallback: true },
    {
      decoder: sequence(
        "decoders",
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 2, stop: 0 },
      ),
    },
  ),
  "characters, dropped": characters(
    { unk_token: null, ignore_merges: true },
    { pre_tokenizer: { type: "Punctuation", behavior: "Contiguous" } },
  ),
};
