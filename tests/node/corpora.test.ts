/** Corpora: what is made of what packages hold. */
import { expect, test } from "vitest";
import { withKeyWords } from "../../src/node/corpora.ts";
import { pairs } from "../../src/text/corpus.ts";

test("key words: a sentence's three rarest in its order; short sentences are left out", () => {
  const lines = withKeyWords([
    "the old man and the sea and the boy.",
    "the old boat and the sea.",
    "the old boy and the boat, on and on",
    "the boy, and the boat.",
  ]);
  // the: 4, and: 4, old: 3, boy: 3, boat: 3, sea: 2, man: 1, on: 1
  expect(lines).toEqual([
    "the old man and the sea and the boy.\told man sea",
    "the old boy and the boat, on and on\told boy on",
  ]);
  expect(pairs(lines.join("\n"))).toHaveLength(2);
});
