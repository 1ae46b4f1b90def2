/** The Chinese edition has the English one's structure, code, links and numbers, and is up to date with it. */
import { dirname, posix } from "node:path";
import { expect, test } from "vitest";
import * as editions from "./editions.ts";
import { digitsOf, numberFaults, wordsOf } from "./numbers.ts";

const { chineseFiles, englishOf, exists, read, sectionsOf } = editions;
const chapters = "01-problem 02-gradients 03-policy-gradient 04-advantages 05-trust-regions";
const later = "06-details 07-groups 08-distance 09-language";

test("the edition has the README, the article, the glossary and chapters 1 to 9", () => {
  const book = ["README", ...`${chapters} ${later}`.split(" ")].map((name) => `book/${name}`);
  const wanted = ["README", "article", "glossary", ...book].map((name) => `docs/zh/${name}.md`);
  expect([...chineseFiles].sort()).toEqual(wanted.sort());
});

test.each(chineseFiles)(
  "%s: headings, code, widgets, answers and formulas are the English ones",
  (path) => {
    const [here, there] = [read(englishOf(path)), read(path)];
    expect(editions.headingLevels(there)).toEqual(editions.headingLevels(here));
    expect(editions.codeOf(there)).toEqual(editions.codeOf(here));
    expect(editions.answersOf(there)).toBe(editions.answersOf(here));
    const [english, chinese] = [sectionsOf(here), sectionsOf(there)];
    for (const [i, { title, text }] of english.entries()) {
      const other = chinese[i].text;
      expect(editions.widgetsOf(other), title).toEqual(editions.widgetsOf(text));
      expect(editions.formulasOf(other), title).toEqual(editions.formulasOf(text));
      expect(editions.symbolsOf(other), title).toBe(editions.symbolsOf(text));
      expect(editions.spansOf(other), title).toEqual(editions.spansOf(text));
      const blocks = editions.blocksOf(other);
      if (path === "docs/zh/README.md") expect(blocks, title).toBeGreaterThan(1);
      else expect(blocks, title).toBe(editions.blocksOf(text));
    }
  },
);

test.each(chineseFiles)("%s: links resolve, and lead where the English ones lead", (path) => {
  const text = read(path);
  for (const [, target] of editions.withoutCode(text).matchAll(/\]\(([^)\s#]+)/g))
    expect(exists(posix.join(dirname(path), target)), target).toBe(true);
  const english = editions.linksOf(englishOf(path), read(englishOf(path)));
  const chinese = editions.linksOf(path, text);
  expect(chinese.sources).toEqual(english.sources);
  expect(chinese.pages).toEqual(expect.arrayContaining(english.pages));
  // A page that is in the edition is linked there, but for the README's link to its English self.
  for (const page of text.matchAll(/\]\(([^)\s#]+\.md)/g)) {
    const target = posix.join(dirname(path), page[1]);
    const twin = target.replace(/^docs\//, "docs/zh/");
    expect(chineseFiles.includes(twin) && target !== "docs/README.md", target).toBe(false);
  }
});

test.each(chineseFiles)("%s: numbers of each section are the English ones", (path) => {
  const [english, chinese] = [sectionsOf(read(englishOf(path))), sectionsOf(read(path))];
  const faults = english.flatMap(({ title, text }, i) =>
    numberFaults(text, chinese[i]?.text ?? "").map((fault) => `${title}: ${fault}`),
  );
  expect(faults).toEqual([]);
});

test("no section's English text has changed since it was translated", () => {
  const record = exists(editions.recordPath) ? JSON.parse(read(editions.recordPath)) : {};
  expect(Object.keys(record).sort()).toEqual([...chineseFiles].sort());
  const behind = chineseFiles.flatMap((path) => {
    const now = editions.recordOf(englishOf(path));
    const titles = editions.changedSince(record[path], now);
    return titles.map((title) => `${path}, from ${now.english}: ${title}`);
  });
  const remedy = "translate these sections, then run `npm run docs:translated`";
  expect(behind, remedy).toEqual([]);
});

test("what the tests above rest on: numbers read, faults named, changes found", () => {
  expect(digitsOf("10,960 of 16 million; 1,600 万, at 0.95.")).toEqual([10960, 16e6, 16e6, 0.95]);
  expect(wordsOf("Twenty-five, two hundred, a thousand, sixty lines")).toEqual([25, 200, 1000, 60]);
  expect(numberFaults("ten episodes, 3.5 apart", "十个回合，相差 3.5")).toEqual([]);
  expect(numberFaults("ten episodes, 3.5 apart", "10 个回合，相差 3.5")).toEqual([]);
  expect(numberFaults("ten episodes, 3.5 apart", "九个回合，相差 3.6")).toEqual([
    "3.5 is missing in Chinese",
    "3.6 is not in English",
    "10, a word in English, is missing in Chinese",
    "9, counted in Chinese, is not in English",
  ]);
  const before = editions.recordOf("x.md", "# T\n\nA b.\n\n## U\n\nC.\n\n## V\n\nD.\n");
  const after = editions.recordOf("x.md", "# T\n\nA\nb.\n\n## U\n\nC!\n\n## W\n\nD.\n");
  expect(editions.changedSince(before, after)).toEqual(["U", "W", "V (gone)"]);
});
