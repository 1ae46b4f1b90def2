/** The pre-tokenizers of a tokenizer.json: how text is cut into the words that the model encodes one by one. */
import { gpt2Words } from "../bpe.ts";
import { spelled } from "./byte-level.ts";
import { choiceOf, flagOf, type Json, type Maker, stepsOf, textOf, wrong } from "./fields.ts";
import { patternOf } from "./pattern-field.ts";
import { type Find, literal } from "./regex/pattern.ts";
import { behaviors, cut, type Piece, type SplitOptions } from "./split.ts";

type PreTokenize = (piece: Piece) => readonly Piece[];

/** Finds by a JavaScript pattern that never matches an empty text, and that needs no going back. */
const by =
  (pattern: RegExp): Find =>
  (text) =>
    Array.from(text.matchAll(pattern), (m) => [m.index, m.index + m[0].length] as const);
const at = (find: Find, options: SplitOptions): Maker<PreTokenize> => ({
  fields: [],
  make: () => (piece) => cut(piece, find, options),
});

const spaces = by(/\p{White_Space}+/gu);
const punctuation = by(/[!-/:-@[-`{-~]|\p{P}/gu);
/** `\w` of Rust's regex, which the reference uses here. */
const wordsOrSigns =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

const kinds: Readonly<Record<string, Maker<PreTokenize>>> = {
  ByteLevel: { fields: ["add_prefix_space", "trim_offsets", "use_regex"], make: byteLevel },
  Split: { fields: ["pattern", "behavior", "invert"], make: split },
  Metaspace: {
    fields: ["replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"],
    make: metaspace,
  },
  Digits: {
    fields: ["individual_digits"],
    make(object, where) {
      const behavior = flagOf(where, object, "individual_digits") ? "Isolated" : "Contiguous";
      return (piece) => cut(piece, by(/\p{N}/gu), { behavior });
    },
  },
  Punctuation: {
    fields: ["behavior"],
    make(object, where) {
      const behavior = choiceOf(where, object, "behavior", behaviors);
      return (piece) => cut(piece, punctuation, { behavior });
    },
  },
  Whitespace: at(by(wordsOrSigns), { behavior: "Removed", invert: true }),
  WhitespaceSplit: at(spaces, { behavior: "Removed" }),
  BertPreTokenizer: {
    fields: [],
    make: () => (piece) =>
      cut(piece, spaces, { behavior: "Removed" }).flatMap((word) =>
        cut(word, punctuation, { behavior: "Isolated" }),
      ),
  },
};

function byteLevel(object: Json, where: string): PreTokenize {
  const addsSpace = flagOf(where, object, "add_prefix_space");
  const usesRegex = flagOf(where, object, "use_regex", true);
  flagOf(where, object, "trim_offsets", true); // places in the text, which nothing here gives
  const words = by(gpt2Words);
  return ({ text, first }) => {
    const whole = { text: addsSpace && !text.startsWith(" ") ? ` ${text}` : text, first };
    const pieces = usesRegex ? cut(whole, words, { behavior: "Isolated" }) : [whole];
    return pieces.map((piece) => ({ ...piece, text: spelled(piece.text) }));
  };
}

function split(object: Json, where: string): PreTokenize {
  const find = patternOf(object, where);
  const options = {
    behavior: choiceOf(where, object, "behavior", behaviors),
    invert: flagOf(where, object, "invert"),
  };
  return (piece) => cut(piece, find, options);
}

/** Reads Metaspace's fields about the mark for spaces, in pre-tokenizers and decoders alike. */
export function metaspaceOf(object: Json, where: string) {
  const mark = textOf(where, object, "replacement", "▁");
  if (Array.from(mark).length !== 1)
    throw wrong(`${where}: expected replacement to be a character`);
  const isOld = object.prepend_scheme === undefined || object.prepend_scheme === null;
  const adds = flagOf(where, object, "add_prefix_space", true);
  const scheme = isOld && !adds ? "never" : choiceOf(where, object, "prepend_scheme", schemes);
  if (!adds && scheme !== "never")
    throw wrong(`${where}: expected prepend_scheme never where add_prefix_space is false`);
  if (textOf(where, object, "str_rep", mark) !== mark)
    throw wrong(`${where}: expected str_rep to be the replacement`);
  return { mark, scheme, splits: flagOf(where, object, "split", true) };
}
const schemes = ["always", "first", "never"] as const;

function metaspace(object: Json, where: string): PreTokenize {
  const { mark, scheme, splits } = metaspaceOf(object, where);
  return ({ text, first }) => {
    const marked = text.replaceAll(" ", () => mark);
    const prepends = scheme === "always" || (scheme === "first" && first);
    const whole = { text: prepends && !marked.startsWith(mark) ? mark + marked : marked, first };
    return splits ? cut(whole, literal(mark), { behavior: "MergedWithNext" }) : [whole];
  };
}

/** Returns the function of a pre_tokenizer field. Throws FormatError that names what is not supported. */
export function preTokenizerOf(given: unknown): PreTokenize {
  const steps = stepsOf(given, { where: "pre_tokenizer", list: "pretokenizers", kinds });
  return (piece) => steps.reduce<readonly Piece[]>((pieces, step) => pieces.flatMap(step), [piece]);
}
