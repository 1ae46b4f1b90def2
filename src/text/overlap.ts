/** Similarity of sequences of words, tokens, phonemes or characters: edit distance, BLEU, ROUGE-L, chrF. */
import { checkFinite, checkInteger } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";

/** Returns the least number of insertions, deletions and replacements between a and b: Levenshtein 1966. */
export function editDistance<T>(a: ArrayLike<T>, b: ArrayLike<T>): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1] + Number(a[i - 1] !== b[j - 1]);
      row.push(Math.min(replaced, above[j] + 1, row[j - 1] + 1));
    }
    above = row;
  }
  return above[b.length];
}

/** Returns edits divided by the reference's length: word, character or phoneme error rate. */
export const errorRate = <T>(reference: ArrayLike<T>, made: ArrayLike<T>): number =>
  editDistance(reference, made) / Math.max(1, reference.length);

/** Returns the least error rate over the references. */
export const leastErrorRate = <T>(
  references: readonly ArrayLike<T>[],
  made: ArrayLike<T>,
): number => references.reduce((least, r) => Math.min(least, errorRate(r, made)), Infinity);

/** Returns n entries from `start` on as a text that no other entries give: each with its length. */
export function gramOf(list: ArrayLike<unknown>, start: number, n: number): string {
  let gram = "";
  for (let i = start; i < start + n; i++) {
    const entry = String(list[i]);
    gram += `${entry.length}:${entry}`;
  }
  return gram;
}

/** Counts each n-gram in a list of words. */
export function grams(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const gram = gramOf(words, i, n);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** Counts the n-grams of `made` found in a reference, each at most as often as there, and all n-grams. */
export function matches(
  made: readonly string[],
  references: readonly (readonly string[])[],
  n: number,
): { matched: number; total: number } {
  const allowed = references.map((reference) => grams(reference, n));
  let matched = 0;
  let total = 0;
  for (const [gram, count] of grams(made, n)) {
    total += count;
    matched += Math.min(count, Math.max(0, ...allowed.map((counts) => counts.get(gram) ?? 0)));
  }
  return { matched, total };
}

/**
 * Returns the BLEU of one sentence, 0 to 1: Papineni et al. 2002. The geometric mean of n-gram precisions, n up
 * to `order`, times exp(1 − r/c) if the sentence's length c is below r, the nearest reference's. `smooth`
 * adds 1 to matches and totals from n = 2 on (Lin & Och 2004), which keeps a short sentence above 0.
 */
export function bleu(
  made: readonly string[],
  references: readonly (readonly string[])[],
  order = 4,
  smooth = false,
): number {
  checkInteger("bleu", "the order", order, { min: 1 });
  if (references.length === 0) throw new ShapeError("bleu: expected a reference or more, got none");
  let sum = 0;
  for (let n = 1; n <= order; n++) {
    const { matched, total } = matches(made, references, n);
    const more = smooth && n > 1 ? 1 : 0;
    if (matched + more === 0) return 0;
    sum += log((matched + more) / (total + more));
  }
  const nearest = references
    .map(({ length }) => length)
    .reduce((best, r) => {
      const [d, b] = [Math.abs(r - made.length), Math.abs(best - made.length)];
      return d < b || (d === b && r < best) ? r : best;
    }, Infinity);
  const brevity = made.length >= nearest ? 0 : 1 - nearest / made.length;
  return exp(sum / order + brevity);
}

/** Returns the length of the longest common subsequence. */
export function longestCommon<T>(a: ArrayLike<T>, b: ArrayLike<T>): number {
  let above = new Array<number>(b.length + 1).fill(0);
  for (let i = 1; i <= a.length; i++) {
    const row = [0];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row.push(same ? above[j - 1] + 1 : Math.max(above[j], row[j - 1]));
    }
    above = row;
  }
  return above[b.length];
}

/** Returns the F score of precision and recall, not both 0; `beta` is the weight of recall. */
function fScore(precision: number, recall: number, beta: number): number {
  const b2 = beta * beta;
  return ((1 + b2) * recall * precision) / (recall + b2 * precision);
}

/** Returns ROUGE-L, 0 to 1: Lin 2004. The F score of the longest common subsequence; β weights recall. */
export function rougeL(made: ArrayLike<string>, reference: ArrayLike<string>, beta = 1): number {
  checkFinite("rougeL", "beta", beta, { min: 0 });
  const common = longestCommon(made, reference);
  if (common === 0) return 0;
  return fScore(common / made.length, common / reference.length, beta);
}

/**
 * Returns the chrF of one text, 0 to 1: Popović 2015. The F score of the mean precision and the mean recall of
 * n-grams of code points, white space left out, n up to `order`; orders that either text is too short for do not
 * count. β weights recall.
 */
export function chrF(made: string, reference: string, order = 6, beta = 2): number {
  checkInteger("chrF", "the order", order, { min: 1 });
  checkFinite("chrF", "beta", beta, { min: 0 });
  const [a, b] = [made, reference].map((text) => Array.from(text.replace(/\s+/gu, "")));
  const orders = Math.min(order, a.length, b.length);
  let [precision, recall] = [0, 0];
  for (let n = 1; n <= orders; n++) {
    const { matched, total } = matches(a, [b], n);
    precision += matched / total;
    recall += matched / (b.length - n + 1);
  }
  return recall === 0 ? 0 : fScore(precision / orders, recall / orders, beta);
}
