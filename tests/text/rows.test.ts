/** Rows of data out of files, by the forms that people have. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { rowsOfFile } from "../../src/text/rows.ts";

const rows = (name: string, text: string, by: "line" | "paragraph" = "line") =>
  rowsOfFile(name, text, by);

describe("CSV", () => {
  test("quotes, doubled quotes, commas and line feeds inside them, empty lines, CRLF", () => {
    const text = 'prompt,completion\r\n"a, b","say ""hi"""\r\n\r\n"two\nlines",x\n,\n';
    expect(rows("a.csv", text)).toEqual([
      { prompt: "a, b", completion: 'say "hi"' },
      { prompt: "two\nlines", completion: "x" },
      { prompt: "", completion: "" },
    ]);
    expect(rows("a.csv", "\ufefftext\nlast")).toEqual([{ text: "last" }]);
    expect(rows("A.CSV", "prompt, completion\ra,b\r")).toEqual([{ prompt: "a", completion: "b" }]);
  });
  test("a row of another length, and a quote out of place, by their lines", () => {
    expect(() => rows("a.csv", 'a,b\n"1\n2",3\n4')).toThrow(
      "data a.csv, line 4: expected 2 fields, got 1",
    );
    expect(() => rows("a.csv", 'a\nb"c')).toThrow(FormatError);
    expect(() => rows("a.csv", "")).toThrow("expected a header");
    expect(() => rows("a.csv", "prompt,completion,prompt\na,b,c")).toThrow(
      "data a.csv, line 1: expected columns of different names, got prompt twice",
    );
  });
});

test("JSON lines and lists; what is no row is named", () => {
  expect(rows("a.jsonl", '{"prompt":"a"}\n\n"b"\n')).toEqual([{ prompt: "a" }, "b"]);
  expect(rows("a.json", '["a",{"text":"b"}]')).toEqual(["a", { text: "b" }]);
  expect([rows("a.JSONL", '"a"'), rows("a.Json", '["a"]')]).toEqual([["a"], ["a"]]);
  expect(() => rows("a.jsonl", '"a"\n5')).toThrow(
    "data a.jsonl, line 2: expected a text or an object",
  );
  expect(() => rows("a.jsonl", '"a"\n{')).toThrow("data a.jsonl, line 2: expected JSON");
  expect(() => rows("a.json", "{}")).toThrow("expected a list of rows");
  expect(() => rows("a.json", '["a",[1]]')).toThrow("row 2");
});

test("plain text: pairs where every line has a tab; else lines or paragraphs", () => {
  expect(rows("a.txt", "a\tb\nc\td\n")).toEqual([
    { prompt: "a", completion: "b" },
    { prompt: "c", completion: "d" },
  ]);
  expect(rows("a.txt", "a\tb\nc\n")).toEqual(["a\tb", "c"]);
  expect(rows("a.tsv", "a\tb\r\n\r\nc\td")).toEqual([
    { prompt: "a", completion: "b" },
    { prompt: "c", completion: "d" },
  ]);
  for (const [odd, count] of [
    ["c", 1],
    ["c\td\te", 3],
  ] as const)
    expect(() => rows("a.tsv", `a\tb\n${odd}\n`)).toThrow(
      `data a.tsv, line 2: expected a prompt, a tab and a completion, got ${count} fields`,
    );
  expect(rows("a.txt", "a\nb\n\nc\n", "paragraph")).toEqual(["a\nb", "c"]);
});
