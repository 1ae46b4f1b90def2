/** Corpora: what is made of what packages hold. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readCorpus, withKeyWords } from "../../src/node/corpora.ts";
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

test("bytes that are no UTF-8 are refused, alone and in a folder, with how to convert them", () => {
  const folder = mkdtempSync(join(tmpdir(), "pigrad-corpora-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const written = (name: string, bytes: number[]): string => {
    const path = join(folder, name);
    writeFileSync(path, Uint8Array.from(bytes));
    return path;
  };
  expect(readCorpus(written("good.txt", [0x61, 0xc3, 0xa9]))).toBe("aé");
  const latin = written("latin.txt", [0x61, 0xe9]);
  const refused = /latin.txt" as text in UTF-8, got other bytes; convert it, .*-f LATIN1 -t UTF-8$/;
  expect(() => readCorpus(latin)).toThrow(refused);
  expect(() => readCorpus(folder)).toThrow(refused);
  for (const mark of [
    [0xff, 0xfe],
    [0xfe, 0xff],
  ])
    expect(() => readCorpus(written("wide.txt", [...mark, 0, 0x61]))).toThrow(
      /wide.txt" as text in UTF-8, got UTF-16; convert it, such as with iconv -f UTF-16 -t UTF-8$/,
    );
  expect([...(readCorpus.bytes?.(latin, 9) ?? [])]).toEqual([0x61, 0xe9]); // pictures are read so
});
