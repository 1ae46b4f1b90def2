/**
 * Byte-level byte-pair encoding: Sennrich et al. 2016, arXiv:1508.07909, on bytes as GPT-2 has it (Radford et
 * al. 2019). Text is split into words, words into bytes, and learned pairs are merged, the earliest learned
 * first.
 */
import { checkInteger } from "../core/check.ts";
import { bytesOf, textOf } from "./bytes.ts";
import { Merges } from "./merge.ts";
import { type Pair, PairCounts } from "./pair-counts.ts";
import { remembered } from "./remembered.ts";
import { type SavedTokenizer, Specials, type Tokenizer } from "./tokenizer.ts";

/**
 * GPT-2's words: English contractions, and runs of letters, digits or others after an optional space. White space is
 * Unicode's, as in the reference; JavaScript's `\s` includes U+FEFF and lacks U+0085.
 */
export const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** The split of text before merging: as in GPT-2, or none. */
export type Split = "gpt2" | "none";
export const wordsOf = (text: string, split: Split): readonly string[] =>
  split === "none" ? (text === "" ? [] : [text]) : (text.match(gpt2Words) ?? []);

export interface BpeOptions {
  readonly split?: Split;
  readonly specials?: readonly string[];
}

/**
 * Learns merges: repeatedly merges the most frequent adjacent pair, of equals the one seen first. Stops early when
 * no pair occurs twice. Ids 0 … 255 are bytes, 256 + i is merge i.
 */
export function trainBpe(
  text: string,
  merges: number,
  { split = "gpt2", specials = [] }: BpeOptions = {},
): Tokenizer {
  checkInteger("trainBpe", "merges", merges, { min: 0 });
  const pairs = new PairCounts(wordsOf(text, split));
  const learned: Pair[] = [];
  while (learned.length < merges) {
    const best = pairs.mostFrequent();
    if (best === null) break;
    pairs.merge(best, 256 + learned.push(best) - 1);
  }
  return bpe(learned, { split, specials });
}

/** Returns a tokenizer with these merges, each a pair of earlier ids. */
export function bpe(
  merges: readonly Pair[],
  { split = "gpt2", specials = [] }: BpeOptions = {},
): Tokenizer {
  const tokens = new TokenBytes();
  const byRank = new Merges();
  for (const [i, [a, b]] of merges.entries()) {
    const known = tokens.count;
    if (![a, b].every((id) => Number.isInteger(id) && id >= 0 && id < known))
      throw new RangeError(`bpe: expected merge ${i} of two earlier ids, got ${a} and ${b}`);
    if (!byRank.has(a, b)) byRank.add(a, b, known);
    tokens.join(a, b);
  }
  const special = new Specials(specials, tokens.count);
  const encodeWord = remembered((word) => byRank.apply(bytesOf(word)));
  return {
    vocab: tokens.count + specials.length,
    encode: (text) => wordsOf(text, split).flatMap(encodeWord),
    decode: (ids) => textOf(tokens.of(special.strip(ids))),
    special: (name) => special.idOf(name),
    save: (): SavedTokenizer => ({ kind: "bpe", merges, split, specials }),
  };
}

/** The most bytes of one token; merges that double the length would soon exceed any memory. */
const mostBytes = 2 ** 16;
const keptBytes = 64; // longer tokens are spelled from their pair each time

/** The bytes of each token, in memory proportional to the number of tokens, independent of their length. */
class TokenBytes {
  private readonly lengths: number[] = new Array(256).fill(1);
  private readonly spelled: (readonly number[] | Pair)[] = Array.from(
    { length: 256 },
    (_, byte) => [byte],
  );

  get count(): number {
    return this.lengths.length;
  }

  /** Adds the token that joins two others. Throws RangeError if it would have too many bytes. */
  join(a: number, b: number): void {
    const length = this.lengths[a] + this.lengths[b];
    if (length > mostBytes)
      throw new RangeError(
        `bpe: token ${this.count} has ${length} bytes, ${mostBytes} are allowed`,
      );
    this.spelled.push(length <= keptBytes ? this.of([a, b]) : [a, b]);
    this.lengths.push(length);
  }

  /** Returns the bytes of a list of tokens. */
  of(ids: readonly number[]): number[] {
    const bytes: number[] = [];
    const waiting: number[] = [];
    for (const first of ids) {
      for (let id: number | undefined = first; id !== undefined; id = waiting.pop()) {
        const own = this.spelled[id];
        if (this.lengths[id] <= keptBytes) for (const byte of own) bytes.push(byte);
        else {
          waiting.push(own[1]);
          waiting.push(own[0]);
        }
      }
    }
    return bytes;
  }
}
