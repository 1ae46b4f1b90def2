/** Learned merges against counting anew before each one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { trainBpe, wordsOf } from "../../src/text/bpe.ts";

/** The merges by definition: of the pairs that occur most, the one that is seen first. */
function plainly(text: string, merges: number): [number, number][] {
  const words = [...new Set(wordsOf(text, "gpt2"))];
  const times = words.map((word) => wordsOf(text, "gpt2").filter((other) => other === word).length);
  const spelled = words.map((word) => [...Buffer.from(word)]);
  const learned: [number, number][] = [];
  while (learned.length < merges) {
    const counts = new Map<string, number>();
    for (const [w, ids] of spelled.entries())
      for (let i = 0; i + 1 < ids.length; i++) {
        const pair = `${ids[i]} ${ids[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + times[w]);
      }
    const most = Math.max(1, ...counts.values());
    const best = most < 2 ? undefined : [...counts].find(([, count]) => count === most)?.[0];
    if (best === undefined) break;
    const [a, b] = best.split(" ").map(Number);
    const id = 256 + learned.push([a, b]) - 1;
    for (const ids of spelled)
      for (let i = 0; i + 1 < ids.length; i++)
        if (ids[i] === a && ids[i + 1] === b) ids.splice(i, 2, id);
  }
  return learned;
}

test("merges are those of a count from the start", () => {
  const text = fc.array(fc.constantFrom("a", "b", "ab", "ba", "aa", " ", " ", "é"), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, (parts) => {
      const joined = parts.join("");
      const saved = trainBpe(joined, 12).save();
      expect(saved).toMatchObject({ merges: plainly(joined, 12) });
    }),
    { numRuns: 300 },
  );
});
