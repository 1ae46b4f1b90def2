import { expect, test } from "vitest";
import { evenly, fewer, hash, jsonLines, pairs, split, texts } from "../../src/text/corpus.ts";

test("texts: lines or paragraphs, blank ones left out", () => {
  expect(texts("a\r\n\n b \n")).toEqual([
    { prompt: "", completion: "a" },
    { prompt: "", completion: "b" },
  ]);
  expect(texts("a\nb\n\n\nc", "paragraph").map(({ completion }) => completion)).toEqual([
    "a\nb",
    "c",
  ]);
});

test("pairs and JSON lines", () => {
  expect(pairs("q\ta\nq2\ta2\n")).toEqual([
    { prompt: "q", completion: "a" },
    { prompt: "q2", completion: "a2" },
  ]);
  expect(jsonLines('{"prompt":"q","completion":"a"}\n{"text":"t"}')).toEqual([
    { prompt: "q", completion: "a" },
    { prompt: "", completion: "t" },
  ]);
});

test("a byte order mark is skipped at the start, and stays elsewhere", () => {
  const mark = "\ufeff";
  expect(texts(`${mark}a\n${mark}b`).map(({ completion }) => completion)).toEqual([
    "a",
    `${mark}b`,
  ]);
  expect(texts(`${mark}${mark}a`)).toEqual([{ prompt: "", completion: `${mark}a` }]);
  expect(pairs(`${mark}q\ta\n${mark}r\tb`)).toEqual([
    { prompt: "q", completion: "a" },
    { prompt: `${mark}r`, completion: "b" },
  ]);
  expect(jsonLines(`${mark}{"text":"${mark}t"}\r\n`)).toEqual([
    { prompt: "", completion: `${mark}t` },
  ]);
  expect(() => jsonLines(`{"text":"t"}\n${mark}`)).toThrow("line 2 is not JSON");
  for (const read of [texts, pairs, jsonLines])
    expect(() => read(mark)).toThrow("expected an example or more, got none");
});

test("texts: white space is Unicode's", () => {
  expect(texts("\u0085a\u3000\n\u0085")).toEqual([{ prompt: "", completion: "a" }]);
});

test("an empty corpus and a line that is none are refused, the line named", () => {
  for (const read of [texts, pairs, jsonLines])
    expect(() => read("\n\n")).toThrow("expected an example or more, got none");
  expect(() => pairs("a\tb\nc")).toThrow("completion in line 2");
  expect(() => jsonLines("{}")).toThrow("or text, in line 1");
  expect(() => jsonLines('{"text":"a"}\n{')).toThrow("line 2 is not JSON");
});

test("the split follows from the item alone, and takes the share asked for", () => {
  const items = Array.from({ length: 5000 }, (_, i) => `item ${i}`);
  const sides = split(items, 0.2, (x) => x);
  const { train, validation, heldOut } = sides;
  expect(new Set([...train, ...validation, ...heldOut])).toEqual(new Set(items));
  expect(train.length + validation.length + heldOut.length).toBe(5000);
  for (const side of [validation, heldOut])
    expect(Math.abs(side.length - 1000)).toBeLessThan(4 * Math.sqrt(5000 * 0.2 * 0.8));
  const grown = split([...items].reverse().concat("new"), 0.2, (x) => x);
  for (const name of ["train", "validation", "heldOut"] as const)
    expect(new Set(sides[name])).toEqual(new Set(grown[name].filter((x) => x !== "new")));
  expect(hash("a")).not.toBe(hash("b"));
});

test("fewer to learn from: the share, the same ones in any order, and the other sides as they are", () => {
  const train = Array.from({ length: 2000 }, (_, i) => `item ${i}`);
  const sides = { train, validation: ["v"], heldOut: ["h"] };
  const chosen = fewer(sides, 0.1, (x) => x);
  expect(chosen).toMatchObject({ validation: ["v"], heldOut: ["h"] });
  expect(Math.abs(chosen.train.length - 200)).toBeLessThan(4 * Math.sqrt(2000 * 0.1 * 0.9));
  const turned = fewer({ ...sides, train: [...train].reverse() }, 0.1, (x) => x);
  expect([...turned.train].reverse()).toEqual(chosen.train);
  expect(fewer(sides, 1, (x) => x)).toEqual(sides);
});

test("evenly: in order, the first among them, none twice", () => {
  const items = Array.from({ length: 10 }, (_, i) => i);
  expect(evenly(items, 4)).toEqual([0, 2, 5, 7]);
  expect(evenly(items, 10)).toEqual(items);
  expect(evenly(items, 99)).toEqual(items);
  expect(evenly([], 3)).toEqual([]);
});
