/**
 * Byte-level byte-pair encoding: Sennrich et al. 2016, arXiv:1508.07909, on bytes as GPT-2 has it (Radford et
 * al. 2019). Text is split into words, words into bytes, and learned pairs are merged, the earliest learned
 * first.
 */
import { checkInteger } from "../core/check.ts";
import { bytesOf, textOf } from "./bytes.ts";
import { keyOf, type Pair, PairCounts } from "./pair-counts.ts";
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
  /** The id that each merge makes; by default the next new one. Two merges may make one token. */
  readonly made?: readonly number[];
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
  { split = "gpt2", specials = [], made = merges.map((_, i) => 256 + i) }: BpeOptions = {},
): Tokenizer {
  const tokens = new TokenBytes();
  const rank = new Map<number, number>();
  for (const [i, [a, b]] of merges.entries()) {
    const known = tokens.count;
    if (!(a < known && b < known && a >= 0 && b >= 0 && made[i] <= known))
      throw new RangeError(`bpe: expected merge ${i} of two earlier ids, got ${a} and ${b}`);
    if (made[i] === known) tokens.join(a, b);
    if (!rank.has(keyOf(a, b))) rank.set(keyOf(a, b), i);
  }
  const special = new Specials(specials, tokens.count);
  const known = new Map<string, readonly number[]>();
  const encodeWord = (word: string): readonly number[] => {
    const seen = known.get(word);
    if (seen !== undefined) return seen;
    const ids = mergeAll(bytesOf(word), rank, made);
    if (known.size < mostKnown && word.length <= longestKnown) known.set(word, ids);
    return ids;
  };
  return {
    vocab: tokens.count + specials.length,
    encode: (text) => wordsOf(text, split).flatMap(encodeWord),
    decode: (ids) => textOf(tokens.of(special.strip(ids))),
    special: (name) => special.idOf(name),
    save: (): SavedTokenizer => ({ kind: "bpe", merges, split, specials }),
  };
}
const mostKnown = 50_000;
const longestKnown = 64;

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

/**
 * Applies the earliest applicable merge everywhere, until none applies: the order of a loop over the word per
 * merge, in time n log n. Pairs wait in a heap by rank, then by position; those of one rank are removed
 * together, because new pairs wait for the next round.
 */
function mergeAll(
  word: readonly number[],
  rank: ReadonlyMap<number, number>,
  made: readonly number[],
): number[] {
  const ids = [...word];
  const end = ids.length;
  const next = ids.map((_, i) => i + 1);
  const before = ids.map((_, i) => i - 1);
  const gone = -1; // marks an id that was merged into the token before it
  const heap = new Heap();
  const rankAt = (i: number): number | undefined =>
    i < 0 || ids[i] === gone || next[i] >= end ? undefined : rank.get(keyOf(ids[i], ids[next[i]]));
  const wait = (i: number): void => {
    const r = rankAt(i);
    if (r !== undefined) heap.push(r * places + i);
  };
  for (let i = 0; i < end; i++) wait(i);
  while (heap.size > 0) {
    const r = Math.floor(heap.first / places);
    const fresh: number[] = [];
    while (heap.size > 0 && heap.first < (r + 1) * places) {
      const i = heap.pop() - r * places;
      if (rankAt(i) !== r) continue; // the pair has changed since
      const right = next[i];
      ids[i] = made[r];
      ids[right] = gone;
      next[i] = next[right];
      if (next[i] < end) before[next[i]] = i;
      fresh.push(i);
    }
    for (const i of fresh) {
      if (ids[i] === gone) continue;
      wait(before[i]);
      wait(i);
    }
  }
  return ids.filter((id) => id !== gone);
}
const places = 2 ** 27; // above the longest word; a rank times this is exact

/** A binary heap that returns the smallest number first. */
class Heap {
  private readonly list: number[] = [];

  get size(): number {
    return this.list.length;
  }
  get first(): number {
    return this.list[0];
  }
  push(x: number): void {
    const { list } = this;
    let at = list.push(x) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (list[up] <= x) break;
      list[at] = list[up];
      at = up;
    }
    list[at] = x;
  }
  pop(): number {
    const { list } = this;
    const least = list[0];
    const x = list.pop() as number;
    const n = list.length;
    if (n === 0) return least;
    let at = 0;
    for (let down = 1; down < n; down = 2 * at + 1) {
      if (down + 1 < n && list[down + 1] < list[down]) down++;
      if (list[down] >= x) break;
      list[at] = list[down];
      at = down;
    }
    list[at] = x;
    return least;
  }
}
