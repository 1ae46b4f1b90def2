/** The decoders of a tokenizer.json: from tokens to text. */
import { spelledBytes } from "./byte-level.ts";
import { countOf, flagOf, type Json, type Maker, stepsOf, textOf, wrong } from "./fields.ts";
import { lossyText } from "./lossy.ts";
import { patternOf, replaced } from "./pattern-field.ts";
import { metaspaceOf } from "./pre-tokenizer.ts";

type Tokens = readonly string[];
export type Decode = (tokens: Tokens) => Tokens;

const kinds: Readonly<Record<string, Maker<Decode>>> = {
  ByteLevel: {
    fields: ["add_prefix_space", "trim_offsets", "use_regex"],
    make: () => byteLevelText,
  },
  ByteFallback: { fields: [], make: () => byteFallback },
  Fuse: { fields: [], make: () => (tokens) => [tokens.join("")] },
  Replace: {
    fields: ["pattern", "content"],
    make(object, where) {
      const [find, content] = [patternOf(object, where), textOf(where, object, "content")];
      return (tokens) => tokens.map((token) => replaced(token, find, content));
    },
  },
  Strip: { fields: ["content", "start", "stop"], make: strip },
  Metaspace: {
    fields: ["replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"],
    make(object, where) {
      const { mark, scheme } = metaspaceOf(object, where);
      const gone = scheme === "never" ? " " : "";
      return (tokens) => tokens.map((t, i) => t.replaceAll(mark, i === 0 ? gone : " "));
    },
  },
  WordPiece: { fields: ["prefix", "cleanup"], make: wordPiece },
  BPEDecoder: {
    fields: ["suffix"],
    make(object, where) {
      const suffix = textOf(where, object, "suffix", "</w>");
      if (suffix === "") throw wrong(`${where}: expected suffix not to be empty`);
      return (tokens) =>
        tokens.map((t, i) => t.replaceAll(suffix, i === tokens.length - 1 ? "" : " "));
    },
  },
};

/** Joins the bytes that the tokens spell. */
export function byteLevelText(tokens: Tokens): Tokens {
  const bytes: number[] = [];
  for (const token of tokens) for (const byte of spelledBytes(token)) bytes.push(byte);
  return [lossyText(bytes)];
}

/** Tokens such as <0x0A> in a row are UTF-8; if they are not, each is U+FFFD. */
function byteFallback(tokens: Tokens): Tokens {
  const made: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    const text = lossyText(bytes);
    const isWhole = !text.includes("\ufffd") || isReplacement(bytes);
    if (isWhole) made.push(text);
    else for (const _ of bytes) made.push("\ufffd");
    bytes = [];
  };
  for (const token of tokens) {
    const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
    if (hex !== null) bytes.push(Number.parseInt(hex[1], 16));
    else {
      flush();
      made.push(token);
    }
  }
  flush();
  return made;
}

/** Tests whether every U+FFFD of the text is written as one, EF BF BD. */
function isReplacement(bytes: readonly number[]): boolean {
  const without: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0xef && bytes[i + 1] === 0xbf && bytes[i + 2] === 0xbd) {
      i += 2;
      without.push(0x20);
    } else without.push(bytes[i]);
  }
  return !lossyText(without).includes("\ufffd");
}

/** Takes a character away from each token, up to `start` times before it and `stop` times after it. */
function strip(object: Json, where: string): Decode {
  const content = textOf(where, object, "content");
  if (Array.from(content).length !== 1) throw wrong(`${where}: expected content to be a character`);
  const [most, mostAfter] = ["start", "stop"].map((name) => countOf(where, object, name));
  return (tokens) =>
    tokens.map((token) => {
      const n = content.length;
      let [from, to] = [0, token.length];
      for (let i = 0; i < most && token.startsWith(content, from); i++) from += n;
      for (let i = 0; i < mostAfter && to - n >= from && token.endsWith(content, to); i++) to -= n;
      return token.slice(from, to);
    });
}

function wordPiece(object: Json, where: string): Decode {
  const prefix = textOf(where, object, "prefix", "##");
  const cleans = flagOf(where, object, "cleanup", true);
  return (tokens) =>
    tokens.map((token, i) => {
      const joined = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleans ? cleaned(i === 0 ? token : joined) : i === 0 ? token : joined;
    });
}

/** Takes spaces before signs away, as English is printed. */
const cleaned = (text: string): string =>
  cleanings.reduce((made, [from, to]) => made.replaceAll(from, to), text);
const cleanings = [
  ...[".", "?", "!", ","].map((sign) => [` ${sign}`, sign] as const),
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  ...["s", "ve", "re"].map((end) => [` '${end}`, `'${end}`] as const),
] as const;

/** Returns the function of a decoder field; null for a file without one. Throws FormatError for any other kind. */
export function decoderOf(given: unknown): Decode | null {
  const steps = stepsOf(given, { where: "decoder", list: "decoders", kinds });
  return (given ?? null) === null
    ? null
    : (tokens) => steps.reduce((made, step) => step(made), tokens);
}
