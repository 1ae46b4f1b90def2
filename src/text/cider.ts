/**
 * CIDEr-D: Vedantam et al. 2015, arXiv:1411.5726, equations 1 to 3 and section 6. Similarity of a caption to references
 * by n-grams of 1 to 4 words that are weighted by how few pictures have them; clipped, and less for other lengths.
 */
import { exp, log } from "../core/math.ts";
import { grams } from "./overlap.ts";

const orders = [1, 2, 3, 4];
const sigma = 6; // of the penalty for another length, in words

type Counts = ReadonlyMap<string, number>;

/** Scores captions against the references of their picture. A word's weight comes from the references of all pictures. */
export class Cider {
  private readonly seenIn = new Map<string, number>(); // pictures of whose references one has the n-gram
  private readonly logPictures: number;

  /** `corpus` has each picture's references, as words. */
  constructor(corpus: readonly (readonly (readonly string[])[])[]) {
    this.logPictures = log(Math.max(1, corpus.length));
    for (const references of corpus) {
      const all = new Set(
        references.flatMap((words) => orders.flatMap((n) => [...grams(words, n).keys()])),
      );
      for (const gram of all) this.seenIn.set(gram, (this.seenIn.get(gram) ?? 0) + 1);
    }
  }

  /** Returns the score, from 0 to 10: the mean over n-grams' orders and references. 0 without references. */
  score(words: readonly string[], references: readonly (readonly string[])[]): number {
    let sum = 0;
    for (const n of orders) {
      const made = this.weights(words, n);
      for (const reference of references) {
        const wanted = this.weights(reference, n);
        const away = words.length - reference.length;
        sum += similarity(made, wanted) * exp(-(away * away) / (2 * sigma * sigma));
      }
    }
    return references.length === 0 ? 0 : (10 * sum) / (orders.length * references.length);
  }

  /** Each n-gram's count times its inverse document frequency. */
  private weights(words: readonly string[], n: number): Counts {
    return new Map(
      [...grams(words, n)].map(([gram, count]) => {
        const documents = Math.max(1, this.seenIn.get(gram) ?? 0);
        return [gram, count * (this.logPictures - log(documents))];
      }),
    );
  }
}

const length = (x: Counts): number => {
  let sum = 0;
  for (const weight of x.values()) sum += weight * weight;
  return Math.sqrt(sum);
};

/** The cosine, with the caption's weights clipped to the reference's. */
function similarity(made: Counts, wanted: Counts): number {
  let dot = 0;
  for (const [gram, weight] of made) {
    const most = wanted.get(gram) ?? 0;
    dot += Math.min(weight, most) * most;
  }
  const scale = length(made) * length(wanted);
  return scale === 0 ? 0 : dot / scale;
}
