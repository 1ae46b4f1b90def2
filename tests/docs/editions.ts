/** The Chinese edition beside the English one: pairs of files, their sections, and what both must have alike. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const recordPath = "docs/zh/translated.json";
export const read = (path: string): string => readFileSync(join(root, path), "utf8");
export const exists = (path: string): boolean => existsSync(join(root, path));

/** Returns the English file that a Chinese one is made from. */
export const englishOf = (chinese: string): string =>
  chinese === "docs/zh/README.md" ? "README.md" : chinese.replace("docs/zh/", "docs/");

/** The files of the Chinese edition. */
export const chineseFiles: readonly string[] = ["docs/zh", "docs/zh/book"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `${folder}/${name}`),
);

const fence = /^```[\s\S]*?^```$/gm;

export interface Section {
  /** The heading's text without its marks. */
  readonly title: string;
  readonly text: string;
}

/** Splits a page before each heading of level two. The first section has the page's title. */
export function sectionsOf(text: string): Section[] {
  const starts = [0];
  const covered = text.replace(fence, (code) => "x".repeat(code.length));
  for (const { index } of covered.matchAll(/^## /gm)) starts.push(index);
  return starts.map((start, i) => {
    const part = text.slice(start, starts[i + 1]);
    return { title: /^#+ (.*)$/m.exec(part)?.[1] ?? "", text: part };
  });
}

/** Returns the sha256 of a text in hexadecimal. Line breaks and spaces count as one space, so wrapping does not matter. */
const hash = (text: string): string =>
  createHash("sha256").update(text.replace(/\s+/g, " ").trim()).digest("hex");

export interface Recorded {
  readonly english: string;
  readonly sha256: string;
  /** By title, the sha256's first 16 digits. */
  readonly sections: Readonly<Record<string, string>>;
}

/** Returns what a translation of an English file's present text records. */
export function recordOf(english: string, text = read(english)): Recorded {
  const sections = sectionsOf(text).map((section) => [
    section.title,
    hash(section.text).slice(0, 16),
  ]);
  return { english, sha256: hash(text), sections: Object.fromEntries(sections) };
}

/** Returns the titles of sections that are new, changed or gone since the record. */
export function changedSince(recorded: Recorded | undefined, now: Recorded): string[] {
  const before = recorded?.sections ?? {};
  return [
    ...Object.keys(now.sections).filter((title) => now.sections[title] !== before[title]),
    ...Object.keys(before)
      .filter((title) => !Object.hasOwn(now.sections, title))
      .map((title) => `${title} (gone)`),
  ];
}

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([all, part]) => part ?? all);
export const withoutCode = (text: string): string => text.replace(fence, "");

export const codeOf = (text: string): string[] => found(text, fence);
export const headingLevels = (text: string): string[] => found(withoutCode(text), /^(#+) /gm);
export const widgetsOf = (text: string): string[] => found(text, /<!-- site: .*? -->/g);
export const spansOf = (text: string): string[] => found(withoutCode(text), /`[^`\n]+`/g).sort();
/** Answers, and the blocks of a page: paragraphs, list items and rows of tables. */
export const answersOf = (text: string): number => text.split("<details><summary>").length - 1;
export const blocksOf = (text: string): number =>
  text
    .replace(fence, "x")
    .split(/\n\s*\n|\n(?=- |\d+\. |\|)/)
    .filter((block) => block.trim() !== "").length;

/** Returns the links of a page as paths of the repository, with those to Chinese pages as their English ones. */
export function linksOf(page: string, text: string): { sources: string[]; pages: string[] } {
  const links = found(withoutCode(text), /\]\(([^)\s#]+)(?:#[^)]*)?\)/g)
    .map((target) => posix.join(posix.dirname(page), target).replace(/\/$/, ""))
    .filter((path) => path !== "docs/zh/README.md" || page.startsWith("docs/zh/"))
    .map((path) => (path.endsWith(".md") && path.startsWith("docs/zh/") ? englishOf(path) : path));
  return {
    sources: links.filter((path) => !path.endsWith(".md")).sort(),
    pages: [...new Set(links.filter((path) => path.endsWith(".md")))].sort(),
  };
}

const symbols =
  /\u0302|\u0304|[\p{Script=Greek}Âĝ∇Σ√∂‖≤≥≈·←→∞°±−½¼¾⅔²³ᵗ′\u2070-\u209F\u1D00-\u1DBF]/gu;
/** Returns the symbols of all formulas of a page, in its text as well, in alphabetical order. */
export const symbolsOf = (text: string): string =>
  found(withoutCode(text), symbols).sort().join("");

/**
 * Returns the formulas of a page without words, spaces and punctuation: letters, digits and signs, which no language
 * changes.
 */
export const formulasOf = (text: string): string[] =>
  found(withoutCode(text), /^> (.*)$/gm).map((line) =>
    line.replace(/['’]s\b|[A-Za-z]{2,}|\p{Script=Han}|[\s,.，。；：（）()[\]]/gu, ""),
  );
