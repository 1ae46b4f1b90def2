/** The interface of tokenizers, from text to token ids and back, and two simple tokenizers. */
import { FormatError } from "../core/errors.ts";
import { bytesOf, textOf } from "./bytes.ts";

export interface Tokenizer {
  /** Ids are 0 … vocab − 1. */
  readonly vocab: number;
  /** Returns the text's ids. Throws FormatError for text without tokens. */
  encode(text: string): number[];
  decode(ids: ArrayLike<number>): string;
  /** Returns the id of a special token such as "<end>", which `encode` never returns. Throws FormatError if unknown. */
  special(name: string): number;
  /** Returns the tokenizer as JSON data, which `tokenizerFrom` in load.ts restores. */
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
  | {
      readonly kind: "file";
      readonly text: string;
      /** Files beside it, by name. */
      readonly beside?: Readonly<Record<string, string>>;
    };

/** Special tokens, with ids after a tokenizer's own; decoding drops them. */
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
  /** Returns the ids that stand for text. Throws RangeError for an id outside the vocabulary. */
  strip(ids: ArrayLike<number>): number[] {
    const vocab = this.first + this.names.length;
    return Array.from(ids).filter((id) => {
      if (!(id >= 0 && id < vocab && Number.isInteger(id)))
        throw new RangeError(`decode: expected ids below ${vocab}, got ${id}`);
      return id < this.first;
    });
  }
}

/** Returns a tokenizer with one token per character (code point) of `text`, in order of code point. */
export function characters(text: string, specials: readonly string[] = []): Tokenizer {
  if (/\p{Surrogate}/u.test(text))
    throw new FormatError("characters: expected whole characters, got half of a surrogate pair");
  const list = [...new Set(text)].sort((a, b) => code(a) - code(b));
  const ids = new Map(list.map((c, i) => [c, i]));
  const special = new Specials(specials, list.length);
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
      special
        .strip(given)
        .map((id) => list[id])
        .join(""),
    special: (name) => special.idOf(name),
    save: () => ({ kind: "characters", characters: list.join(""), specials }),
  };
}
const code = (c: string): number => c.codePointAt(0) as number;

/** Returns a tokenizer with one token per byte of UTF-8. */
export function bytes(specials: readonly string[] = []): Tokenizer {
  const special = new Specials(specials, 256);
  return {
    vocab: 256 + specials.length,
    encode: bytesOf,
    decode: (ids) => textOf(special.strip(ids)),
    special: (name) => special.idOf(name),
    save: () => ({ kind: "bytes", specials }),
  };
}
