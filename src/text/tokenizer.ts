/** Text to token ids and back: what all tokenizers do, and the two simple ones. */
import { FormatError } from "../core/errors.ts";
import { bytesOf, textOf } from "./bytes.ts";

export interface Tokenizer {
  /** Ids are 0 … vocab − 1. */
  readonly vocab: number;
  /** Throws FormatError for text it has no tokens for. */
  encode(text: string): number[];
  decode(ids: ArrayLike<number>): string;
  /** The id of a special token such as "<end>", which `encode` never gives. Throws FormatError without one. */
  special(name: string): number;
  /** All there is to know, for JSON; `tokenizerFrom` in load.ts reads it back. */
  save(): SavedTokenizer;
}

export type SavedTokenizer =
  | {
      readonly kind: "characters";
      readonly characters: string;
      readonly specials: readonly string[];
    }
  | { readonly kind: "bytes"; readonly specials: readonly string[] }
  | {
      readonly kind: "bpe";
      readonly merges: readonly (readonly [number, number])[];
      readonly split: "gpt2" | "none";
      readonly specials: readonly string[];
    }
  | {
      readonly kind: "symbols";
      readonly symbols: readonly string[];
      readonly specials: readonly string[];
    }
  | { readonly kind: "file"; readonly text: string };

/** Special tokens behind a tokenizer's own: their ids, and what decoding makes of them (nothing). */
export class Specials {
  readonly names: readonly string[];
  private readonly first: number;
  constructor(names: readonly string[], first: number) {
    this.names = names;
    this.first = first;
  }
  idOf(name: string): number {
    const at = this.names.indexOf(name);
    if (at < 0) {
      const known = this.names.join(", ") || "none";
      throw new FormatError(`tokenizer: no special token "${name}"; there are: ${known}`);
    }
    return this.first + at;
  }
  /** Ids that stand for text. Throws RangeError for one that is none of the vocabulary. */
  strip(ids: ArrayLike<number>): number[] {
    const vocab = this.first + this.names.length;
    return Array.from(ids).filter((id) => {
      if (!(id >= 0 && id < vocab && Number.isInteger(id)))
        throw new RangeError(`decode: expected ids below ${vocab}, got ${id}`);
      return id < this.first;
    });
  }
}

/** One token a character (code point), those of the text it is made from, in order of code point. */
export function characters(text: string, specials: readonly string[] = []): Tokenizer {
  const list = [...new Set(text)].sort((a, b) => code(a) - code(b));
  const ids = new Map(list.map((c, i) => [c, i]));
  const behind = new Specials(specials, list.length);
  return {
    vocab: list.length + specials.length,
    encode: (given) =>
      Array.from(given, (c) => {
        const id = ids.get(c);
        if (id === undefined) {
          const shown = `${JSON.stringify(c)} (U+${code(c).toString(16).padStart(4, "0")})`;
          throw new FormatError(`characters: no token for ${shown}`);
        }
        return id;
      }),
    decode: (given) =>
      behind
        .strip(given)
        .map((id) => list[id])
        .join(""),
    special: (name) => behind.idOf(name),
    save: () => ({ kind: "characters", characters: list.join(""), specials }),
  };
}
const code = (c: string): number => c.codePointAt(0) as number;

/** One token a byte of UTF-8. */
export function bytes(specials: readonly string[] = []): Tokenizer {
  const behind = new Specials(specials, 256);
  return {
    vocab: 256 + specials.length,
    encode: bytesOf,
    decode: (ids) => textOf(behind.strip(ids)),
    special: (name) => behind.idOf(name),
    save: () => ({ kind: "bytes", specials }),
  };
}
