/** Numbers in the prose of both editions, in digits and in words. */

/** Prose: without code, comments, addresses of links, and the numerals that number a list. */
const prose = (text: string): string =>
  text
    .replace(/^```[\s\S]*?^```$/gm, "")
    .replace(/<!--[\s\S]*?-->|`[^`\n]*`/g, "")
    .replace(/\]\([^)\s]*\)/g, "]")
    .replace(/^\d+\. (?=\[|\S)/gm, "");

const scales: Readonly<Record<string, number>> = { million: 1e6, 万: 1e4, 亿: 1e8 };
/** Returns the numbers that are written in digits, such as 10,960, 0.95, 16 million and 1,600 万. */
export const digitsOf = (text: string): number[] =>
  [
    ...prose(text).matchAll(
      /(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:\s*(million\b|万|亿))?/g,
    ),
  ].map(([, digits, scale]) => Number(digits.replaceAll(",", "")) * (scales[scale] ?? 1));

const small =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const tens = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const large: Readonly<Record<string, number>> = { hundred: 100, thousand: 1000, million: 1e6 };
const word = [...small, ...tens, ...Object.keys(large)].join("|");
const phrase = new RegExp(`\\b(?<!\\d )(?:${word})(?:[ -](?:${word}))*\\b`, "gi");

/** Returns the English number words of a text, such as 64 for sixty-four. */
export const wordsOf = (text: string): number[] =>
  [...prose(text).matchAll(phrase)].map(([words]) =>
    words
      .toLowerCase()
      .split(/[ -]/)
      .reduce((sum, name) => {
        if (Object.hasOwn(large, name)) return (sum || 1) * large[name];
        return sum + (tens.includes(name) ? 20 + 10 * tens.indexOf(name) : small.indexOf(name));
      }, 0),
  );

const han = "零一二三四五六七八九";
const units: readonly (readonly [number, string])[] = [
  [1e6, "百万"],
  [1e4, "万"],
  [1000, "千"],
  [100, "百"],
  [10, "十"],
];
/** Returns a number as Chinese characters write it, without a leading 一 before its unit. */
function hanOf(value: number): string {
  if (value < 10) return han[value];
  const [size, unit] = units.find(([size]) => value >= size) ?? [10, "十"];
  const [count, rest] = [Math.floor(value / size), value % size];
  return (count === 1 ? "" : hanOf(count)) + unit + (rest === 0 ? "" : hanOf(rest));
}

const counted =
  /(?<!第)([三四五六七八九十百千]+)(?=\s*[个步章遍次行层臂倍种组位条格列幅项份道张维族样])/g;
const inHan = new Map(
  Array.from({ length: 100 }, (_, n): [string, number] => [hanOf(n), n]).concat([
    ["百", 100],
    ["千", 1000],
  ]),
);
/** Returns the numbers from 3 on that Chinese characters count things with. */
const countedOf = (text: string): number[] =>
  [...prose(text).matchAll(counted)].map(([, numeral]) => inHan.get(numeral) ?? Number.NaN);

/** Removes each of `taken` once, and returns what is left. */
function without(all: readonly number[], taken: readonly number[]): number[] {
  const left = [...all];
  for (const number of taken) {
    const at = left.indexOf(number);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

/**
 * Compares the numbers of a section. Each number in digits stands in both editions equally often; digits for which
 * English has a word count as that word. An English number word from two on has its digits or characters in Chinese,
 * and what Chinese characters count from three on is a number of the English section. One and ordinals are free.
 */
export function numberFaults(english: string, chinese: string): string[] {
  const [here, there, words] = [digitsOf(english), digitsOf(chinese), wordsOf(english)];
  const extra = without(there, here);
  const text = prose(chinese).replace(/[两双俩]/g, "二");
  const said = (value: number): boolean => extra.includes(value) || text.includes(hanOf(value));
  return [
    ...without(here, there).map((value) => `${value} is missing in Chinese`),
    ...without(extra, words).map((value) => `${value} is not in English`),
    ...[...new Set(words)]
      .filter((value) => value > 1 && !said(value))
      .map((value) => `${value}, a word in English, is missing in Chinese`),
    ...countedOf(chinese)
      .filter((value) => !words.includes(value) && !here.includes(value))
      .map((value) => `${value}, counted in Chinese, is not in English`),
  ];
}
