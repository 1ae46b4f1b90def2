/**
 * Reads and writes `tokenizer.json` (Hugging Face's format): a pipeline of normalizer, added tokens, pre-tokenizer, model,
 * post-processor and decoder, each in its file in hub/. Everything in it is checked, because files come from unknown
 * origin; an unsupported field is refused by its name.
 *
 * Differences from the reference library:
 *   1. `encode` takes special tokens in a text for ordinary text, unless it is asked for them;
 *   2. `decode` throws RangeError for an id without a token, and writes an added token of a byte-level tokenizer as its text;
 *   3. a byte-level file without a decoder is decoded as bytes.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { messageOf } from "../core/thrown.ts";
import { withoutMark } from "../core/utf8.ts";
import { type AddedToken, addedTokensOf, cutter } from "./hub/added-tokens.ts";
import { byteCharacters, spelled } from "./hub/byte-level.ts";
import { byteLevelText, decoderOf } from "./hub/decoder.ts";
import { checkFields, checkUnset, isObject, type Json, wrong } from "./hub/fields.ts";
import { modelOf } from "./hub/model.ts";
import { normalizerOf } from "./hub/normalizer.ts";
import { postProcessorOf } from "./hub/post-processor.ts";
import { preTokenizerOf } from "./hub/pre-tokenizer.ts";
import type { Vocabulary } from "./hub/vocabulary.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface EncodeOptions {
  /** Takes the text of a special token for that token, as in a rendered chat. Default false. */
  readonly special?: boolean;
  /** Adds the special tokens that the file puts around a text, such as the one that begins it. Default false. */
  readonly around?: boolean;
}

export interface DecodeOptions {
  /** Writes special tokens too. Default false. */
  readonly special?: boolean;
}

/** A tokenizer out of a tokenizer.json. */
export interface HubTokenizer extends Tokenizer {
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** The special tokens' ids by their text. */
  readonly specials: ReadonlyMap<string, number>;
  /** The files that stood beside tokenizer.json, by name: tokenizer_config.json, a chat template. */
  readonly beside: Readonly<Record<string, string>>;
}

/** Files that may stand beside tokenizer.json and say more about the tokenizer. */
export const besideNames = [
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
] as const;

/** Returns the file's tokenizer; `special` knows all its added tokens. Throws FormatError that says what is wrong. */
export function readTokenizerJson(
  given: string,
  beside: Readonly<Record<string, string>> = {},
): HubTokenizer {
  const text = withoutMark(given);
  const file = parsed(text);
  checkFields("", file, fileFields);
  checkUnset("", file, "version", ["1.0"]);
  for (const name of ["truncation", "padding"]) checkUnset("", file, name);
  const { ids, encode: encodeWord } = modelOf(file.model as Json);
  const added = addedTokensOf(file.added_tokens);
  const normalize = normalizerOf(file.normalizer);
  const [plain, all] = [false, true].map((special) => cutter(added, normalize, special));
  const preTokenize = preTokenizerOf(file.pre_tokenizer);
  const wrap = postProcessorOf(file.post_processor);
  const contents = contentsOf(added, ids);
  const specials = added
    .filter(({ special }) => special)
    .map(({ content, id }) => [content, id] as const);
  return {
    ...decoding(file, ids, contents),
    specials: new Map(specials),
    encode(written, { special = false, around = false } = {}) {
      const made: number[] = [];
      // UTF-8 cannot say half a surrogate pair
      for (const part of (special ? all : plain)(written.replace(/\p{Surrogate}/gu, "\ufffd"))) {
        if (typeof part === "number") made.push(part);
        else
          for (const word of preTokenize(part))
            for (const id of encodeWord(word.text)) made.push(id);
      }
      return around ? [...wrap(made)] : made;
    },
    beside,
    save: () => ({ kind: "file", text, beside }),
  };
}

const fileFields = [
  ...["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer"],
  ...["post_processor", "decoder", "model"],
];

function parsed(text: string): Json {
  if (depthOf(text) > deepest) throw wrong(`more than ${deepest} deep`);
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw wrong(`not JSON: ${messageOf(error)}`);
  }
  if (!isObject(file) || !isObject(file.model)) throw wrong("expected an object with a model");
  return file;
}

const deepest = 64; // lists and objects in each other

/** Returns how deep lists and objects of JSON lie in each other. */
function depthOf(json: string): number {
  let [depth, most, isQuoted] = [0, 0, false];
  for (let at = 0; at < json.length; at++) {
    const c = json.charCodeAt(at);
    if (c === 0x22) isQuoted = !isQuoted;
    else if (isQuoted)
      at += c === 0x5c ? 1 : 0; // skips the escaped character
    else if (c === 0x5b || c === 0x7b) most = Math.max(most, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return most;
}

/** Returns the added tokens by id. Throws FormatError for one that contradicts the vocabulary or another. */
function contentsOf(added: readonly AddedToken[], ids: Vocabulary): Map<number, AddedToken> {
  const spelledAs = new Map(Array.from(ids, ([token, id]) => [id, token]));
  const contents = new Map<number, AddedToken>();
  for (const token of added) {
    const { id, content } = token;
    if ((spelledAs.get(id) ?? content) !== content || (ids.get(content) ?? id) !== id)
      throw wrong(
        `added token ${brief(content)}: model.vocab has another id for it, or ${id} for another`,
      );
    if ((contents.get(id)?.content ?? content) !== content)
      throw wrong(`two tokens have one id, ${id}`);
    contents.set(id, token);
  }
  return contents;
}

/** Tests whether tokens are decoded as bytes: by the decoder, or where there is none by the pre-tokenizer. */
const isByteLevel = ({ decoder, pre_tokenizer: pre }: Json): boolean =>
  JSON.stringify(decoder ?? pre ?? null).includes('"type":"ByteLevel"');

/** Returns `decode` and `special` of a tokenizer. */
function decoding(
  file: Json,
  ids: Vocabulary,
  contents: ReadonlyMap<number, AddedToken>,
): Pick<HubTokenizer, "vocab" | "decode" | "special"> {
  const isBytes = isByteLevel(file);
  const decode =
    decoderOf(file.decoder) ?? (isBytes ? byteLevelText : (tokens) => [tokens.join(" ")]);
  const tokens = new Map(Array.from(ids, ([token, id]) => [id, token]));
  for (const [id, { content }] of contents) tokens.set(id, isBytes ? spelled(content) : content);
  let vocab = 0;
  for (const id of tokens.keys()) vocab = Math.max(vocab, id + 1);
  const byContent = new Map(Array.from(contents, ([id, { content }]) => [content, id]));
  return {
    vocab,
    decode(given, { special = false } = {}) {
      const shown = Array.from(given).filter((id) => special || !contents.get(id)?.special);
      const texts = shown.map((id) => {
        const token = tokens.get(id);
        if (token === undefined) throw new RangeError(`decode: no token has id ${id}`);
        return token;
      });
      return decode(texts).join("");
    },
    special(name) {
      const id = byContent.get(name);
      if (id !== undefined) return id;
      const known = brief([...byContent.keys()].join(", ") || "none").slice(1, -1);
      throw new FormatError(`tokenizer: no special token "${name}"; there are: ${known}`);
    },
  };
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
  const tokens = [...byteCharacters];
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
    decoder: whole(file.decoder ?? (isByteLevel(file) ? byteLevel : null)),
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
