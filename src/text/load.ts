/** Restores a tokenizer from what its `save` returned. */
import { FormatError } from "../core/errors.ts";
import { messageOf } from "../core/thrown.ts";
import { bpe } from "./bpe.ts";
import { symbols } from "./symbols.ts";
import { bytes, characters, type SavedTokenizer, type Tokenizer } from "./tokenizer.ts";
import { besideNames, readTokenizerJson } from "./tokenizer-json.ts";

/** Returns the saved tokenizer. Throws FormatError for anything that no tokenizer saves. */
export function tokenizerFrom(saved: unknown): Tokenizer {
  const s = (typeof saved === "object" && saved !== null ? saved : {}) as Partial<
    Record<string, unknown>
  > as SavedTokenizer;
  const strings = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((x) => typeof x === "string");
  if (s.kind === "file" && typeof s.text === "string" && isTexts(s.beside ?? {}))
    return readTokenizerJson(s.text, s.beside);
  if (s.kind !== "file" && strings(s.specials)) {
    if (s.kind === "characters" && typeof s.characters === "string")
      return characters(s.characters, s.specials);
    if (s.kind === "symbols" && strings(s.symbols)) return symbols(s.symbols, s.specials);
    if (s.kind === "bytes") return bytes(s.specials);
    const isSplit = s.kind === "bpe" && (s.split === "none" || s.split === "gpt2");
    if (isSplit && Array.isArray(s.merges) && s.merges.every(isPair)) {
      try {
        return bpe(s.merges, { split: s.split, specials: s.specials });
      } catch (error) {
        throw new FormatError(`tokenizer: ${messageOf(error)}`);
      }
    }
  }
  throw new FormatError("tokenizer: expected what a tokenizer's save gave");
}

const isTexts = (files: unknown): boolean =>
  typeof files === "object" &&
  files !== null &&
  Object.entries(files).every(
    ([name, text]) => (besideNames as readonly string[]).includes(name) && typeof text === "string",
  );

const isPair = (x: unknown): boolean =>
  Array.isArray(x) && x.length === 2 && x.every((n) => Number.isInteger(n));
