/**
 * Byte-level byte-pair encoding: Sennrich et al. 2016, arXiv:1508.07909, on bytes as GPT-2 has it (Radford et
 * al. 2019). Text is cut into words, words into bytes, and the pairs merged that were merged in training, the
 * earliest first.
 */
import { bytesOf, textOf } from "./bytes.ts";
import { type SavedTokenizer, Specials, type Tokenizer } from "./tokenizer.ts";

/** GPT-2's words: English contractions, and runs of letters, digits or others with a space in front. */
export const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** How text is cut before merging: as GPT-2 does, or not at all. */
export type Split = "gpt2" | "none";
export const wordsOf = (text: string, split: Split): readonly string[] =>
  split === "none" ? (text === "" ? [] : [text]) : (text.match(gpt2Words) ?? []);

export interface BpeOptions {
  readonly split?: Split;
  readonly specials?: readonly string[];
  /** The id that each merge makes, the next new one by default: two merges may make one token. */
  readonly made?: readonly number[];
}

type Pair = readonly [number, number];
/** A pair as one number. */
const keyOf = (a: number, b: number): number => a * 2 ** 26 + b;

/** Merges pair (a, b) into `id` wherever it stands in a word, from left to right. */
function merged(word: readonly number[], a: number, b: number, id: number): number[] {
  const made: number[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] === a && i + 1 < word.length && word[i + 1] === b) {
      made.push(id);
      i++;
    } else made.push(word[i]);
  }
  return made;
}

/**
 * Learns merges: again and again the pair that stands most often side by side, of equals the one seen first.
 * Stops early where no pair stands twice. Ids 0 … 255 are bytes, 256 + i is merge i.
 */
export function trainBpe(
  text: string,
  merges: number,
  { split = "gpt2", specials = [] }: BpeOptions = {},
): Tokenizer {
  const counts = new Map<string, number>();
  for (const word of wordsOf(text, split)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].map(([word, count]) => ({ ids: bytesOf(word), count }));
  const learned: Pair[] = [];
  while (learned.length < merges) {
    const pairs = new Map<number, number>();
    for (const { ids, count } of words) {
      for (let i = 0; i + 1 < ids.length; i++) {
        const key = keyOf(ids[i], ids[i + 1]);
        pairs.set(key, (pairs.get(key) ?? 0) + count);
      }
    }
    let best = -1;
    let most = 1;
    for (const [key, count] of pairs) {
      if (count <= most) continue;
      most = count;
      best = key;
    }
    if (best < 0) break;
    const [a, b] = [Math.floor(best / 2 ** 26), best % 2 ** 26];
    const id = 256 + learned.push([a, b]) - 1;
    for (const word of words) {
      if (word.ids.includes(a)) word.ids = merged(word.ids, a, b, id);
    }
  }
  return bpe(learned, { split, specials });
}

/** A tokenizer from merges, each a pair of earlier ids. */
export function bpe(
  merges: readonly Pair[],
  { split = "gpt2", specials = [], made = merges.map((_, i) => 256 + i) }: BpeOptions = {},
): Tokenizer {
  const expansion: number[][] = Array.from({ length: 256 }, (_, byte) => [byte]);
  const rank = new Map<number, number>();
  for (const [i, [a, b]] of merges.entries()) {
    const known = expansion.length;
    if (!(a < known && b < known && a >= 0 && b >= 0 && made[i] <= known))
      throw new RangeError(`bpe: want merge ${i} of two earlier ids, got ${a} and ${b}`);
    if (made[i] === known) expansion.push([...expansion[a], ...expansion[b]]);
    if (!rank.has(keyOf(a, b))) rank.set(keyOf(a, b), i);
  }
  const behind = new Specials(specials, expansion.length);
  const known = new Map<string, readonly number[]>();
  const encodeWord = (word: string): readonly number[] => {
    const seen = known.get(word);
    if (seen !== undefined) return seen;
    const ids = mergeAll(bytesOf(word), rank, made);
    if (known.size < mostKnown && word.length <= longestKnown) known.set(word, ids);
    return ids;
  };
  return {
    vocab: expansion.length + specials.length,
    encode: (text) => wordsOf(text, split).flatMap(encodeWord),
    decode: (ids) => textOf(behind.strip(ids).flatMap((id) => expansion[id])),
    special: (name) => behind.idOf(name),
    save: (): SavedTokenizer => ({ kind: "bpe", merges, split, specials }),
  };
}
const mostKnown = 50_000;
const longestKnown = 64;

/** Applies the earliest merge there is until there is none. */
function mergeAll(
  word: number[],
  rank: ReadonlyMap<number, number>,
  made: readonly number[],
): number[] {
  let ids = word;
  for (;;) {
    let best = Infinity;
    let at = -1;
    for (let i = 0; i + 1 < ids.length; i++) {
      const r = rank.get(keyOf(ids[i], ids[i + 1]));
      if (r === undefined || r >= best) continue;
      best = r;
      at = i;
    }
    if (at < 0) return ids;
    ids = merged(ids, ids[at], ids[at + 1], made[best]);
  }
}
