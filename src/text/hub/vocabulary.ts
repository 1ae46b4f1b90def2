/** Tokens and their ids. */
import { brief } from "../../core/printable.ts";
import { bytesOf } from "../bytes.ts";
import { isId, isObject, wrong } from "./fields.ts";

export type Vocabulary = ReadonlyMap<string, number>;

/** A model's tokens, and its function from a word to ids. */
export interface Model {
  readonly ids: Vocabulary;
  readonly encode: (word: string) => readonly number[];
}

/** Reads `model.vocab`, an object of ids. Throws FormatError for ids that are none, or given twice. */
export function vocabularyOf(vocab: unknown): Vocabulary {
  if (!isObject(vocab)) throw wrong("expected model.vocab to be an object of ids");
  const seen = new Set<number>();
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    if (!isId(id)) throw wrong(`model.vocab has no id for ${brief(token)}`);
    if (seen.has(id)) throw wrong(`two tokens have one id, ${id}`);
    seen.add(id);
    ids.set(token, id);
  }
  if (ids.size === 0) throw wrong("expected model.vocab to have tokens");
  return ids;
}

/** Returns the tokens of a text's bytes, such as <0x0A>; null if one has none. */
export function byteTokens(text: string, ids: Vocabulary): readonly number[] | null {
  const found = bytesOf(text).map((byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
  return found.every((id) => id !== undefined) ? found : null;
}
