/** Corpora: which item stands on which side, by the definition; readers by hand; a task's tokens. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import {
  evenly,
  fewer,
  hash,
  jsonLines,
  mapSides,
  pairs,
  split,
  texts,
} from "../../src/text/corpus.ts";
import {
  exampleTokens,
  promptTokens,
  stopTokens,
  type TextTask,
  turnEndTokens,
} from "../../src/text/task.ts";
import { characters } from "../../src/text/tokenizer.ts";

/** FNV-1a over UTF-16, then MurmurHash3's finalizer, in whole numbers of any size. */
function hashed(text: string): number {
  const mask = 0xffffffffn;
  let h = 0x811c9dc5n;
  for (let i = 0; i < text.length; i++) h = ((h ^ BigInt(text.charCodeAt(i))) * 0x01000193n) & mask;
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask;
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & mask;
  return Number(h ^ (h >> 16n));
}
const items = Array.from({ length: 400 }, (_, i) => ({ name: `n${i % 350}`, i }));
const name = (item: { name: string }): string => item.name;

test("hash: FNV-1a, mixed", () => {
  for (const text of ["", "a", "ab", "\u{1f3b2}", "held out: 5"])
    expect(hash(text)).toBe(hashed(text));
});

describe("sides", () => {
  test.each([0, 0.1, 0.3, 0.5])(
    "a share of %f: validation below it, held out of the rest by a hash of its own",
    (share) => {
      const want = {
        train: [] as unknown[],
        validation: [] as unknown[],
        heldOut: [] as unknown[],
      };
      for (const item of items) {
        if (hashed(item.name) / 2 ** 32 < share) want.validation.push(item);
        else if (hashed(`held out: ${item.name}`) / 2 ** 32 < share / (1 - share))
          want.heldOut.push(item);
        else want.train.push(item);
      }
      expect(split(items, share, name)).toEqual(want);
      if (share === 0.5) expect(want.train).toEqual([]);
      if (share === 0) expect(want.train).toEqual(items);
    },
  );
  test("shares are from 0 to a half", () => {
    for (const share of [-0.1, 0.51, Number.NaN])
      expect(() => split(items, share, name)).toThrow(RangeError);
  });
  test("fewer: of the items to train on those whose own hash is below the share", () => {
    const sides = split(items, 0.2, name);
    const few = fewer(sides, 0.4, name);
    expect(few.train).toEqual(
      sides.train.filter((item) => hashed(`taught: ${item.name}`) / 2 ** 32 < 0.4),
    );
    expect([few.validation, few.heldOut]).toEqual([sides.validation, sides.heldOut]);
    expect(fewer(sides, 0, name).train).toEqual([]);
  });
  test("mapSides: each item on its side", () => {
    const sides = { train: [1, 2], validation: [3], heldOut: [4, 5] };
    expect(mapSides(sides, (x) => x * 10)).toEqual({
      train: [10, 20],
      validation: [30],
      heldOut: [40, 50],
    });
  });
  test("evenly: item ⌊i·n/count⌋", () => {
    expect(evenly(["a", "b", "c", "d", "e"], 3)).toEqual(["a", "b", "d"]);
    expect(evenly([1, 2, 3], 0)).toEqual([]);
    for (const most of [-1, 0.5]) expect(() => evenly([1], most)).toThrow(RangeError);
  });
});

describe("readers", () => {
  const ofTexts = (...args: Parameters<typeof texts>): string[] =>
    texts(...args).map(({ completion }) => completion);
  test("texts: lines, or paragraphs between blank lines, either line end", () => {
    expect(ofTexts("a\nb\r\nc", "line")).toEqual(["a", "b", "c"]);
    expect(ofTexts("a\r\nb\r\n\r\n\r\n c \n\n\n", "paragraph")).toEqual(["a\nb", "c"]);
    expect(() => texts("", "paragraph")).toThrow(FormatError);
  });
  test("pairs: a tab and no more; blank lines aside; the line that is none", () => {
    expect(pairs("a\tb\r\n\r\nc\t\n")).toEqual([
      { prompt: "a", completion: "b" },
      { prompt: "c", completion: "" },
    ]);
    expect(() => pairs("a\tb\n\nx\ty\tz")).toThrow("line 3");
  });
  test("JSON lines: a completion before a text; blank lines aside; other values are refused", () => {
    expect(
      jsonLines('\n  \n{"prompt":"p","completion":"c","text":"t"}\n{"prompt":"p","text":"t"}\n'),
    ).toEqual([
      { prompt: "p", completion: "c" },
      { prompt: "p", completion: "t" },
    ]);
    for (const bad of [
      "null",
      "5",
      "[]",
      '{"prompt":1,"text":"a"}',
      '{"completion":1}',
      '{"prompt":"p"}',
    ])
      expect(() => jsonLines(`{"text":"a"}\n${bad}`)).toThrow("or text, in line 2");
  });
});

describe("a task's tokens", () => {
  const tokenizer = characters("abc.", ["<end>"]);
  const task = {
    tokenizer,
    examples: { train: [], validation: [], heldOut: [] },
    prompts: { train: [], validation: [], heldOut: [] },
    reward: () => 0,
    measures: {},
    completionLength: 3,
  } as TextTask;
  test("a prompt begins with the end of what was before; a hidden part stays hidden", () => {
    expect(promptTokens(task, "ab")).toEqual([4, 1, 2].map((x, i) => (i === 0 ? 4 : x)));
    expect(promptTokens({ ...task, visible: (prompt) => prompt.slice(1) }, "ab")).toEqual([4, 2]);
    expect(promptTokens(task, "")).toEqual([4]);
  });
  test("an example is prompt and completion between ends", () => {
    expect(exampleTokens(task, { prompt: "ab", completion: "c." })).toEqual({
      tokens: [4, 1, 2, 3, 0, 4],
      labels: [-1, -1, 3, 0, 4],
    });
    const long = "ab".repeat(200_000); // more than a call takes arguments
    expect(exampleTokens(task, { prompt: long, completion: long }).tokens).toHaveLength(800_002);
    expect(exampleTokens(task, { prompt: "", completion: "c" })).toEqual({
      tokens: [4, 3, 4],
      labels: [3, 4],
    });
  });
  test("in a conversation each completion's end is learned where the next prompt follows", () => {
    const turns = [
      { prompt: ".b", completion: "cc" },
      { prompt: "a", completion: "" },
      { prompt: "", completion: "b" },
    ];
    const { tokens, labels } = exampleTokens(task, { prompt: "a", completion: "c", turns });
    expect(tokens).toEqual([4, 1, 3, 0, 2, 3, 3, 1, 2, 4]);
    // after 4: the prompt a; a → c; c → end; . → the prompt's b; b → c; c → c; c → end; a → b, for want of a prompt; b → end
    expect(labels).toEqual([-1, 3, 4, -1, 3, 3, 4, 2, 4]);
  });
  test("the end token stops; a turn's end is its text, or none", () => {
    expect(stopTokens(task)).toEqual([4]);
    expect(turnEndTokens(task)).toEqual([]);
    expect(turnEndTokens({ ...task, turnEnd: "c." })).toEqual([3, 0]);
  });
});
