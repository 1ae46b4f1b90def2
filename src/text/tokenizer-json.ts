/**
 * Reads and writes `tokenizer.json` (Hugging Face's format) of GPT-2's kind: byte-level BPE with its own ids.
 * Everything in it is checked, because files come from unknown origin; an unsupported field is refused.
 *
 * Differences from the reference library:
 *   1. `encode` never returns tokens with `special: true`: their text is ordinary text;
 *   2. `decode` omits them, throws RangeError for an id without a token, and writes an added token as its text.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { messageOf } from "../core/thrown.ts";
import { withoutMark } from "../core/utf8.ts";
import { type AddedToken, addedTokensOf, cutter } from "./added-tokens.ts";
import { bpe, wordsOf } from "./bpe.ts";
import { bytesOf, textOf } from "./bytes.ts";
import { normalizerOf } from "./normalizer.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { checkFields, checkUnset, flagOf, isObject, type Json, wrong } from "./tokenizer-fields.ts";

/** Returns the characters that stand for bytes in such files: themselves if printable, else those from U+0100. */
function byteCharacters(): readonly string[] {
  const isPlain = (b: number): boolean =>
    (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPlain(b) ? b : next++));
}

const mostIds = 2 ** 26;
const isId = (x: unknown): x is number =>
  typeof x === "number" && Number.isInteger(x) && x >= 0 && x < mostIds;

/** Returns the file's tokenizer; `special` knows all its added tokens. Throws FormatError that says what is wrong. */
export function readTokenizerJson(given: string): Tokenizer {
  const text = withoutMark(given);
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw wrong(`not JSON: ${(error as Error).message}`);
  }
  if (!isObject(file) || !isObject(file.model)) throw wrong("expected an object with a model");
  const { vocab, merges, type } = file.model;
  if (type !== undefined && type !== "BPE")
    throw wrong(`expected a BPE model, got ${brief(type).replaceAll('"', "")}`);
  if (!isObject(vocab) || !Array.isArray(merges))
    throw wrong("expected model.vocab and model.merges");
  const split = splitOf(file.pre_tokenizer);
  checkRest(file, file.model);
  const added = addedTokensOf(file.added_tokens, isId);
  const cut = cutter(added, normalizerOf(file.normalizer));

  // our own ids: bytes, then merges in order; callers see the file's ids
  const ids = new Map<string, number>(byteCharacters().map((c, byte) => [c, byte]));
  const pairs: [number, number][] = [];
  const madeIds: number[] = [];
  for (const [i, merge] of merges.entries()) {
    const parts = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(parts) || parts.length !== 2) throw wrong(`merge ${i} is no pair`);
    const [a, b] = parts.map((part) => ids.get(part));
    if (a === undefined || b === undefined)
      throw wrong(
        `merge ${i} is of tokens not made before it: ${brief(typeof merge === "string" ? merge : parts.map((part) => brief(part)).join(" "))}`,
      );
    const made = parts.join("");
    if (!ids.has(made)) ids.set(made, ids.size);
    pairs.push([a, b]);
    madeIds.push(ids.get(made) as number);
  }
  const own = merging(pairs, madeIds);
  const idOf = new Map<string, number>();
  for (const token of new Set([...ids.keys(), ...Object.keys(vocab)])) {
    const theirs = Object.hasOwn(vocab, token) ? vocab[token] : undefined;
    if (!isId(theirs)) throw wrong(`model.vocab has no id for ${brief(token)}`);
    idOf.set(token, theirs);
  }
  const toFile = Array.from(ids.keys(), (token) => idOf.get(token) as number);
  const merge = (word: string): number[] => own.encode(word).map((id) => toFile[id]);
  const encodeWord = flagOf("model", file.model, "ignore_merges") ? wholeOr(merge, idOf) : merge;
  const encodePiece = (piece: string | number): readonly number[] =>
    typeof piece === "number" ? [piece] : wordsOf(piece, split).flatMap(encodeWord);
  return {
    ...decoding(idOf, added),
    encode: (text) => cut(text).flatMap(encodePiece),
    save: () => ({ kind: "file", text }),
  };
}

/** Returns the tokenizer of the merges. Throws FormatError if a token would have too many bytes. */
function merging(
  pairs: readonly (readonly [number, number])[],
  made: readonly number[],
): Tokenizer {
  try {
    return bpe(pairs, { split: "none", made });
  } catch (error) {
    throw wrong(messageOf(error));
  }
}

/** Implements `ignore_merges`: a word that is a token is encoded as that token, without merges. */
function wholeOr(
  merge: (word: string) => readonly number[],
  idOf: ReadonlyMap<string, number>,
): (word: string) => readonly number[] {
  const characters = byteCharacters();
  return (word) => {
    const spelled = bytesOf(word).map((byte) => characters[byte]);
    const id = idOf.get(spelled.join(""));
    return id === undefined ? merge(word) : [id];
  };
}

