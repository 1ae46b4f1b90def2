/**
 * Added tokens of a tokenizer.json: texts with their own ids, matched before text is split into words. They match
 * as in Hugging Face's tokenizers with `encode_special_tokens`: special tokens are encoded as ordinary text.
 */
import type { Normalize } from "./normalizer.ts";
import { isSpace } from "./space.ts";
import { checkFields, flagOf, isObject, wrong } from "./tokenizer-fields.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Omitted by decode, and never returned by encode. */
  readonly special: boolean;
  /** Matched in normalized text; the content is normalized too. */
  readonly normalized: boolean;
  /** Matches only between characters outside words. */
  readonly singleWord: boolean;
  /** The match includes white space before it, or after it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

const fields = ["id", "content", "special", "normalized", "single_word", "lstrip", "rstrip"];

/** Returns the file's added tokens; absent flags are false. Throws FormatError that names an invalid token. */
export function addedTokensOf(list: unknown, isId: (x: unknown) => x is number): AddedToken[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw wrong("expected added_tokens to be a list");
  return list.map((token, i) => {
    const where = `added token ${i}`;
    const { id, content } = isObject(token) ? token : {};
    if (!isObject(token) || typeof content !== "string" || !isId(id))
      throw wrong(`${where}: expected content and id`);
    checkFields(`${where}: `, token, fields);
    const flag = (name: string): boolean => flagOf(where, token, name);
    return {
      id,
      content,
      special: flag("special"),
      normalized: flag("normalized"),
      singleWord: flag("single_word"),
      lstrip: flag("lstrip"),
      rstrip: flag("rstrip"),
    };
  });
}

/** Text that is still to be encoded, or the id of an added token. */
export type Piece = string | number;
type Cut = (text: string) => readonly Piece[];

/** Returns a function that splits text at added tokens and normalizes the text between them. */
export function cutter(tokens: readonly AddedToken[], normalize: Normalize | null): Cut {
  const ready = normalize ?? ((text: string): string => text);
  const raw = cutAt(tokens.filter(({ normalized }) => !normalized).map((t) => [t.content, t]));
  const later = cutAt(tokens.filter((t) => t.normalized).map((t) => [ready(t.content), t]));
  return (text) =>
    raw(text).flatMap((piece) => (typeof piece === "number" ? piece : later(ready(piece))));
}

/** Splits at the leftmost match, the longest of several; a rejected match hides matches inside it. */
function cutAt(tokens: readonly (readonly [text: string, token: AddedToken])[]): Cut {
  const known = new Map(tokens.filter(([text]) => text !== ""));
  if ([...known.values()].every(({ special }) => special))
    return (text) => (text === "" ? [] : [text]);
  const longestFirst = [...known.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escaped).join("|"), "g");
  return (text) => {
    const pieces: Piece[] = [];
    let from = 0;
    for (const match of text.matchAll(pattern)) {
      const token = known.get(match[0]) as AddedToken;
      let start = match.index;
      let end = start + match[0].length;
      if (token.special || (token.singleWord && !isAlone(text, start, end))) continue;
      while (token.lstrip && start > from && isSpace(text[start - 1])) start--;
      while (token.rstrip && end < text.length && isSpace(text[end])) end++;
      if (start > from) pieces.push(text.slice(from, start));
      pieces.push(token.id);
      from = end;
    }
    if (from < text.length) pieces.push(text.slice(from));
    return pieces;
  };
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** `\w` of the reference library. */
const word = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const endsInWord = new RegExp(`${word}$`, "u");
const beginsWithWord = new RegExp(`^${word}`, "u");
const isAlone = (text: string, start: number, end: number): boolean =>
  !endsInWord.test(text.slice(Math.max(0, start - 2), start)) &&
  !beginsWithWord.test(text.slice(end, end + 2));
