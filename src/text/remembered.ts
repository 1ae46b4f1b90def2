/** Keeps the ids of words, since most words of a text come again. */
type EncodeWord = (word: string) => readonly number[];

const mostKnown = 50_000;
const longestKnown = 64;

export function remembered(encode: EncodeWord): EncodeWord {
  const known = new Map<string, readonly number[]>();
  return (word) => {
    const seen = known.get(word);
    if (seen !== undefined) return seen;
    const ids = encode(word);
    if (known.size < mostKnown && word.length <= longestKnown) known.set(word, ids);
    return ids;
  };
}