/** Returns `decode` and `special` of a tokenizer. */
function decoding(
  idOf: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
): Pick<Tokenizer, "vocab" | "decode" | "special"> {
  const bytes = new Map(byteCharacters().map((c, byte) => [c, byte]));
  const spelled = new Map<number, string>();
  for (const [token, id] of idOf) {
    if (spelled.has(id)) throw wrong("two tokens have one id");
    spelled.set(id, token);
  }
  const contents = new Map<number, AddedToken>();
  for (const token of added) {
    const { id, content } = token;
    if ((spelled.get(id) ?? content) !== content || (idOf.get(content) ?? id) !== id)
      throw wrong(
        `added token ${brief(content)}: model.vocab has another id for it, or ${id} for another`,
      );
    if ((contents.get(id)?.content ?? content) !== content) throw wrong("two tokens have one id");
    contents.set(id, token);
  }
  const bytesOfToken = (id: number): readonly number[] => {
    const { special, content } = contents.get(id) ?? {};
    if (special) return [];
    if (content !== undefined) return bytesOf(content);
    const token = spelled.get(id);
    if (token === undefined) throw new RangeError(`decode: no token has id ${id}`);
    const made = Array.from(token, (c) => bytes.get(c));
    return made.every((byte) => byte !== undefined) ? made : bytesOf(token);
  };
  const ids = new Map(added.map(({ content, id }) => [content, id]));
  return {
    vocab: [...spelled.keys(), ...contents.keys()].reduce((a, b) => Math.max(a, b), 0) + 1,
    decode: (given) => textOf(Array.from(given).flatMap(bytesOfToken)),
    special(name) {
      const id = ids.get(name);
      if (id !== undefined) return id;
      const known = [...ids.keys()].join(", ") || "none";
      throw new FormatError(`tokenizer: no special token "${name}"; there are: ${known}`);
    },
  };
}

function splitOf(pre: unknown): "gpt2" | "none" {
  if (pre === null || pre === undefined)
    throw wrong("expected a ByteLevel pre_tokenizer, got none");
  const steps = isObject(pre) && Array.isArray(pre.pretokenizers) ? pre.pretokenizers : [pre];
  if (steps.length !== 1 || !isObject(steps[0]) || steps[0].type !== "ByteLevel")
    throw wrong("expected ByteLevel as the only pre_tokenizer");
  checkFields("pre_tokenizer.", steps[0], byteLevelFields);
  if (flagOf("pre_tokenizer", steps[0], "add_prefix_space"))
    throw wrong("add_prefix_space is not supported");
  return flagOf("pre_tokenizer", steps[0], "use_regex", true) ? "gpt2" : "none";
}

const byteLevelFields = ["type", "add_prefix_space", "trim_offsets", "use_regex"];
const fileFields = [
  ...["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer"],
  ...["post_processor", "decoder", "model"],
];
const modelFields = [
  ...["type", "vocab", "merges", "dropout", "unk_token", "continuing_subword_prefix"],
  ...["end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"],
];

/**
 * Refuses unsupported fields that would change ids or text. Every byte has a token, so nothing is unknown and
 * unk_token, fuse_unk and byte_fallback have no effect.
 */
function checkRest(file: Json, model: Json): void {
  checkFields("", file, fileFields);
  checkFields("model.", model, modelFields);
  checkUnset("", file, "version", ["1.0"]);
  for (const name of ["truncation", "padding"]) checkUnset("", file, name);
  for (const name of ["post_processor", "decoder"]) {
    const step = file[name];
    if (isObject(step) && step.type === "ByteLevel") checkFields(`${name}.`, step, byteLevelFields);
    else checkUnset("", file, name);
  }
  checkUnset("model.", model, "dropout", [0]);
  for (const name of ["continuing_subword_prefix", "end_of_word_suffix"])
    checkUnset("model.", model, name, [""]);
  for (const name of ["fuse_unk", "byte_fallback"]) flagOf("model", model, name);
}

/**
 * Writes a BPE tokenizer as such a file, with every field that the reference library requires. Throws FormatError
 * for another kind of tokenizer, and for one that the format cannot express.
 */
export function writeTokenizerJson(tokenizer: Tokenizer): string {
  const saved = tokenizer.save();
  if (saved.kind === "file") return JSON.stringify(completed(JSON.parse(saved.text) as Json));
  if (saved.kind !== "bpe")
    throw new FormatError(`tokenizer.json: expected BPE, got ${saved.kind}`);
  const tokens = [...byteCharacters()];
  const merges = saved.merges.map(([a, b]) => {
    tokens.push(tokens[a] + tokens[b]);
    return [tokens[a], tokens[b]];
  });
  const first = tokens.length;
  if (new Set(tokens).size !== first)
    throw wrong("two merges make one token, which the format cannot say");
  if (new Set([...tokens, ...saved.specials, ""]).size !== first + saved.specials.length + 1)
    throw wrong("a special token is empty or another token's text, which the format cannot say");
  return JSON.stringify(
    completed({
      version: "1.0",
      added_tokens: saved.specials.map((content, i) => ({ id: first + i, content, special: true })),
      pre_tokenizer: { type: "ByteLevel", use_regex: saved.split === "gpt2" },
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: merges.map((pair) => pair.join(" ")),
      },
    }),
  );
}

/** Returns the file with the default values of absent fields filled in. */
function completed(file: Json): Json {
  const whole = (step: unknown): unknown =>
    isObject(step) && step.type === "ByteLevel" ? { ...byteLevel, ...step } : step;
  const pre = file.pre_tokenizer;
  const steps = isObject(pre) && Array.isArray(pre.pretokenizers) ? pre.pretokenizers : null;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    ...file,
    added_tokens: ((file.added_tokens ?? []) as Json[]).map((token) => ({
      ...usualFlags,
      ...token,
    })),
    normalizer: file.normalizer ?? null,
    pre_tokenizer:
      steps === null ? whole(pre) : { ...(pre as Json), pretokenizers: steps.map(whole) },
    post_processor: whole(file.post_processor ?? null),
    decoder: whole(file.decoder ?? byteLevel),
    model: { type: "BPE", ...(file.model as Json) },
  };
}
const byteLevel = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
};
const usualFlags = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
};
