/** How often each pair of adjacent tokens occurs in a text's words, kept up to date while pairs are merged. */
import { bytesOf } from "./bytes.ts";

export type Pair = readonly [number, number];
/** Encodes a pair as one number. */
export const keyOf = (a: number, b: number): number => a * 2 ** 26 + b;
const pairOf = (key: number): Pair => [Math.floor(key / 2 ** 26), key % 2 ** 26];

/** Merges each pair (a, b) in a word into `id`, from left to right. */
function merged(word: readonly number[], [a, b]: Pair, id: number): number[] {
  const made: number[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] === a && i + 1 < word.length && word[i + 1] === b) {
      made.push(id);
      i++;
    } else made.push(word[i]);
  }
  return made;
}

/** A pair's count, and the words that have or had it. */
interface Found {
  count: number;
  readonly words: Set<number>;
}

export class PairCounts {
  /** Each word once, as tokens, in the order they are first seen. */
  private readonly words: { ids: number[]; readonly count: number }[];
  private readonly found = new Map<number, Found>();

  constructor(words: readonly string[]) {
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    this.words = [...counts].map(([word, count]) => ({ ids: bytesOf(word), count }));
    for (let at = 0; at < this.words.length; at++) this.count(at, 1);
  }

  /** Returns the most frequent pair, of equals the one seen first; null if none occurs twice. */
  mostFrequent(): Pair | null {
    let most = 2;
    let best: number[] = [];
    for (const [key, { count }] of this.found) {
      if (count < most) continue;
      if (count > most) best = [];
      most = count;
      best.push(key);
    }
    if (best.length < 2) return best.length === 0 ? null : pairOf(best[0]);
    const places = best.map((key) => this.firstPlace(key));
    const first = places.reduce((a, b, i) => (isBefore(b, places[a]) ? i : a), 0);
    return pairOf(best[first]);
  }

  /** Merges a pair in all words. */
  merge(pair: Pair, id: number): void {
    const key = keyOf(...pair);
    for (const at of this.found.get(key)?.words ?? []) {
      const word = this.words[at];
      const made = merged(word.ids, pair, id);
      if (made.length === word.ids.length) continue;
      this.count(at, -1);
      word.ids = made;
      this.count(at, 1);
    }
    this.found.delete(key);
  }

  /** Adds the pairs of a word, or takes them away. */
  private count(at: number, sign: 1 | -1): void {
    const { ids, count } = this.words[at];
    for (let i = 0; i + 1 < ids.length; i++) {
      const key = keyOf(ids[i], ids[i + 1]);
      let found = this.found.get(key);
      if (found === undefined) {
        found = { count: 0, words: new Set() };
        this.found.set(key, found);
      }
      found.count += sign * count;
      if (sign > 0) found.words.add(at);
      else if (found.count === 0) this.found.delete(key);
    }
  }

  /** Returns the word and the position in it where a pair is first seen. */
  private firstPlace(key: number): Pair {
    const place = (at: number): number => {
      const { ids } = this.words[at];
      return ids.findIndex((id, i) => i + 1 < ids.length && keyOf(id, ids[i + 1]) === key);
    };
    let first = Infinity;
    for (const at of this.found.get(key)?.words ?? []) if (at < first && place(at) >= 0) first = at;
    return [first, place(first)];
  }
}

const isBefore = ([word, at]: Pair, [otherWord, otherAt]: Pair): boolean =>
  word < otherWord || (word === otherWord && at < otherAt);
