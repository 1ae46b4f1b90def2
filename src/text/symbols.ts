/** A tokenizer with one token per symbol of a list, such as letters and whole phonemes; the longest match wins. */
import { FormatError } from "../core/errors.ts";
import { Specials, type Tokenizer } from "./tokenizer.ts";

export function symbols(list: readonly string[], specials: readonly string[] = []): Tokenizer {
  const ids = new Map(list.map((symbol, i) => [symbol, i]));
  if (ids.size !== list.length || ids.has(""))
    throw new FormatError("symbols: expected a list of different texts, none empty");
  const lengths = [...new Set(list.map(({ length }) => length))].sort((a, b) => b - a);
  const special = new Specials(specials, list.length);
  const idAt = (text: string, at: number): readonly [id: number, length: number] => {
    for (const n of lengths) {
      const id = ids.get(text.slice(at, at + n));
      if (id !== undefined && at + n <= text.length) return [id, n];
    }
    throw new FormatError(`symbols: no token for ${JSON.stringify(text.slice(at, at + 8))}`);
  };
  return {
    vocab: list.length + specials.length,
    encode(text) {
      const made: number[] = [];
      for (let at = 0; at < text.length; ) {
        const [id, n] = idAt(text, at);
        made.push(id);
        at += n;
      }
      return made;
    },
    decode: (given) =>
      special
        .strip(given)
        .map((id) => list[id])
        .join(""),
    special: (name) => special.idOf(name),
    save: () => ({ kind: "symbols", symbols: list, specials }),
  };
}
