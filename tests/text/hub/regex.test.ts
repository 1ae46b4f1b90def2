/** Patterns in Oniguruma's syntax: what they match, what is refused, and that time is linear in the text. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../src/core/errors.ts";
import { literal, regex } from "../../../src/text/hub/regex/pattern.ts";
import { processorSeconds } from "../../support/processor-time.ts";
import { seed } from "../../support/seed.ts";

const found = (source: string, text: string): string[] =>
  regex(source, "pattern")(text).map(([start, end]) => text.slice(start, end));

describe("matches", () => {
  test.each<[string, string, string[]]>([
    ["a|ab", "abab", ["a", "a"]], // the first option that matches, not the longest
    ["ab|a", "abaab", ["ab", "a", "ab"]],
    ["a+?b|a", "aab", ["aab"]],
    ["a{2}", "aaaaa", ["aa", "aa"]],
    ["a{2,}", "aaaaa a", ["aaaaa"]],
    ["a{1,2}", "aaaaa", ["aa", "aa", "a"]],
    ["a{,2}b", "aaab", ["aab"]],
    ["x{,y{1", "x{,y{1", ["x{,y{1"]], // not a number of times
    ["a++a|b", "aab", ["b"]],
    ["(?>a|ab)c|b", "abc", ["b"]],
    ["a?+a|a", "a", ["a"]],
    ["(?>a*)b|a", "aacb", ["a", "a", "b"]],
    [" +(?! )", "a   b", ["   "]],
    ["\\s+(?!\\S)|\\s+", "a   b", ["  ", " "]],
    ["(?<=a)b", "ab bb", ["b"]],
    ["(?<!a)b", "ab bb", ["b", "b"]],
    ["(?<=𝒜|xy)b", "𝒜b xyb yb", ["b", "b"]],
    ["(?i:'s|é)s", "'Ss Éſ És 'ss", ["'Ss", "És", "'ss"]],
    ["(?i)k(?-i)k", "kk Kk KK", ["kk", "Kk"]],
    ["(?i:a)b|(?i)c|d", "AB Ab C D", ["Ab", "C", "D"]],
    [".", "a\n𝒜", ["a", "𝒜"]],
    ["(?m:.)", "a\n", ["a", "\n"]],
    ["[^a-c]", "abcd𝒜", ["d", "𝒜"]],
    ["[]a]", "a]", ["a", "]"]],
    ["[a-z&&[^b-d]]+", "abcdef", ["a", "ef"]],
    ["[\\p{L}--]", "a-1", ["a", "-"]],
    ["[a\\-z\\d]", "a-z5b", ["a", "-", "z", "5"]],
    ["\\p{Lu}|\\P{L}|\\p{^Ll}", "aB1中", ["B", "1", "中"]],
    ["\\p{Han}\\p{Hiragana}", "漢の", ["漢の"]],
    ["\\x41|\\x{1D49C}|\\u00e9|\\t|\\.", "A𝒜é\t.", ["A", "𝒜", "é", "\t", "."]],
    ["\\w", "é_²½", ["é", "_", "²", "½"]],
    ["[\\w]", "é_²½", ["é", "_"]],
    ["\\bé\\B.", "éa aé", ["éa"]],
    ["^a|b$", "aab\nab", ["a", "b", "a", "b"]],
    ["\\Aa|a\\Z|a\\z", "aba\na", ["a", "a"]],
    ["(?#none)a(?:)b", "ab", ["ab"]],
    ["(?<name>a)(b)", "ab", ["ab"]],
    ["a*", "baac", ["", "aa", ""]], // no empty match right after another
  ])("%s in %j", (source, text, want) => {
    expect(found(source, text)).toEqual(want);
  });

  test("property: as JavaScript's own on what both say alike", () => {
    const part = fc.constantFrom("a", "b", "[ab]", "[^a]", ".", "(?=b)", "(?!a)", "(?<=a)");
    const times = fc.constantFrom("", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}");
    const piece = fc.tuple(part, times).map(([p, t]) => (p.startsWith("(?") ? p : p + t));
    const pattern = fc
      .array(
        fc.array(piece, { minLength: 1, maxLength: 4 }).map((list) => list.join("")),
        {
          minLength: 1,
          maxLength: 3,
        },
      )
      .map((options) => options.join("|"));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 12 });
    fc.assert(
      fc.property(pattern, text, (source, given) => {
        const theirs = [...given.matchAll(new RegExp(source, "gu"))].map((m) => m[0]);
        expect(found(source, given).filter((m) => m !== "")).toEqual(
          theirs.filter((m) => m !== ""),
        );
      }),
      { seed, numRuns: 3000 },
    );
  });

  test("a text is found from left to right, an empty one nowhere", () => {
    expect(literal("aa")("aaaaa")).toEqual([
      [0, 2],
      [2, 4],
    ]);
    expect(literal("")("aa")).toEqual([]);
  });
});

test.each([
  ["(a)\\1", "\\1 is not supported"],
  ["\\k<a>", "\\k is not supported"],
  ["\\R", "\\R is not supported"],
  ["[[:alpha:]]", "a name in [: :]"],
  ["\\p{Nothing}", 'the property "Nothing"'],
  ["\\pL", "a property without its name"],
  ["(?<=a+)b", "a look behind at texts of several lengths"],
  ["(?x: a)", "this kind of group"],
  ["(?i:ss)", '"ss" without regard to case'],
  ["a{2}+", "a sign after a number of times"],
  ["a**", "a repetition of a repetition"],
  ["+a", "a repetition of nothing"],
  ["a{3,2}", "{3,2}, of at most 1000 times"],
  ["a{2000}", "of at most 1000 times"],
  ["(a{100}){100}", "too long with all its repetitions"],
  ["(a", "a ( without its )"],
  ["a)", "a ) without its ("],
  ["[a", "a [ without its ]"],
  ["[b-a]", "a range from a later character"],
  ["a\\", "an end here"],
  ["\\x{110000}", "a character above U+10FFFF"],
  [`${"(".repeat(40)}`, "groups more than 32 deep"],
  [`${"[".repeat(40)}`, "[ ] more than 16 deep"],
])("refused: %s", (source, message) => {
  expect(() => regex(source, "pattern")).toThrow(FormatError);
  expect(() => regex(source, "pattern")).toThrow(message);
});

test.each([
  "(a+)+b",
  "(a|a)*b|a",
  "a*b|a",
  "(?>a*)b|a",
  "a(?=a*b)",
  "a(?=a*+b)|a",
  "(a*)*",
  "(?<=aa)a|a(?!a{1,50}b)",
  "(a?){100}a{100}b|a",
])("%s on a long text takes time near its length", { tags: ["deep"] }, (source) => {
  const find = regex(source, "pattern");
  const time = (n: number): number => processorSeconds(() => find("a".repeat(n)));
  time(1000);
  // quadratic time would be 256 times as long
  expect(time(32_000)).toBeLessThan(60 * Math.max(time(2000), 0.02));
});
