/** Added tokens of a tokenizer.json: texts with their own ids, matched before text is split into words. */
import { isSpace } from "../space.ts";
import { checkFields, flagOf, isId, isObject, wrong } from "./fields.ts";
import type { Normalize } from "./normalizer.ts";
import type { Piece } from "./split.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Omitted by decode, and ordinary text to encode, unless they are asked for special tokens. */
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
export function addedTokensOf(list: unknown): AddedToken[] {
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
type Part = Piece | number;
type Cut = (piece: Piece) => readonly Part[];

/**
 * Returns a function that cuts text at added tokens and normalizes the text between them; at special ones too, or not: then
 * their text is ordinary text.
 */
export function cutter(
  tokens: readonly AddedToken[],
  normalize: Normalize | null,
  special: boolean,
): (text: string) => readonly Part[] {
  const ready = normalize ?? ((text: string): string => text);
  const taken = ({ special: isSpecial }: AddedToken): boolean => special || !isSpecial;
  const raw = cutAt(
    tokens.filter(({ normalized }) => !normalized).map((t) => [t.content, t]),
    taken,
  );
  const later = cutAt(
    tokens.filter(({ normalized }) => normalized).map((t) => [ready(t.content), t]),
    taken,
  );
  return (text) =>
    raw({ text, first: true }).flatMap((part) =>
      typeof part === "number" ? part : later({ ...part, text: ready(part.text) }),
    );
}

type Taken = (token: AddedToken) => boolean;

/** Cuts at the leftmost match, the longest of several; one that is not taken hides what lies inside it. */
function cutAt(tokens: readonly (readonly [text: string, token: AddedToken])[], taken: Taken): Cut {
  const known = new Map(tokens.filter(([text]) => text !== ""));
  if (![...known.values()].some(taken)) return (piece) => (piece.text === "" ? [] : [piece]);
  // of two texts of which one begins the other, the longer comes first
  const ordered = [...known.keys()].sort().reverse();
  const pattern = new RegExp(ordered.map(escaped).join("|"), "g");
  return ({ text, first }) => {
    const parts: Part[] = [];
    const spaceEnd = spaceEnds(text);
    let from = 0;
    const keep = (to: number): void => {
      if (to > from) parts.push({ text: text.slice(from, to), first: first && from === 0 });
    };
    for (const match of text.matchAll(pattern)) {
      const token = known.get(match[0]) as AddedToken;
      let start = match.index;
      const end = start + match[0].length;
      if (!taken(token) || (token.singleWord && !isAlone(text, start, end))) continue;
      while (token.lstrip && start > from && isSpace(text[start - 1])) start--;
      keep(start);
      parts.push(token.id);
      from = token.rstrip ? spaceEnd(end) : end;
    }
    keep(text.length);
    return parts;
  };
}

/** Returns a function from a place to where the white space from there ends; it goes over no run twice. */
function spaceEnds(text: string): (from: number) => number {
  let [begun, ended] = [0, 0];
  return (from) => {
    if (from >= begun && from < ended) return ended;
    begun = from;
    for (ended = from; ended < text.length && isSpace(text[ended]); ) ended++;
    return ended;
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
